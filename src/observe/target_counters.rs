//! What couriers and client libraries count of a target: shared between threads, so atomic.
//! Counted once a call or an attempt; relaxed, since no number here guards another.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sluicegate_contract::{Attempt, ReasonKind};

use super::histogram::{HistogramSnapshot, RECORD_BOUNDS, SharedHistogram, TIME_BOUNDS};

/// The places of attempts: `stored`, then the reasons in the order of [`ReasonKind::ALL`].
const ATTEMPTS: usize = 1 + ReasonKind::ALL.len();

/// The counters of one target.
#[derive(Debug)]
pub struct TargetCounters {
    attempts: [AtomicU64; ATTEMPTS],
    call_seconds: SharedHistogram,
    batch_records: SharedHistogram,
    inflight_calls: AtomicI64,
    retries: AtomicU64,
    /// Dead letters that were kept, by the places of their reasons in [`ReasonKind::ALL`].
    dead_letters: [AtomicU64; ReasonKind::ALL.len()],
    dead_letters_lost: AtomicU64,
    /// Nanoseconds from `made` to when the oldest record in the queue came, plus one; 0: empty.
    oldest: AtomicU64,
    made: Instant,
}

impl Default for TargetCounters {
    fn default() -> Self {
        Self::new()
    }
}

impl TargetCounters {
    /// Counters that stand at zero.
    #[must_use]
    pub fn new() -> Self {
        Self {
            attempts: [const { AtomicU64::new(0) }; ATTEMPTS],
            call_seconds: SharedHistogram::new(&TIME_BOUNDS),
            batch_records: SharedHistogram::new(&RECORD_BOUNDS),
            inflight_calls: AtomicI64::new(0),
            retries: AtomicU64::new(0),
            dead_letters: [const { AtomicU64::new(0) }; ReasonKind::ALL.len()],
            dead_letters_lost: AtomicU64::new(0),
            oldest: AtomicU64::new(0),
            made: Instant::now(),
        }
    }

    /// A call with so many records left.
    pub fn call_started(&self, records: usize) {
        self.inflight_calls.fetch_add(1, Ordering::Relaxed);
        self.batch_records.count(records as u64);
    }

