//! CloudEvents 1.0 over HTTP: the event is the data, its attributes stand beside it.
//!
//! A structured event and a batch are scanned once, by a tree in which the mapping's paths stand
//! below `data`; the data is forwarded as it came. In the binary form the body is the data, and the
//! attributes are `ce-…` header fields. What is not in the body as the mapping reads it (decoded
//! base64, header fields) is written behind the body, so that all places are in one text.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::envelope::Envelope;
use super::events::Cut;
use super::form::{has_foreign_charset, is_json, media_type};
use super::scan::{scan_value, skip_space};
use super::strings::unescape;
use super::{Capture, CaptureKind};
use crate::error::{Code, Refusal};
use crate::http::Head;

/// How a request carries CloudEvents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Structured,
    Batched,
    Binary,
    /// A media type of CloudEvents that is not JSON.
    Unknown,
}

/// Attributes that every CloudEvent has.
pub(super) const REQUIRED: [&str; 4] = ["specversion", "id", "source", "type"];

/// How this request carries CloudEvents; none where nothing says that it does.
pub(super) fn mode(head: &Head<'_>) -> Option<Mode> {
    let media = media_type(head.field("content-type").unwrap_or_default());
    let is = |name: &str| media.eq_ignore_ascii_case(name.as_bytes());
    if is("application/cloudevents+json") {
        return Some(Mode::Structured);
    }
    if is("application/cloudevents-batch+json") {
        return Some(Mode::Batched);
    }
    let start = media.get(..b"application/cloudevents".len());
    if start.is_some_and(|start| start.eq_ignore_ascii_case(b"application/cloudevents")) {
        return Some(Mode::Unknown);
    }
    let is_attribute = |name: &str| {
        let start = name.as_bytes().get(..3);
        start.is_some_and(|start| start.eq_ignore_ascii_case(b"ce-"))
    };
    let mut names = head.fields().map(|(name, _)| name);
    names.any(is_attribute).then_some(Mode::Binary)
}

