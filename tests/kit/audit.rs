//! What a story's targets hold, through the audit: its load, its readers, its verdicts.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use sluicegate_audit::load::{self, Load, Progress};
use sluicegate_audit::{Asked, Audit, Events, History, Source, Target, Template, good, table};

use super::{Gateway, PATIENCE};

/// Until everything that was acknowledged is where it belongs, once the faults are over.
const DRAIN_WITHIN: Duration = Duration::from_secs(180);

/// A target of a story, to which nobody else writes.
pub(crate) fn audited(name: &str, ordered: bool, source: Source) -> (Target, Source) {
    let target = Target {
        name: name.to_owned(),
        required: true,
        ordered,
        shows_copies: true,
        exclusive: true,
    };
    (target, source)
}

/// Events at a rate, sent beside the story until it stops them.
pub(crate) struct Stream {
    load: Load,
    progress: Arc<Progress>,
    running: thread::JoinHandle<History>,
}

impl Stream {
    /// Begins to send to this path of a gateway.
    pub(crate) fn begin(gateway: &Gateway, path: &str, rate: u64) -> Self {
        let url = format!("http://{}{path}", gateway.http);
        let mut load = Load::to("POST", &url, Vec::new()).unwrap();
        load.rate = rate;
        load.time = Duration::from_secs(3600);
        let template = Template::parse(Template::DEFAULT).unwrap();
        let events = Events::new(template, load.keys(64), 100);
        let progress = Arc::<Progress>::default();
        let running = thread::spawn({
            let (load, progress) = (load.clone(), Arc::clone(&progress));
            move || {
                let mut history = History::of(events);
                load::run(&load, &mut history, &progress).unwrap();
                history
            }
        });
        Self {
            load,
            progress,
            running,
        }
    }

    /// How many were acknowledged so far.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.progress.ok.load(Ordering::Relaxed)
    }

    /// Waits until so many more were acknowledged.
    pub(crate) fn wait_for(&self, more: u64) {
        let (from, end) = (self.acknowledged(), Instant::now() + PATIENCE);
        while self.acknowledged() < from + more {
            assert!(!self.running.is_finished(), "the load ended");
            let now = self.acknowledged();
            assert!(Instant::now() < end, "{now} acknowledged after {from}");
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Ends it, and gives what was answered.
    pub(crate) fn end(self) -> History {
        self.progress.stop.store(true, Ordering::Relaxed);
        self.running.join().unwrap()
    }

    /// Ends it, waits until the targets hold what was acknowledged, and asserts all that was asked.
    /// Gives how many events were acknowledged.
    pub(crate) fn judge(self, mut audit: Audit, mut asked: Asked) -> u64 {
        self.progress.stop.store(true, Ordering::Relaxed);
        let mut history = self.running.join().unwrap();
        audit.drain(&history, DRAIN_WITHIN).unwrap();
        asked.fresh = Some(audit.fresh(&self.load, &mut history).unwrap());
        let judged = audit.judge(&history, &asked);
        println!("{}", table(&judged));
        audit.close().unwrap();
        assert!(good(&judged), "{}", table(&judged));
        history.tally().ok
    }
}
