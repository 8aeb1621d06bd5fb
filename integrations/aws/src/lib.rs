//! The hallway of the AWS rooms: settings that they share, how their clients are made, and what
//! an error of the SDK means.
//!
//! A room asks its [`Service`] for an open client on every call. The client is made at the first
//! of them, on the lane: opening a room touches no file, no environment and no socket, so that the
//! gateway starts with targets down and without credentials.

mod access;
mod bounded;
mod codes;
mod failure;
mod hallway;
mod limits;
mod probe;
mod service;
mod whole_answer;

pub use access::Access;
pub use codes::{CodeMeaning, meaning_of};
pub use failure::{AWS_MESSAGE_CHARACTERS_MAX, Place, failure, one_line};
pub use hallway::Hallway;
pub use limits::{LimitBounds, LimitSettings};
pub use probe::observed;
pub use service::{Opened, Service};
pub use whole_answer::WholeAnswer;

/// What is wrong with a room's settings: the key at fault and a message for people.
pub type Problem = (&'static str, String);
