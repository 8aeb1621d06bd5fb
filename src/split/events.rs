//! Bodies to events.

use bytes::Bytes;

use super::faults::empty;
use super::scan::{Open, scan_value, skip_space};
use super::{Decoders, Wanted, cloud_events, form};
use crate::error::{Code, Refusal};
use crate::http::Head;
use crate::limits::REQUEST_BYTES_MAX;
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

/// One event: its place in the body. The captures of the event at place `i` of
/// [`Scratch::events`] are those from `i * wanted.len()` on in [`Scratch::captures`].
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
    /// The query parameter that holds a client's key: it is no part of an event.
    pub(super) hidden: Option<Box<str>>,
    /// What takes a body's coding away.
    pub decoders: Decoders,
    /// What the places are in, where it is not the body as received.
    pub(super) text: Option<Bytes>,
    /// Where each structured CloudEvent stands in the body, as received.
    pub(super) envelopes: Vec<(u32, u32)>,
    /// The captures of one CloudEvent, its own members included.
    pub(super) row: Vec<Option<Capture>>,
    pub(super) stack: Vec<Open>,
}

/// Captures that a scratch keeps room for; what one large batch needed more is given back.
const KEPT_CAPTURES_MAX: usize = 16 * 1024;

impl Scratch {
    /// An empty one, for a gateway whose clients may have their keys in this query parameter.
    #[must_use]
    pub fn hiding(parameter: Option<&str>) -> Self {
        Self {
            hidden: parameter.map(Box::from),
            ..Self::default()
        }
    }

    /// The captures of the event at this place, one for each wanted path.
    #[must_use]
    pub fn captures_of(&self, event: usize, wanted: &Wanted) -> &[Option<Capture>] {
        let start = event.saturating_mul(wanted.len());
        let end = start.saturating_add(wanted.len());
        self.captures.get(start..end).unwrap_or_default()
    }

    /// The text of each event, in their order.
    pub fn texts<'s>(&'s self, body: &'s Bytes) -> impl Iterator<Item = &'s [u8]> {
        let whole = self.text(body);
        let text = |span: &EventSpan| whole.get(span.start as usize..span.end as usize);
        self.events
            .iter()
            .map(move |span| text(span).unwrap_or_default())
    }

    /// Where the CloudEvent at this place stands in the body, its attributes included, where the
    /// body is of CloudEvents.
    #[must_use]
    pub fn envelope(&self, event: usize) -> Option<std::ops::Range<usize>> {
        let (start, end) = *self.envelopes.get(event)?;
        Some(start as usize..end as usize)
    }

    /// Whether a pair of a query, `name=value`, is the one that holds a client's key.
    #[must_use]
    pub fn hides(&self, pair: &str) -> bool {
        let name = pair.split('=').next().unwrap_or_default();
        self.hidden.as_deref() == Some(name)
    }

    /// What the places of events and captures are in: the body, or what was made of it.
    #[must_use]
    pub fn text<'s>(&'s self, body: &'s Bytes) -> &'s Bytes {
        self.text.as_ref().unwrap_or(body)
    }

    fn clear(&mut self) {
        self.text = None;
        self.envelopes.clear();
        self.events.clear();
        self.captures.clear();
        if self.captures.capacity() > KEPT_CAPTURES_MAX {
            self.captures.shrink_to(KEPT_CAPTURES_MAX);
            self.events.shrink_to(KEPT_CAPTURES_MAX);
        }
    }
}

/// Cuts a request into events: by its head where the route takes forms that the head tells of,
/// else as [`split`] does.
///
/// # Errors
/// As [`split`]; `CloudEventInvalid`, `FormInvalid`.
pub fn split_request(
    head: &Head<'_>,
    body: &Bytes,
    accept: &Accept,
    wanted: &Wanted,
    scratch: &mut Scratch,
) -> Result<(), Refusal> {
    if accept.formats.query && body.is_empty() {
        let mut cut = Cut::begin(body, accept, wanted, scratch)?;
        return cut.query(head.query().unwrap_or_default());
    }
    if accept.formats.cloudevents
        && let Some(mode) = cloud_events::mode(head)
    {
        let mut cut = Cut::begin(body, accept, wanted, scratch)?;
        return cut.cloud_events(mode, head);
    }
    split(head.field("content-type"), body, accept, wanted, scratch)
}

