//! The local store: a table in memory, with an append log behind it for answers and confirmations.
//!
//! Claims are not logged: those of a process that died came to an outcome that nobody was told.
//! What is logged is read back when the log is opened, so that the window survives a restart.

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use sluicegate_appendlog::{Append, AppendError, Disk, Log, Options, RealDisk, Writer, extent};

use super::counters::Counters;
use super::owed::Recorder;
use super::store::{Asked, Finish, Store};
use super::table::Table;
use super::trail::Trail;
use super::window::{Bounds, Claim, Ending};
use super::{Key, Milliseconds, Payload, Reading, Settled, Verdict, now};
use crate::limits::{IDEMPOTENCY_LOG_SEGMENT_BYTES, IDEMPOTENCY_PAUSE};
use crate::settle::{Mailboxes, Slot};

/// The name of the cursor below which all is forgotten.
const CURSOR: &str = "window";
/// The mark of records about keys in a log: others are those of a spool's entries (1), of records of
/// targets (16) and of dead letters (17).
pub const KEY_KIND: u8 = 2;
/// Key, payload, time, whether it is final.
const HEAD_BYTES: usize = 16 + 16 + 8 + 1;

/// The log has room for so many segments beside what is wanted: the one that is written, the oldest
/// of which a part is still wanted, and two for what comes until those before are gone.
const SPARE_SEGMENTS: u64 = 4;

/// The local store.
pub(super) struct Local {
    shared: Arc<Shared>,
    mailboxes: Mailboxes,
    window: Duration,
}

/// What the log's own thread changes too.
struct Shared {
    log: Writer,
    table: Table,
    counters: Arc<Counters>,
    trail: Mutex<Trail>,
    /// When the log last failed to store something; 0 for never.
    failed: AtomicU64,
    last_error: Mutex<Option<String>>,
}

impl Store {
    /// Opens the store in a directory, and reads back what an earlier life left there.
    ///
    /// # Errors
    /// The directory cannot be used, or another process holds it.
    pub fn open_local(
        dir: &Path,
        window: Duration,
        bounds: Bounds,
        mailboxes: Mailboxes,
    ) -> Result<Self, String> {
        let disk = RealDisk::open(dir).map_err(|error| format!("`{}`: {error}", dir.display()))?;
        let segment_bytes = IDEMPOTENCY_LOG_SEGMENT_BYTES;
        Self::open_on(Arc::new(disk), window, bounds, segment_bytes, mailboxes)
    }

    /// The same on any disk, with segments of so many bytes.
    ///
    /// # Errors
    /// As above.
    pub fn open_on(
        disk: Arc<dyn Disk>,
        window: Duration,
        bounds: Bounds,
        segment_bytes: u64,
        mailboxes: Mailboxes,
    ) -> Result<Self, String> {
        let counters = Arc::new(Counters::default());
        // What is still wanted takes at most the bounds' bytes, since each key's overhead in
        // memory is more than a record's. As much again is for what was superseded.
        let wanted_bytes = 2 * (bounds.bytes as u64).min(u64::MAX / 4);
        let options = Options {
            segment_bytes,
            max_bytes: wanted_bytes + SPARE_SEGMENTS * segment_bytes,
            max_age: None,
        };
        let opened = Log::open(disk, options);
        let (mut log, _) = opened.map_err(|error| error.to_string())?;
        log.advance(CURSOR, 0);
        let table = Table::new(bounds);
        let mut trail = Trail::new(wanted_bytes, segment_bytes);
        let read = restore(&log, &table, &mut trail)?;
        if let Some(next) = trail.passed(now()) {
            log.advance(CURSOR, next);
            // Where the disk does not take that now, it is tried again with the next mark.
            let _ = log.sync();
        }
        tracing::info!(keys = table.reading().keys, read, "idempotency.restored");
        let shared = Shared {
            log: Writer::start(log).map_err(|error| error.to_string())?,
            table,
            counters: Arc::clone(&counters),
            trail: Mutex::new(trail),
            failed: AtomicU64::new(0),
            last_error: Mutex::new(None),
        };
        let local = Local {
            shared: Arc::new(shared),
            mailboxes,
            window,
        };
        Ok(Self::local(local, counters))
    }
}

