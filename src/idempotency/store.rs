//! Where keys are kept: the door through which cores claim them and have answers stored.

use std::sync::Arc;

use bytes::Bytes;

use super::counters::Counters;
use super::local::Local;
use super::shared::Shared;
use super::{Ending, Key, Owner, Payload, Reading, Verdict};
use crate::settle::Slot;

/// A key that is claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The key.
    pub key: Key,
    /// What is to be sent under it.
    pub payload: Payload,
    /// Who asks for it.
    pub owner: Owner,
}

/// What a claim came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finish {
    /// The key.
    pub key: Key,
    /// What is sent under it.
    pub payload: Payload,
    /// Whose it is.
    pub owner: Owner,
    /// Whether that is all.
    pub ending: Ending,
    /// What became of its records ([`super::Settled::encoded`]).
    pub stored: Bytes,
}

/// Where keys are kept.
pub struct Store {
    kind: Kind,
    counters: Arc<Counters>,
}

enum Kind {
    Local(Local),
    Shared(Shared),
}

impl Store {
    pub(super) fn local(local: Local, counters: Arc<Counters>) -> Self {
        Self {
            kind: Kind::Local(local),
            counters,
        }
    }

    pub(super) fn shared(shared: Shared, counters: Arc<Counters>) -> Self {
        Self {
            kind: Kind::Shared(shared),
            counters,
        }
    }

    /// Claims keys for the request in this slot of a core's ledger. `None`: the verdicts, one for
    /// each key, come as `Mail::Claimed`.
    pub fn claim(&self, core: usize, slot: Slot, asked: &[Asked]) -> Option<Vec<Verdict>> {
        match &self.kind {
            Kind::Local(local) => Some(local.claim(asked)),
            Kind::Shared(shared) => {
                shared.claim(core, slot, asked.to_vec());
                None
            }
        }
    }

    /// Stores what claims came to, and posts `Mail::Recorded` for the request in this slot once it
    /// is durable, or cannot be.
    pub fn record(&self, core: usize, slot: Slot, finishes: Vec<Finish>) {
        match &self.kind {
            Kind::Local(local) => local.record(core, slot, finishes),
            Kind::Shared(shared) => shared.record(core, slot, finishes),
        }
    }

    /// Gives claims back for which nothing more was confirmed.
    pub fn release(&self, owner: Owner, keys: &[Key]) {
        match &self.kind {
            Kind::Local(local) => local.release(keys),
            Kind::Shared(shared) => shared.release(owner, keys),
        }
    }

    /// Counts what was decided of a claim.
    pub fn count(&self, verdict: &Verdict) {
        let counters = &self.counters;
        Counters::add(match verdict {
            Verdict::Granted(None) => &counters.claimed,
            Verdict::Granted(Some(_)) => &counters.resumed,
            Verdict::Answered(_) => &counters.replayed,
            Verdict::Running => &counters.running,
            Verdict::Mismatch => &counters.mismatched,
            Verdict::Untold | Verdict::Unavailable(_) => &counters.unavailable,
        });
    }

    /// What it holds and has done so far.
    #[must_use]
    pub fn reading(&self) -> Reading {
        let mut reading = match &self.kind {
            Kind::Local(local) => local.reading(),
            Kind::Shared(shared) => shared.reading(),
        };
        self.counters.read(&mut reading);
        reading
    }

    /// Writes what waits and ends. Called once no request is in flight any more.
    pub fn stop(&self) {
        match &self.kind {
            Kind::Local(local) => local.stop(),
            Kind::Shared(shared) => shared.stop(),
        }
    }
}
