//! The shared store: a table that several gateways ask, on a lane of its own.
//!
//! A claim is a conditional write with a lease, which is renewed while its request is under way.
//! Where its gateway dies, the lease ends and another gateway may take the key over, with what was
//! confirmed under it. A table that cannot be asked gives no keys away: nothing is sent then.

use std::io;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use sluicegate_contract::KeyTable;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::counters::Counters;
use super::lane::{Lane, lock, renew};
use super::owed::{Claimant, Recorder};
use super::store::{Asked, Finish, Store};
use super::{Key, Owner, Reading};
use crate::limits::IDEMPOTENCY_CALL_TIME;
use crate::settle::{Mailboxes, Slot};

/// How a shared store holds its keys.
#[derive(Clone, Copy, Debug)]
pub struct SharedOptions {
    /// How long a key is known.
    pub window: Duration,
    /// How long a claim holds after its gateway was last heard of.
    pub lease: Duration,
}

/// The handle that cores have.
pub(super) struct Shared {
    jobs: mpsc::UnboundedSender<Job>,
    mailboxes: Mailboxes,
    lane: Arc<Lane>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

enum Job {
    Claim(Claimant, Vec<Asked>),
    Record(Recorder, Vec<Finish>),
    Release(Owner, Vec<Key>),
    Stop,
}

impl Store {
    /// Opens the store, whose lane runs until it is stopped. The table is not asked yet: one that
    /// is down is no reason not to start.
    ///
    /// # Errors
    /// The lane cannot be started.
    pub fn open_shared(
        table: Arc<dyn KeyTable>,
        options: SharedOptions,
        mailboxes: Mailboxes,
    ) -> io::Result<Self> {
        let counters = Arc::new(Counters::default());
        let lane = Lane::new(table, options, Arc::clone(&counters));
        let lane = Arc::new(lane);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (jobs, receiver) = mpsc::unbounded_channel();
        let of_lane = Arc::clone(&lane);
        let thread = std::thread::Builder::new()
            .name("idempotency".into())
            .spawn(move || runtime.block_on(run(of_lane, receiver)))?;
        let shared = Shared {
            jobs,
            mailboxes,
            lane,
            thread: Mutex::new(Some(thread)),
        };
        Ok(Self::shared(shared, counters))
    }
}

impl Shared {
    pub(super) fn claim(&self, core: usize, slot: Slot, asked: Vec<Asked>) {
        let claimant = Claimant::new(&self.mailboxes, core, slot, asked.len());
        self.send(Job::Claim(claimant, asked));
    }

    pub(super) fn record(&self, core: usize, slot: Slot, finishes: Vec<Finish>) {
        let recorder = Recorder::new(&self.mailboxes, core, slot);
        self.send(Job::Record(recorder, finishes));
    }

    pub(super) fn release(&self, owner: Owner, keys: &[Key]) {
        if !keys.is_empty() {
            self.send(Job::Release(owner, keys.to_vec()));
        }
    }

    /// The lane ends last of all, so that somebody is there to take it; if it has ended all the
    /// same, dropping the job tells who waits. The queue holds at most what requests in flight ask
    /// for.
    fn send(&self, job: Job) {
        let _ = self.jobs.send(job);
    }

    pub(super) fn reading(&self) -> Reading {
        let held = self.lane.held().len() as u64;
        Reading {
            store: "dynamodb",
            keys: held,
            running: held,
            last_error: self.lane.error(),
            ..Reading::default()
        }
    }

    pub(super) fn stop(&self) {
        // A lane that has ended already takes nothing.
        let _ = self.jobs.send(Job::Stop);
        let thread = lock(&self.thread).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

/// The lane: each job is a task of its own, and leases are renewed beside them.
async fn run(lane: Arc<Lane>, mut jobs: mpsc::UnboundedReceiver<Job>) {
    let mut tasks = JoinSet::new();
    let mut renewal = tokio::time::interval(lane.options.lease / 3);
    loop {
        let job = tokio::select! {
            job = jobs.recv() => job,
            _ = renewal.tick() => {
                tasks.spawn(renew(Arc::clone(&lane)));
                continue;
            }
            Some(_) = tasks.join_next() => continue,
        };
        let lane = Arc::clone(&lane);
        match job {
            Some(Job::Claim(claimant, asked)) => {
                tasks.spawn(async move { claimant.tell(lane.claim(asked).await) });
            }
            Some(Job::Record(recorder, finishes)) => {
                tasks.spawn(async move {
                    lane.record(finishes).await;
                    drop(recorder);
                });
            }
            Some(Job::Release(owner, keys)) => {
                tasks.spawn(async move { lane.release(owner, &keys).await });
            }
            Some(Job::Stop) | None => break,
        }
    }
    // What is still under way gets the time of one call.
    let rest = async { while tasks.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(IDEMPOTENCY_CALL_TIME, rest).await;
}
