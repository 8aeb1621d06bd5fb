//! What the tests of all parts share: a scripted stub of AWS whose store is the truth, one
//! conformance suite that every room passes, and a proxy that spoils TCP connections.
//!
//! Every part panics where a test made a mistake, as tests do; none of it runs in the gateway.

#![allow(clippy::unwrap_used)] // A test kit: a failed unwrap is a failed test.

pub mod chaos;
pub mod conformance;
mod skip;
pub mod stub;

pub use skip::{backend, skip};

/// The text that tells record `n` from all others: every record that a test makes holds it
/// somewhere in its payload, so that it can be found in whatever a target stored.
#[must_use]
pub fn marker(n: u64) -> String {
    format!("event-{n:07}")
}

/// The number of the first [`marker`] in a payload.
#[must_use]
pub fn marker_in(payload: &[u8]) -> Option<u64> {
    const PREFIX: &[u8] = b"event-";
    const DIGITS: usize = 7;
    payload
        .windows(PREFIX.len() + DIGITS)
        .filter(|window| window.starts_with(PREFIX))
        .find_map(|window| {
            std::str::from_utf8(&window[PREFIX.len()..])
                .ok()?
                .parse()
                .ok()
        })
}
