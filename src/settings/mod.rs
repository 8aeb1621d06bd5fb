//! What the user wrote becomes what we run on; the only way in.

mod as_run;

pub use as_run::{
    Accept, After, BatchReply, Binding, Formats, Need, ReplyRule, Route, RouteTest, Server,
    Settings, Target, Unmatched,
};
