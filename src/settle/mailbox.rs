//! How outcomes reach the core that owns their request: one queue for each core, and a doorbell
//! that is rung once for all that waits.

use std::sync::mpsc::SyncSender;
use std::sync::{Arc, OnceLock};
use std::thread::Thread;

use crossbeam::queue::SegQueue;
use sluicegate_contract::{Outcome, OutcomeSink, RecordId};

use super::{Ledger, Slot};
use crate::error::Code;
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
    /// What became of that part of a request that went to the spool.
    Spooled(Slot, Result<(), Code>),
    /// Somebody asks for the core's counters.
    Snapshot(SyncSender<CoreSnapshot>),
}

/// One core's mailbox, or that of a thread beside the cores that has records on their way.
///
/// The queue has no bound of its own: it holds at most one outcome for each record in flight,
/// whose bytes are bounded at every target, and one question for each scrape under way.
#[derive(Default)]
pub struct CoreMailbox {
    queue: SegQueue<Mail>,
    /// Set by the core when it starts; what is posted before waits for it.
    bell: OnceLock<Bell>,
}

/// How the owner of a mailbox is woken.
enum Bell {
    Core(Ringer),
    Thread(Thread),
}

impl CoreMailbox {
    /// The core is there and is woken by this. Only the first call counts.
    pub fn attach(&self, ringer: Ringer) {
        let _ = self.bell.set(Bell::Core(ringer));
    }

    /// The owner is this thread, which parks while nothing waits. Only the first call counts.
    pub fn attach_thread(&self, owner: Thread) {
        let _ = self.bell.set(Bell::Thread(owner));
    }

    /// Puts something in and wakes the core if it sleeps.
    pub fn post(&self, mail: Mail) {
        self.queue.push(mail);
        match self.bell.get() {
            Some(Bell::Core(ringer)) => ringer.ring(),
            Some(Bell::Thread(owner)) => owner.unpark(),
            None => {}
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

/// The mailboxes of all cores, and of those beside them: where rooms and couriers send outcomes.
#[derive(Clone)]
pub struct Mailboxes {
    boxes: Arc<[Arc<CoreMailbox>]>,
    cores: usize,
}

impl Mailboxes {
    /// Mailboxes for so many cores.
    #[must_use]
    pub fn new(cores: usize) -> Self {
        Self::with_beside(cores, 0)
    }

    /// Mailboxes for so many cores, and for so many threads beside them: their numbers follow
    /// those of the cores.
    #[must_use]
    pub fn with_beside(cores: usize, beside: usize) -> Self {
        let boxes = (0..cores + beside).map(|_| Arc::default()).collect();
        Self { boxes, cores }
    }

    /// The mailbox of this number.
    #[must_use]
    pub fn of(&self, number: usize) -> Option<&Arc<CoreMailbox>> {
        self.boxes.get(number)
    }

    /// Those of the cores, in the order of their numbers.
    #[must_use]
    pub fn all(&self) -> &[Arc<CoreMailbox>] {
        self.boxes.get(..self.cores).unwrap_or_default()
    }

    /// Sends outcomes to the cores that own them, each core's as one vector.
    fn post(&self, outcomes: Vec<(RecordId, Outcome)>) {
        let owner = outcomes.first().map(|(id, _)| Ledger::core_of(*id));
        let same = |(id, _): &(RecordId, Outcome)| Some(Ledger::core_of(*id)) == owner;
        if self.boxes.len() == 1 || outcomes.iter().all(same) {
            if let Some(mailbox) = owner.and_then(|owner| self.of(owner)) {
                mailbox.post(Mail::Outcomes(outcomes));
            }
            return;
        }
        let mut by_core: Vec<Vec<(RecordId, Outcome)>> = vec![Vec::new(); self.boxes.len()];
        for (id, outcome) in outcomes {
            if let Some(list) = by_core.get_mut(Ledger::core_of(id)) {
                list.push((id, outcome));
            }
        }
        for (mailbox, list) in self.boxes.iter().zip(by_core) {
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
