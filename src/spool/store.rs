//! The spool as cores see it: they store, and are told when the disk has it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::SystemTime;

use bytes::Bytes;
use sluicegate_appendlog::{Append, AppendError, SYNC_BOUNDS, Writer};
use sluicegate_contract::Field;

use super::entry::{self, ENTRY_KIND, ToStore};
use super::{Fate, Held, LaneCounters, LaneReading, SpoolReading};
use crate::dispatch::{Item, Target};
use crate::error::Code;
use crate::limits::{
    RECORD_OVERHEAD_BYTES, SPOOL_AHEAD_BYTES_MAX, SPOOL_ENTRY_BYTES, SPOOL_WINDOW_RECORDS_MAX,
};
use crate::rooms;
use crate::settle::{CoreMailbox, Entry, Mail, Slot};

/// The mark of a record of the log that holds nothing: it was written to see whether the disk
/// takes something again.
const PROBE_KIND: u8 = 0;

/// Bytes that the log lets wait for its disk.
const WAITING_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// See the module.
pub struct Spool {
    writer: Writer,
    dir: PathBuf,
    held: Arc<Held>,
    /// Of each target, in the order of the settings.
    labels: Vec<Label>,
    /// The last write failed.
    failing: Arc<AtomicBool>,
    drain: OnceLock<Thread>,
    counters: OnceLock<Vec<Arc<LaneCounters>>>,
}

/// How records of a target are labelled.
struct Label {
    name: Arc<str>,
    room: &'static str,
    fields: &'static [Field],
}

/// Who waits for the disk: a request on a core. It is told exactly once, whatever happens.
pub struct Waiting {
    mailbox: Arc<CoreMailbox>,
    slot: Slot,
    told: bool,
}

impl Waiting {
    /// The request in this slot of the core with this mailbox.
    #[must_use]
    pub fn new(mailbox: Arc<CoreMailbox>, slot: Slot) -> Self {
        Self {
            mailbox,
            slot,
            told: false,
        }
    }

    fn tell(mut self, stored: Result<(), Code>) {
        self.told = true;
        self.mailbox.post(Mail::Spooled(self.slot, stored));
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.told {
            let stored = Err(Code::SpoolUnavailable);
            self.mailbox.post(Mail::Spooled(self.slot, stored));
        }
    }
}

impl Spool {
    /// The spool whose log has this writer.
    #[must_use]
    pub fn new(writer: Writer, dir: PathBuf, targets: &[Target]) -> Self {
        let label = |target: &Target| Label {
            name: Arc::clone(&target.name),
            room: target.kind,
            fields: rooms::fields(target.kind),
        };
        Self {
            writer,
            dir,
            held: Arc::default(),
            labels: targets.iter().map(label).collect(),
            failing: Arc::default(),
            drain: OnceLock::new(),
            counters: OnceLock::new(),
        }
    }

    /// The log.
    #[must_use]
    pub fn writer(&self) -> &Writer {
        &self.writer
    }

    /// What couriers still have.
    #[must_use]
    pub fn held(&self) -> &Arc<Held> {
        &self.held
    }

    /// This thread is woken when something was stored or settled; these are its counters. Only the
    /// first call counts.
    pub fn drained_by(&self, thread: Thread, counters: Vec<Arc<LaneCounters>>) {
        let committed = thread.clone();
        self.writer.on_commit(move || committed.unpark());
        let _ = self.drain.set(thread);
        let _ = self.counters.set(counters);
    }

    /// The entries of records that go to the spool alone, each with its place in its request.
    #[must_use]
    pub fn entries_of<'i>(
        &self,
        request: &Entry,
        items: impl IntoIterator<Item = (u32, &'i Item)>,
    ) -> Vec<Bytes> {
        let records = items.into_iter().filter_map(|(number, item)| {
            let label = self.labels.get(usize::from(item.target))?;
            Some(ToStore {
                number,
                event: item.event,
                target: &label.name,
                room: label.room,
                fields: label.fields,
                binding: binding(request, item.binding),
                held: false,
                record: &item.record,
            })
        });
        entry::encode(request.id, &request.route.name, records)
    }

    /// The entries of those records of a request that were not confirmed.
    #[must_use]
    pub fn entries_spilled(&self, request: &Entry, records: &[u32]) -> Vec<Bytes> {
        let records = records.iter().filter_map(|number| {
            let record = request.records.get(*number as usize)?;
            let label = self.labels.get(usize::from(record.target))?;
            Some(ToStore {
                number: *number,
                event: record.event,
                target: &label.name,
                room: label.room,
                fields: label.fields,
                binding: binding(request, record.binding),
                held: record.outcome.is_none(),
                record: record.kept.as_deref()?,
            })
        });
        entry::encode(request.id, &request.route.name, records)
    }