/// Takes in what the log holds. Returns how many records that was.
fn restore(log: &Log, table: &Table, trail: &mut Trail) -> Result<u64, String> {
    let (now, mut read) = (now(), 0);
    let mut reader = log.reader(log.cursor(CURSOR).unwrap_or(0));
    while let Some(stored) = reader.next().map_err(|error| error.to_string())? {
        let known = stored.kind == KEY_KIND;
        let Some(record) = known.then(|| Logged::decoded(&stored.payload)).flatten() else {
            continue;
        };
        read += 1;
        let bytes = extent(stored.payload.len());
        trail.note(stored.sequence + 1, record.until, bytes);
        let mut part = table.part(record.key);
        if record.until > now {
            let Logged {
                key,
                payload,
                until,
                is_final,
                stored,
            } = record;
            part.restore(key, payload, is_final, stored, until);
        }
    }
    Ok(read)
}

impl Local {
    pub(super) fn claim(&self, asked: &[Asked]) -> Vec<Verdict> {
        let now = now();
        if let Some(why) = self.failing(now) {
            return vec![Verdict::Unavailable(why); asked.len()];
        }
        let claim = |asked: &Asked| {
            let claim = self
                .shared
                .table
                .part(asked.key)
                .claim(asked.key, asked.payload, now);
            self.verdict(asked.key, claim)
        };
        asked.iter().map(claim).collect()
    }

    fn verdict(&self, key: Key, claim: Claim) -> Verdict {
        match claim {
            Claim::Granted(None) => Verdict::Granted(None),
            Claim::Granted(Some(stored)) => match Settled::decoded(&stored) {
                Ok(settled) => Verdict::Granted(Some(settled)),
                Err(untold) => {
                    self.release(&[key]);
                    untold.into()
                }
            },
            Claim::Answered(stored) => {
                Settled::decoded(&stored).map_or_else(Verdict::from, Verdict::Answered)
            }
            Claim::Running => Verdict::Running,
            Claim::Mismatch => Verdict::Mismatch,
            Claim::Full => Verdict::Unavailable(
                "as many keys are under way as `idempotency` may hold".to_owned(),
            ),
        }
    }

    /// Why no key is given away just now. A log that fails is tried again after a pause.
    fn failing(&self, now: Milliseconds) -> Option<String> {
        let failed = self.shared.failed.load(Ordering::Relaxed);
        if failed == 0 || now.saturating_sub(failed) > IDEMPOTENCY_PAUSE.as_millis() as u64 {
            return None;
        }
        let error = self.shared.error().clone();
        Some(format!(
            "answers cannot be stored: {}",
            error.unwrap_or_default()
        ))
    }

    pub(super) fn record(&self, core: usize, slot: Slot, finishes: Vec<Finish>) {
        let (time, until) = (
            SystemTime::now(),
            now().saturating_add(self.window.as_millis() as u64),
        );
        let append = |finish: &Finish| Append {
            kind: KEY_KIND,
            time,
            payload: Logged::of(finish, until).encoded(),
        };
        let batch: Vec<Append> = finishes.iter().map(append).collect();
        let extents = batch.iter().map(|append| extent(append.payload.len()));
        let bytes: u64 = extents.sum();
        let passed = self.shared.trail().passed(now());
        if let Some(next) = passed {
            self.shared.log.advance(CURSOR, next);
        }
        let recording = Recording {
            shared: Arc::clone(&self.shared),
            finishes,
            until,
            bytes,
            _recorder: Recorder::new(&self.mailboxes, core, slot),
        };
        let done = move |stored| recording.ended(stored);
        self.shared.log.append(batch, Box::new(done));
    }

