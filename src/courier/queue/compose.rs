//! Which of the records that are ready share the next call, and when it may start.

use std::time::Instant;

use sluicegate_contract::{Batch, Limits};

use super::super::call::{Call, Pending};
use super::{CallId, Queue};

impl Queue {
    /// When a batch of what is ready may start.
    pub(super) fn starts_at(&self, now: Instant) -> Option<Instant> {
        let oldest = self.ready.front()?.ticket.since;
        // A record that travels alone would share no call with those that it could wait for.
        let alone = self.ready.front().is_some_and(|first| first.ticket.alone);
        if alone || self.is_full() {
            return Some(now);
        }
        Some(
            self.pace
                .next(now, self.calls.len(), self.ready.len())
                .max(oldest + self.rules.linger),
        )
    }

    pub(super) fn is_full(&self) -> bool {
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
    pub(super) fn compose(&mut self) -> Vec<Pending> {
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
            // What is passed over holds its key as well: a later record must not overtake it.
            let waits = |key: u64| {
                let earlier = |other: &Pending| other.ticket.key == Some(key);
                self.keys.contains(&key) || passed_over.iter().any(earlier)
            };
            let held = first_try && ticket.key.is_some_and(waits);
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

    pub(super) fn start(&mut self, now: Instant, mut batch: Vec<Pending>) -> (CallId, Batch) {
        for pending in &mut batch {
            pending.ticket.tries += 1;
        }
        self.breaker.started();
        self.pace.started(now);
        let call = Call::new(now, batch);
        let batch = call.batch();
        (self.calls.insert(call), batch)
    }
}
