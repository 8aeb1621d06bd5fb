//! One courier for each target: composes batches of what all cores sent, tries again what may be
//! tried again, and says one final outcome for each record.
//!
//! `queue` decides and knows no clock, thread or socket; `lane` runs it.

mod breaker;
mod call;
mod lane;
mod pace;
mod queue;

pub use breaker::Breaker;
pub use lane::{Courier, Lanes, Turn};
pub use pace::Pace;
pub use queue::{CallId, Change, Queue, Rules};
