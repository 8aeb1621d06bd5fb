//! Stops the calls to a target that fails, and lets one through at a time to see whether it does
//! again.

use std::time::{Duration, Instant};

use crate::limits::{PROBE_PAUSE_MAX, RETRY_PAUSE_MIN};

/// The weight of the newest call in the ratio of failed calls.
const NEWEST: f64 = 0.2;
/// The ratio of failed calls at which the breaker opens: five failures in a row after good calls.
const OPENS_AT: f64 = 0.6;
/// Retries that each call allows: keeps the calls to a failing target under 1.2 times those to a
/// good one.
const RETRIES_PER_CALL: f64 = 0.2;
/// Retries that may be saved up.
const RETRIES_SAVED_MAX: f64 = 10.0;

/// A circuit breaker with a budget of retries.
#[derive(Debug)]
pub struct Breaker {
    failed: f64,
    open: Option<Open>,
    retries: f64,
}

#[derive(Debug)]
struct Open {
    probe_at: Instant,
    pause: Duration,
    probing: bool,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            failed: 0.0,
            open: None,
            retries: RETRIES_SAVED_MAX,
        }
    }
}

impl Breaker {
    /// True while calls are held back.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Whether a call may start now.
    #[must_use]
    pub fn permits(&self, now: Instant) -> bool {
        self.open
            .as_ref()
            .is_none_or(|open| !open.probing && now >= open.probe_at)
    }

    /// When the next call may start, where the breaker holds it back.
    #[must_use]
    pub fn probe_at(&self) -> Option<Instant> {
        self.open
            .as_ref()
            .filter(|open| !open.probing)
            .map(|open| open.probe_at)
    }

    /// A call started.
    pub fn started(&mut self) {
        self.retries = (self.retries + RETRIES_PER_CALL).min(RETRIES_SAVED_MAX);
        if let Some(open) = &mut self.open {
            open.probing = true;
        }
    }

    /// Takes one retry from the budget.
    pub fn take_retry(&mut self) -> bool {
        let granted = self.retries >= 1.0;
        if granted {
            self.retries -= 1.0;
        }
        granted
    }

    /// The target answered a call, if only to refuse or to throttle: it is there.
    pub fn answered(&mut self) {
        self.failed *= 1.0 - NEWEST;
        if self.open.take().is_some() {
            self.failed = 0.0;
            self.retries = RETRIES_SAVED_MAX;
        }
    }

    /// A call failed as a whole.
    pub fn failed(&mut self, now: Instant) {
        self.failed += NEWEST * (1.0 - self.failed);
        match &mut self.open {
            Some(open) => {
                open.pause = (open.pause * 2).min(PROBE_PAUSE_MAX);
                open.probe_at = now + open.pause;
                open.probing = false;
            }
            None if self.failed >= OPENS_AT => self.trip(now),
            None => {}
        }
    }

    /// Opens at once.
    pub fn trip(&mut self, now: Instant) {
        let pause = RETRY_PAUSE_MIN;
        self.open = Some(Open {
            probe_at: now + pause,
            pause,
            probing: false,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_failures_in_a_row_open_it_and_one_answer_closes_it() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 0..4 {
            breaker.failed(now);
            assert!(breaker.permits(now));
        }
        breaker.failed(now);
        assert!(!breaker.permits(now), "the fifth failure opens it");
        let later = now + RETRY_PAUSE_MIN;
        assert!(breaker.permits(later), "one probe may go");
        breaker.started();
        assert!(!breaker.permits(later), "only one");
        breaker.failed(later);
        assert!(
            !breaker.permits(later + RETRY_PAUSE_MIN),
            "the pause doubles"
        );
        breaker.started();
        breaker.answered();
        assert!(breaker.permits(later) && !breaker.is_open());
    }

    #[test]
    fn retries_stay_under_a_fifth_of_the_calls() {
        let mut breaker = Breaker::default();
        let (mut calls, mut retries) = (0, 0);
        for _ in 0..1000 {
            breaker.started();
            calls += 1;
            if breaker.take_retry() {
                retries += 1;
            }
        }
        assert!(
            f64::from(retries) <= f64::from(calls) * 0.2 + RETRIES_SAVED_MAX,
            "{retries}"
        );
    }
}
