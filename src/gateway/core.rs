//! What one core holds, and how outcomes come back to it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use sluicegate_contract::{Outcome, RecordId, Room};

use super::idempotent::Waiting;
use super::tasks;
use crate::admit::{Admission, EventJudge, Permit};
use crate::dead_letters::Letters;
use crate::dispatch::{self, Manifest, Outboxes, Shed, Target};
use crate::error::{Code, Refusal};
use crate::idempotency::Store;
use crate::limits::OWNED_BODY_BYTES_MAX;
use crate::observe::{CoreCounters, EventOutcome, RecordOutcome, ShedReason};
use crate::reply;
use crate::route::Routes;
use crate::runtime::{self, Doorbell, LocalEvent};
use crate::settings::{Binding, Server};
use crate::settle::{CoreMailbox, EventVerdict, Ledger, Mail, Slot};
use crate::split;
use crate::spool::Spool;

/// One core of the gateway.
pub struct Core {
    pub(super) targets: Arc<[Target]>,
    pub(super) counters: CoreCounters,
    pub(super) state: RefCell<State>,
    /// Raised when something is to be handed over at the end of the tick.
    pub(super) tick: LocalEvent,
    /// Its number.
    pub(super) number: usize,
    /// Where idempotency keys are kept, if anywhere.
    pub(super) keys: Option<Arc<Store>>,
    pub(super) routes: Routes,
    pub(super) admission: Arc<Admission>,
    pub(super) server: Server,
    pub(super) stopping: Cell<bool>,
    /// Where dead letters go, if any file names a target for them.
    pub(super) letters: Option<Letters>,
    pub(super) mailbox: Arc<CoreMailbox>,
    pub(super) spool: Option<Arc<Spool>>,
    /// Raised when the first request waits for an answer.
    pub(super) waiting: LocalEvent,
    pub(super) watching: Cell<bool>,
    ids: Cell<u64>,
    /// Random for each core and each start, so that ids of cores and restarts differ.
    salt: u64,
}

/// What changes with each request. Borrowed for one step at a time, never across a wait.
pub(super) struct State {
    pub(super) ledger: Ledger,
    pub(super) outboxes: Outboxes,
    pub(super) events: split::Scratch,
    pub(super) judge: EventJudge,
    pub(super) manifest: Manifest,
    pub(super) reply: reply::Scratch,
    /// Requests whose idempotency keys are asked for.
    pub(super) waiting: Waiting,
    /// Answers that wait until something is stored.
    pub(super) waiting_for_store: usize,
    /// Bytes to give back to each target, summed over one look into the mailbox.
    released: Vec<u64>,
}

/// What a core is made of.
pub struct CoreParts {
    /// Its number.
    pub number: usize,
    /// Its own table of routes.
    pub routes: Routes,
    /// Who may send and how much came, of all cores.
    pub admission: Arc<Admission>,
    /// Who stands before the gateway, and what asks whether it lives.
    pub server: Server,
    /// All targets.
    pub targets: Arc<[Target]>,
    /// Its counters.
    pub counters: CoreCounters,
    /// Its mailbox.
    pub mailbox: Arc<CoreMailbox>,
    /// Where events are kept on disk, if anywhere.
    pub spool: Option<Arc<Spool>>,
    /// Where dead letters go.
    pub letters: Option<Letters>,
    /// Where idempotency keys are kept, if anywhere.
    pub keys: Option<Arc<Store>>,
}

impl Core {
    /// Makes a core and starts its tasks. Called on the core's own thread, inside its runtime.
    pub fn start(parts: CoreParts, bell: Doorbell) -> Rc<Self> {
        let core = Self::still(parts);
        tasks::spawn(&core, bell);
        core
    }

    /// A core whose tasks are not started: whoever made it takes its steps
    /// ([`Core::hand_over_waiting`], [`Core::open_mail`], [`Core::answer_late`]).
    #[must_use]
    pub fn still(parts: CoreParts) -> Rc<Self> {
        let targets = parts.targets.len();
        Rc::new(Self {
            counters: parts.counters,
            state: RefCell::new(State {
                ledger: Ledger::new(parts.number as u8),
                outboxes: Outboxes::new(targets),
                events: split::Scratch::hiding(parts.admission.clients.key_parameter()),
                judge: EventJudge::default(),
                manifest: Manifest::default(),
                reply: reply::Scratch::default(),
                waiting: Waiting::default(),
                waiting_for_store: 0,
                released: vec![0; targets],
            }),
            targets: parts.targets,
            tick: LocalEvent::new(),
            number: parts.number,
            keys: parts.keys,
            routes: parts.routes,
            admission: parts.admission,
            server: parts.server,
            stopping: Cell::new(false),
            letters: parts.letters,
            mailbox: parts.mailbox,
            spool: parts.spool,
            waiting: LocalEvent::new(),
            watching: Cell::new(false),
            ids: Cell::new(0),
            salt: fastrand::u64(..),
        })
    }

