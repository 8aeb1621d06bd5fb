//! What a courier decides: which records share a call, which are tried again and when, and what
//! became of each. Time is handed in; nothing here waits or sends.

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use slab::Slab;
use sluicegate_contract::{
    Attempt, Batch, Integration, Limits, Outcome, Reason, ReasonKind, RecordId, TargetState,
};

use super::call::{Call, Pending, Ticket};
use super::{Breaker, Pace};
use crate::dispatch::Queued;
use crate::limits::{RETRY_PAUSE_MAX, RETRY_PAUSE_MIN};

/// A call in flight.
pub type CallId = usize;

/// The settings of a courier.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// What one call may hold.
    pub limits: Limits,
    /// Until a record is given up.
    pub give_up: Duration,
    /// How long an idle courier waits for a fuller batch.
    pub linger: Duration,
}

/// What a completed call says of the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its state from now on.
    pub state: TargetState,
    /// Why.
    pub reason: Option<Reason>,
}

/// The records of one target that have no outcome yet.
#[derive(Debug)]
pub struct Queue {
    rules: Rules,
    /// To be sent, oldest first.
    ready: VecDeque<Pending>,
    /// Halves of a refused call: each travels as it is, so that the culprit comes to stand alone.
    halves: VecDeque<Vec<Pending>>,
    /// To be sent again at a time.
    later: Vec<(Instant, Vec<Pending>)>,
    /// Keys of records that were sent and have no outcome yet: a later record of the same key
    /// waits, so that it can neither share a call with the earlier one nor overtake it.
    keys: HashSet<u64>,
    calls: Slab<Call>,
    breaker: Breaker,
    pace: Pace,
    outcomes: Vec<(RecordId, Outcome)>,
}

