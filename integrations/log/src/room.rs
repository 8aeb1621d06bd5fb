//! A log as a target: records in from any core, outcomes when the disk has them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use sluicegate_appendlog::{AppendError, Log, RECORD_BYTES_MAX, RealDisk, Usage, Writer};
use sluicegate_contract::{
    ByteSize, Outcome, OutcomeSink, Producer, Reason, ReasonKind, Receipt, Record, RecordId,
    TargetState, TargetWatch,
};

use crate::kept;
use crate::settings::{Settings, WhenFull};

/// How often records that are too old are looked for.
const AGE_LOOK: Duration = Duration::from_secs(10);
/// Where the oldest go, this part of the log is kept free for what comes meanwhile.
const FREE_PART: u64 = 8;

/// Opens the log of a target, and mends what a crash left.
///
/// # Errors
/// The directory cannot be had: another process holds it, it cannot be made or written.
pub fn open(
    settings: &Settings,
    outcomes: &Arc<dyn OutcomeSink>,
    watch: &Arc<dyn TargetWatch>,
) -> Result<Arc<LogRoom>, Reason> {
    let place = settings.dir.display();
    let failed = |said: String| Reason::new(ReasonKind::Unavailable, said);
    let disk = RealDisk::open(&settings.dir)
        .map_err(|error| failed(format!("the directory `{place}`: {error}")))?;
    let (log, _) =
        Log::open(Arc::new(disk), settings.options()).map_err(|error| failed(error.to_string()))?;
    let writer = Writer::start(log).map_err(|error| failed(error.to_string()))?;
    let keeper = Keeper {
        writer: writer.clone(),
        when_full: settings.when_full,
    };
    keeper.let_old_go();
    let stop = Arc::new(Bell::default());
    if settings.max_age.is_some() {
        start_keeper(keeper.clone(), Arc::clone(&stop)).map_err(failed)?;
    }
    if settings.when_full == WhenFull::DropOldest {
        writer.on_commit(move || keeper.let_oldest_go());
    }
    Ok(Arc::new(LogRoom {
        ears: Arc::new(Ears {
            place: place.to_string(),
            max_bytes: settings.max_bytes(),
            outcomes: Arc::clone(outcomes),
            watch: Arc::clone(watch),
            failing: AtomicBool::new(false),
        }),
        writer,
        stop,
    }))
}

/// A room that weighs records and takes none: it needs no directory.
#[must_use]
pub fn scales() -> Arc<dyn Producer> {
    Arc::new(Scales)
}

/// An open log.
pub struct LogRoom {
    writer: Writer,
    ears: Arc<Ears>,
    stop: Arc<Bell>,
}

impl LogRoom {
    /// How full the log is, and how its disk does.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.writer.usage()
    }
}

impl Producer for LogRoom {
    fn weigh(&self, record: &Record) -> Result<usize, Reason> {
        weigh(record)
    }

    fn produce(&self, record: &Record, id: RecordId) -> Result<Option<Outcome>, Reason> {
        let append = kept::append(record, SystemTime::now());
        let ears = Arc::clone(&self.ears);
        let done = move |stored: Result<std::ops::Range<u64>, AppendError>| {
            let outcome = ears.judge(stored.map(|range| range.start));
            ears.outcomes.outcome(id, outcome);
        };
        self.writer.append(vec![append], Box::new(done));
        Ok(None)
    }

    /// Ends the log, whatever the time: what was taken is stored, and the directory is free for
    /// another process.
    fn flush(&self, _: Duration) {
        self.stop.ring();
        self.writer.stop();
    }
}

impl Drop for LogRoom {
    fn drop(&mut self) {
        self.stop.ring();
        // What is called back at each commit holds a handle, so the last one is never dropped.
        self.writer.stop();
    }
}

/// What the log says, as the gateway hears it.
struct Ears {
    place: String,
    max_bytes: u64,
    outcomes: Arc<dyn OutcomeSink>,
    watch: Arc<dyn TargetWatch>,
    failing: AtomicBool,
}

