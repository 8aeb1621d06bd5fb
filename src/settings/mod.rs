//! What the user wrote becomes what we run on; the only way in.
//!
//! A file goes this way: text, a tree of values with their places (`node`), environment variables
//! and secrets put in (`interpolate`), checked against the schema (`check`), typed as written
//! (`gather`), put together with all other files and built into what we run on (`build`).

mod admission;
mod as_run;
mod as_written;
mod as_written_tests;
mod build;
mod build_accept;
mod build_admission;
mod build_clients;
mod build_directories;
mod build_idempotency;
mod build_letters;
mod build_reply;
mod build_route;
mod build_schema;
mod build_spool;
mod build_tests;
mod check;
mod check_mapping;
mod client_files;
mod cors;
mod decode;
mod diagnostics;
mod environment;
mod explain;
mod gather;
mod gather_clients;
mod given;
mod interpolate;
mod load;
mod node;
mod rates;
mod remedies;
mod review;
mod route_table;
mod route_text;
mod schema;
mod show;
mod show_admission;
mod sources;
mod units;
mod warnings;
mod words;
mod written_admission;
mod written_idempotency;
mod written_reply;
mod written_spool;
mod yaml;
mod yaml_words;

#[cfg(test)]
mod tests;

pub use admission::{Auth, Client, KeyPlaces, Limit, Quota};
pub use as_run::{
    Accept, After, BatchReply, Binding, Connection, CorsRule, Encodings, Formats, Idempotency,
    KeyStore, Keys, Need, Otherwise, Pixel, ReplyRule, Route, RouteTest, Server, Settings, Spool,
    Target, Unmatched,
};
pub use diagnostics::{Diagnostics, Finding, Severity};
pub use environment::Environment;
pub use explain::{Origin, ValueInForce};
pub use given::GivenOutcome;
pub use load::{load, load_text, load_texts};
pub use review::{Review, ReviewOptions, review, review_text};
pub use schema::published as json_schema;
pub use sources::{SourceFile, Sources};
pub use units::TimeSpan;
pub use warnings::WARNINGS;
