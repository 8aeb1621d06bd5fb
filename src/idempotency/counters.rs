//! What is counted of keys, by all cores: a few atomics that only requests with keys touch.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of one store.
#[derive(Debug, Default)]
pub(super) struct Counters {
    /// Keys that were claimed for the first time.
    pub claimed: AtomicU64,
    /// Keys that were answered as before.
    pub replayed: AtomicU64,
    /// Keys of which a part was sent again.
    pub resumed: AtomicU64,
    /// Keys that were refused since their request was under way.
    pub running: AtomicU64,
    /// Keys that were refused since they came with another payload.
    pub mismatched: AtomicU64,
    /// Keys that were refused since the store could not be asked or had no room.
    pub unavailable: AtomicU64,
    /// Answers that could not be stored.
    pub unrecorded: AtomicU64,
}

impl Counters {
    /// Counts one.
    pub(super) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Puts the counts into a reading.
    pub(super) fn read(&self, reading: &mut Reading) {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        reading.claimed = get(&self.claimed);
        reading.replayed = get(&self.replayed);
        reading.resumed = get(&self.resumed);
        reading.conflicts = get(&self.running);
        reading.mismatched = get(&self.mismatched);
        reading.unavailable = get(&self.unavailable);
        reading.unrecorded = get(&self.unrecorded);
    }
}

/// What a store holds and has done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// `log` or `dynamodb`.
    pub store: &'static str,
    /// Keys that are held, those that run included; of a shared store, those that this process
    /// runs.
    pub keys: u64,
    /// Keys whose request is under way in this process.
    pub running: u64,
    /// Bytes that they take in memory.
    pub bytes: u64,
    /// Keys that went before their time, since there was no room.
    pub forgotten: u64,
    /// Keys that were claimed for the first time.
    pub claimed: u64,
    /// Keys that were answered as before.
    pub replayed: u64,
    /// Keys of which a part was sent again.
    pub resumed: u64,
    /// Keys that were refused since their request was under way.
    pub conflicts: u64,
    /// Keys that were refused since they came with another payload.
    pub mismatched: u64,
    /// Keys that were refused since the store could not be asked or had no room.
    pub unavailable: u64,
    /// Answers that could not be stored.
    pub unrecorded: u64,
    /// The last error of the store: one line.
    pub last_error: Option<String>,
}