    /// Stores the entries of a request, all or none. Never blocks; who waits is told when the disk
    /// has them, or why it has not.
    pub fn store(&self, entries: Vec<Bytes>, time: SystemTime, waiting: Waiting) {
        let append = |payload| Append {
            kind: ENTRY_KIND,
            time,
            payload,
        };
        let failing = Arc::clone(&self.failing);
        let told = move |stored: Result<_, AppendError>| {
            waiting.tell(
                stored
                    .map(|_| ())
                    .map_err(|error| refused(&error, &failing)),
            );
        };
        let appends = entries.into_iter().map(append).collect();
        self.writer.append(appends, Box::new(told));
    }

    /// A record that was stored while its courier had it has its outcome.
    pub fn settle_held(&self, request: u128, record: u32, fate: Option<Fate>) {
        self.held.settle(request, record, fate);
        if let Some(drain) = self.drain.get() {
            drain.unpark();
        }
    }

    /// False while the last write failed.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        !self.failing.load(Ordering::Relaxed)
    }

    /// After a failed write, looks whether the disk takes something again: who waits for that
    /// sends nothing meanwhile. To be called about once a second.
    pub fn probe(&self) {
        if self.is_writable() {
            return;
        }
        let failing = Arc::clone(&self.failing);
        let probe = Append {
            kind: PROBE_KIND,
            time: SystemTime::now(),
            payload: Bytes::new(),
        };
        let told = move |stored: Result<_, AppendError>| match stored {
            // A full disk is no broken one: it says so to each request.
            Ok(_) | Err(AppendError::Full) => failing.store(false, Ordering::Relaxed),
            Err(_) => {}
        };
        self.writer.append(vec![probe], Box::new(told));
    }

    /// Stores what waits, writes the cursors, and ends the committer. Blocks until that is done.
    pub fn stop(&self) {
        self.writer.stop();
    }

    /// Bytes of memory that it may hold at most, beside what it has reserved at targets: what
    /// waits for the disk, and what was read for each target and not handed over.
    #[must_use]
    pub fn memory_ceiling_bytes(&self) -> u64 {
        let lanes = self.counters.get().map_or(0, Vec::len) as u64;
        let records = (SPOOL_WINDOW_RECORDS_MAX * RECORD_OVERHEAD_BYTES) as u64;
        let ahead = SPOOL_AHEAD_BYTES_MAX as u64 + SPOOL_ENTRY_BYTES as u64;
        WAITING_BYTES_MAX + lanes * (records + 2 * ahead)
    }

    /// How it is at this moment.
    #[must_use]
    pub fn reading(&self) -> SpoolReading {
        let usage = self.writer.usage();
        let counters = self.counters.get().map_or(&[][..], Vec::as_slice);
        let lanes = usage.cursors.iter().map(|cursor| {
            let (target, _) = cursor.name.rsplit_once(':').unwrap_or((&cursor.name, ""));
            let known = counters.iter().find(|known| known.cursor == cursor.name);
            let mut lane = LaneReading {
                target: target.to_owned(),
                orphaned: known.is_none_or(|known| known.orphaned),
                backlog_entries: cursor.lag,
                backlog_bytes: if cursor.lag > 0 { cursor.lag_bytes } else { 0 },
                oldest_seconds: seconds_since(cursor.oldest.filter(|_| cursor.lag > 0)),
                ..LaneReading::default()
            };
            if let Some(known) = known {
                known.read(&mut lane);
            }
            lane
        });
        let lanes: Vec<LaneReading> = lanes.collect();
        let bounds = SYNC_BOUNDS.iter().map(std::time::Duration::as_secs_f64);
        let behind = lanes.iter().any(|lane| lane.backlog_entries > 0);
        SpoolReading {
            dir: self.dir.display().to_string(),
            bytes: usage.bytes,
            max_bytes: usage.max_bytes,
            oldest_seconds: seconds_since(usage.oldest.filter(|_| behind)),
            writable: self.is_writable(),
            syncs: bounds
                .chain([f64::INFINITY])
                .zip(usage.syncs.buckets)
                .collect(),
            sync_seconds: usage.syncs.time.as_secs_f64(),
            sync_errors: usage.sync_errors,
            poisoned: usage.poisoned,
            damaged: usage.damaged,
            lost: usage.lost,
            lanes,
        }
    }
}

impl std::fmt::Debug for Spool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spool")
            .field("dir", &self.dir)
            .finish_non_exhaustive()
    }
}

fn binding(request: &Entry, binding: u16) -> &str {
    let bindings = &request.route.bindings;
    bindings
        .get(usize::from(binding))
        .map_or("", |binding| &binding.name)
}

/// What a request is answered that was not stored.
fn refused(error: &AppendError, failing: &AtomicBool) -> Code {
    match error {
        AppendError::Full => Code::SpoolFull,
        AppendError::TooLarge => Code::RecordTooLarge,
        AppendError::Stopped => Code::SpoolUnavailable,
        AppendError::Failed(_) => {
            failing.store(true, Ordering::Relaxed);
            Code::SpoolUnavailable
        }
    }
}

fn seconds_since(time: Option<SystemTime>) -> f64 {
    let passed = time.and_then(|time| time.elapsed().ok());
    passed.unwrap_or_default().as_secs_f64()
}
