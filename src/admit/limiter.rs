//! How much may come: takes what a request costs out of the buckets of its limits, all or none.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use smallvec::SmallVec;

use super::buckets::{Buckets, Empty, Nanoseconds, Tag};
use crate::error::{Code, Refusal};
use crate::limits::CONCURRENT_SHARDS;
use crate::settings::{Limit, Quota};

/// The limits of all cores.
#[derive(Debug)]
pub struct Limiter {
    /// With a random key: which values share a set of the table is known to nobody.
    hasher: RandomState,
    started: Instant,
    buckets: Buckets,
    in_flight: Box<[Mutex<HashMap<Tag, u32>>]>,
}

/// A limit that a request comes under, and the value of its `per`, hashed.
#[derive(Clone, Copy, Debug)]
pub struct Under<'l> {
    /// The limit.
    pub limit: &'l Limit,
    /// The value of its `per`, from [`Limiter::key`].
    pub key: u64,
    /// Whether it is of the client itself.
    pub of_client: bool,
}

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Measure {
    Requests,
    Events,
    Bytes,
    Concurrent,
}

/// One thing to take out of one bucket.
#[derive(Clone, Copy, Debug)]
struct Claim {
    tag: Tag,
    quota: Quota,
    measure: Measure,
    whose: Whose,
}

/// Whose a limit is, for messages.
#[derive(Clone, Copy, Debug)]
enum Whose {
    /// Shared by all requests of the route.
    Route,
    /// Of each value of this expression of the route's plan.
    Each(usize),
    Client,
}

/// What a request holds of its limits until it has ended: a place among those in flight, and what
/// can be taken only when its body is there. Dropping it gives the place back.
#[derive(Debug)]
pub struct Held {
    limiter: Arc<Limiter>,
    in_flight: SmallVec<[Tag; 2]>,
    later: SmallVec<[Claim; 2]>,
}

impl Limiter {
    /// Limits whose table has so many sets.
    #[must_use]
    pub fn new(sets: usize) -> Self {
        Self {
            hasher: RandomState::new(),
            started: Instant::now(),
            buckets: Buckets::new(sets),
            in_flight: (0..CONCURRENT_SHARDS).map(|_| Mutex::default()).collect(),
        }
    }

    /// The key of a value of a limit's `per`. Values of any length cost no memory.
    #[must_use]
    pub fn key(&self, limit: &Limit, value: &str) -> u64 {
        self.hasher.hash_one((limit.number, value))
    }

    /// Takes what is known of a request before its body. `length` is that of its body, where it is
    /// stated. `shown` gives the text of an expression. Where a limit refuses, nothing is taken
    /// from the others.
    ///
    /// # Errors
    /// `RateLimited`; `RequestTooLarge` where no bucket ever holds so much.
    pub fn admit<'s>(
        self: &Arc<Self>,
        under: &[Under<'_>],
        length: Option<u64>,
        shown: impl Fn(usize) -> &'s str,
    ) -> Result<Option<Box<Held>>, Refusal> {
        let mut now: SmallVec<[(Claim, u64); 4]> = SmallVec::new();
        let mut later = SmallVec::new();
        for one in under {
            let claim = |quota, measure| Claim::new(one, quota, measure);
            if let Some(quota) = one.limit.requests {
                now.push((claim(quota, Measure::Requests), 1));
            }
            match (one.limit.bytes, length) {
                (Some(quota), Some(length)) => now.push((claim(quota, Measure::Bytes), length)),
                (Some(quota), None) => later.push(claim(quota, Measure::Bytes)),
                (None, _) => {}
            }
            if let Some(quota) = one.limit.events {
                later.push(claim(quota, Measure::Events));
            }
        }
        self.take_all(&now, &shown)?;
        let crowded = under.iter().any(|one| one.limit.concurrent.is_some());
        if !crowded && later.is_empty() {
            return Ok(None);
        }
        let mut held = Box::new(Held {
            limiter: Arc::clone(self),
            in_flight: SmallVec::new(),
            later,
        });
        for one in under {
            if let Err(refusal) = held.enter(one, &shown) {
                self.give_back(&now);
                return Err(refusal);
            }
        }
        Ok(Some(held))
    }