    /// A call was answered, or given up, after this time.
    pub fn call_finished(&self, took: Duration) {
        self.inflight_calls.fetch_sub(1, Ordering::Relaxed);
        self.call_seconds
            .count(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Counts one attempt at one record by what the room said of it.
    pub fn attempt(&self, attempt: &Attempt) {
        self.attempts(
            match attempt {
                Attempt::Stored(_) => None,
                Attempt::Again { reason, .. }
                | Attempt::Refused(reason)
                | Attempt::Blocked(reason) => Some(reason.kind()),
            },
            1,
        );
    }

    /// Counts attempts at so many records: stored where there is no reason.
    pub fn attempts(&self, reason: Option<ReasonKind>, records: u64) {
        let place = reason.map_or(0, |kind| 1 + kind as usize);
        if let Some(attempts) = self.attempts.get(place) {
            attempts.fetch_add(records, Ordering::Relaxed);
        }
    }

    /// So many records will be tried again.
    pub fn retries(&self, records: u64) {
        self.retries.fetch_add(records, Ordering::Relaxed);
    }

    /// A record that will not be delivered, for this reason, is kept as a dead letter.
    pub fn dead_letter(&self, reason: ReasonKind) {
        if let Some(letters) = self.dead_letters.get(reason as usize) {
            letters.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A dead letter could not be kept.
    pub fn dead_letter_lost(&self) {
        self.dead_letters_lost.fetch_add(1, Ordering::Relaxed);
    }

    /// When the oldest record that waits in the queue came; `None` where none waits.
    pub fn queue_oldest(&self, came: Option<Instant>) {
        let oldest = came.map_or(0, |came| {
            u64::try_from(came.saturating_duration_since(self.made).as_nanos())
                .unwrap_or(u64::MAX)
                .saturating_add(1)
        });
        self.oldest.store(oldest, Ordering::Relaxed);
    }

    /// All counters as they are now.
    #[must_use]
    pub fn snapshot(&self) -> TargetSnapshot {
        let oldest = self.oldest.load(Ordering::Relaxed);
        TargetSnapshot {
            stored: self.attempt_count(0),
            failed: ReasonKind::ALL
                .iter()
                .enumerate()
                .map(|(place, kind)| (*kind, self.attempt_count(1 + place)))
                .filter(|(_, attempts)| *attempts > 0)
                .collect(),
            call_seconds: self.call_seconds.snapshot(),
            batch_records: self.batch_records.snapshot(),
            inflight_calls: self.inflight_calls.load(Ordering::Relaxed).max(0),
            retries: self.retries.load(Ordering::Relaxed),
            dead_letters: ReasonKind::ALL
                .iter()
                .zip(&self.dead_letters)
                .map(|(kind, letters)| (*kind, letters.load(Ordering::Relaxed)))
                .filter(|(_, letters)| *letters > 0)
                .collect(),
            dead_letters_lost: self.dead_letters_lost.load(Ordering::Relaxed),
            queue_oldest: oldest.checked_sub(1).map(|came| {
                self.made
                    .elapsed()
                    .saturating_sub(Duration::from_nanos(came))
            }),
        }
    }

    fn attempt_count(&self, place: usize) -> u64 {
        self.attempts
            .get(place)
            .map_or(0, |attempts| attempts.load(Ordering::Relaxed))
    }
}

/// The counters of one target at about one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetSnapshot {
    /// Attempts that stored their record.
    pub stored: u64,
    /// Attempts that did not, by the reasons that occurred.
    pub failed: Vec<(ReasonKind, u64)>,
    /// How long calls took, in nanoseconds.
    pub call_seconds: HistogramSnapshot,
    /// Records of each call.
    pub batch_records: HistogramSnapshot,
    /// Calls that are not answered yet.
    pub inflight_calls: i64,
    /// Records that were tried again, once for each further try.
    pub retries: u64,
    /// Its records that are kept as dead letters, by the reasons that occurred.
    pub dead_letters: Vec<(ReasonKind, u64)>,
    /// Its dead letters that nobody has.
    pub dead_letters_lost: u64,
    /// How long the oldest record in the queue has waited.
    pub queue_oldest: Option<Duration>,
}

#[cfg(test)]
mod tests {
    use sluicegate_contract::{Reason, Receipt};

    use super::*;

    #[test]
    fn attempts_are_counted_by_what_the_room_said() {
        let counters = TargetCounters::new();
        counters.attempt(&Attempt::Stored(Receipt::Nothing));
        counters.attempt(&Attempt::Again {
            certain: true,
            after: None,
            reason: ReasonKind::Throttled.into(),
        });
        counters.attempt(&Attempt::Blocked(Reason::new(
            ReasonKind::AccessDenied,
            "no",
        )));
        counters.attempts(Some(ReasonKind::Throttled), 4);
        let snapshot = counters.snapshot();
        assert_eq!(snapshot.stored, 1);
        assert_eq!(
            snapshot.failed,
            [(ReasonKind::Throttled, 5), (ReasonKind::AccessDenied, 1)]
        );
    }

    #[test]
    fn every_reason_has_a_place_of_its_own() {
        let counters = TargetCounters::new();
        for kind in ReasonKind::ALL {
            counters.attempts(Some(*kind), 1);
        }
        let expected: Vec<_> = ReasonKind::ALL.iter().map(|kind| (*kind, 1)).collect();
        assert_eq!(counters.snapshot().failed, expected);
    }

    #[test]
    fn the_oldest_record_ages_until_the_queue_is_empty() {
        let counters = TargetCounters::new();
        assert_eq!(counters.snapshot().queue_oldest, None);
        let came = Instant::now();
        counters.queue_oldest(Some(came));
        let age = counters.snapshot().queue_oldest.unwrap();
        assert!(age <= came.elapsed());
        counters.queue_oldest(None);
        assert_eq!(counters.snapshot().queue_oldest, None);
    }

    #[test]
    fn calls_are_in_flight_between_start_and_finish() {
        let counters = TargetCounters::new();
        counters.call_started(25);
        counters.call_started(1);
        counters.call_finished(Duration::from_millis(3));
        let snapshot = counters.snapshot();
        assert_eq!(snapshot.inflight_calls, 1);
        assert_eq!(
            (snapshot.batch_records.count(), snapshot.batch_records.sum),
            (2, 26)
        );
        assert_eq!(
            (snapshot.call_seconds.count(), snapshot.call_seconds.sum),
            (1, 3_000_000)
        );
    }
}
