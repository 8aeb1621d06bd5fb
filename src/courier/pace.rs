//! When a batch that is not full is sent: at once when the target is idle, and spread over the
//! time of a call while calls are in flight.

use std::time::{Duration, Instant};

/// Records that are worth a call of their own while other calls are in flight.
const WORTH_A_CALL: usize = 32;
/// The weight of the newest call in the time that a call takes.
const NEWEST: f64 = 0.125;

/// Spreads the calls to one target.
///
/// With `n` calls allowed at once and a call taking `t`, a batch that is not full starts at most
/// every `t / n`, and one of fewer than [`WORTH_A_CALL`] records at most every `t / 2`. What
/// arrives meanwhile shares a batch, so that the cost of a call (about 100 µs of CPU, as much as
/// 40 records) is shared by more records the busier it gets, and no record waits longer than
/// `t / 2` where a slot is free: there is no timer to tune.
#[derive(Debug, Default)]
pub struct Pace {
    call: Duration,
    last: Option<Instant>,
}

impl Pace {
    /// A call started.
    pub fn started(&mut self, now: Instant) {
        self.last = Some(now);
    }

    /// A call took so long.
    pub fn took(&mut self, call: Duration) {
        self.call = if self.call.is_zero() {
            call
        } else {
            self.call.mul_f64(1.0 - NEWEST) + call.mul_f64(NEWEST)
        };
    }

    /// When a batch of so many records, which is not full, may start, with so many calls in flight
    /// of so many.
    #[must_use]
    pub fn next(&self, now: Instant, in_flight: usize, allowed: usize, records: usize) -> Instant {
        let turns = if records < WORTH_A_CALL {
            allowed.min(2)
        } else {
            allowed
        };
        match self.last {
            Some(last) if in_flight > 0 => {
                last + self.call / u32::try_from(turns.max(1)).unwrap_or(u32::MAX)
            }
            _ => now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_target_is_sent_to_at_once_and_a_busy_one_in_turns() {
        let now = Instant::now();
        let mut pace = Pace::default();
        assert_eq!(pace.next(now, 0, 4, 1), now);
        pace.started(now);
        pace.took(Duration::from_millis(20));
        assert_eq!(pace.next(now, 0, 4, 1), now);
        assert_eq!(pace.next(now, 1, 4, 1), now + Duration::from_millis(10));
        let many = WORTH_A_CALL;
        assert_eq!(pace.next(now, 1, 4, many), now + Duration::from_millis(5));
    }
}
