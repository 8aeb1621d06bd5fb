//! How outcomes reach the core that owns their request: one queue for each core, and a doorbell
//! that is rung once for all that waits.

use std::sync::mpsc::SyncSender;
use std::sync::{Arc, OnceLock};

use crossbeam::queue::SegQueue;
use sluicegate_contract::{Outcome, OutcomeSink, RecordId};

use super::{Ledger, Slot};
use crate::idempotency::Verdict;
use crate::observe::CoreSnapshot;
use crate::runtime::Ringer;

/// Something for a core.
pub enum Mail {
    /// The final outcomes of some of its records.
    Outcomes(Vec<(RecordId, Outcome)>),
    /// The final outcome of one record.
    Outcome(RecordId, Outcome),
    /// Who gets the keys of the request in this slot, one verdict for each key.
    Claimed(Slot, Vec<Verdict>),
    /// What the keys of the request in this slot came to is stored, or cannot be.
    Recorded(Slot),
    /// Somebody asks for the core's counters.
    Snapshot(SyncSender<CoreSnapshot>),
}

/// One core's mailbox.
///
/// The queue has no bound of its own: it holds at most one outcome for each record in flight,
/// whose bytes are bounded at every target, and one question for each scrape under way.
#[derive(Default)]
pub struct CoreMailbox {
    queue: SegQueue<Mail>,
    /// Set by the core when it starts; what is posted before waits for it.
    ringer: OnceLock<Ringer>,
}

impl CoreMailbox {
    /// The core is there and is woken by this. Only the first call counts.
    pub fn attach(&self, ringer: Ringer) {
        let _ = self.ringer.set(ringer);
    }

    /// Puts something in and wakes the core if it sleeps.
    pub fn post(&self, mail: Mail) {
        self.queue.push(mail);
        if let Some(ringer) = self.ringer.get() {
            ringer.ring();
        }
    }

    /// Takes the oldest.
    pub fn take(&self) -> Option<Mail> {
        self.queue.pop()
    }

    /// True where nothing waits.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

/// The mailboxes of all cores: where rooms and couriers send outcomes.
#[derive(Clone)]
pub struct Mailboxes(Arc<[Arc<CoreMailbox>]>);

impl Mailboxes {
    /// Mailboxes for so many cores.
    #[must_use]
    pub fn new(cores: usize) -> Self {
        Self((0..cores).map(|_| Arc::default()).collect())
    }

    /// The mailbox of a core.
    #[must_use]
    pub fn of(&self, core: usize) -> Option<&Arc<CoreMailbox>> {
        self.0.get(core)
    }

    /// All, in the order of their cores' numbers.
    #[must_use]
    pub fn all(&self) -> &[Arc<CoreMailbox>] {
        &self.0
    }

    /// Sends outcomes to the cores that own them, each core's as one vector.
    fn post(&self, outcomes: Vec<(RecordId, Outcome)>) {
        if let [only] = &*self.0 {
            only.post(Mail::Outcomes(outcomes));
            return;
        }
        let mut by_core: Vec<Vec<(RecordId, Outcome)>> = vec![Vec::new(); self.0.len()];
        for (id, outcome) in outcomes {
            if let Some(list) = by_core.get_mut(Ledger::core_of(id)) {
                list.push((id, outcome));
            }
        }
        for (mailbox, list) in self.0.iter().zip(by_core) {
            if !list.is_empty() {
                mailbox.post(Mail::Outcomes(list));
            }
        }
    }
}

impl OutcomeSink for Mailboxes {
    fn outcome(&self, id: RecordId, outcome: Outcome) {
        if let Some(mailbox) = self.of(Ledger::core_of(id)) {
            mailbox.post(Mail::Outcome(id, outcome));
        }
    }

    fn outcomes(&self, outcomes: Vec<(RecordId, Outcome)>) {
        self.post(outcomes);
    }
}
