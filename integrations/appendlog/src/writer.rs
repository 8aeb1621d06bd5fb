//! The committer: takes all that waits, stores it with one write and one sync, and answers all.
//! There is no timer in its way: what comes while the disk syncs is the next group.
//!
//! `Committer` holds the decisions and can be driven by hand, by a simulation for one; the thread
//! around it only waits.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use crate::disk::Disk;
use crate::log::expired;
use crate::reader::Reader;
use crate::state::{Shared, Usage};
use crate::{Append, AppendError, Log, Options, RECORD_BYTES_MAX};

/// Bytes of payload that may wait for the disk; past it `Full`.
const WAITING_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes of payload of one group, unless one call brings more.
const GROUP_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// A log that stays full says so again after this.
const FULL_SAID_AGAIN: Duration = Duration::from_secs(60);
/// Where large records do not fit any more, small ones may: that is not yet room.
const FULL_ENDS_AFTER: Duration = Duration::from_secs(5);
/// Cursors are synced at most so often, and at once after a pause of that length: what was delivered
/// in it may be delivered again after a crash.
const CURSOR_PAUSE: Duration = Duration::from_millis(250);
/// The same while the log is full: what was delivered makes room as soon as its cursor is durable.
const CURSOR_PAUSE_FULL: Duration = Duration::from_millis(50);

/// What is called with the result of an append, on the committer's thread.
pub type Done = Box<dyn FnOnce(Result<Range<u64>, AppendError>) + Send>;
type OnCommit = Arc<dyn Fn() + Send + Sync>;

/// The handle of a log whose committer runs: cheap to clone, never blocks. The committer ends when
/// `stop` is called or the last handle is dropped.
#[derive(Clone)]
pub struct Writer {
    shared: Shared,
    disk: Arc<dyn Disk>,
    options: Options,
    desk: Arc<Desk>,
    handle: Arc<Handle>,
}

/// Where handles leave work for the committer.
#[derive(Default)]
struct Desk {
    work: Mutex<Work>,
    bell: Condvar,
}

#[derive(Default)]
struct Work {
    appends: VecDeque<Waiting>,
    waiting_bytes: u64,
    advances: BTreeMap<String, u64>,
    removals: BTreeSet<String>,
    discard: u64,
    callbacks: Vec<OnCommit>,
    stopping: bool,
}

struct Waiting {
    records: Vec<Append>,
    count: usize,
    bytes: u64,
    done: Done,
}

/// Ends the thread when the last handle is gone.
struct Handle {
    desk: Arc<Desk>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.desk.lock().stopping = true;
        self.desk.bell.notify_all();
    }
}

impl Writer {
    /// Starts the committer's thread.
    ///
    /// # Errors
    /// If there is no thread to be had.
    pub fn start(log: Log) -> io::Result<Self> {
        let (writer, mut committer) = Self::by_hand(log);
        let thread = std::thread::Builder::new().name("sluicegate-log".to_owned());
        let thread = thread.spawn(move || while committer.wait() {})?;
        *writer.handle.lock() = Some(thread);
        Ok(writer)
    }

    /// A handle and its committer, which the caller turns.
    #[must_use]
    pub fn by_hand(log: Log) -> (Self, Committer) {
        let desk = Arc::new(Desk::default());
        let writer = Self {
            shared: log.shared().clone(),
            disk: Arc::clone(log.disk()),
            options: *log.options(),
            desk: Arc::clone(&desk),
            handle: Arc::new(Handle {
                desk: Arc::clone(&desk),
                thread: Mutex::new(None),
            }),
        };
        let committer = Committer {
            synced: None,
            log,
            desk,
            stale: false,
            full: false,
            said_full: None,
        };
        (writer, committer)
    }

