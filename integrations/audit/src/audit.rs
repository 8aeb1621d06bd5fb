//! A whole audit: targets that are read until they hold what was acknowledged, a fresh event, and
//! the verdicts.

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::history::{History, Outcome};
use crate::holding::{Holding, Target};
use crate::load::{self, Load};
use crate::readers::{Reader, Source};
use crate::verdicts::{Asked, FRESH_WITHIN, Judgement, judge};

/// Between two readings of targets that do not hold all yet.
const PAUSE: Duration = Duration::from_millis(250);
/// The pause grows up to this, since a reading may be of a whole table.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// What became of the fresh event: how long it took, or why it did not go through.
pub type Fresh = Result<Duration, String>;

/// Targets that are being read.
pub struct Audit {
    runtime: Runtime,
    readers: Vec<Reader>,
    holdings: Vec<Holding>,
}

impl Audit {
    /// Opens the targets. It must be done before anything is sent: a topic's messages are kept
    /// from here on.
    ///
    /// # Errors
    /// Which target cannot be opened, and why.
    pub fn open(targets: Vec<(Target, Source)>) -> Result<Self, String> {
        let runtime = load::runtime()?;
        let mut audit = Self {
            runtime,
            readers: Vec::new(),
            holdings: Vec::new(),
        };
        for (target, source) in targets {
            match audit.runtime.block_on(Reader::open(source)) {
                Ok(reader) => audit.readers.push(reader),
                Err(said) => {
                    // What was made for the targets before it is not left behind.
                    let _ = audit.close();
                    return Err(format!("{}: {said}", target.name));
                }
            }
            audit.holdings.push(Holding::of(target));
        }
        Ok(audit)
    }

    /// What the targets were found to hold so far.
    #[must_use]
    pub fn holdings(&self) -> &[Holding] {
        &self.holdings
    }

    /// Reads all targets once, from where the last reading ended.
    ///
    /// # Errors
    /// Which target cannot be read, and why.
    pub fn read(&mut self, history: &History) -> Result<(), String> {
        for (reader, holding) in self.readers.iter_mut().zip(&mut self.holdings) {
            let read = self.runtime.block_on(reader.read(history, holding));
            read.map_err(|said| format!("{}: {said}", holding.target.name))?;
        }
        Ok(())
    }

    /// Reads until every acknowledged event is in every required target and nothing more arrives,
    /// at most for so long. True where all are there; what is missing then is for the verdicts.
    ///
    /// # Errors
    /// Which target cannot be read, and why.
    pub fn drain(&mut self, history: &History, within: Duration) -> Result<bool, String> {
        let end = Instant::now() + within;
        let mut pause = PAUSE;
        let mut before = None;
        loop {
            self.read(history)?;
            let all = self.has_all(history);
            let records: Vec<u64> = self
                .holdings
                .iter()
                .map(|holding| holding.records)
                .collect();
            let quiet = before.as_ref() == Some(&records);
            if (all && quiet) || Instant::now() >= end {
                return Ok(all);
            }
            before = Some(records);
            std::thread::sleep(pause);
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Sends one more event and waits until every required target holds it. It is part of the
    /// history from then on.
    ///
    /// # Errors
    /// Which target cannot be read, and why.
    pub fn fresh(&mut self, load: &Load, history: &mut History) -> Result<Fresh, String> {
        let began = Instant::now();
        let number = loop {
            let left = FRESH_WITHIN.saturating_sub(began.elapsed());
            match load::send_one(load, history, left.max(Duration::from_millis(100))) {
                Ok((number, Outcome::Ok)) => break number,
                Ok((_, outcome)) if began.elapsed() > FRESH_WITHIN => {
                    let said = match outcome {
                        Outcome::Failed => "it was refused",
                        _ => "its answer leaves it in doubt",
                    };
                    return Ok(Err(format!("{said} until {FRESH_WITHIN:?} had passed")));
                }
                Ok(_) => std::thread::sleep(PAUSE),
                Err(said) => return Ok(Err(said)),
            }
        };
        loop {
            // A reading that began in time counts: it may be of a whole table.
            let at = began.elapsed();
            self.read(history)?;
            let mut missing = self
                .holdings
                .iter()
                .filter(|holding| holding.target.required && holding.copies_of(number) == 0);
            match missing.next() {
                None if at <= FRESH_WITHIN => return Ok(Ok(began.elapsed().min(FRESH_WITHIN))),
                None => return Ok(Ok(at)),
                Some(holding) if at > FRESH_WITHIN => {
                    let name = &holding.target.name;
                    return Ok(Err(format!("it is not in {name} after {at:?}")));
                }
                Some(_) => std::thread::sleep(PAUSE / 5),
            }
        }
    }

    /// The verdicts on what was read.
    #[must_use]
    pub fn judge(&self, history: &History, asked: &Asked) -> Vec<Judgement> {
        judge(history, &self.holdings, asked)
    }

    /// Removes what was made for the audit: queues and their subscriptions.
    ///
    /// # Errors
    /// What could not be removed.
    pub fn close(self) -> Result<(), String> {
        let mut ended = Ok(());
        for reader in self.readers {
            let closed = self.runtime.block_on(reader.close());
            ended = ended.and(closed);
        }
        ended
    }

    fn has_all(&self, history: &History) -> bool {
        let mut required = self
            .holdings
            .iter()
            .filter(|holding| holding.target.required);
        required.all(|holding| holding.has_all(history))
    }
}
