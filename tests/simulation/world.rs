//! Time and chance: what happens next is the earliest step on the agenda, and the clock of this
//! thread is set to it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use fastrand::Rng;
use sluicegate::runtime;

use crate::journal::Journal;

/// Something that happens at its time. Steps of a gateway carry its life: those of one that has
/// crashed are passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A client sends a request.
    Arrive,
    /// A client goes away without waiting for its answer.
    Leave(u64),
    /// The end of a tick of a core.
    Flush {
        life: u32,
        core: usize,
    },
    /// A core looks into its mailbox.
    Mail {
        life: u32,
        core: usize,
    },
    /// The cores look for requests whose time has passed.
    Late {
        life: u32,
    },
    /// A courier is asked.
    Courier {
        life: u32,
        target: usize,
    },
    /// The committer of the spool takes what waits for the disk.
    Commit {
        life: u32,
    },
    /// The drain of the spool is asked.
    Drain {
        life: u32,
    },
    /// A call reaches its target.
    Apply(usize),
    /// Its answer comes back.
    Answer(usize),
    /// A target changes its mind.
    Weather(usize),
    /// The process is killed; with the power, if so.
    Crash {
        power: bool,
    },
    /// It is told to stop, and is started again when it has.
    Stop,
    Start,
}

pub(crate) struct World {
    pub(crate) random: Rng,
    pub(crate) journal: Journal,
    now: Duration,
    base: Instant,
    agenda: BTreeMap<(Duration, u64), Step>,
    count: u64,
}

impl World {
    pub(crate) fn new(seed: u64, aloud: bool) -> Self {
        // The code draws from its thread's own source.
        fastrand::seed(seed ^ 0x5eed);
        let world = Self {
            random: Rng::with_seed(seed),
            journal: Journal::new(aloud),
            now: Duration::ZERO,
            base: Instant::now(),
            agenda: BTreeMap::new(),
            count: 0,
        };
        world.set_clock();
        world
    }

    /// The time since the run began.
    pub(crate) fn now(&self) -> Duration {
        self.now
    }

    /// The same as the code sees it.
    pub(crate) fn instant(&self) -> Instant {
        self.base + self.now
    }

    /// How long it is from now until then.
    pub(crate) fn until(&self, then: Instant) -> Duration {
        then.saturating_duration_since(self.instant())
    }

    fn set_clock(&self) {
        let day: SystemTime = UNIX_EPOCH + Duration::from_secs(1_767_225_600);
        runtime::set_time(self.instant(), day + self.now);
    }

    /// Plans a step.
    pub(crate) fn after(&mut self, pause: Duration, step: Step) {
        self.count += 1;
        self.agenda.insert((self.now + pause, self.count), step);
    }

    /// Plans a step at a random time within so many microseconds.
    pub(crate) fn soon(&mut self, microseconds: u64, step: Step) {
        let pause = Duration::from_micros(self.random.u64(..=microseconds));
        self.after(pause, step);
    }

    /// The next step, if there is one before `end`; the clock is set to it.
    pub(crate) fn next(&mut self, end: Duration) -> Option<Step> {
        let at = self.agenda.first_key_value().map(|((at, _), _)| *at);
        let Some(at) = at.filter(|at| *at <= end) else {
            self.now = self.now.max(end);
            self.set_clock();
            return None;
        };
        let (_, step) = self.agenda.pop_first()?;
        self.now = self.now.max(at);
        self.set_clock();
        Some(step)
    }

    pub(crate) fn chance(&mut self, of_hundred: u32) -> bool {
        self.random.u32(..100) < of_hundred
    }

    pub(crate) fn note(&mut self, what: std::fmt::Arguments<'_>) {
        self.journal.note(self.now, what);
    }
}
