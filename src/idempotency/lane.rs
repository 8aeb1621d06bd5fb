//! What a lane does for one shared store: claims, stores, gives back and renews keys, each a task.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sluicegate_contract::{KeyItem, KeyLease, KeyState, KeyTable};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::counters::Counters;
use super::shared::SharedOptions;
use super::store::{Asked, Finish};
use super::window::Ending;
use super::{Key, Milliseconds, Owner, Payload, Settled, Untold, Verdict, now};
use crate::limits::{
    IDEMPOTENCY_CALL_TIME, IDEMPOTENCY_CALLS_MAX, IDEMPOTENCY_PAUSE, IDEMPOTENCY_STORE_TRIES,
    RETRY_PAUSE_MIN,
};

/// What all tasks of the lane share.
pub(super) struct Lane {
    table: Arc<dyn KeyTable>,
    counters: Arc<Counters>,
    pub(super) options: SharedOptions,
    held: Mutex<HashMap<(Key, Owner), Held>>,
    calls: Semaphore,
    failed: Mutex<Option<(Instant, String)>>,
}

/// A claim of this process. Each is that of one request: another may have the key by now.
#[derive(Clone, Copy)]
pub(super) struct Held {
    payload: Payload,
    until: Milliseconds,
    /// Something is stored of it.
    keeps: bool,
}

/// What is to be done about a key that another has or had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Answered,
    Running,
    Mismatch,
    TakeOver,
}

impl Lane {
    pub(super) fn new(
        table: Arc<dyn KeyTable>,
        options: SharedOptions,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            table,
            counters,
            options,
            held: Mutex::new(HashMap::new()),
            calls: Semaphore::new(IDEMPOTENCY_CALLS_MAX),
            failed: Mutex::new(None),
        }
    }

    /// The last error of the table, while it fails.
    pub(super) fn error(&self) -> Option<String> {
        let failed = lock(&self.failed);
        failed.as_ref().map(|(_, error)| error.clone())
    }

    /// Claims keys, all at once.
    pub(super) async fn claim(self: &Arc<Self>, asked: Vec<Asked>) -> Vec<Verdict> {
        if let [only] = *asked {
            return vec![self.claim_one(only).await];
        }
        let mut claims = JoinSet::new();
        let mut verdicts = vec![Verdict::Unavailable("it was not asked".to_owned()); asked.len()];
        let mut first = HashMap::new();
        for (place, one) in asked.into_iter().enumerate() {
            // Of a key that stands twice in a batch, the first gets it.
            if let Some(payload) = first.insert(one.key, one.payload) {
                verdicts[place] = match payload == one.payload {
                    true => Verdict::Running,
                    false => Verdict::Mismatch,
                };
                first.insert(one.key, payload);
                continue;
            }
            let lane = Arc::clone(self);
            claims.spawn(async move { (place, lane.claim_one(one).await) });
        }
        while let Some(claimed) = claims.join_next().await {
            if let Ok((place, verdict)) = claimed
                && let Some(slot) = verdicts.get_mut(place)
            {
                *slot = verdict;
            }
        }
        verdicts
    }

    async fn claim_one(self: &Arc<Self>, asked: Asked) -> Verdict {
        if let Some(why) = self.failing() {
            return Verdict::Unavailable(why);
        }
        let lease = self.lease(asked.key, asked.payload, asked.owner);
        let claimed = self.call(self.table.claim(&lease)).await;
        let found = match claimed {
            Ok(None) => {
                self.hold(&lease, false);
                return Verdict::Granted(None);
            }
            Ok(Some(found)) => found,
            Err(why) => return self.undo(lease, false, why),
        };
        // Where a claim of this very process was not renewed in time, its request is under way yet.
        let lives =
            found.state == KeyState::Running && self.held().contains_key(&(asked.key, found.owner));
        match step(&found, asked.payload, lease.now) {
            Step::TakeOver if lives => Verdict::Running,
            Step::Running => Verdict::Running,
            Step::Mismatch => Verdict::Mismatch,
            Step::Answered => settled(&found).map_or_else(Verdict::from, Verdict::Answered),
            Step::TakeOver => match self.call(self.table.take_over(&lease, &found)).await {
                Ok(false) => Verdict::Running,
                Ok(true) => {
                    self.hold(&lease, found.stored.is_some());
                    match (&found.stored, settled(&found)) {
                        (None, _) => Verdict::Granted(None),
                        (Some(_), Ok(settled)) => Verdict::Granted(Some(settled)),
                        (Some(_), Err(untold)) => {
                            self.release(asked.owner, &[asked.key]).await;
                            untold.into()
                        }
                    }
                }
                Err(why) => self.undo(lease, found.stored.is_some(), why),
            },
        }
    }

    /// A claim that failed may have been written: it is given back as well as can be. `keeps`:
    /// something is stored of the key, and stays.
    fn undo(self: &Arc<Self>, lease: KeyLease, keeps: bool, why: String) -> Verdict {
        let lane = Arc::clone(self);
        tokio::spawn(async move {
            let freed = lane.table.free(&lease, keeps);
            let _ = tokio::time::timeout(IDEMPOTENCY_CALL_TIME, freed).await;
        });
        Verdict::Unavailable(why)
    }

    /// Stores what claims came to, all at once.
    pub(super) async fn record(self: &Arc<Self>, finishes: Vec<Finish>) {
        let ended = finishes.iter();
        let ended = ended.filter(|finish| finish.ending != Ending::GoesOn);
        let ended = ended.map(|finish| (finish.key, finish.owner));
        let ended: Vec<(Key, Owner)> = ended.collect();
        let mut stores = JoinSet::new();
        for finish in finishes {
            let lane = Arc::clone(self);
            stores.spawn(async move { lane.record_one(finish).await });
        }
        while stores.join_next().await.is_some() {}
        // Whatever became of them, they are not renewed any more.
        let mut held = self.held();
        for claim in ended {
            held.remove(&claim);
        }
    }

    async fn record_one(&self, finish: Finish) {
        let state = match finish.ending {
            Ending::Final => KeyState::Final,
            Ending::Partly => KeyState::Partly,
            Ending::GoesOn => KeyState::Running,
        };
        let mut pause = RETRY_PAUSE_MIN;
        for tried in 1..=IDEMPOTENCY_STORE_TRIES {
            let lease = self.lease(finish.key, finish.payload, finish.owner);
            match self
                .call(self.table.store(&lease, state, &finish.stored))
                .await
            {
                Ok(true) => return self.stored(&lease),
                // It is over already: this came later than what was stored behind it.
                Ok(false) if finish.ending == Ending::GoesOn => return,
                Ok(false) => return self.unrecorded("another request has taken the key over"),
                Err(why) if tried == IDEMPOTENCY_STORE_TRIES => self.unrecorded(&why),
                Err(_) => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
            }
        }
    }

    fn stored(&self, lease: &KeyLease) {
        if let Some(held) = self.held().get_mut(&(lease.key, lease.owner)) {
            (held.keeps, held.until) = (true, lease.until);
        }
    }

    /// Gives claims back. What cannot be given back is free when its lease ends.
    pub(super) async fn release(&self, owner: Owner, keys: &[Key]) {
        for key in keys {
            let Some(held) = self.held().remove(&(*key, owner)) else {
                continue;
            };
            let lease = self.lease(*key, held.payload, owner);
            let _ = self.call(self.table.free(&lease, held.keeps)).await;
        }
    }

    /// One call of the table, of which only so many are made at once.
    async fn call<T>(&self, asked: sluicegate_contract::Asked<'_, T>) -> Result<T, String> {
        // Nobody closes it.
        let _permit = self.calls.acquire().await;
        let answer = tokio::time::timeout(IDEMPOTENCY_CALL_TIME, asked).await;
        let why = match answer {
            Ok(Ok(answer)) => {
                *lock(&self.failed) = None;
                return Ok(answer);
            }
            Ok(Err(reason)) => reason.to_string(),
            Err(_) => format!("the table did not answer within {IDEMPOTENCY_CALL_TIME:?}"),
        };
        let failed = lock(&self.failed).replace((Instant::now(), why.clone()));
        if failed.is_none() {
            tracing::error!(error = why, "idempotency.unavailable");
        }
        Err(why)
    }

    /// Why no key is given away just now: a table that fails is asked again after a pause.
    fn failing(&self) -> Option<String> {
        let failed = lock(&self.failed);
        let (when, why) = failed.as_ref()?;
        (when.elapsed() < IDEMPOTENCY_PAUSE).then(|| why.clone())
    }

    fn lease(&self, key: Key, payload: Payload, owner: Owner) -> KeyLease {
        let (now, span) = (now(), |span: Duration| span.as_millis() as u64);
        KeyLease {
            key,
            payload,
            owner,
            now,
            until: now.saturating_add(span(self.options.lease)),
            expires: now.saturating_add(span(self.options.window)).div_ceil(1000),
        }
    }

    fn hold(&self, lease: &KeyLease, keeps: bool) {
        let held = Held {
            payload: lease.payload,
            until: lease.until,
            keeps,
        };
        self.held().insert((lease.key, lease.owner), held);
    }

    pub(super) fn held(&self) -> MutexGuard<'_, HashMap<(Key, Owner), Held>> {
        lock(&self.held)
    }

    fn unrecorded(&self, why: &str) {
        Counters::add(&self.counters.unrecorded);
        tracing::error!(error = why, "idempotency.unrecorded");
    }
}

