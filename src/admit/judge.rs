//! Judges the events of a request, after they were cut out of its body and before they are mapped.

use std::iter::Peekable;
use std::vec::Drain;

use super::Permit;
use super::schema::Tape;
use crate::error::Refusal;
use crate::limits::{SCHEMA_FAULTS_MAX, SCHEMA_FAULTS_PER_REQUEST_MAX};

/// Judges events. Used again for each request, so that good events allocate nothing.
#[derive(Debug, Default)]
pub struct EventJudge {
    tape: Tape,
    refusals: Vec<Refusal>,
}

/// That the events of a request were judged, and which of them are refused. The mapping asks for
/// it, so that a judge who is left out does not compile.
#[derive(Debug)]
pub struct Judged<'j>(Peekable<Drain<'j, Refusal>>);

impl EventJudge {
    /// Judges all events of a request by the route's `schema`, if it has one.
    pub fn judge<'b>(
        &mut self,
        permit: &Permit,
        events: impl Iterator<Item = &'b [u8]>,
    ) -> Judged<'_> {
        self.refusals.clear();
        if let Some(schema) = &permit.route().schema {
            let mut left = SCHEMA_FAULTS_PER_REQUEST_MAX;
            for (index, event) in events.enumerate() {
                let faults_max = left.min(SCHEMA_FAULTS_MAX);
                if let Err(refusal) = schema.judge(event, &mut self.tape, faults_max) {
                    left = left.saturating_sub(refusal.errors.len());
                    self.refusals.push(refusal.of_event(index));
                }
            }
        }
        Judged(self.refusals.drain(..).peekable())
    }
}

impl Judged<'_> {
    /// Takes out why the event at this place is refused. To be asked in the order of the events.
    pub fn refusal_of(&mut self, event: usize) -> Option<Refusal> {
        let is_it = |refusal: &Refusal| refusal.event.is_some_and(|place| place as usize == event);
        self.0.next_if(is_it)
    }
}