    /// Hands records over; `done` is told once they are durable or refused. Never blocks: what
    /// would wait behind too much is refused with `Full` at once, in this call.
    pub fn append(&self, records: Vec<Append>, done: Done) {
        let bytes = records.iter().map(|it| it.payload.len() as u64).sum();
        let large = records.iter().any(|it| it.payload.len() > RECORD_BYTES_MAX);
        let mut work = self.desk.lock();
        let refusal = if work.stopping {
            AppendError::Stopped
        } else if large || bytes > WAITING_BYTES_MAX {
            AppendError::TooLarge
        } else if work.waiting_bytes + bytes > WAITING_BYTES_MAX {
            AppendError::Full
        } else {
            work.waiting_bytes += bytes;
            work.appends.push_back(Waiting {
                count: records.len(),
                records,
                bytes,
                done,
            });
            self.desk.bell.notify_one();
            return;
        };
        drop(work);
        done(Err(refusal));
    }

    /// Moves a cursor forward; durable within about a quarter of a second, and at `stop`.
    pub fn advance(&self, name: &str, next: u64) {
        let mut work = self.desk.lock();
        match work.advances.get_mut(name) {
            Some(known) => *known = next.max(*known),
            None => {
                work.advances.insert(name.to_owned(), next);
            }
        }
        self.desk.bell.notify_one();
    }

    /// Forgets a reader: it does not hold records any more.
    pub fn remove_cursor(&self, name: &str) {
        let mut work = self.desk.lock();
        work.advances.remove(name);
        work.removals.insert(name.to_owned());
        self.desk.bell.notify_one();
    }

    /// Where a reader stands, as far as the committer has heard. See [`Log::cursor`].
    #[must_use]
    pub fn cursor(&self, name: &str) -> Option<u64> {
        self.shared.lock().cursors.get(name).copied()
    }

    /// See [`Log::expired`].
    #[must_use]
    pub fn expired(&self, now: SystemTime) -> Option<Range<u64>> {
        expired(&self.shared, self.options.max_age, now)
    }

    /// See [`Log::discard`].
    pub fn discard(&self, below: u64) {
        let mut work = self.desk.lock();
        work.discard = below.max(work.discard);
        self.desk.bell.notify_one();
    }

    /// See [`Log::usage`].
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.shared.lock().usage(self.options.max_bytes)
    }

    /// See [`Log::reader`].
    #[must_use]
    pub fn reader(&self, from: u64) -> Reader {
        Reader::new(Arc::clone(&self.disk), self.shared.clone(), from)
    }

    /// Calls back after each group that was stored, on the committer's thread: to wake readers.
    pub fn on_commit(&self, callback: impl Fn() + Send + Sync + 'static) {
        self.desk.lock().callbacks.push(Arc::new(callback));
    }

    /// Stores what waits, syncs the cursors, and ends the committer. Blocks until that is done;
    /// what is handed over later is refused. May be called more than once.
    pub fn stop(&self) {
        self.desk.lock().stopping = true;
        self.desk.bell.notify_all();
        let thread = self.handle.lock().take();
        if let Some(thread) = thread {
            // A panic of the committer has been reported where it happened.
            let _ = thread.join();
        }
    }
}