impl Cut<'_> {
    pub(super) fn cloud_events(&mut self, mode: Mode, head: &Head<'_>) -> Result<(), Refusal> {
        let kind = head.field("content-type").unwrap_or_default();
        if mode != Mode::Binary && has_foreign_charset(kind) {
            let detail = "a charset other than utf-8 is not accepted";
            return Err(Refusal::new(Code::FormatUnsupported, detail));
        }
        let mut behind = Vec::new();
        match mode {
            Mode::Structured => self.one_structured(&mut behind)?,
            Mode::Batched => self.batch(&mut behind)?,
            Mode::Binary => self.binary(head, &mut behind)?,
            Mode::Unknown => {
                let detail = "of CloudEvents this route takes the JSON format \
                              (application/cloudevents+json, application/cloudevents-batch+json) \
                              and the binary form (`ce-…` header fields)";
                return Err(Refusal::new(Code::FormatUnsupported, detail));
            }
        }
        if !behind.is_empty() {
            self.scratch.text = Some(Bytes::from([self.body, &behind].concat()));
        }
        Ok(())
    }

    fn one_structured(&mut self, behind: &mut Vec<u8>) -> Result<(), Refusal> {
        self.check_text()?;
        let start = skip_space(self.body, 0);
        if start == self.body.len() {
            return Err(super::faults::empty("the body is empty"));
        }
        let end = self.structured(start, 0, behind)?;
        let rest = skip_space(self.body, end);
        if rest < self.body.len() {
            return Err(self.invalid(rest, "something follows the event", 0));
        }
        Ok(())
    }

    fn batch(&mut self, behind: &mut Vec<u8>) -> Result<(), Refusal> {
        self.check_text()?;
        let start = skip_space(self.body, 0);
        if start == self.body.len() {
            return Err(super::faults::empty("the body is empty"));
        }
        if self.body.get(start) != Some(&b'[') {
            return Err(self.invalid(start, "a batch of CloudEvents is an array", 0));
        }
        self.elements(|cut, at| cut.structured(at, 1, behind))
    }

    /// Takes the CloudEvent that begins at or after `at`, and gives the place behind it.
    fn structured(
        &mut self,
        at: usize,
        outside: usize,
        behind: &mut Vec<u8>,
    ) -> Result<usize, Refusal> {
        let event = self.next_event()?;
        let Some(envelope) = self.wanted.envelope() else {
            let detail = "the route takes no CloudEvents";
            return Err(Refusal::new(Code::Internal, detail));
        };
        let mut row = std::mem::take(&mut self.scratch.row);
        row.clear();
        row.resize(envelope.wanted.len(), None);
        let stack = &mut self.scratch.stack;
        let scanned = scan_value(self.body, at, outside, &envelope.wanted, stack, &mut row);
        let taken = scanned
            .map_err(|fault| self.refusal(fault, event))
            .and_then(|whole| {
                self.fits((whole.end - whole.start) as usize)?;
                if whole.kind != CaptureKind::Object {
                    return Err(wrong(event, "it is not a JSON object"));
                }
                self.check_members(envelope, &row, event)?;
                self.clear_attributes(&mut row, event)?;
                self.data(envelope, &mut row, event, behind)?;
                self.scratch.envelopes.push((whole.start, whole.end));
                Ok(whole.end as usize)
            });
        self.scratch.row = row;
        taken
    }

    fn check_members(
        &self,
        envelope: &Envelope,
        row: &[Option<Capture>],
        event: usize,
    ) -> Result<(), Refusal> {
        let text = |name| self.text_of(envelope.member(name, row));
        for name in REQUIRED {
            match envelope
                .member(name, row)
                .filter(|found| found.kind != CaptureKind::Null)
            {
                None => return Err(missing(event, name)),
                Some(_) if text(name).is_none_or(|text| text.is_empty()) => {
                    return Err(wrong(
                        event,
                        &format!("its `{name}` is not a text that says something"),
                    ));
                }
                Some(_) => {}
            }
        }
        check_version(text("specversion").as_deref(), event)?;
        check_time(text("time").as_deref(), event)
    }

    /// The text of a JSON string without escapes resolved where it has none.
    fn text_of(&self, capture: Option<Capture>) -> Option<std::borrow::Cow<'_, [u8]>> {
        let capture = capture?;
        let inner = self
            .body
            .get(capture.start as usize + 1..capture.end as usize - 1)?;
        match capture.kind {
            CaptureKind::PlainString => Some(inner.into()),
            CaptureKind::EscapedString => Some(unescape(inner)),
            _ => None,
        }
    }

    /// Attributes are scalars; null says that there is none.
    fn clear_attributes(&self, row: &mut [Option<Capture>], event: usize) -> Result<(), Refusal> {
        for (name, path) in self.wanted.attributes() {
            let Some(slot) = row.get_mut(usize::from(path.0)) else {
                continue;
            };
            match slot.map(|capture| capture.kind) {
                Some(CaptureKind::Object | CaptureKind::Array) => {
                    let what = format!("its `{name}` is neither text, number nor boolean");
                    return Err(wrong(event, &what));
                }
                Some(CaptureKind::Null) => *slot = None,
                _ => {}
            }
        }
        Ok(())
    }

    /// Takes the data as the event, and the captures of what the mapping reads.
    fn data(
        &mut self,
        envelope: &Envelope,
        row: &mut [Option<Capture>],
        event: usize,
        behind: &mut Vec<u8>,
    ) -> Result<(), Refusal> {
        let is_there = |capture: &Capture| capture.kind != CaptureKind::Null;
        let encoded = envelope.member("data_base64", row).filter(is_there);
        let (start, end, kind) = match (envelope.data(row), encoded) {
            (Some(data), Some(_)) if is_there(&data) => {
                return Err(wrong(event, "it has both `data` and `data_base64`"));
            }
            (_, Some(encoded)) => {
                let Some(text) = self.text_of(Some(encoded)) else {
                    return Err(wrong(event, "its `data_base64` is not text"));
                };
                let decoded = BASE64_STANDARD.decode(&*text);
                let decoded =
                    decoded.map_err(|_| wrong(event, "its `data_base64` is not base64"))?;
                let content = self.text_of(envelope.member("datacontenttype", row));
                let is_json = content.is_none_or(|content| is_json(&content));
                self.behind(&decoded, is_json, row, event, behind)?
            }
            (Some(data), None) => (data.start as usize, data.end as usize, Some(data.kind)),
            (None, None) => self.behind(b"null", true, row, event, behind)?,
        };
        let width = self.wanted.len();
        self.scratch
            .captures
            .extend_from_slice(row.get(..width).unwrap_or_default());
        self.push(start, end, kind)
    }

    /// Writes the bytes of an event behind the body. JSON is scanned for what the mapping reads.
    pub(super) fn behind(
        &mut self,
        bytes: &[u8],
        is_json: bool,
        row: &mut [Option<Capture>],
        event: usize,
        behind: &mut Vec<u8>,
    ) -> Result<(usize, usize, Option<CaptureKind>), Refusal> {
        let base = self.body.len() + behind.len();
        behind.extend_from_slice(bytes);
        let end = base + bytes.len();
        if !is_json {
            return Ok((base, end, None));
        }
        let broken = || wrong(event, "its `data_base64` is said to be JSON, and is not");
        if std::str::from_utf8(bytes).is_err() {
            return Err(broken());
        }
        let mut found = vec![None; self.wanted.len()];
        let stack = &mut self.scratch.stack;
        let whole = scan_value(bytes, 0, 0, self.wanted, stack, &mut found);
        let whole = whole.map_err(|_| broken())?;
        if skip_space(bytes, whole.end as usize) < bytes.len() {
            return Err(broken());
        }
        for (slot, capture) in row.iter_mut().zip(found) {
            if let Some(capture) = capture {
                *slot = Some(moved(capture, base));
            }
        }
        let whole = moved(whole, base);
        Ok((whole.start as usize, whole.end as usize, Some(whole.kind)))
    }
}

pub(super) fn check_version(version: Option<&[u8]>, event: usize) -> Result<(), Refusal> {
    if version == Some(b"1.0") {
        return Ok(());
    }
    Err(wrong(
        event,
        "its `specversion` is not 1.0, the only one that is known here",
    ))
}

pub(super) fn check_time(time: Option<&[u8]>, event: usize) -> Result<(), Refusal> {
    let Some(time) = time else { return Ok(()) };
    let text = std::str::from_utf8(time).unwrap_or_default();
    match OffsetDateTime::parse(text, &Rfc3339) {
        Ok(_) => Ok(()),
        Err(_) => Err(wrong(
            event,
            "its `time` is not of the form 2026-01-31T12:00:00Z",
        )),
    }
}

fn moved(capture: Capture, by: usize) -> Capture {
    let up = |place: u32| place.saturating_add(u32::try_from(by).unwrap_or(u32::MAX));
    Capture {
        start: up(capture.start),
        end: up(capture.end),
        kind: capture.kind,
    }
}

fn missing(event: usize, name: &str) -> Refusal {
    wrong(
        event,
        &format!("it has no `{name}`, which every CloudEvent has"),
    )
}

pub(super) fn wrong(event: usize, what: &str) -> Refusal {
    let detail = format!("event {event} is not a CloudEvent: {what}");
    Refusal::new(Code::CloudEventInvalid, detail).of_event(event)
}
