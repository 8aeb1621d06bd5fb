//! The thread around the drain: it waits, and reads the log.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use sluicegate_appendlog::{Reader, Writer};

use super::drain::Read;
use super::letters::LostRecords;
use super::{Backlog, Drain, DrainRules, Spool};
use crate::dead_letters::Letters;
use crate::dispatch::Target;
use crate::settle::{CoreMailbox, Mail};

/// Readers that stay open: one for each group of lanes that stand at one place.
const READERS_MAX: usize = 8;
/// Cursors are told to the log at most so often; it syncs them a few times a second.
const CURSOR_PAUSE: Duration = Duration::from_millis(100);
/// How often who stops looks whether all outcomes are there.
const IDLE_LOOK: Duration = Duration::from_millis(5);

/// The thread of a drain.
#[derive(Debug)]
pub struct DrainThread {
    thread: JoinHandle<()>,
    told: Arc<Told>,
}

/// What the thread is told, and what it says.
#[derive(Debug, Default)]
struct Told {
    stopping: AtomicBool,
    ending: AtomicBool,
    idle: AtomicBool,
}

impl DrainThread {
    /// Starts a drain of this spool to these targets. Its outcomes come to this mailbox.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn start(
        rules: DrainRules,
        spool: Arc<Spool>,
        targets: Arc<[Target]>,
        mailbox: Arc<CoreMailbox>,
        letters: Option<Letters>,
    ) -> io::Result<Self> {
        let told = Arc::<Told>::default();
        let heard = Arc::clone(&told);
        let run = move || {
            let mut drain = Drain::new(rules);
            let thread = std::thread::current();
            mailbox.attach_thread(thread.clone());
            spool.drained_by(thread.clone(), drain.counters());
            let letters = LostRecords::new(letters, thread);
            let mut backlog = LogBacklog::new(spool.writer().clone());
            run(
                &mut drain,
                &mut backlog,
                &targets,
                &mailbox,
                (&heard, &letters),
            );
            backlog.flush();
        };
        let thread = std::thread::Builder::new()
            .name("spool".into())
            .spawn(run)?;
        Ok(Self { thread, told })
    }

    /// Hands nothing over any more.
    pub fn stop(&self) {
        self.told.stopping.store(true, Ordering::Release);
        self.thread.thread().unpark();
    }

    /// Waits until all that was handed over has its outcome, at most so long. False where some has
    /// not.
    #[must_use]
    pub fn wait_idle(&self, within: Duration) -> bool {
        let end = Instant::now() + within;
        while !self.told.idle.load(Ordering::Acquire) {
            if Instant::now() >= end || self.thread.is_finished() {
                return false;
            }
            std::thread::sleep(IDLE_LOOK);
        }
        true
    }

    /// Takes what outcomes have come, tells the cursors to the log, and ends.
    pub fn join(self) {
        self.told.ending.store(true, Ordering::Release);
        self.stop();
        // A thread that panicked has said so.
        let _ = self.thread.join();
    }
}

fn run(
    drain: &mut Drain,
    backlog: &mut LogBacklog,
    targets: &[Target],
    mailbox: &CoreMailbox,
    (told, letters): (&Told, &LostRecords),
) {
    loop {
        let ending = told.ending.load(Ordering::Acquire);
        let stopping = told.stopping.load(Ordering::Acquire);
        if stopping {
            drain.stop();
        }
        let now = (Instant::now(), SystemTime::now());
        while let Some(mail) = mailbox.take() {
            match mail {
                Mail::Outcome(id, outcome) => drain.outcome(id, outcome, targets, now),
                Mail::Outcomes(outcomes) => {
                    for (id, outcome) in outcomes {
                        drain.outcome(id, outcome, targets, now);
                    }
                }
                // Only cores are asked for these.
                Mail::Spooled(..) | Mail::Claimed(..) | Mail::Recorded(_) | Mail::Snapshot(_) => {}
            }
        }
        letters.open(drain, now);
        let mut wake = drain.step(now, backlog, targets);
        letters.post(drain, now);
        if let Some(due) = backlog.flush_when_due(now.0) {
            wake = Some(wake.map_or(due, |wake| wake.min(due)));
        }
        if stopping {
            told.idle.store(drain.is_idle(), Ordering::Release);
        }
        if ending {
            return;
        }
        match wake {
            Some(wake) => std::thread::park_timeout(wake.saturating_duration_since(Instant::now())),
            None => std::thread::park(),
        }
    }
}

/// The log of a running spool.
pub struct LogBacklog {
    writer: Writer,
    /// The one that was used last stands last.
    readers: Vec<Reader>,
    moved: BTreeMap<String, u64>,
    flushed: Option<Instant>,
}

impl LogBacklog {
    /// The log of this writer.
    #[must_use]
    pub fn new(writer: Writer) -> Self {
        Self {
            writer,
            readers: Vec::new(),
            moved: BTreeMap::new(),
            flushed: None,
        }
    }

    /// Tells the log where the cursors stand.
    pub fn flush(&mut self) {
        for (cursor, next) in std::mem::take(&mut self.moved) {
            self.writer.advance(&cursor, next);
        }
    }

    /// The same, at most once in [`CURSOR_PAUSE`]; gives when it is due again.
    fn flush_when_due(&mut self, now: Instant) -> Option<Instant> {
        if self.moved.is_empty() {
            return None;
        }
        let due = self.flushed.map_or(now, |at| at + CURSOR_PAUSE);
        if now < due {
            return Some(due);
        }
        self.flush();
        self.flushed = Some(now);
        None
    }
}

impl Backlog for LogBacklog {
    fn read(&mut self, from: u64) -> io::Result<Read> {
        let known = self
            .readers
            .iter()
            .position(|reader| reader.position() == from);
        let mut reader = match known {
            Some(place) => self.readers.remove(place),
            None => self.writer.reader(from),
        };
        let read = reader.next();
        let end = reader.position();
        if self.readers.len() >= READERS_MAX {
            self.readers.remove(0);
        }
        self.readers.push(reader);
        Ok(read?.map_or(Read::End(end), Read::Record))
    }

    fn advance(&mut self, cursor: &str, next: u64) {
        match self.moved.get_mut(cursor) {
            Some(known) => *known = next,
            None => {
                self.moved.insert(cursor.to_owned(), next);
            }
        }
    }

    fn remove(&mut self, cursor: &str) {
        self.moved.remove(cursor);
        self.writer.remove_cursor(cursor);
    }
}
