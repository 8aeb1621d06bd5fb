//! Takes a body's coding away and cuts it into events: one pass validates the JSON and finds the places that the mapping reads.

#[cfg(test)]
mod against_serde;
#[cfg(test)]
mod cloud_event_tests;
mod cloud_events;
mod cloud_headers;
mod coding;
#[cfg(test)]
mod coding_tests;
mod envelope;
mod events;
mod faults;
mod form;
#[cfg(test)]
mod format_tests;
mod pairs;
mod scan;
mod sequence;
mod strings;
#[cfg(test)]
mod tests;
mod wanted;

pub use coding::Decoders;
pub use events::{Capture, CaptureKind, EventSpan, Scratch, split, split_request};
pub(crate) use scan::number_kind;
pub(crate) use strings::{string_end, unescape};
pub use wanted::{PathId, Step, Wanted};