impl Queue {
    /// An empty queue.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            ready: VecDeque::new(),
            halves: VecDeque::new(),
            later: Vec::new(),
            keys: HashSet::new(),
            calls: Slab::new(),
            breaker: Breaker::default(),
            pace: Pace::default(),
            outcomes: Vec::new(),
        }
    }

    /// Takes new records.
    pub fn put(&mut self, now: Instant, records: Vec<Queued>, room: &dyn Integration) {
        self.ready.extend(records.into_iter().map(|queued| Pending {
            ticket: Ticket {
                id: queued.id,
                encoded: queued.encoded,
                since: now,
                key: room.key(&queued.record),
                alone: room.travels_alone(&queued.record),
                repeatable: room.repeatable(&queued.record),
                tries: 0,
                uncertain: false,
                reason: None,
            },
            record: queued.record,
        }));
    }

    /// Starts the next call, if one may start now. Its batch is the room's to send, once.
    pub fn next(&mut self, now: Instant) -> Option<(CallId, Batch)> {
        self.expire(now);
        self.wake_later(now);
        if self.calls.len() >= self.rules.limits.concurrent_calls || !self.breaker.permits(now) {
            return None;
        }
        if let Some(half) = self.halves.pop_front() {
            return Some(self.start(now, half));
        }
        if self.starts_at(now).is_none_or(|at| now < at) {
            return None;
        }
        let batch = self.compose();
        if batch.is_empty() {
            None
        } else {
            Some(self.start(now, batch))
        }
    }

    /// When `next` should be asked again at the latest, if nothing happens before.
    #[must_use]
    pub fn wake_at(&self, now: Instant) -> Option<Instant> {
        let has_slot = self.calls.len() < self.rules.limits.concurrent_calls;
        let waiting = !self.ready.is_empty() || !self.halves.is_empty();
        let start = if !has_slot || !waiting {
            None
        } else if let Some(probe) = self.breaker.probe_at() {
            Some(probe)
        } else if self.breaker.is_open() {
            None
        } else {
            self.starts_at(now).filter(|at| *at > now)
        };
        let later = self.later.iter().map(|(at, _)| *at).min();
        let oldest = self.oldest().map(|since| since + self.rules.give_up);
        [start, later, oldest].into_iter().flatten().min()
    }

    /// Takes what became of a call's records.
    pub fn complete(
        &mut self,
        now: Instant,
        call: CallId,
        attempts: Vec<Attempt>,
    ) -> Option<Change> {
        let call = self.calls.try_remove(call)?;
        self.pace.took(now.duration_since(call.started));
        let change = self.judge_call(now, &attempts);
        let batch = call.into_pending();
        debug_assert_eq!(
            batch.len(),
            attempts.len(),
            "each record of a call has one attempt"
        );
        let all_refused = attempts
            .iter()
            .all(|attempt| matches!(attempt, Attempt::Refused(_)));
        if all_refused && batch.len() > 1 {
            self.halve(batch);
            return change;
        }
        let whole_call_failed = self.breaker.is_open() || change.is_some();
        let mut again = Again::default();
        for (pending, attempt) in batch.into_iter().zip(attempts) {
            self.judge(pending, attempt, &mut again);
        }
        self.put_later(now, again, whole_call_failed);
        if let Some(Change {
            state: TargetState::Blocked,
            reason: Some(reason),
        }) = &change
        {
            self.end_all(reason);
        }
        change
    }

    /// The outcomes since the last time.
    pub fn take_outcomes(&mut self) -> Vec<(RecordId, Outcome)> {
        std::mem::take(&mut self.outcomes)
    }

    /// Ends every record that is not in a call, since the gateway stops.
    pub fn stop(&mut self) {
        self.end_all(&ReasonKind::Stopping.into());
    }

    /// True where no record waits and no call is in flight.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
            && self.ready.is_empty()
            && self.halves.is_empty()
            && self.later.is_empty()
    }

    /// Calls in flight.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.calls.len()
    }

    /// Since when the oldest record that is not in a call waits.
    #[must_use]
    pub fn oldest(&self) -> Option<Instant> {
        let ready = self.ready.front().map(|pending| pending.ticket.since);
        // Lists are about in the order of their records' age: the first stands for all.
        let first = |list: &Vec<Pending>| list.first().map(|pending| pending.ticket.since);
        let halves = self.halves.iter().filter_map(first).min();
        let later = self.later.iter().filter_map(|(_, list)| first(list)).min();
        [ready, halves, later].into_iter().flatten().min()
    }

    /// When a batch of what is ready may start.
    fn starts_at(&self, now: Instant) -> Option<Instant> {
        let oldest = self.ready.front()?.ticket.since;
        if self.is_full() {
            return Some(now);
        }
        let limit = self.rules.limits.concurrent_calls;
        Some(
            self.pace
                .next(now, self.calls.len(), limit)
                .max(oldest + self.rules.linger),
        )
    }

    fn is_full(&self) -> bool {
        let Limits {
            records,
            call_bytes,
            ..
        } = self.rules.limits;
        if self.ready.len() >= records {
            return true;
        }
        let bytes: usize = self
            .ready
            .iter()
            .map(|pending| pending.ticket.encoded)
            .sum();
        bytes >= call_bytes
    }

    /// Takes what shares one call from the front of what is ready, leaving the rest in its order.
    fn compose(&mut self) -> Vec<Pending> {
        let Limits {
            records,
            call_bytes,
            unique_keys,
            ..
        } = self.rules.limits;
        let mut batch: Vec<Pending> = Vec::with_capacity(records.min(self.ready.len()));
        let mut passed_over = Vec::new();
        let mut bytes = 0;
        while let Some(pending) = self.ready.pop_front() {
            let ticket = &pending.ticket;
            let first_try = ticket.tries == 0;
            let held = first_try && ticket.key.is_some_and(|key| self.keys.contains(&key));
            let crowded = ticket.alone && !batch.is_empty();
            if (unique_keys && held) || crowded {
                passed_over.push(pending);
                if passed_over.len() > records {
                    break;
                }
                continue;
            }
            if !batch.is_empty() && bytes + ticket.encoded > call_bytes {
                self.ready.push_front(pending);
                break;
            }
            bytes += ticket.encoded;
            if unique_keys && let Some(key) = ticket.key {
                self.keys.insert(key);
            }
            let alone = ticket.alone;
            batch.push(pending);
            if alone || batch.len() >= records {
                break;
            }
        }
        for pending in passed_over.into_iter().rev() {
            self.ready.push_front(pending);
        }
        batch
    }

    fn start(&mut self, now: Instant, mut batch: Vec<Pending>) -> (CallId, Batch) {
        for pending in &mut batch {
            pending.ticket.tries += 1;
        }
        self.breaker.started();
        self.pace.started(now);
        let call = Call::new(now, batch);
        let batch = call.batch();
        (self.calls.insert(call), batch)
    }

    /// What a whole call says of its target.
    fn judge_call(&mut self, now: Instant, attempts: &[Attempt]) -> Option<Change> {
        let blocked = attempts.iter().find_map(|attempt| match attempt {
            Attempt::Blocked(reason) => Some(reason.clone()),
            _ => None,
        });
        if let Some(reason) = blocked {
            return Some(Change {
                state: TargetState::Blocked,
                reason: Some(reason),
            });
        }
        let failure = |attempt: &Attempt| match attempt {
            Attempt::Again { reason, .. } if reason.kind() != ReasonKind::Throttled => {
                Some(reason.clone())
            }
            _ => None,
        };
        let Some(reason) = attempts.iter().map(failure).collect::<Option<Vec<_>>>() else {
            self.breaker.answered();
            return Some(Change {
                state: TargetState::Up,
                reason: None,
            });
        };
        self.breaker.failed(now);
        let reason = reason.into_iter().next();
        self.breaker.is_open().then_some(Change {
            state: TargetState::Down,
            reason,
        })
    }

    /// A refusal of a call with more than one record judges nobody.
    fn halve(&mut self, mut batch: Vec<Pending>) {
        let second = batch.split_off(batch.len() / 2);
        self.halves.push_front(second);
        self.halves.push_front(batch);
    }

    fn judge(&mut self, mut pending: Pending, attempt: Attempt, again: &mut Again) {
        match attempt {
            Attempt::Stored(receipt) => self.end(&pending, Outcome::Delivered(receipt)),
            Attempt::Refused(reason) => {
                // An earlier try may have stored it, whatever the target says of this one.
                let outcome = if pending.ticket.uncertain {
                    Outcome::GaveUp {
                        certain: false,
                        reason,
                    }
                } else {
                    Outcome::Refused(reason)
                };
                self.end(&pending, outcome);
            }
            Attempt::Blocked(reason) => {
                pending.ticket.reason = Some(reason);
                let outcome = pending.ticket.gave_up(ReasonKind::Unavailable);
                self.end(&pending, outcome);
            }
            Attempt::Again {
                certain,
                after,
                reason,
            } => {
                pending.ticket.uncertain |= !certain;
                pending.ticket.reason = Some(reason);
                if !certain && !pending.ticket.repeatable {
                    let outcome = pending.ticket.gave_up(ReasonKind::AnswerLost);
                    self.end(&pending, outcome);
                } else {
                    again.after = again.after.max(after);
                    again.tries = again.tries.max(pending.ticket.tries);
                    again.list.push(pending);
                }
            }
        }
    }

    /// Full jitter: anything between nothing and the pause, which doubles with each try.
    fn put_later(&mut self, now: Instant, again: Again, whole_call_failed: bool) {
        if again.list.is_empty() {
            return;
        }
        let doubled = RETRY_PAUSE_MIN.saturating_mul(1 << again.tries.min(16));
        let mut pause = doubled.min(RETRY_PAUSE_MAX).mul_f64(fastrand::f64());
        if whole_call_failed && !self.breaker.take_retry() {
            pause = RETRY_PAUSE_MAX;
        }
        let pause = pause.max(again.after.unwrap_or_default());
        self.later.push((now + pause, again.list));
    }

    fn wake_later(&mut self, now: Instant) {
        let due = self.later.extract_if(.., |(at, _)| *at <= now);
        let mut lists: Vec<_> = due.map(|(_, list)| list).collect();
        // Older than what is ready, so they go first, each list in its order.
        for pending in lists
            .drain(..)
            .rev()
            .flat_map(|list| list.into_iter().rev())
        {
            self.ready.push_front(pending);
        }
    }

    /// Gives up what waits for too long.
    fn expire(&mut self, now: Instant) {
        let give_up = self.rules.give_up;
        if self
            .oldest()
            .is_none_or(|oldest| now.duration_since(oldest) < give_up)
        {
            return;
        }
        let old = |pending: &mut Pending| now.duration_since(pending.ticket.since) >= give_up;
        let mut expired: Vec<Pending> = Vec::new();
        let ready = std::mem::take(&mut self.ready);
        for mut pending in ready {
            if old(&mut pending) {
                expired.push(pending)
            } else {
                self.ready.push_back(pending)
            }
        }
        for list in self
            .halves
            .iter_mut()
            .chain(self.later.iter_mut().map(|(_, list)| list))
        {
            expired.extend(list.extract_if(.., old));
        }
        self.halves.retain(|list| !list.is_empty());
        self.later.retain(|(_, list)| !list.is_empty());
        for pending in expired {
            let outcome = pending.ticket.gave_up(ReasonKind::GiveUp);
            self.end(&pending, outcome);
        }
    }

    /// Ends every record that is not in a call.
    fn end_all(&mut self, reason: &Reason) {
        let mut all: Vec<Pending> = self.ready.drain(..).collect();
        all.extend(self.halves.drain(..).flatten());
        all.extend(self.later.drain(..).flat_map(|(_, list)| list));
        for mut pending in all {
            pending.ticket.reason = Some(reason.clone());
            let outcome = pending.ticket.gave_up(reason.kind());
            self.end(&pending, outcome);
        }
    }

    fn end(&mut self, pending: &Pending, outcome: Outcome) {
        if self.rules.limits.unique_keys
            && let Some(key) = pending.ticket.key
        {
            // Only a record that was sent holds its key.
            if pending.ticket.tries > 0 {
                self.keys.remove(&key);
            }
        }
        self.outcomes.push((pending.ticket.id, outcome));
    }
}

/// What of a call is tried again.
#[derive(Default)]
struct Again {
    list: Vec<Pending>,
    after: Option<Duration>,
    tries: u32,
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
