//! One pass over a JSON value: judges it by RFC 8259 and captures what the mapping wants.
//!
//! Stricter than the standard where two readers could differ: no lone surrogates, no byte order
//! mark, nesting bounded, and no name twice where the mapping reads it. The pass keeps its own
//! stack, so that nesting costs heap that is bounded and never the thread's stack.

use super::strings::{StringFault, string_end, unescape};
use super::wanted::{PLACES_MAX, Place};
use super::{Capture, CaptureKind, Wanted};
use crate::limits::JSON_DEPTH_MAX;

/// What is wrong with a body, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Byte of the body.
    pub(super) at: usize,
    pub(super) kind: FaultKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FaultKind {
    /// Not JSON, as this says.
    Invalid(&'static str),
    /// Nested deeper than `JSON_DEPTH_MAX`.
    TooDeep,
    /// The name that begins here was there before in the same object.
    Duplicate,
}

/// An object or array that is not closed yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    start: usize,
    /// The element that is being read, in an array.
    index: usize,
    place: Place,
    object: bool,
}

/// Scans the value that begins at or after `at`, white space skipped, and fills `captures` (one
/// entry for each wanted path, all `None` before). `outside` arrays are open around it. Gives the
/// value as a capture; what follows it is not looked at. The bytes must be UTF-8.
pub(super) fn scan_value(
    bytes: &[u8],
    at: usize,
    outside: usize,
    wanted: &Wanted,
    stack: &mut Vec<Open>,
    captures: &mut [Option<Capture>],
) -> Result<Capture, Fault> {
    stack.clear();
    Scan {
        bytes,
        at,
        outside,
        wanted,
        stack,
        captures,
        seen: [0; PLACES_MAX / 64],
    }
    .value()
}

/// The kind of a text that is one JSON number and nothing else.
pub(crate) fn number_kind(text: &[u8]) -> Option<CaptureKind> {
    let wanted = Wanted::default();
    let mut stack = Vec::new();
    let capture = scan_value(text, 0, 0, &wanted, &mut stack, &mut []).ok()?;
    let whole = capture.start == 0 && capture.end as usize == text.len();
    let number = matches!(capture.kind, CaptureKind::Integer | CaptureKind::Decimal);
    (whole && number).then_some(capture.kind)
}

/// The first byte from `at` on that is not white space.
pub(super) fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}

struct Scan<'s> {
    bytes: &'s [u8],
    at: usize,
    outside: usize,
    wanted: &'s Wanted,
    stack: &'s mut Vec<Open>,
    captures: &'s mut [Option<Capture>],
    /// A bit for each place that was seen. An event has each place at most once, so a second
    /// time is a duplicate name.
    seen: [u64; PLACES_MAX / 64],
}

