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
use super::store::{Asked, Finish, Store};
use super::{Key, Owner, Reading};
use crate::limits::IDEMPOTENCY_CALL_TIME;
use crate::settle::{Mail, Mailboxes, Slot};

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
    lane: Arc<Lane>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

enum Job {
    Claim(usize, Slot, Vec<Asked>),
    Record(usize, Slot, Vec<Finish>),
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
        let lane = Lane::new(table, options, mailboxes, Arc::clone(&counters));
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
            lane,
            thread: Mutex::new(Some(thread)),
        };
        Ok(Self::shared(shared, counters))
    }
}

impl Shared {
    pub(super) fn claim(&self, core: usize, slot: Slot, asked: Vec<Asked>) {
        self.send(Job::Claim(core, slot, asked));
    }

    pub(super) fn record(&self, core: usize, slot: Slot, finishes: Vec<Finish>) {
        self.send(Job::Record(core, slot, finishes));
    }

    pub(super) fn release(&self, owner: Owner, keys: &[Key]) {
        if !keys.is_empty() {
            self.send(Job::Release(owner, keys.to_vec()));
        }
    }

    /// The lane ends last of all, so that somebody is there to take it. The queue holds at most
    /// what requests in flight ask for.
    fn send(&self, job: Job) {
        let sent = self.jobs.send(job);
        debug_assert!(sent.is_ok(), "the lane ends after the cores");
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
            Some(Job::Claim(core, slot, asked)) => {
                tasks.spawn(async move {
                    let verdicts = lane.claim(asked).await;
                    lane.post(core, Mail::Claimed(slot, verdicts));
                });
            }
            Some(Job::Record(core, slot, finishes)) => {
                tasks.spawn(async move {
                    lane.record(finishes).await;
                    lane.post(core, Mail::Recorded(slot));
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
