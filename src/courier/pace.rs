//! When a batch that is not full is sent: at once when the target is idle, and spread over the
//! time of a call while calls are in flight.

use std::time::{Duration, Instant};

/// Records that are worth a call of their own while other calls are in flight.
const WORTH_A_CALL: usize = 32;
/// Records in a call from which on its senders count as a crowd, whose next events come together.
const CROWD: usize = 8;
/// The part of a call's time that a crowd is waited for.
const CROWD_SHARE: u32 = 16;
/// The weight of the newest call in the time that a call takes.
const NEWEST: f64 = 0.125;

/// Spreads the calls to one target.
///
/// A call costs as much CPU as some 40 records (about 100 µs), so what shares one is cheap. With a
/// call taking `t`, a batch that is not full starts at most every `t / 2` while calls are in
/// flight, and one of fewer than [`WORTH_A_CALL`] records at most every `t`. When the target comes
/// to rest after a call of many records, their senders' next events are given `t / 16` to come
/// together again (group commit). A target that is idle otherwise is sent to at once: there is no
/// timer to tune, and one event alone never waits.
#[derive(Debug, Default)]
pub struct Pace {
    call: Duration,
    started: Option<Instant>,
    ended: Option<(Instant, usize)>,
}

impl Pace {
    /// A call started.
    pub fn started(&mut self, now: Instant) {
        self.started = Some(now);
    }

    /// A call of so many records ended after so long.
    pub fn ended(&mut self, now: Instant, took: Duration, records: usize) {
        self.ended = Some((now, records));
        self.call = if self.call.is_zero() {
            took
        } else {
            self.call.mul_f64(1.0 - NEWEST) + took.mul_f64(NEWEST)
        };
    }

    /// When a batch of so many records, which is not full, may start, with so many calls in flight.
    #[must_use]
    pub fn next(&self, now: Instant, in_flight: usize, records: usize) -> Instant {
        if in_flight == 0 {
            return match self.ended {
                Some((ended, crowd)) if crowd >= CROWD => ended + self.call / CROWD_SHARE,
                _ => now,
            };
        }
        let turns = if records < WORTH_A_CALL { 1 } else { 2 };
        self.started
            .map_or(now, |started| started + self.call / turns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: Duration = Duration::from_millis(16);

    fn after_a_call_of(records: usize, now: Instant) -> Pace {
        let mut pace = Pace::default();
        pace.started(now);
        pace.ended(now, CALL, records);
        pace
    }

    #[test]
    fn an_idle_target_is_sent_to_at_once() {
        let now = Instant::now();
        assert_eq!(Pace::default().next(now, 0, 1), now);
        assert_eq!(after_a_call_of(1, now).next(now, 0, 1), now);
    }

    #[test]
    fn a_crowd_is_given_a_moment_to_come_together_again() {
        let now = Instant::now();
        assert_eq!(after_a_call_of(64, now).next(now, 0, 1), now + CALL / 16);
    }

    #[test]
    fn a_busy_target_is_sent_to_in_turns() {
        let now = Instant::now();
        let pace = after_a_call_of(1, now);
        assert_eq!(pace.next(now, 1, 1), now + CALL);
        assert_eq!(pace.next(now, 1, WORTH_A_CALL), now + CALL / 2);
    }
}
