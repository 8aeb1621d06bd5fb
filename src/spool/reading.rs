//! What is known of the spool, for metrics, `/status` and health.

use std::sync::atomic::{AtomicU64, Ordering};

/// What the drain counts of one lane. Shared with who reads it; relaxed, since no number here
/// guards another.
#[derive(Debug)]
pub struct LaneCounters {
    /// The name of its cursor.
    pub cursor: String,
    /// True where no target of this name and kind is in the file.
    pub orphaned: bool,
    /// Records that the target confirmed, or for which it holds already what their condition asks.
    pub delivered: AtomicU64,
    /// Records whose condition did not hold, which is an answer.
    pub conflicts: AtomicU64,
    /// Records that the target refused for good.
    pub refused: AtomicU64,
    /// Records that were older than the spool keeps them.
    pub expired: AtomicU64,
    /// Records that may be at the target, of which nobody knows, and that must not be sent twice.
    pub uncertain: AtomicU64,
    /// Records that were given up by their courier and tried again from the spool.
    pub again: AtomicU64,
}

impl LaneCounters {
    /// Counters that stand at zero.
    #[must_use]
    pub fn new(cursor: String, orphaned: bool) -> Self {
        Self {
            cursor,
            orphaned,
            delivered: AtomicU64::new(0),
            conflicts: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            expired: AtomicU64::new(0),
            uncertain: AtomicU64::new(0),
            again: AtomicU64::new(0),
        }
    }

    /// Puts the counters into a reading.
    pub(super) fn read(&self, lane: &mut LaneReading) {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        lane.delivered = of(&self.delivered);
        lane.conflicts = of(&self.conflicts);
        lane.refused = of(&self.refused);
        lane.expired = of(&self.expired);
        lane.uncertain = of(&self.uncertain);
        lane.again = of(&self.again);
    }
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// One target's part of the spool at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LaneReading {
    /// The target's name.
    pub target: String,
    /// True where no target of this name and kind is in the file.
    pub orphaned: bool,
    /// Entries of the log that it has not passed.
    pub backlog_entries: u64,
    /// Bytes of the log that it has not passed, about.
    pub backlog_bytes: u64,
    /// How long the oldest of these has waited.
    pub oldest_seconds: f64,
    /// See [`LaneCounters::delivered`].
    pub delivered: u64,
    /// See [`LaneCounters::conflicts`].
    pub conflicts: u64,
    /// See [`LaneCounters::refused`].
    pub refused: u64,
    /// See [`LaneCounters::expired`].
    pub expired: u64,
    /// See [`LaneCounters::uncertain`].
    pub uncertain: u64,
    /// See [`LaneCounters::again`].
    pub again: u64,
}

/// The spool at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpoolReading {
    /// Its directory.
    pub dir: String,
    /// Bytes on disk.
    pub bytes: u64,
    /// Bytes that it may take there.
    pub max_bytes: u64,
    /// How long the oldest event has waited that some target has not confirmed.
    pub oldest_seconds: f64,
    /// False where the last write failed.
    pub writable: bool,
    /// How long syncs took: the bounds of the buckets in seconds, and how many fell into each; the
    /// last is for those past all bounds.
    pub syncs: Vec<(f64, u64)>,
    /// How long all of them took, in seconds.
    pub sync_seconds: f64,
    /// Syncs that failed.
    pub sync_errors: u64,
    /// Segments that were given up since a write or sync of theirs failed.
    pub poisoned: u64,
    /// Damaged places that were found.
    pub damaged: u64,
    /// Records that were lost in them.
    pub lost: u64,
    /// Each target with a cursor.
    pub lanes: Vec<LaneReading>,
}