    /// Takes all or none.
    fn take_all<'s>(
        &self,
        claims: &[(Claim, u64)],
        shown: &impl Fn(usize) -> &'s str,
    ) -> Result<(), Refusal> {
        let now = self.now();
        for (place, (claim, much)) in claims.iter().enumerate() {
            let taken = self.buckets.take(claim.tag, &claim.quota, *much, now);
            if let Err(empty) = taken {
                self.give_back(claims.get(..place).unwrap_or_default());
                return Err(claim.refusal(*much, empty, shown));
            }
        }
        Ok(())
    }

    fn give_back(&self, claims: &[(Claim, u64)]) {
        for (claim, much) in claims {
            self.buckets.give_back(claim.tag, &claim.quota, *much);
        }
    }

    fn now(&self) -> Nanoseconds {
        let now = self.started.elapsed().as_nanos();
        Nanoseconds::try_from(now).unwrap_or(Nanoseconds::MAX)
    }

    fn with_count<T>(&self, tag: Tag, look: impl FnOnce(&mut HashMap<Tag, u32>) -> T) -> T {
        // The number of shards is a power of two, so that the place is always there.
        let place = (tag >> 32) as usize & (CONCURRENT_SHARDS - 1);
        let shard = &self.in_flight[place];
        look(&mut shard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Values that hold a bucket that is not full, and values with requests in flight.
    #[cfg(test)]
    pub(super) fn entries(&self) -> (usize, usize) {
        let shards = self.in_flight.iter();
        let in_flight = shards.map(|shard| shard.lock().unwrap().len()).sum();
        (self.buckets.in_use(self.now()), in_flight)
    }
}

impl Held {
    /// Takes what could not be known before the body was there.
    ///
    /// # Errors
    /// `RateLimited`; `TooManyEvents` or `RequestTooLarge` where no bucket ever holds so much.
    pub fn take<'s>(
        &self,
        events: u64,
        bytes: u64,
        shown: impl Fn(usize) -> &'s str,
    ) -> Result<(), Refusal> {
        let claims = self.later.iter().map(|claim| match claim.measure {
            Measure::Events => (*claim, events),
            _ => (*claim, bytes),
        });
        let claims: SmallVec<[(Claim, u64); 4]> = claims.collect();
        self.limiter.take_all(&claims, &shown)
    }

    /// Takes a place among the requests in flight.
    fn enter<'s>(
        &mut self,
        under: &Under<'_>,
        shown: &impl Fn(usize) -> &'s str,
    ) -> Result<(), Refusal> {
        let Some(most) = under.limit.concurrent else {
            return Ok(());
        };
        let quota = Quota {
            amount: u64::from(most),
            window: Duration::from_secs(1),
            burst: u64::from(most),
        };
        let claim = Claim::new(under, quota, Measure::Concurrent);
        let entered = self.limiter.with_count(claim.tag, |counts| {
            let count = counts.entry(claim.tag).or_default();
            let entered = *count < most;
            *count += u32::from(entered);
            entered
        });
        if !entered {
            return Err(claim.refusal(1, Empty::For(1), shown));
        }
        self.in_flight.push(claim.tag);
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        for tag in &self.in_flight {
            self.limiter.with_count(*tag, |counts| {
                if let Some(count) = counts.get_mut(tag) {
                    *count -= 1;
                    if *count == 0 {
                        counts.remove(tag);
                    }
                }
            });
        }
    }
}

impl Measure {
    fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Events => "events",
            Self::Bytes => "bytes",
            Self::Concurrent => "concurrent",
        }
    }

    /// The unit in `RateLimit-Policy`; requests are what is meant without one.
    fn unit(self) -> &'static str {
        match self {
            Self::Requests => "",
            Self::Events => ";qu=\"events\"",
            Self::Bytes => ";qu=\"content-bytes\"",
            Self::Concurrent => ";qu=\"concurrent-requests\"",
        }
    }
}

impl Claim {
    fn new(under: &Under<'_>, quota: Quota, measure: Measure) -> Self {
        // Each measure of a limit has a bucket of its own.
        let other = (measure as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self {
            tag: under.key ^ other,
            quota,
            measure,
            whose: match under.limit.per {
                _ if under.of_client => Whose::Client,
                Some(place) => Whose::Each(place),
                None => Whose::Route,
            },
        }
    }

    /// The refusal, with the fields of draft-ietf-httpapi-ratelimit-headers.
    fn refusal<'s>(&self, much: u64, empty: Empty, shown: &impl Fn(usize) -> &'s str) -> Refusal {
        let (name, quota) = (self.measure.as_str(), &self.quota);
        let rate = match self.measure {
            Measure::Concurrent => quota.amount.to_string(),
            Measure::Bytes => quota.byte_rate(),
            _ => quota.rate(),
        };
        let whose = match self.whose {
            Whose::Route => "all senders of this route together".to_owned(),
            Whose::Each(place) => format!("each value of {}", shown(place)),
            Whose::Client => "this client".to_owned(),
        };
        let Empty::For(lacks) = empty else {
            let (code, parts) = match self.measure {
                Measure::Events => (Code::TooManyEvents, "events"),
                _ => (Code::RequestTooLarge, "bytes"),
            };
            let burst = quota.burst;
            let detail = format!(
                "the request has {much} {parts}; the limit `{name}: {rate}` for {whose} never lets \
                 more than {burst} come at once: send less in one request"
            );
            return Refusal::new(code, detail);
        };
        let seconds = lacks.div_ceil(1_000_000_000).max(1);
        let detail = format!("more than the limit `{name}: {rate}` allows to {whose}");
        let window = match self.measure {
            Measure::Concurrent => String::new(),
            _ => format!(
                ";w={}",
                quota.nanoseconds(quota.burst).div_ceil(1_000_000_000)
            ),
        };
        let policy = format!(
            "\"{name}\";q={}{}{window}",
            quota.burst,
            self.measure.unit()
        );
        let left = match self.measure {
            Measure::Concurrent => 0,
            _ => quota.within(quota.nanoseconds(much).saturating_sub(lacks)),
        };
        let mut refusal = Refusal::new(Code::RateLimited, detail)
            .with_field("RateLimit-Policy", policy)
            .with_field("RateLimit", format!("\"{name}\";r={left};t={seconds}"));
        refusal.retry_after = Some(Duration::from_secs(seconds));
        refusal
    }
}

#[cfg(test)]
#[path = "limiter_tests.rs"]
mod tests;
