//! Takes a body's coding away and cuts it into events: one pass validates the JSON and finds the places that the mapping reads.

#[cfg(test)]
mod against_serde;
mod coding;
#[cfg(test)]
mod coding_tests;
mod events;
mod form;
mod scan;
mod strings;
#[cfg(test)]
mod tests;
mod wanted;

pub use coding::Decoders;
pub use events::{Capture, CaptureKind, EventSpan, Scratch, split};
pub(crate) use scan::number_kind;
pub(crate) use strings::{string_end, unescape};
pub use wanted::{PathId, Step, Wanted};