impl Scan<'_> {
    fn value(mut self) -> Result<Capture, Fault> {
        let mut place = Place::ROOT;
        loop {
            self.skip();
            let start = self.at;
            let kind = match self.peek() {
                Some(open @ (b'{' | b'[')) => {
                    let object = open == b'{';
                    self.open(object, place)?;
                    if self.peek() != Some(if object { b'}' } else { b']' }) {
                        place = self.first(object)?;
                        continue;
                    }
                    self.at += 1;
                    self.stack.pop();
                    container(object)
                }
                _ => self.scalar()?,
            };
            let mut done = self.capture(place, start, kind);
            loop {
                let Some(open) = self.stack.last().copied() else {
                    return Ok(done);
                };
                self.skip();
                match (self.peek(), open.object) {
                    (Some(b','), true) => {
                        self.at += 1;
                        self.skip();
                        place = self.name(open.place)?;
                        break;
                    }
                    (Some(b','), false) => {
                        self.at += 1;
                        place = self.next_element();
                        break;
                    }
                    (Some(b'}'), true) | (Some(b']'), false) => {
                        self.at += 1;
                        self.stack.pop();
                        done = self.capture(open.place, open.start, container(open.object));
                    }
                    (_, true) => return self.fault("expected `,` or `}`"),
                    (_, false) => return self.fault("expected `,` or `]`"),
                }
            }
        }
    }

    fn open(&mut self, object: bool, place: Place) -> Result<(), Fault> {
        if self.stack.len() + self.outside >= JSON_DEPTH_MAX {
            return Err(Fault {
                at: self.at,
                kind: FaultKind::TooDeep,
            });
        }
        self.stack.push(Open {
            start: self.at,
            index: 0,
            place,
            object,
        });
        self.at += 1;
        self.skip();
        Ok(())
    }

    /// The place of a container's first value, its name read.
    fn first(&mut self, object: bool) -> Result<Place, Fault> {
        let place = self.stack.last().map_or(Place::NONE, |open| open.place);
        if object {
            return self.name(place);
        }
        Ok(self.wanted.element(place, 0))
    }

    fn next_element(&mut self) -> Place {
        let Some(open) = self.stack.last_mut() else {
            return Place::NONE;
        };
        open.index += 1;
        self.wanted.element(open.place, open.index)
    }

    /// Reads a name and its colon, and gives the place of its value.
    fn name(&mut self, object: Place) -> Result<Place, Fault> {
        if self.peek() != Some(b'"') {
            return self.fault("expected a name in double quotes");
        }
        let start = self.at;
        let string = string_end(self.bytes, start).map_err(Fault::from)?;
        self.at = string.end;
        let mut place = Place::NONE;
        if !self.wanted.has_no_members(object) {
            let inner = self.bytes.get(start + 1..string.end - 1);
            let inner = inner.unwrap_or_default();
            place = if string.escaped {
                self.wanted.member(object, &unescape(inner))
            } else {
                self.wanted.member(object, inner)
            };
            self.mark(place, start)?;
        }
        self.skip();
        if self.peek() != Some(b':') {
            return self.fault("expected `:` after a name");
        }
        self.at += 1;
        Ok(place)
    }

    fn mark(&mut self, place: Place, at: usize) -> Result<(), Fault> {
        let Some(word) = self.seen.get_mut(place.number() / 64) else {
            return Ok(());
        };
        let bit = 1 << (place.number() % 64);
        if *word & bit != 0 {
            let kind = FaultKind::Duplicate;
            return Err(Fault { at, kind });
        }
        *word |= bit;
        Ok(())
    }

    fn scalar(&mut self) -> Result<CaptureKind, Fault> {
        match self.peek() {
            Some(b'"') => {
                let string = string_end(self.bytes, self.at).map_err(Fault::from)?;
                self.at = string.end;
                Ok(if string.escaped {
                    CaptureKind::EscapedString
                } else {
                    CaptureKind::PlainString
                })
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word(b"true", CaptureKind::True),
            Some(b'f') => self.word(b"false", CaptureKind::False),
            Some(b'n') => self.word(b"null", CaptureKind::Null),
            _ => self.fault("expected a value"),
        }
    }

    fn word(&mut self, word: &[u8], kind: CaptureKind) -> Result<CaptureKind, Fault> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word) {
            return self.fault("expected a value");
        }
        self.at += word.len();
        Ok(kind)
    }

    fn number(&mut self) -> Result<CaptureKind, Fault> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => {
                self.at += 1;
                if matches!(self.peek(), Some(b'0'..=b'9')) {
                    return self.fault("a number must not begin with a zero");
                }
            }
            _ => self.digits()?,
        }
        let mut kind = CaptureKind::Integer;
        if self.peek() == Some(b'.') {
            kind = CaptureKind::Decimal;
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            kind = CaptureKind::Decimal;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(kind)
    }

    fn digits(&mut self) -> Result<(), Fault> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start {
            return self.fault("expected a digit");
        }
        Ok(())
    }

    fn capture(&mut self, place: Place, start: usize, kind: CaptureKind) -> Capture {
        // A body is at most `REQUEST_BYTES_MAX` long, so that its places fit 32 bits.
        let capture = Capture {
            start: u32::try_from(start).unwrap_or(u32::MAX),
            end: u32::try_from(self.at).unwrap_or(u32::MAX),
            kind,
        };
        if place != Place::NONE
            && let Some(path) = self.wanted.path(place)
            && let Some(slot) = self.captures.get_mut(usize::from(path.0))
        {
            *slot = Some(capture);
        }
        capture
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip(&mut self) {
        self.at = skip_space(self.bytes, self.at);
    }

    fn fault<T>(&self, what: &'static str) -> Result<T, Fault> {
        Err(Fault {
            at: self.at,
            kind: FaultKind::Invalid(what),
        })
    }
}

fn container(object: bool) -> CaptureKind {
    if object {
        CaptureKind::Object
    } else {
        CaptureKind::Array
    }
}

impl From<StringFault> for Fault {
    fn from(fault: StringFault) -> Self {
        Self {
            at: fault.at,
            kind: FaultKind::Invalid(fault.what),
        }
    }
}
