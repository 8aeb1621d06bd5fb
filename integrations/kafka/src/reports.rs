//! The thread that takes a producer's reports, and hands their outcomes on in groups under load.
//!
//! librdkafka reports each partition's batch by itself, and each report that is handed on at once
//! wakes a core for a few records. Under load what comes within [`GATHER_TIME`] is handed on as one
//! list: a core is woken once for all of it, and its clients' next events come together and share
//! a batch again. A producer with little to do hands each outcome on at once.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use rdkafka::producer::{BaseProducer, Producer as _};
use sluicegate_contract::{Outcome, OutcomeSink, Reason, ReasonKind, RecordId};

use crate::events::Events;

/// How long outcomes are gathered under load.
const GATHER_TIME: Duration = Duration::from_micros(250);
/// How long one look for reports takes without load.
const IDLE_TIME: Duration = Duration::from_millis(50);
/// How long the load is watched before gathering may end: in looks of [`GATHER_TIME`].
const LOOKS: u32 = 200;
/// Reports in [`IDLE_TIME`] from which on gathering pays: 2,000 a second.
const LOAD: usize = 100;

const _: () = assert!(GATHER_TIME.as_micros() * LOOKS as u128 == IDLE_TIME.as_micros());

/// A producer with the thread that takes its reports. Closed when it is dropped: what then waits
/// still gets its outcome.
pub(crate) struct Sender {
    producer: Arc<BaseProducer<Events>>,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Outcomes on their way to the gateway.
pub(crate) struct Gather {
    outcomes: Arc<dyn OutcomeSink>,
    gathering: AtomicBool,
    reports: AtomicUsize,
    list: Mutex<Vec<(RecordId, Outcome)>>,
}

impl Sender {
    /// Starts the thread.
    ///
    /// # Errors
    /// The machine has no thread left.
    pub(crate) fn start(producer: BaseProducer<Events>) -> Result<Self, Reason> {
        let producer = Arc::new(producer);
        let stopping = Arc::new(AtomicBool::new(false));
        let thread = Builder::new().name("kafka-reports".into()).spawn({
            let (producer, stopping) = (Arc::clone(&producer), Arc::clone(&stopping));
            move || take_reports(&producer, &stopping)
        });
        let thread =
            thread.map_err(|error| Reason::new(ReasonKind::Unavailable, error.to_string()))?;
        Ok(Self {
            producer,
            stopping,
            thread: Some(thread),
        })
    }
}

impl Deref for Sender {
    type Target = BaseProducer<Events>;

    fn deref(&self) -> &Self::Target {
        &self.producer
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // Its last act is to end the gathering, so that what the producer says as it closes
            // is handed on at once.
            let _ = thread.join();
        }
    }
}

fn take_reports(producer: &BaseProducer<Events>, stopping: &AtomicBool) {
    let gather = producer.context().gather();
    while !stopping.load(Ordering::Relaxed) {
        gather.reports.store(0, Ordering::Relaxed);
        if gather.gathering.load(Ordering::Relaxed) {
            for _ in 0..LOOKS {
                // Not `poll(GATHER_TIME)`: librdkafka waits in whole milliseconds, and a shorter
                // wait is a loop that spins.
                std::thread::sleep(GATHER_TIME);
                gather.take_waiting(producer);
                gather.hand_on();
            }
        } else {
            producer.poll(IDLE_TIME);
        }
        let load = gather.reports.load(Ordering::Relaxed) >= LOAD;
        gather.gathering.store(load, Ordering::Relaxed);
        gather.hand_on();
    }
    gather.gathering.store(false, Ordering::Relaxed);
    gather.hand_on();
}

impl Gather {
    pub(crate) fn new(outcomes: Arc<dyn OutcomeSink>) -> Self {
        Self {
            outcomes,
            gathering: AtomicBool::new(false),
            reports: AtomicUsize::new(0),
            list: Mutex::new(Vec::new()),
        }
    }

    /// Takes an outcome, to be handed on now or with others.
    pub(crate) fn outcome(&self, id: RecordId, outcome: Outcome) {
        self.reports.fetch_add(1, Ordering::Relaxed);
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        // Asked under the lock: what comes after the last `hand_on` sees that gathering has ended.
        if self.gathering.load(Ordering::Relaxed) {
            list.push((id, outcome));
        } else {
            drop(list);
            self.outcomes.outcome(id, outcome);
        }
    }

    /// Takes the reports that wait. One `poll` takes one of librdkafka's events, and not each of
    /// them is a report, so two looks without one say that none waits.
    fn take_waiting(&self, producer: &BaseProducer<Events>) {
        let mut quiet = 0;
        while quiet < 2 {
            let before = self.reports.load(Ordering::Relaxed);
            producer.poll(Duration::ZERO);
            let none = self.reports.load(Ordering::Relaxed) == before;
            quiet = if none { quiet + 1 } else { 0 };
        }
    }

    fn hand_on(&self) {
        let list = {
            let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
            let room = Vec::with_capacity(list.len());
            std::mem::replace(&mut *list, room)
        };
        if !list.is_empty() {
            self.outcomes.outcomes(list);
        }
    }
}