    /// True where no record waits for its outcome.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.state.borrow().ledger.is_empty()
    }

    /// Takes room at all targets of a request, or at none.
    ///
    /// # Errors
    /// There is none, and nobody was told yet.
    pub(super) fn reserve(&self, manifest: &mut Manifest) -> Result<(), Shed> {
        let reserved = dispatch::reserve(&self.targets, manifest);
        self.count_unmapped(manifest);
        reserved
    }

    /// Counts best-effort records that will go nowhere.
    pub(super) fn count_unmapped(&self, manifest: &Manifest) {
        for target in &manifest.lost {
            self.counters.best_effort_lost(usize::from(*target));
        }
    }

    /// Counts a request that found no room, and gives its answer.
    pub(super) fn count_shed(&self, route: usize, shed: Shed) -> Refusal {
        let reason = match shed.refusal.code {
            Code::TargetDown => ShedReason::TargetDown,
            Code::TargetBlocked => ShedReason::TargetBlocked,
            _ => ShedReason::QueueFull,
        };
        self.counters
            .shed(Some(route), Some(usize::from(shed.target)), reason);
        if let Some(target) = self.targets.get(usize::from(shed.target)) {
            target.gate.health().shed();
        }
        shed.refusal
    }

    /// Counts the events of a request that was just decided.
    pub(super) fn count_settled(&self, ledger: &Ledger, slot: Slot) {
        let Some(entry) = ledger.entry(slot) else {
            return;
        };
        if let Some(refusal) = entry.refused() {
            self.count_refused(entry, refusal);
            return;
        }
        for event in 0..entry.events.len() {
            let verdict = EventVerdict::judge(entry, event);
            let outcome = match entry.is_repeated(event) {
                true => EventOutcome::Repeated,
                false => reply::event_outcome(entry, &verdict),
            };
            self.counters.events_settled(entry.route.index, outcome, 1);
        }
    }

    /// A body that will wait in a courier's queue must not keep the whole block alive that it was
    /// read into. Copying a small one costs less than the block; a larger one fills its block.
    pub(super) fn own_if_small(&self, permit: &Permit, body: Bytes) -> Bytes {
        let waits = |binding: &Binding| {
            self.targets
                .get(binding.target)
                .is_some_and(|target| target.inbox.is_some())
        };
        if body.len() <= OWNED_BODY_BYTES_MAX && permit.route().bindings.iter().any(waits) {
            return Bytes::copy_from_slice(&body);
        }
        body
    }

    pub(super) fn watch_deadlines(&self) {
        if !self.watching.replace(true) {
            self.waiting.raise();
        }
    }

    pub(super) fn next_id(&self) -> u128 {
        let count = self.ids.get();
        self.ids.set(count.wrapping_add(1));
        let now = runtime::system_now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let random =
            (u128::from(self.salt) << 64 | u128::from(self.salt.wrapping_add(count))).to_be_bytes();
        let mut bytes = [0; 10];
        bytes[..2].copy_from_slice(&random[..2]);
        bytes[2..].copy_from_slice(&random[8..]);
        let milliseconds = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        uuid::Builder::from_unix_timestamp_millis(milliseconds, &bytes)
            .into_uuid()
            .as_u128()
    }

    /// Settles one outcome.
    pub(super) fn settle(&self, state: &mut State, id: RecordId, outcome: Outcome) {
        let counted = RecordOutcome::from(&outcome);
        let reason = outcome.reason().map(sluicegate_contract::Reason::kind);
        let delivered = outcome.is_delivered();
        let Some((slot, settled)) = state.ledger.settle(id, outcome) else {
            return;
        };
        let target = usize::from(settled.target);
        self.counters.record(target, counted);
        if let Some(bytes) = state.released.get_mut(target) {
            *bytes += u64::from(settled.weight);
        }
        if let Some(target) = self.targets.get(target)
            && matches!(target.room, Room::Producing(_))
        {
            target.counters.attempts(reason, 1);
        }
        if settled.late {
            self.counters.late(target, 1);
        }
        if settled.best_effort && !delivered {
            self.counters.best_effort_lost(target);
        }
        if settled.spilled {
            self.settle_spilled(state, slot, settled.record);
        }
        if settled.spills {
            self.spill(state, slot);
        }
        if settled.decided {
            self.count_settled(&state.ledger, slot);
        }
        if self.letters.is_some() {
            self.write_letter(&mut state.ledger, slot, &settled);
            if settled.decided {
                self.write_decided(&mut state.ledger, slot);
            }
        }
        if settled.keeps {
            self.keep(state, slot);
        }
        state.ledger.release(slot);
    }

    /// Settles the outcomes that came back, and answers who asks for counters.
    pub fn open_mail(&self) {
        let state = &mut *self.state.borrow_mut();
        while let Some(mail) = self.mailbox.take() {
            match mail {
                Mail::Outcome(id, outcome) => self.settle(state, id, outcome),
                Mail::Outcomes(outcomes) => {
                    for (id, outcome) in outcomes {
                        self.settle(state, id, outcome);
                    }
                }
                Mail::Claimed(slot, verdicts) => self.claimed(state, slot, verdicts),
                Mail::Recorded(slot) => self.recorded(state, slot),
                Mail::Spooled(slot, stored) => self.spooled(state, slot, stored),
                Mail::Snapshot(asker) => {
                    // Who asked may have gone; then nobody misses the answer.
                    let _ = asker.try_send(self.counters.snapshot());
                }
            }
        }
        self.release(state);
    }

    /// Gives back the bytes of all that was settled since the last time.
    pub(super) fn release(&self, state: &mut State) {
        for (bytes, target) in state.released.iter_mut().zip(&*self.targets) {
            if *bytes > 0 {
                target.gauge.release(std::mem::take(bytes));
            }
        }
    }
}
