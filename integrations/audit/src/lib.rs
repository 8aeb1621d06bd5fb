//! The history checker: what a gateway answered against what its targets hold.
//!
//! It knows nothing of the gateway but HTTP: events of known ids are sent ([`load`]), every answer
//! is noted ([`History`]), each target is read back through its own official client
//! ([`Source`], [`Audit`]), and seven rules are judged ([`judge`]). A rule that could not be
//! judged is *void*, which is not a pass.

mod answer;
mod audit;
mod connection;
mod event;
mod history;
mod history_file;
mod holding;
pub mod load;
mod place;
mod readers;
mod report;
mod verdicts;

#[cfg(test)]
mod planted;

pub use answer::outcome_of;
pub use audit::{Audit, Fresh};
pub use event::{EVENTS_MAX, Events, Template};
pub use history::{Entry, History, Outcome, Tally};
pub use history_file::{read, write};
pub use holding::{Finding, Found, Holding, Target};
pub use place::{PayloadPlace, Place};
pub use readers::{AwsAccess, DynamodbSource, KafkaSource, KinesisSource, SnsSource, Source};
pub use report::{json, table};
pub use verdicts::{Asked, FRESH_WITHIN, Judgement, Rule, Verdict, good, judge};
