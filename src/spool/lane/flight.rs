//! How records of a lane are handed over, and what becomes of them.

use std::time::Instant;

use sluicegate_contract::{Outcome, ReasonKind, Record};

use super::place::{State, Unfit};
use super::{Ended, Lane, Turn};
use crate::dead_letters::LetterEnd;
use crate::dispatch::{self, Queued};
use crate::limits::{
    SPOOL_FULL_LOOK, SPOOL_LETTER_WAIT_MAX, SPOOL_LOOK, SPOOL_PAUSE_MAX, SPOOL_PAUSE_MIN,
};
use crate::settle::Ledger;
use crate::spool::reading::count;
use crate::spool::{Door, Opening};

impl Lane {
    /// Hands over what may be handed over now. Gives the time to be asked again at.
    pub(in crate::spool) fn hand_over(
        &mut self,
        door: &impl Door,
        turn: &mut Turn<'_>,
    ) -> Option<Instant> {
        if self.halted {
            if self.flying > 0 {
                return None;
            }
            self.halted = false;
            let doubled = SPOOL_PAUSE_MIN.saturating_mul(1 << self.failures.min(10));
            self.paused_until = Some(turn.now + doubled.min(SPOOL_PAUSE_MAX));
        }
        if let Some(until) = self.paused_until.filter(|until| turn.now < *until) {
            return Some(until);
        }
        self.paused_until = None;
        self.next_ready()?;
        let most = match door.opening() {
            Opening::Open => usize::MAX,
            // One at a time, while it is not known that the target is back.
            Opening::Probe => 1,
            Opening::Shut => return Some(turn.now + SPOOL_LOOK),
        };
        let mut batch = Vec::new();
        let wake = self.fill(&mut batch, most, door, turn);
        if !batch.is_empty() {
            for (id, outcome) in door.hand_over(batch) {
                self.outcome(Ledger::beside_places(id).1, outcome, door, turn);
            }
        }
        self.pop();
        wake
    }

    fn fill(
        &mut self,
        batch: &mut Vec<Queued>,
        most: usize,
        door: &impl Door,
        turn: &mut Turn<'_>,
    ) -> Option<Instant> {
        while batch.len() < most {
            let offset = self.next_ready()?;
            let place = self.window.get(offset)?;
            let (weight, (rendered, _)) = (u64::from(place.weight), place.record.as_ref()?);
            let fit = match rendered {
                Ok(record) => fit(record, weight, door).map(|encoded| (record, encoded)),
                Err(unfit) => Err(unfit.clone()),
            };
            let (record, encoded) = match fit {
                Ok(fit) => fit,
                Err(Unfit { ended, reason }) => {
                    self.lose(offset, ended, reason, turn);
                    continue;
                }
            };
            // Live traffic keeps at least half of the queue; what flies wakes the drain.
            if self.flying > 0 && self.flying_bytes + weight > door.limit() / 2 {
                return None;
            }
            if let Some(Err(at)) = self.bucket.as_mut().map(|bucket| bucket.take(turn.now)) {
                return Some(at);
            }
            if !door.reserve(weight) {
                return Some(turn.now + SPOOL_FULL_LOOK);
            }
            let id = turn.id(self.first + offset as u64);
            batch.push(Queued::new(id, record.clone(), encoded));
            self.set(offset, State::Flying);
            self.flying += 1;
            self.flying_bytes += weight;
        }
        Some(turn.now + SPOOL_LOOK)
    }

    /// Takes the outcome of a record that was handed over.
    pub(in crate::spool) fn outcome(
        &mut self,
        number: u32,
        outcome: Outcome,
        door: &impl Door,
        turn: &mut Turn<'_>,
    ) {
        let Some(offset) = self.offset_of(number) else {
            return;
        };
        let Some(place) = self.window.get(offset).filter(|p| p.state == State::Flying) else {
            debug_assert!(false, "a record has exactly one outcome");
            return;
        };
        let weight = u64::from(place.weight);
        self.flying -= 1;
        self.flying_bytes -= weight;
        door.release(weight);
        door.count(&outcome);
        match outcome {
            Outcome::Delivered(_) => {
                self.failures = 0;
                count(&self.counters.delivered);
                self.settle(offset);
            }
            // That the condition does not hold is an answer, which nobody waits for any more.
            Outcome::Refused(reason) if reason.kind() == ReasonKind::ConditionFalse => {
                self.failures = 0;
                count(&self.counters.conflicts);
                self.settle(offset);
            }
            Outcome::Refused(reason) => {
                self.failures = 0;
                self.lose(offset, Ended::Refused, reason, turn);
            }
            Outcome::GaveUp { certain, reason } => {
                let rendered = place.record.as_ref().map(|(rendered, _)| rendered);
                let record = rendered.and_then(|rendered| rendered.as_ref().ok());
                if !certain && record.is_some_and(|record| !door.repeatable(record)) {
                    let ended = Ended::Uncertain;
                    let unfit = reason.clone();
                    self.never_again(
                        offset,
                        Unfit {
                            ended,
                            reason: unfit,
                        },
                    );
                    self.lose(offset, ended, reason, turn);
                } else {
                    count(&self.counters.again);
                    self.ready(offset);
                }
                if !self.halted {
                    self.halted = true;
                    self.failures = self.failures.saturating_add(1);
                }
            }
        }
        self.pop();
    }

    /// A record that was lost is at the dead letter, or that would not have it. True where it is
    /// gone by that.
    pub(in crate::spool) fn lettered(
        &mut self,
        number: u32,
        end: LetterEnd,
        turn: &mut Turn<'_>,
    ) -> bool {
        let Some(offset) = self.offset_of(number) else {
            return false;
        };
        let Some(place) = self.window.get(offset) else {
            return false;
        };
        let State::Lettered(ended) = place.state else {
            return false;
        };
        let since = |first| turn.now.saturating_duration_since(first);
        let waited = place.lettered.map(since).unwrap_or_default();
        let too_long = ended == Ended::Expired && waited >= SPOOL_LETTER_WAIT_MAX;
        let gone = end == LetterEnd::Never || (end == LetterEnd::NotNow && too_long);
        if gone || end == LetterEnd::Kept {
            self.leave(offset, ended);
        } else {
            // It stays, and those behind it do not wait for it.
            self.set(offset, State::Unlettered(ended));
            let until = turn.now + SPOOL_PAUSE_MAX;
            self.letters_until.get_or_insert(until);
        }
        self.pop();
        gone
    }
}

/// Bytes that a record takes in a call, where its target can ever take it. One that is larger than
/// the whole queue would wait for room for ever, and all behind it.
fn fit(record: &Record, weight: u64, door: &impl Door) -> Result<usize, Unfit> {
    let reason = match door.weigh(record) {
        Ok(encoded) if weight <= door.limit() => return Ok(encoded),
        Ok(_) => dispatch::larger_than_queue(weight, door.limit()),
        Err(outcome) => {
            let reason = outcome.reason().cloned();
            reason.unwrap_or(ReasonKind::Invalid.into())
        }
    };
    let ended = Ended::Refused;
    Err(Unfit { ended, reason })
}
