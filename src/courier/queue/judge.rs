//! What became of the records of a call: ended, tried again later, or judged by halves.

use std::time::{Duration, Instant};

use sluicegate_contract::{Attempt, Outcome, Reason, ReasonKind, TargetState};

use super::super::call::Pending;
use super::{Change, Queue};
use crate::limits::{RETRY_PAUSE_MAX, RETRY_PAUSE_MIN};

impl Queue {
    /// What a whole call says of its target.
    pub(super) fn judge_call(&mut self, now: Instant, attempts: &[Attempt]) -> Option<Change> {
        let blocked = attempts.iter().find_map(|attempt| match attempt {
            Attempt::Blocked(reason) => Some(reason.clone()),
            _ => None,
        });
        if let Some(reason) = blocked {
            // A target that refuses everybody is there. Were its call the probe of an open breaker,
            // no other would ever follow.
            self.breaker.answered();
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
    pub(super) fn halve(&mut self, mut batch: Vec<Pending>) {
        let second = batch.split_off(batch.len() / 2);
        self.halves.push_front(second);
        self.halves.push_front(batch);
    }

    pub(super) fn judge(&mut self, mut pending: Pending, attempt: Attempt, again: &mut Again) {
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
    pub(super) fn put_later(&mut self, now: Instant, again: Again, answered: bool) {
        if again.list.is_empty() {
            return;
        }
        let doubled = RETRY_PAUSE_MIN.saturating_mul(1 << again.tries.min(16));
        let mut pause = doubled.min(RETRY_PAUSE_MAX).mul_f64(fastrand::f64());
        if !answered && !self.breaker.take_retry() {
            pause = RETRY_PAUSE_MAX;
        }
        let pause = pause.max(again.after.unwrap_or_default());
        self.later.push((now + pause, again.list));
    }

    pub(super) fn wake_later(&mut self, now: Instant) {
        let due = self.later.extract_if(.., |(at, _)| *at <= now);
        let mut lists: Vec<_> = due.map(|(_, list)| list).collect();
        self.held_back &= lists.is_empty();
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
    pub(super) fn expire(&mut self, now: Instant) {
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
    pub(super) fn end_all(&mut self, reason: &Reason) {
        let mut all: Vec<Pending> = self.ready.drain(..).collect();
        all.extend(self.halves.drain(..).flatten());
        all.extend(self.later.drain(..).flat_map(|(_, list)| list));
        for mut pending in all {
            pending.ticket.reason = Some(reason.clone());
            let outcome = pending.ticket.gave_up(reason.kind());
            self.end(&pending, outcome);
        }
    }

    pub(super) fn end(&mut self, pending: &Pending, outcome: Outcome) {
        let outcome = outcome.after_attempts(pending.ticket.tries);
        if self.rules.limits.unique_keys
            && let Some(key) = pending.ticket.key
        {
            // Only a record that was sent holds its key.
            if pending.ticket.tries > 0 {
                self.keys.remove(&key);
            }
        }
        self.held_back = false;
        self.outcomes.push((pending.ticket.id, outcome));
    }
}

/// What of a call is tried again.
#[derive(Default)]
pub(super) struct Again {
    list: Vec<Pending>,
    after: Option<Duration>,
    tries: u32,
}
