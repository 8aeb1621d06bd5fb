//! What the log, its readers and its users look at together: which segments there are, how far they
//! are committed, where the cursors stand. Its lock is held for a few comparisons, never over a
//! call to the disk.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::format::{FIRST_RECORD, SegmentHeader};

/// Upper bounds of the buckets in which syncs are counted; longer ones are in a last bucket.
pub const SYNC_BOUNDS: [Duration; 10] = [
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2_500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(50),
    Duration::from_millis(250),
    Duration::from_secs(1),
];

/// How full a log is, how far its readers are behind, and how its disk does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes that all segments take on the disk, preallocated space included.
    pub bytes: u64,
    /// The most that they may take.
    pub max_bytes: u64,
    /// Segments.
    pub segments: usize,
    /// The sequence of the oldest record that is still stored.
    pub first: u64,
    /// The sequence after the last record of the oldest segment: space comes back by the segment, so
    /// this is the least that has to be discarded for any.
    pub first_segment_ends: u64,
    /// The sequence that the next record will get.
    pub next: u64,
    /// About when the oldest record was stored that some cursor has not passed (of all records,
    /// where there are no cursors): exact to a second, or to 256 KiB of records.
    pub oldest: Option<SystemTime>,
    /// The time of the newest record.
    pub newest: Option<SystemTime>,
    /// Each cursor with where it stands.
    pub cursors: Vec<CursorUsage>,
    /// Syncs of segments that went well, and how long they took.
    pub syncs: SyncCounts,
    /// Syncs, of any file or of the directory, that failed.
    pub sync_errors: u64,
    /// Segments that were given up because writing or syncing them failed.
    pub poisoned: u64,
    /// Damaged places that were found and skipped.
    pub damaged: u64,
    /// Records that were lost in damaged places.
    pub lost: u64,
}

/// One cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CursorUsage {
    /// Its name: of a target, in the spool.
    pub name: String,
    /// The sequence that it delivers next.
    pub next: u64,
    /// How many sequences it is behind.
    pub lag: u64,
    /// About how many bytes it is behind: exact to 256 KiB.
    pub lag_bytes: u64,
    /// About when the record that it delivers next was stored.
    pub oldest: Option<SystemTime>,
}

/// How often syncs took how long.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncCounts {
    /// By [`SYNC_BOUNDS`], and those that took longer.
    pub buckets: [u64; SYNC_BOUNDS.len() + 1],
    /// All together.
    pub count: u64,
    /// Their time in all.
    pub time: Duration,
}

impl SyncCounts {
    pub(crate) fn add(&mut self, took: Duration) {
        let place = SYNC_BOUNDS.iter().position(|bound| took <= *bound);
        if let Some(bucket) = self.buckets.get_mut(place.unwrap_or(SYNC_BOUNDS.len())) {
            *bucket += 1;
        }
        self.count += 1;
        self.time += took;
    }
}

/// One segment as far as it counts.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    pub(crate) header: SegmentHeader,
    /// Records end here; all of them are durable.
    pub(crate) end: u64,
    /// The sequence after its last record.
    pub(crate) next: u64,
    /// What it takes on the disk.
    pub(crate) length: u64,
    pub(crate) newest: Option<SystemTime>,
    /// A record for each [`MARK_BYTES`] or [`MARK_TIME`], so that a reader need not begin at the first one.
    pub(crate) marks: Vec<Mark>,
}

/// A record that is known to stand at a place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    pub(crate) sequence: u64,
    pub(crate) at: u64,
    pub(crate) time: SystemTime,
}

/// Bytes between two marks.
const MARK_BYTES: u64 = 256 * 1024;
/// Time between two marks of a log that is filled slowly, so that its age is told well.
const MARK_TIME: Duration = Duration::from_secs(1);
/// Marks of a segment that are made for time's sake.
const MARKS_FOR_TIME_MAX: usize = 512;
/// Damaged places that are told apart.
const KNOWN_MAX: usize = 100_000;

impl Segment {
    pub(crate) fn new(header: SegmentHeader, length: u64) -> Self {
        Self {
            header,
            end: FIRST_RECORD,
            next: header.base,
            length,
            newest: None,
            marks: Vec::new(),
        }
    }