/// Renews those leases of which a third is left.
pub(super) async fn renew(lane: Arc<Lane>) {
    let third = lane.options.lease.as_millis() as u64 / 3;
    let soon = now().saturating_add(2 * third);
    let due: Vec<((Key, Owner), Held)> = {
        let held = lane.held();
        let due = held.iter().filter(|(_, held)| held.until <= soon);
        due.map(|(claim, held)| (*claim, *held)).collect()
    };
    for ((key, owner), held) in due {
        let lease = lane.lease(key, held.payload, owner);
        // Where it is not renewed it may have been stored and given back meanwhile, or it is
        // another's by now: what is to be stored of it finds out.
        let renewed = lane.call(lane.table.renew(&lease)).await;
        if renewed == Ok(true)
            && let Some(held) = lane.held().get_mut(&(key, owner))
        {
            held.until = lease.until;
        }
    }
}

/// What is to be done about a key that is there already.
fn step(found: &KeyItem, payload: Payload, now: Milliseconds) -> Step {
    match found.state {
        _ if found.payload != payload => Step::Mismatch,
        KeyState::Final => Step::Answered,
        KeyState::Running if found.until > now => Step::Running,
        KeyState::Running | KeyState::Partly => Step::TakeOver,
    }
}

fn settled(found: &KeyItem) -> Result<Settled, Untold> {
    Settled::decoded(found.stored.as_deref().ok_or(Untold::Unreadable)?)
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change behind these locks is whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
