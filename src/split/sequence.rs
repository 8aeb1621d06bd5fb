//! JSON text sequences (RFC 7464): each text stands between a record separator and a line feed.

use super::CaptureKind;
use super::events::Cut;
use super::faults::empty;
use super::scan::skip_space;
use crate::error::Refusal;

/// What begins each text.
const SEPARATOR: u8 = 0x1e;

impl Cut<'_> {
    /// Takes each text of the sequence as an event. A text that was cut off refuses the body: what
    /// writes a sequence may have died in the middle of it.
    pub(super) fn sequence(&mut self) -> Result<(), Refusal> {
        self.check_text()?;
        let first = skip_space(self.body, 0);
        if self.body.get(first).is_some_and(|byte| *byte != SEPARATOR) {
            let what = "expected a record separator (byte 30) before the first text";
            return Err(self.invalid(first, what, 0));
        }
        let mut start = first;
        while start < self.body.len() {
            let rest = self.body.get(start + 1..).unwrap_or_default();
            let end = start + 1 + memchr::memchr(SEPARATOR, rest).unwrap_or(rest.len());
            // Everything before the text stays, so that places are those of the body.
            let text = self.body.get(..end).unwrap_or_default();
            let first = skip_space(text, start + 1);
            if first < end {
                self.text(text, first)?;
            }
            start = end;
        }
        if self.scratch.events.is_empty() {
            return Err(empty("the body holds no text between record separators"));
        }
        Ok(())
    }

    fn text(&mut self, text: &[u8], first: usize) -> Result<(), Refusal> {
        let event = self.scratch.events.len();
        let after = self.event(text, first, 0)?;
        let rest = skip_space(text, after);
        if rest < text.len() {
            return Err(self.invalid(rest, "something follows the text", event));
        }
        // `12` may be what is left of `123`; braces and quotes say themselves where they end.
        let kind = self.scratch.events.last().and_then(|event| event.kind);
        let ends_itself = matches!(
            kind,
            Some(
                CaptureKind::Object
                    | CaptureKind::Array
                    | CaptureKind::PlainString
                    | CaptureKind::EscapedString
            )
        );
        if rest == after && !ends_itself {
            let what = "a number or word must be followed by a line feed, or it may be cut off";
            return Err(self.invalid(after, what, event));
        }
        Ok(())
    }
}