    /// Takes note of a record that stands at `at` and ends at `end`.
    pub(crate) fn record(&mut self, sequence: u64, time: SystemTime, at: u64, end: u64) {
        let due = self.marks.last().is_none_or(|last| {
            let later = time.duration_since(last.time).unwrap_or_default() >= MARK_TIME;
            at >= last.at + MARK_BYTES || (later && self.marks.len() < MARKS_FOR_TIME_MAX)
        });
        if due {
            self.marks.push(Mark { sequence, at, time });
        }
        self.newest = self.newest.max(Some(time));
        (self.next, self.end) = (sequence + 1, end);
    }

    /// The last mark at or before a sequence.
    pub(crate) fn mark(&self, sequence: u64) -> Option<Mark> {
        let after = self.marks.partition_point(|mark| mark.sequence <= sequence);
        self.marks.get(after.checked_sub(1)?).copied()
    }
}

/// All that is shared.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) segments: VecDeque<Segment>,
    pub(crate) next: u64,
    pub(crate) floor: u64,
    pub(crate) cursors: BTreeMap<String, u64>,
    pub(crate) syncs: SyncCounts,
    pub(crate) sync_errors: u64,
    pub(crate) poisoned: u64,
    pub(crate) damaged: u64,
    pub(crate) lost: u64,
    /// Damaged and torn places, by base of their segment and position, so that each is counted
    /// once.
    known: BTreeSet<(u64, u64)>,
}

impl State {
    /// Counts a damaged place once, however many readers pass it; says whether it was new.
    pub(crate) fn damage(&mut self, base: u64, at: u64, records: u64) -> bool {
        let new = self.tear(base, at);
        self.damaged += u64::from(new);
        self.lost += if new { records } else { 0 };
        new
    }

    /// Takes note of a place that was never confirmed, so that no reader counts it as damage.
    pub(crate) fn tear(&mut self, base: u64, at: u64) -> bool {
        if self.known.len() >= KNOWN_MAX {
            self.known.pop_first();
        }
        self.known.insert((base, at))
    }

    /// Everything below this sequence is settled.
    pub(crate) fn settled(&self) -> u64 {
        let lowest = self.cursors.values().copied().min();
        self.floor.max(lowest.unwrap_or_default())
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.length).sum()
    }

    /// The segment in which a sequence stands or, if it is in none, the next one after it; with
    /// the base of the one after.
    pub(crate) fn segment_of(&self, sequence: u64) -> Option<(&Segment, u64)> {
        let place = self.segments.partition_point(|it| it.next <= sequence);
        let after = self.segments.get(place + 1);
        let limit = after.map_or(u64::MAX, |segment| segment.header.base);
        Some((self.segments.get(place)?, limit))
    }

    fn time_at(&self, sequence: u64) -> Option<SystemTime> {
        let (segment, _) = self.segment_of(sequence)?;
        let mark = segment.mark(sequence).or(segment.marks.first().copied());
        mark.map(|mark| mark.time)
    }

    fn bytes_from(&self, sequence: u64) -> u64 {
        let place = self.segments.partition_point(|it| it.next <= sequence);
        let mut from = self.segments.range(place..);
        let Some(first) = from.next() else { return 0 };
        let begin = first.mark(sequence).map_or(FIRST_RECORD, |mark| mark.at);
        let rest: u64 = from.map(|segment| segment.end - FIRST_RECORD).sum();
        rest + first.end.saturating_sub(begin)
    }

    pub(crate) fn usage(&self, max_bytes: u64) -> Usage {
        let cursor = |(name, next): (&String, &u64)| CursorUsage {
            name: name.clone(),
            next: *next,
            lag: self.next.saturating_sub(*next),
            lag_bytes: self.bytes_from(*next),
            oldest: self.time_at(*next),
        };
        let first = self.segments.front().map_or(self.next, |it| it.header.base);
        Usage {
            bytes: self.bytes(),
            max_bytes,
            segments: self.segments.len(),
            first,
            first_segment_ends: self.segments.front().map_or(self.next, |it| it.next),
            next: self.next,
            oldest: self.time_at(self.settled().max(first)),
            newest: self.segments.iter().filter_map(|it| it.newest).max(),
            cursors: self.cursors.iter().map(cursor).collect(),
            syncs: self.syncs.clone(),
            sync_errors: self.sync_errors,
            poisoned: self.poisoned,
            damaged: self.damaged,
            lost: self.lost,
        }
    }
}

/// The state behind its lock.
#[derive(Debug, Default, Clone)]
pub(crate) struct Shared(Arc<Mutex<State>>);

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can leave the state half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
