//! Histograms with fixed buckets: one for a single core, one that threads share.
//!
//! The bounds are fixed so that counting is one search in 15 numbers and no allocation, and so
//! that histograms of several cores add up.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bounds of a histogram; a value goes to the first that is not below it, else past the last.
pub(crate) const BOUNDS: usize = 15;
const BUCKETS: usize = BOUNDS + 1;

/// Bounds of durations, in nanoseconds: 250 µs to 10 s.
pub(crate) const TIME_BOUNDS: [u64; BOUNDS] = [
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
];

/// Bounds of batch sizes, in records: the limits of the targets' calls and steps between them.
pub(crate) const RECORD_BOUNDS: [u64; BOUNDS] =
    [1, 2, 3, 5, 10, 15, 20, 25, 50, 100, 150, 200, 300, 400, 500];

/// What a histogram held at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistogramSnapshot {
    /// How many values fell into each bucket, not cumulated; the last is beyond all bounds.
    pub buckets: [u64; BUCKETS],
    /// Sum of all values, in their unit (nanoseconds, records).
    pub sum: u64,
}

impl HistogramSnapshot {
    /// How many values were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Adds what another histogram of the same bounds held.
    pub fn add(&mut self, other: &Self) {
        for (mine, more) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += more;
        }
        self.sum = self.sum.saturating_add(other.sum);
    }
}

/// A histogram of one core.
#[derive(Debug)]
pub(crate) struct CoreHistogram {
    bounds: &'static [u64; BOUNDS],
    buckets: [Cell<u64>; BUCKETS],
    sum: Cell<u64>,
}

impl CoreHistogram {
    pub(crate) fn new(bounds: &'static [u64; BOUNDS]) -> Self {
        Self {
            bounds,
            buckets: [const { Cell::new(0) }; BUCKETS],
            sum: Cell::new(0),
        }
    }

    pub(crate) fn count(&self, value: u64) {
        if let Some(bucket) = self.buckets.get(bucket(self.bounds, value)) {
            bucket.set(bucket.get() + 1);
        }
        self.sum.set(self.sum.get().saturating_add(value));
    }

    pub(crate) fn snapshot(&self) -> HistogramSnapshot {
        let mut snapshot = HistogramSnapshot::default();
        for (copy, bucket) in snapshot.buckets.iter_mut().zip(&self.buckets) {
            *copy = bucket.get();
        }
        snapshot.sum = self.sum.get();
        snapshot
    }
}

/// A histogram that several threads count in. Sum and buckets of a snapshot may differ by what
/// was counted in between; the number of values is taken from the buckets, so those agree.
#[derive(Debug)]
pub(crate) struct SharedHistogram {
    bounds: &'static [u64; BOUNDS],
    buckets: [AtomicU64; BUCKETS],
    sum: AtomicU64,
}

impl SharedHistogram {
    pub(crate) fn new(bounds: &'static [u64; BOUNDS]) -> Self {
        Self {
            bounds,
            buckets: [const { AtomicU64::new(0) }; BUCKETS],
            sum: AtomicU64::new(0),
        }
    }

    pub(crate) fn count(&self, value: u64) {
        if let Some(bucket) = self.buckets.get(bucket(self.bounds, value)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self) -> HistogramSnapshot {
        let mut snapshot = HistogramSnapshot::default();
        for (copy, bucket) in snapshot.buckets.iter_mut().zip(&self.buckets) {
            *copy = bucket.load(Ordering::Relaxed);
        }
        snapshot.sum = self.sum.load(Ordering::Relaxed);
        snapshot
    }
}

fn bucket(bounds: &[u64; BOUNDS], value: u64) -> usize {
    bounds.partition_point(|bound| *bound < value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_falls_into_the_first_bucket_whose_bound_is_not_below_it() {
        for (value, place) in [
            (0, 0),
            (250_000, 0),
            (250_001, 1),
            (10_000_000_000, 14),
            (10_000_000_001, 15),
            (u64::MAX, 15),
        ] {
            let (alone, shared) = (
                CoreHistogram::new(&TIME_BOUNDS),
                SharedHistogram::new(&TIME_BOUNDS),
            );
            alone.count(value);
            shared.count(value);
            assert_eq!(alone.snapshot(), shared.snapshot());
            assert_eq!(alone.snapshot().buckets[place], 1, "{value}");
            assert_eq!((alone.snapshot().count(), alone.snapshot().sum), (1, value));
        }
    }

    #[test]
    fn bounds_rise() {
        assert!(TIME_BOUNDS.is_sorted() && RECORD_BOUNDS.is_sorted());
    }

    #[test]
    fn histograms_of_two_cores_add_up() {
        let histogram = CoreHistogram::new(&RECORD_BOUNDS);
        histogram.count(1);
        histogram.count(501);
        let mut sum = histogram.snapshot();
        sum.add(&histogram.snapshot());
        assert_eq!((sum.buckets[0], sum.buckets[15], sum.sum), (2, 2, 1004));
    }
}