/// Cuts a body into events.
///
/// The form is chosen by Content-Type among those that the route accepts, then by the first byte.
///
/// # Errors
/// `FormatUnsupported`, `BodyEmpty`, `JsonInvalid`, `DuplicateField`, `EventTooLarge`,
/// `TooManyEvents`, `RequestTooLarge`: the whole body is refused, and the refusal names the event.
pub fn split(
    content_type: Option<&[u8]>,
    body: &Bytes,
    accept: &Accept,
    wanted: &Wanted,
    scratch: &mut Scratch,
) -> Result<(), Refusal> {
    let mut cut = Cut::begin(body, accept, wanted, scratch)?;
    match form::choose(content_type, body, accept.formats)? {
        form::Form::Raw => cut.raw(),
        form::Form::Json => cut.json(),
        form::Form::JsonArray => cut.json_array(),
        form::Form::Lines => cut.lines(),
        form::Form::Sequence => cut.sequence(),
        form::Form::Pairs => cut.form(),
    }
}

pub(super) struct Cut<'s> {
    pub(super) body: &'s [u8],
    pub(super) accept: &'s Accept,
    pub(super) wanted: &'s Wanted,
    pub(super) scratch: &'s mut Scratch,
}

impl<'s> Cut<'s> {
    fn begin(
        body: &'s [u8],
        accept: &'s Accept,
        wanted: &'s Wanted,
        scratch: &'s mut Scratch,
    ) -> Result<Self, Refusal> {
        scratch.clear();
        let bytes_max = accept.request_bytes.min(REQUEST_BYTES_MAX);
        if body.len() > bytes_max {
            let bytes = body.len();
            let detail =
                format!("the body has {bytes} bytes; `accept.request_bytes` allows {bytes_max}");
            return Err(Refusal::new(Code::RequestTooLarge, detail));
        }
        Ok(Self {
            body,
            accept,
            wanted,
            scratch,
        })
    }

    pub(super) fn raw(&mut self) -> Result<(), Refusal> {
        if self.body.is_empty() {
            return Err(empty("the body is empty"));
        }
        self.scratch.captures.resize(self.wanted.len(), None);
        self.push(0, self.body.len(), None)
    }

    pub(super) fn json(&mut self) -> Result<(), Refusal> {
        self.check_text()?;
        let start = skip_space(self.body, 0);
        if start == self.body.len() {
            return Err(empty("the body is empty"));
        }
        let end = self.event(self.body, start, 0)?;
        let rest = skip_space(self.body, end);
        if rest < self.body.len() {
            return Err(self.invalid(rest, "something follows the event", 0));
        }
        // `[]` says nothing, whether the route takes it as a batch or as one event.
        if matches!(self.body.get(start..end), Some([b'[', inner @ .., b']']) if skip_space(inner, 0) == inner.len())
        {
            return Err(empty("the body is an empty array"));
        }
        Ok(())
    }

    fn json_array(&mut self) -> Result<(), Refusal> {
        self.elements(|cut, at| cut.event(cut.body, at, 1))
    }

    /// Takes the elements of the array that the body is: `event` scans the one that begins at a
    /// place and gives the place behind it.
    pub(super) fn elements(
        &mut self,
        mut event: impl FnMut(&mut Self, usize) -> Result<usize, Refusal>,
    ) -> Result<(), Refusal> {
        self.check_text()?;
        let mut at = skip_space(self.body, 0) + 1;
        at = skip_space(self.body, at);
        let mut closed = self.body.get(at) == Some(&b']');
        if closed {
            at += 1;
        }
        while !closed {
            at = event(self, at)?;
            at = skip_space(self.body, at);
            match self.body.get(at) {
                Some(b',') => at += 1,
                Some(b']') => {
                    closed = true;
                    at += 1;
                }
                _ => {
                    let event = self.scratch.events.len().saturating_sub(1);
                    return Err(self.invalid(at, "expected `,` or `]` after an event", event));
                }
            }
        }
        let rest = skip_space(self.body, at);
        if rest < self.body.len() {
            let event = self.scratch.events.len().saturating_sub(1);
            return Err(self.invalid(rest, "something follows the array of events", event));
        }
        if self.scratch.events.is_empty() {
            return Err(empty("the body is an empty array"));
        }
        Ok(())
    }

