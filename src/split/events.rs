//! Bodies to events.

use bytes::Bytes;

use super::Wanted;
use crate::error::Refusal;
use crate::settings::Accept;

/// What kind of JSON value a capture is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptureKind {
    /// `{…}`
    Object,
    /// `[…]`
    Array,
    /// `"…"` without a backslash: the text is the bytes between the quotes.
    PlainString,
    /// `"…"` with escapes.
    EscapedString,
    /// A number that is an integer as written (no `.`, no exponent).
    Integer,
    /// Any other number.
    Decimal,
    /// `true`
    True,
    /// `false`
    False,
    /// `null`
    Null,
}

/// A value that the mapping reads: its place in the body (quotes included) and its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capture {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// Its kind.
    pub kind: CaptureKind,
}

/// One event: its place in the body, and its captures' place in [`Scratch::captures`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventSpan {
    /// First byte of the event.
    pub start: u32,
    /// One past its last byte.
    pub end: u32,
    /// The kind of the whole event (raw bodies: none).
    pub kind: Option<CaptureKind>,
}

/// Reused from request to request, so that a steady state allocates nothing.
#[derive(Debug, Default)]
pub struct Scratch {
    /// The events of the body.
    pub events: Vec<EventSpan>,
    /// For each event, one entry for each wanted path.
    pub captures: Vec<Option<Capture>>,
}

/// Cuts a body into events.
///
/// The form is chosen by Content-Type among those that the route accepts, then by the first byte.
///
/// # Errors
/// `FormatUnsupported`, `BodyEmpty`, `JsonInvalid`, `DuplicateField`, `EventTooLarge`,
/// `TooManyEvents`: the whole body is refused, and the refusal names the event.
pub fn split(
    content_type: Option<&[u8]>,
    body: &Bytes,
    accept: &Accept,
    wanted: &Wanted,
    scratch: &mut Scratch,
) -> Result<(), Refusal> {
    let _ = (content_type, body, accept, wanted, scratch);
    Ok(())
}
