//! What is wrong with a body, as it is told: the event, the place, and what was expected.

use super::events::Cut;
use super::scan::{Fault, FaultKind};
use crate::error::{Code, Refusal};
use crate::limits::JSON_DEPTH_MAX;

impl Cut<'_> {
    pub(super) fn refusal(&self, fault: Fault, event: usize) -> Refusal {
        match fault.kind {
            FaultKind::Invalid(what) => self.invalid(fault.at, what, event),
            FaultKind::TooDeep => {
                let detail = format!(
                    "event {event} nests deeper than {JSON_DEPTH_MAX} levels at {}",
                    self.place(fault.at)
                );
                Refusal::new(Code::JsonInvalid, detail).of_event(event)
            }
            FaultKind::Duplicate => {
                let detail = format!(
                    "event {event} has a name that the mapping reads twice in one object: the \
                     second stands at {}",
                    self.place(fault.at)
                );
                Refusal::new(Code::DuplicateField, detail).of_event(event)
            }
        }
    }

    pub(super) fn invalid(&self, at: usize, what: &'static str, event: usize) -> Refusal {
        let place = self.place(at);
        let detail = if at >= self.body.len() {
            format!("event {event} is not valid JSON: {what}, but the body ends at {place}")
        } else {
            format!("event {event} is not valid JSON at {place}: {what}")
        };
        Refusal::new(Code::JsonInvalid, detail).of_event(event)
    }

    /// A place for people: byte from 0; line and column from 1, columns in bytes.
    pub(super) fn place(&self, at: usize) -> String {
        let before = self.body.get(..at).unwrap_or(self.body);
        let line = memchr::memchr_iter(b'\n', before).count() + 1;
        let column = before.len() - memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        format!("byte {at} (line {line}, column {})", column + 1)
    }
}

pub(super) fn empty(what: &'static str) -> Refusal {
    Refusal::new(Code::BodyEmpty, what)
}