impl Handle {
    fn lock(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The committer without its thread.
pub struct Committer {
    log: Log,
    desk: Arc<Desk>,
    /// When cursors were synced last, if they were: a process that soon dies again must not begin
    /// at the same place each time.
    synced: Option<Duration>,
    /// Cursors moved since, or their last sync failed.
    stale: bool,
    /// The last group did not fit.
    full: bool,
    /// When it was said last that the log is full, unless it was said since that there is room.
    said_full: Option<Duration>,
}

impl Committer {
    /// Waits for work, does it, and says whether to go on.
    fn wait(&mut self) -> bool {
        let work = self.desk.lock();
        let idle = |work: &mut Work| {
            work.appends.is_empty()
                && work.advances.is_empty()
                && work.removals.is_empty()
                && work.discard == 0
                && !work.stopping
        };
        let bell = &self.desk.bell;
        if self.stale {
            drop(bell.wait_timeout_while(work, self.pause(), idle));
        } else {
            drop(bell.wait_while(work, idle));
        }
        self.turn()
    }

    fn pause(&self) -> Duration {
        if self.full {
            CURSOR_PAUSE_FULL
        } else {
            CURSOR_PAUSE
        }
    }

    /// Stores what waits, as one group, and syncs the cursors where that is due. False when it was
    /// the last turn: the log is stopped and everything is on the disk.
    pub fn turn(&mut self) -> bool {
        let mut work = self.desk.lock();
        let advances = std::mem::take(&mut work.advances);
        let removals = std::mem::take(&mut work.removals);
        let discard = std::mem::take(&mut work.discard);
        let group = take_group(&mut work);
        let callbacks = work.callbacks.clone();
        let last = work.stopping && work.appends.is_empty();
        drop(work);
        if !group.is_empty() {
            self.commit(group);
            self.say_fullness();
            for callback in callbacks {
                callback();
            }
        }
        self.stale |= !advances.is_empty() || !removals.is_empty() || discard > 0;
        for name in removals {
            self.log.remove_cursor(&name);
        }
        for (name, next) in advances {
            self.log.advance(&name, next);
        }
        if discard > 0 {
            self.log.discard(discard);
        }
        let now = self.log.disk().now();
        let due = |synced| now.saturating_sub(synced) >= self.pause();
        if self.stale && (last || self.synced.is_none_or(due)) {
            self.synced = Some(now);
            // Tried again after the pause: until then no segment is removed.
            self.stale = self.log.sync().is_err();
        }
        !last
    }

    /// Whoever wonders why records are refused finds it in the program's log, once a minute.
    fn say_fullness(&mut self) {
        let (now, place) = (self.log.disk().now(), self.log.disk().place());
        let usage = self.log.usage();
        let (bytes, max_bytes) = (usage.bytes, usage.max_bytes);
        let since = self.said_full.map(|said| now.saturating_sub(said));
        if self.full && since.is_none_or(|since| since >= FULL_SAID_AGAIN) {
            self.said_full = Some(now);
            let disk_free_bytes = self.log.disk().free_bytes().unwrap_or_default();
            let help =
                "raise `max_bytes` or free the disk; records go when their targets have them";
            tracing::warn!(
                target: "sluicegate",
                place, bytes, max_bytes, disk_free_bytes, help, "log.full"
            );
        } else if !self.full && since.is_some_and(|since| since >= FULL_ENDS_AFTER) {
            self.said_full = None;
            tracing::info!(target: "sluicegate", place, bytes, max_bytes, "log.has_room");
        }
    }

    fn commit(&mut self, mut group: Vec<Waiting>) {
        let records: Vec<Append> = group.iter_mut().flat_map(|it| it.take()).collect();
        let stored = self.log.append(&records);
        self.full = stored == Err(AppendError::Full);
        if stored == Err(AppendError::Full) && group.len() > 1 {
            // Where there is no room for all, there may be for some.
            let mut records = records.into_iter();
            for waiting in &mut group {
                waiting.records = records.by_ref().take(waiting.count).collect();
            }
            let second = group.split_off(group.len() / 2);
            self.commit(group);
            self.commit(second);
            return;
        }
        let mut begin = 0;
        for waiting in group {
            let end = begin + waiting.count as u64;
            (waiting.done)(match &stored {
                Ok(range) => Ok(range.start + begin..range.start + end),
                Err(error) => Err(error.clone()),
            });
            begin = end;
        }
    }
}

impl Drop for Committer {
    /// Whoever still waits when the committer ends, by a panic for one, is told.
    fn drop(&mut self) {
        let mut work = self.desk.lock();
        work.stopping = true;
        let waiting = std::mem::take(&mut work.appends);
        drop(work);
        for waiting in waiting {
            (waiting.done)(Err(AppendError::Stopped));
        }
    }
}

impl Waiting {
    fn take(&mut self) -> Vec<Append> {
        std::mem::take(&mut self.records)
    }
}

fn take_group(work: &mut Work) -> Vec<Waiting> {
    let mut group = Vec::new();
    let mut bytes = 0;
    while let Some(first) = work.appends.front() {
        if bytes > 0 && bytes + first.bytes > GROUP_BYTES_MAX {
            break;
        }
        bytes += first.bytes;
        group.extend(work.appends.pop_front());
    }
    work.waiting_bytes -= bytes;
    group
}