    fn lines(&mut self) -> Result<(), Refusal> {
        self.check_text()?;
        let mut start = 0;
        while start < self.body.len() {
            let rest = self.body.get(start..).unwrap_or_default();
            let end = start + memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            // Everything before the line stays, so that places are those of the body.
            let line = self.body.get(..end).unwrap_or_default();
            let first = skip_space(line, start);
            if first < end {
                let after = self.event(line, first, 0)?;
                let rest = skip_space(line, after);
                if rest < end {
                    let event = self.scratch.events.len().saturating_sub(1);
                    return Err(self.invalid(rest, "something follows the event", event));
                }
            }
            start = end + 1;
        }
        if self.scratch.events.is_empty() {
            return Err(empty("the body holds no line that is not blank"));
        }
        Ok(())
    }

    /// Scans one event that begins at or after `at` and gives the place after it. `bytes` are the
    /// body, or the body up to a line's end.
    pub(super) fn event(
        &mut self,
        bytes: &[u8],
        at: usize,
        outside: usize,
    ) -> Result<usize, Refusal> {
        let event = self.next_event()?;
        let from = self.scratch.captures.len();
        self.scratch.captures.resize(from + self.wanted.len(), None);
        let captures = self.scratch.captures.get_mut(from..).unwrap_or_default();
        let stack = &mut self.scratch.stack;
        let capture = scan_value(bytes, at, outside, self.wanted, stack, captures)
            .map_err(|fault| self.refusal(fault, event))?;
        self.push(
            capture.start as usize,
            capture.end as usize,
            Some(capture.kind),
        )?;
        Ok(capture.end as usize)
    }

    /// The place of the next event, if there may be one more.
    pub(super) fn next_event(&self) -> Result<usize, Refusal> {
        let (event, events) = (self.scratch.events.len(), self.accept.events);
        if event >= events {
            let detail =
                format!("the body holds more than {events} events, which `accept.events` allows");
            return Err(Refusal::new(Code::TooManyEvents, detail).of_event(event));
        }
        Ok(event)
    }

    pub(super) fn push(
        &mut self,
        start: usize,
        end: usize,
        kind: Option<CaptureKind>,
    ) -> Result<(), Refusal> {
        self.fits(end.saturating_sub(start))?;
        self.scratch.events.push(EventSpan {
            start: u32::try_from(start).unwrap_or(u32::MAX),
            end: u32::try_from(end).unwrap_or(u32::MAX),
            kind,
        });
        Ok(())
    }

    /// Refuses the next event if it has more bytes than the route takes.
    pub(super) fn fits(&self, bytes: usize) -> Result<(), Refusal> {
        let event = self.scratch.events.len();
        if bytes > self.accept.event_bytes {
            let detail = format!(
                "event {event} has {bytes} bytes; `accept.event_bytes` allows {}",
                self.accept.event_bytes
            );
            return Err(Refusal::new(Code::EventTooLarge, detail).of_event(event));
        }
        Ok(())
    }

    /// The whole body must be UTF-8: once here, so that the scan looks at bytes only.
    pub(super) fn check_text(&self) -> Result<(), Refusal> {
        match std::str::from_utf8(self.body) {
            Ok(_) => Ok(()),
            Err(error) => {
                let at = error.valid_up_to();
                let detail = format!("the body is not UTF-8 at {}", self.place(at));
                Err(Refusal::new(Code::JsonInvalid, detail))
            }
        }
    }
}
