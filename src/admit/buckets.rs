//! Token buckets by key, in a table of fixed size that all cores share.
//!
//! A bucket is one time: when it will be full again (the "theoretical arrival time" of the generic
//! cell rate algorithm). One that is full is as good as none, so forgetting it loses nothing. A set
//! of the table whose buckets are all in use forgets the one that would be full soonest: to have
//! one's own or a victim's deep bucket forgotten, one would have to drain deeper ones in the same
//! set, and which keys share a set is known to nobody, as the hash has a random key.
//!
//! The `governor` crate is not used here: it keeps every key until it is told to look through all of
//! them, and cannot give back what was taken when another limit refuses.
//!
//! A set is behind a lock that is held for a few comparisons and never across a wait. Cores meet at
//! it only for the same key or one of its few neighbours.

use std::sync::{Mutex, PoisonError};

use crate::limits::LIMIT_BUCKETS_PER_SET;
use crate::settings::Quota;

/// A key of the table, hashed together with the limit that it belongs to.
pub(super) type Tag = u64;
/// Nanoseconds since the limiter was made.
pub(super) type Nanoseconds = u64;

/// The table.
#[derive(Debug)]
pub(super) struct Buckets {
    sets: Box<[Set]>,
}

#[derive(Debug, Default)]
#[repr(align(64))]
struct Set(Mutex<Ways>);

type Ways = [Bucket; LIMIT_BUCKETS_PER_SET];

#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    tag: Tag,
    full_at: Nanoseconds,
}

/// Why a bucket gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Empty {
    /// Until so many nanoseconds have passed.
    For(Nanoseconds),
    /// It never holds so much.
    Always,
}

impl Buckets {
    /// A table of so many sets; a power of two.
    pub(super) fn new(sets: usize) -> Self {
        let sets = (0..sets.next_power_of_two()).map(|_| Set::default());
        Self {
            sets: sets.collect(),
        }
    }

    /// Takes so much out of a key's bucket.
    pub(super) fn take(
        &self,
        tag: Tag,
        quota: &Quota,
        much: u64,
        now: Nanoseconds,
    ) -> Result<(), Empty> {
        let (whole, span) = (quota.nanoseconds(quota.burst), quota.nanoseconds(much));
        if span > whole {
            return Err(Empty::Always);
        }
        self.with_set(tag, |buckets| {
            let (place, full_at) = bucket_of(buckets, tag);
            let full_at = full_at.max(now).saturating_add(span);
            let lacks = full_at.saturating_sub(now).saturating_sub(whole);
            if lacks > 0 {
                return Err(Empty::For(lacks));
            }
            buckets[place] = Bucket { tag, full_at };
            Ok(())
        })
    }

    /// Gives back what was taken.
    pub(super) fn give_back(&self, tag: Tag, quota: &Quota, much: u64) {
        let span = quota.nanoseconds(much);
        self.with_set(tag, |buckets| {
            if let Some(bucket) = buckets.iter_mut().find(|bucket| bucket.tag == tag) {
                bucket.full_at = bucket.full_at.saturating_sub(span);
            }
        });
    }

    /// Buckets that are not full. Looks through the whole table.
    #[cfg(test)]
    pub(super) fn in_use(&self, now: Nanoseconds) -> usize {
        let in_use = |set: &Set| {
            let buckets = set.0.lock().unwrap_or_else(PoisonError::into_inner);
            buckets.iter().filter(|bucket| bucket.full_at > now).count()
        };
        self.sets.iter().map(in_use).sum()
    }

    fn with_set<T>(&self, tag: Tag, look: impl FnOnce(&mut Ways) -> T) -> T {
        // The number of sets is a power of two, so that the place is always there.
        let place = (tag >> 32) as usize & (self.sets.len() - 1);
        let mut set = self.sets[place]
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        look(&mut set)
    }
}

/// The bucket of a key as it stands: its own; else one for it in the place of that which is or will
/// be full soonest. It is a copy, so that what gets nothing changes nothing.
fn bucket_of(buckets: &Ways, tag: Tag) -> (usize, Nanoseconds) {
    let mut soonest = (0, Nanoseconds::MAX);
    for (place, bucket) in buckets.iter().enumerate() {
        if bucket.tag == tag {
            return (place, bucket.full_at);
        }
        if bucket.full_at < soonest.1 {
            soonest = (place, bucket.full_at);
        }
    }
    (soonest.0, 0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Nanoseconds = 1_000_000_000;

    fn quota(amount: u64, burst: u64) -> Quota {
        Quota {
            amount,
            window: Duration::from_secs(1),
            burst,
        }
    }

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let (buckets, quota) = (Buckets::new(4), quota(10, 20));
        for _ in 0..20 {
            assert_eq!(buckets.take(1, &quota, 1, 0), Ok(()));
        }
        assert_eq!(buckets.take(1, &quota, 1, 0), Err(Empty::For(SECOND / 10)));
        assert_eq!(buckets.take(1, &quota, 21, 0), Err(Empty::Always));
        assert_eq!(
            buckets.take(2, &quota, 20, 0),
            Ok(()),
            "another key has its own"
        );
        assert_eq!(buckets.take(1, &quota, 1, SECOND / 10), Ok(()));
        assert_eq!(
            buckets.take(1, &quota, 10, SECOND),
            Err(Empty::For(SECOND / 10))
        );
        buckets.give_back(1, &quota, 1);
        assert_eq!(buckets.take(1, &quota, 10, SECOND), Ok(()));
        assert_eq!(
            buckets.take(1, &quota, 20, 100 * SECOND),
            Ok(()),
            "it is full again"
        );
    }

    #[test]
    fn any_number_of_keys_stays_within_the_table_and_a_deep_bucket_outlives_them() {
        let (buckets, quota) = (Buckets::new(4), quota(1, 1000));
        let victim = 7;
        assert_eq!(buckets.take(victim, &quota, 1000, 0), Ok(()));
        for key in 0..1_000_000_u64 {
            let tag = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1 << 20;
            assert_eq!(buckets.take(tag, &quota, 1, 0), Ok(()));
        }
        assert!(buckets.in_use(0) <= 4 * LIMIT_BUCKETS_PER_SET);
        assert_eq!(buckets.take(victim, &quota, 1, 0), Err(Empty::For(SECOND)));
    }

    #[test]
    fn cores_together_get_no_more_than_there_is() {
        let (buckets, quota) = (Buckets::new(2), quota(1, 5000));
        let taken: usize = std::thread::scope(|scope| {
            let take = || {
                (0..5000)
                    .filter(|_| buckets.take(9, &quota, 1, 0).is_ok())
                    .count()
            };
            let cores: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
            cores.into_iter().map(|core| core.join().unwrap()).sum()
        });
        assert_eq!(taken, 5000);
    }
}
