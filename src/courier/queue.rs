//! What a courier decides: which records share a call, which are tried again and when, and what
//! became of each. Time is handed in; nothing here waits or sends.

mod compose;
mod judge;

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use slab::Slab;
use sluicegate_contract::{
    Attempt, Batch, Integration, Limits, Outcome, Reason, ReasonKind, RecordId, TargetState,
};

use self::judge::Again;
use super::call::{Call, Pending, Ticket};
use super::{Breaker, Pace};
use crate::dispatch::Queued;

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
    /// Nothing that is ready may travel until something changes: all of it waits for keys.
    held_back: bool,
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
            held_back: false,
            calls: Slab::new(),
            breaker: Breaker::default(),
            pace: Pace::default(),
            outcomes: Vec::new(),
        }
    }

    /// Takes new records.
    pub fn put(&mut self, now: Instant, records: Vec<Queued>, room: &dyn Integration) {
        self.held_back = false;
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
            self.held_back = true;
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
        // Halves hold their keys themselves, so nothing holds them back.
        let held_back = self.held_back && self.halves.is_empty();
        let start = if !has_slot || !waiting || held_back {
            None
        } else if let Some(probe) = self.breaker.probe_at() {
            // The probe keeps to the pace as well, unless it is a half.
            let paced = self.starts_at(now).filter(|_| self.halves.is_empty());
            Some(paced.map_or(probe, |at| at.max(probe)))
        } else if self.breaker.is_open() {
            None
        } else {
            // It may have passed since `next` looked: then `next` is asked again at once.
            self.starts_at(now)
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
        self.held_back = false;
        let took = now.duration_since(call.started);
        self.pace.ended(now, took, attempts.len());
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
        // A target that answers, if only to throttle some, may be asked again without a budget.
        let answered = change
            .as_ref()
            .is_some_and(|change| change.state == TargetState::Up);
        let mut again = Again::default();
        for (pending, attempt) in batch.into_iter().zip(attempts) {
            self.judge(pending, attempt, &mut again);
        }
        self.put_later(now, again, answered);
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
}

#[cfg(test)]
mod tests;