    pub(super) fn release(&self, keys: &[Key]) {
        for key in keys {
            self.shared.table.part(*key).release(*key);
        }
    }

    pub(super) fn reading(&self) -> Reading {
        Reading {
            store: "log",
            last_error: self.shared.error().clone(),
            ..self.shared.table.reading()
        }
    }

    pub(super) fn stop(&self) {
        self.shared.log.stop();
    }
}

/// What claims came to, on its way to the log. Where it is dropped there, its keys are free of
/// their request all the same, which is told when this is gone.
struct Recording {
    shared: Arc<Shared>,
    finishes: Vec<Finish>,
    until: Milliseconds,
    bytes: u64,
    _recorder: Recorder,
}

impl Recording {
    fn ended(mut self, stored: Result<Range<u64>, AppendError>) {
        self.end(stored);
    }

    fn end(&mut self, stored: Result<Range<u64>, AppendError>) {
        let shared = &self.shared;
        match stored {
            Ok(range) => {
                shared.failed.store(0, Ordering::Relaxed);
                shared.trail().note(range.end, self.until, self.bytes);
            }
            Err(error) => {
                if error == AppendError::Full {
                    shared.make_room();
                }
                shared.unrecorded(self.finishes.len(), &error);
            }
        }
        // What could not be stored holds until the process ends all the same.
        for finish in self.finishes.drain(..) {
            let mut part = shared.table.part(finish.key);
            part.finish(finish.key, finish.ending, finish.stored, self.until);
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if !self.finishes.is_empty() {
            self.end(Err(AppendError::Stopped));
        }
    }
}

impl Shared {
    fn trail(&self) -> std::sync::MutexGuard<'_, Trail> {
        self.trail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn error(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The log is full: the oldest that it holds are forgotten by the next life, so that the next
    /// answers find room.
    fn make_room(&self) {
        let held = self.log.usage().bytes;
        let next = self.trail().crowded(held);
        if let Some(next) = next {
            self.log.advance(CURSOR, next);
        }
    }

    fn unrecorded(&self, count: usize, error: &dyn std::fmt::Display) {
        self.counters
            .unrecorded
            .fetch_add(count as u64, Ordering::Relaxed);
        if self.failed.swap(now(), Ordering::Relaxed) == 0 {
            tracing::error!(%error, "idempotency.unrecorded");
        }
        *self.error() = Some(error.to_string());
    }
}

/// A record of the log.
struct Logged {
    key: Key,
    payload: Payload,
    until: Milliseconds,
    is_final: bool,
    stored: Bytes,
}

impl Logged {
    fn of(finish: &Finish, until: Milliseconds) -> Self {
        Self {
            key: finish.key,
            payload: finish.payload,
            until,
            is_final: finish.ending == Ending::Final,
            stored: finish.stored.clone(),
        }
    }

    fn encoded(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(HEAD_BYTES + self.stored.len());
        out.extend_from_slice(&self.key.to_be_bytes());
        out.extend_from_slice(&self.payload.to_be_bytes());
        out.extend_from_slice(&self.until.to_be_bytes());
        out.extend_from_slice(&[u8::from(self.is_final)]);
        out.extend_from_slice(&self.stored);
        out.freeze()
    }

    fn decoded(bytes: &Bytes) -> Option<Self> {
        let (key, rest) = bytes.split_first_chunk::<16>()?;
        let (payload, rest) = rest.split_first_chunk::<16>()?;
        let (until, rest) = rest.split_first_chunk::<8>()?;
        let (is_final, stored) = rest.split_first()?;
        Some(Self {
            key: u128::from_be_bytes(*key),
            payload: u128::from_be_bytes(*payload),
            until: u64::from_be_bytes(*until),
            is_final: *is_final != 0,
            // Of its own: a slice would keep the reader's whole block in memory.
            stored: Bytes::copy_from_slice(stored),
        })
    }
}
