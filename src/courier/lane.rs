//! Runs couriers: threads with a tokio runtime each, which the targets' client libraries need.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use sluicegate_contract::{
    Attempt, AttemptSink, Batch, Integration, OutcomeSink, Reason, TargetWatch,
};

use super::{CallId, Queue, Rules};
use crate::dispatch::{Gate, Inbox, Parcel};
use crate::observe::TargetCounters;
use crate::runtime;

/// Everything that one target's courier needs.
pub struct Courier {
    /// Where records come from.
    pub inbox: Arc<Inbox>,
    /// The door of the target's room.
    pub room: Arc<dyn Integration>,
    /// Its settings.
    pub rules: Rules,
    /// Where outcomes go.
    pub outcomes: Arc<dyn OutcomeSink>,
    /// Whom to tell of the target's state.
    pub gate: Arc<Gate>,
    /// What to count.
    pub counters: Arc<TargetCounters>,
}

/// The threads that couriers run on.
#[derive(Debug, Default)]
pub struct Lanes {
    threads: Vec<JoinHandle<()>>,
}

impl Lanes {
    /// Starts `lanes` threads and deals the couriers out among them. A courier stays on its lane,
    /// so that order, breaker and retries of a target are in one place.
    ///
    /// # Errors
    /// A thread or its runtime cannot be started.
    pub fn start(couriers: Vec<Courier>, lanes: usize) -> io::Result<Self> {
        let lanes = lanes.clamp(1, couriers.len().max(1));
        let mut dealt: Vec<Vec<Courier>> = (0..lanes).map(|_| Vec::new()).collect();
        for (place, courier) in couriers.into_iter().enumerate() {
            dealt[place % lanes].push(courier);
        }
        let threads = dealt.into_iter().enumerate().map(|(lane, couriers)| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let run = move || {
                let tasks: Vec<_> = couriers
                    .into_iter()
                    .map(|courier| runtime.spawn(courier.run()))
                    .collect();
                for task in tasks {
                    if let Err(error) = runtime.block_on(task) {
                        tracing::error!(target: "sluicegate", %error, "courier.failed");
                    }
                }
            };
            std::thread::Builder::new()
                .name(format!("lane-{lane}"))
                .spawn(run)
        });
        Ok(Self {
            threads: threads.collect::<io::Result<_>>()?,
        })
    }

    /// Waits until every courier has ended, which they do once they were told to stop.
    pub fn join(self) {
        for thread in self.threads {
            // A lane that panicked has said so; the others are still waited for.
            let _ = thread.join();
        }
    }
}

/// When a courier is to be asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// When its inbox is rung, and at this time at the latest.
    Wait(Option<Instant>),
    /// Never: it was told to stop, and the last record has its outcome.
    Ended,
}

impl Courier {
    async fn run(self) {
        let mut queue = Queue::new(self.rules);
        loop {
            match self.turn(&mut queue, runtime::now()) {
                Turn::Ended => return,
                Turn::Wait(Some(at)) => {
                    // Woken by the time or by the bell: either way the queue is asked again.
                    let _ = tokio::time::timeout_at(at.into(), self.inbox.rung()).await;
                }
                Turn::Wait(None) => self.inbox.rung().await,
            }
        }
    }

    /// One turn: takes what came, starts the calls that may start, hands outcomes on.
    pub fn turn(&self, queue: &mut Queue, now: Instant) -> Turn {
        let told = self.inbox.take_all(|parcel| self.open(queue, now, parcel));
        if told.hurried {
            queue.stop();
        }
        while let Some((call, batch)) = queue.next(now) {
            self.submit(now, call, batch);
        }
        let outcomes = queue.take_outcomes();
        if !outcomes.is_empty() {
            self.outcomes.outcomes(outcomes);
        }
        self.counters.queue_oldest(queue.oldest());
        if told.stopping && queue.is_empty() {
            return Turn::Ended;
        }
        Turn::Wait(queue.wake_at(now))
    }

    fn open(&self, queue: &mut Queue, now: Instant, parcel: Parcel) {
        match parcel {
            Parcel::Records(records) => queue.put(now, records, &*self.room),
            Parcel::Done(call, attempts) => {
                for attempt in &attempts {
                    self.counters.attempt(attempt);
                }
                if let Some(reason) = attempts.iter().find_map(reason_of) {
                    self.gate.health().failed(reason);
                }
                if let Some(change) = queue.complete(now, call, attempts) {
                    self.gate.state(change.state, change.reason);
                }
            }
        }
    }

    fn submit(&self, started: Instant, call: CallId, batch: Batch) {
        let (inbox, counters) = (Arc::clone(&self.inbox), Arc::clone(&self.counters));
        counters.call_started(batch.len());
        let sink = AttemptSink::new(batch.len(), move |attempts| {
            counters.call_finished(runtime::now().saturating_duration_since(started));
            inbox.done(call, attempts);
        });
        self.room.submit(batch, sink);
    }
}

fn reason_of(attempt: &Attempt) -> Option<&Reason> {
    match attempt {
        Attempt::Stored(_) => None,
        Attempt::Again { reason, .. } | Attempt::Refused(reason) | Attempt::Blocked(reason) => {
            Some(reason)
        }
    }
}