impl Ears {
    fn judge(&self, stored: Result<u64, AppendError>) -> Outcome {
        let gave_up = |certain, kind, said: String| Outcome::GaveUp {
            certain,
            reason: Reason::new(kind, said),
        };
        let place = &self.place;
        match stored {
            Ok(sequence) => {
                if self.failing.swap(false, Ordering::Relaxed) {
                    self.watch.state(TargetState::Up, None);
                }
                Outcome::Delivered(Receipt::Logged { sequence })
            }
            Err(AppendError::Full) => {
                let most = ByteSize(self.max_bytes);
                let said = format!("the log in `{place}` has no room left of {most}, or its disk");
                gave_up(true, ReasonKind::LogFull, said)
            }
            Err(error @ AppendError::TooLarge) => {
                Outcome::Refused(Reason::new(ReasonKind::TooLarge, error.to_string()))
            }
            // What a failed sync left on the disk is known to nobody.
            Err(error @ AppendError::Failed(_)) => {
                let said = format!("the log in `{place}`: {error}");
                let reason = Reason::new(ReasonKind::Unavailable, said.as_str());
                self.failing.store(true, Ordering::Relaxed);
                self.watch.state(TargetState::Down, Some(reason));
                gave_up(false, ReasonKind::Unavailable, said)
            }
            Err(error @ AppendError::Stopped) => {
                gave_up(true, ReasonKind::Stopping, error.to_string())
            }
        }
    }
}

fn weigh(record: &Record) -> Result<usize, Reason> {
    let bytes = kept::bytes(record);
    if bytes > RECORD_BYTES_MAX {
        let said =
            format!("a record of {bytes} bytes is more than a log takes, {RECORD_BYTES_MAX}");
        return Err(Reason::new(ReasonKind::TooLarge, said));
    }
    Ok(bytes)
}

struct Scales;

impl Producer for Scales {
    fn weigh(&self, record: &Record) -> Result<usize, Reason> {
        weigh(record)
    }

    fn produce(&self, _: &Record, _: RecordId) -> Result<Option<Outcome>, Reason> {
        Err(ReasonKind::Stopping.into())
    }

    fn flush(&self, _: Duration) {}
}

/// Lets records go, where the file says that they do.
#[derive(Clone)]
struct Keeper {
    writer: Writer,
    when_full: WhenFull,
}

impl Keeper {
    fn let_old_go(&self) {
        if let Some(old) = self.writer.expired(SystemTime::now()) {
            self.writer.discard(old.end);
        }
    }

    /// Makes room before it is needed: what is discarded leaves the disk a moment later.
    fn let_oldest_go(&self) {
        let usage = self.writer.usage();
        if let Some(below) = room_below(self.when_full, &usage) {
            self.writer.discard(below);
        }
    }
}

/// The sequence below which records go, where a log is nearly full.
fn room_below(when_full: WhenFull, usage: &Usage) -> Option<u64> {
    let full = usage.bytes > usage.max_bytes - usage.max_bytes / FREE_PART;
    let records = usage.next.saturating_sub(usage.first);
    // A part that is smaller than the oldest segment would free nothing, now and ever after.
    let part = usage.first + records.div_ceil(FREE_PART);
    (when_full == WhenFull::DropOldest && full && records > 0)
        .then(|| part.max(usage.first_segment_ends))
}

/// Looks for records that are too old, until the bell rings.
fn start_keeper(keeper: Keeper, stop: Arc<Bell>) -> Result<(), String> {
    std::thread::Builder::new()
        .name("log-keeper".into())
        .spawn(move || {
            while !stop.rung_within(AGE_LOOK) {
                keeper.let_old_go();
            }
        })
        .map(drop)
        .map_err(|error| error.to_string())
}

/// Rung once, for good.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    news: Condvar,
}

impl Bell {
    fn ring(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.news.notify_all();
    }

    fn rung_within(&self, time: Duration) -> bool {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.news.wait_timeout_while(rung, time, |rung| !*rung);
        let (rung, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *rung
    }
}

#[cfg(test)]
#[path = "room_tests.rs"]
mod tests;
