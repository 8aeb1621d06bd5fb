//! Cuts a body into events: one pass validates the JSON and finds the places that the mapping reads.

mod events;
mod wanted;

pub use events::{Capture, CaptureKind, EventSpan, Scratch, split};
pub use wanted::{PathId, Step, Wanted};
