//! All requests in flight on one core.

use std::task::Waker;
use std::time::Instant;

use slab::Slab;
use sluicegate_contract::{Outcome, RecordId};

use super::{Entry, RecordState, Spooling, Way};
use crate::error::Code;
use crate::limits::{REQUESTS_PER_CORE_MAX, SPOOL_WAIT_MAX};
use crate::settings::Need;

/// The place of a request in its core's ledger.
pub type Slot = usize;

/// Bits of a record's place in its request, and of a request's place in its ledger.
const PLACE_BITS: u32 = 28;
const PLACE_MASK: u64 = (1 << PLACE_BITS) - 1;

/// All requests in flight on one core.
#[derive(Debug)]
pub struct Ledger {
    core: u8,
    held: Slab<Held>,
    /// Events of requests that are not decided yet.
    events_in_flight: u64,
}

#[derive(Debug)]
struct Held {
    entry: Entry,
    waker: Option<Waker>,
    /// When it is decided as it stands.
    until: Instant,
    /// Decided: every event is, or the time to answer passed.
    decided: bool,
    /// Decided since the time to answer passed: what is confirmed from now on is late.
    expired: bool,
    /// The answer was given, or there is nobody to give it to.
    answered: bool,
}

/// What an outcome led to.
#[derive(Debug)]
pub struct Settled {
    /// The place of the record in its request.
    pub record: u32,
    /// The target of the record.
    pub target: u16,
    /// The bytes that were reserved for it.
    pub weight: u32,
    /// True if the record was confirmed after the request was decided by its deadline.
    pub late: bool,
    /// True for a record of a best-effort binding.
    pub best_effort: bool,
    /// True if it decided its request.
    pub decided: bool,
    /// True if its request was decided before: its client knows nothing of this outcome.
    pub after_answer: bool,
    /// True if its request has keys, and is decided or complete by it.
    pub keeps: bool,
    /// True if its request is to go to the spool before it is decided.
    pub spills: bool,
    /// True for a record that went to the spool, too.
    pub spilled: bool,
}

/// Requests whose time to answer has passed.
#[derive(Debug, Default)]
pub struct Expired {
    /// Those that are decided now.
    pub decided: Vec<Slot>,
    /// Those whose route sends what is not confirmed to the spool.
    pub spills: Vec<Slot>,
}

impl Ledger {
    /// An empty ledger for the core of this number.
    #[must_use]
    pub fn new(core: u8) -> Self {
        Self {
            core,
            held: Slab::new(),
            events_in_flight: 0,
        }
    }

    /// True while another request can be held.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.held.len() < REQUESTS_PER_CORE_MAX
    }

    /// Events of requests that are not decided yet.
    #[must_use]
    pub fn events_in_flight(&self) -> u64 {
        self.events_in_flight
    }

    /// Requests in flight, those whose answer was given before their last outcome included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// True where nothing is in flight.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Holds a request. Its records' ids follow from its slot.
    pub fn insert(&mut self, entry: Entry) -> Slot {
        let decided = entry.is_ready();
        let until = entry.started + entry.route.reply.within;
        if !decided {
            self.events_in_flight += entry.events.len() as u64;
        }
        self.held.insert(Held {
            entry,
            waker: None,
            until,
            decided,
            expired: false,
            answered: false,
        })
    }

    /// The id of a record.
    #[must_use]
    pub fn record_id(&self, slot: Slot, record: u32) -> RecordId {
        let core = u64::from(self.core) << (2 * PLACE_BITS);
        RecordId(core | (slot as u64 & PLACE_MASK) << PLACE_BITS | u64::from(record))
    }

    /// The id of a record of a mailbox beside the cores' ones, which has places of its own.
    #[must_use]
    pub fn beside_id(mailbox: u8, slot: u32, place: u32) -> RecordId {
        let slot = u64::from(slot) & PLACE_MASK;
        let mailbox = u64::from(mailbox) << (2 * PLACE_BITS);
        RecordId(mailbox | slot << PLACE_BITS | u64::from(place) & PLACE_MASK)
    }

    /// Slot and place of such an id.
    #[must_use]
    pub fn beside_places(id: RecordId) -> (u32, u32) {
        let place = |bits: u64| (bits & PLACE_MASK) as u32;
        (place(id.0 >> PLACE_BITS), place(id.0))
    }

    /// The core whose ledger holds a record.
    #[must_use]
    pub fn core_of(id: RecordId) -> usize {
        (id.0 >> (2 * PLACE_BITS)) as usize
    }

    /// Takes the outcome of a record and wakes the request that it decides. `None` where no such
    /// record waits, which is a fault of a room.
    pub fn settle(&mut self, id: RecordId, outcome: Outcome) -> Option<(Slot, Settled)> {
        let slot = (id.0 >> PLACE_BITS & PLACE_MASK) as Slot;
        let record = u32::try_from(id.0 & PLACE_MASK).unwrap_or(u32::MAX);
        let held = self.held.get_mut(slot)?;
        let was_decided = held.decided;
        let late = held.expired && outcome.is_delivered();
        let RecordState {
            target,
            weight,
            binding,
            way,
            ..
        } = *held.entry.settle(record, outcome)?;
        let mut settled = Settled {
            record,
            target,
            weight,
            late,
            best_effort: held.entry.needs(binding) == Need::BestEffort,
            decided: false,
            after_answer: was_decided,
            keeps: held.entry.claims.is_some() && held.entry.is_complete(),
            spills: false,
            spilled: way == Way::Spilled,
        };
        if !was_decided && held.entry.is_ready() {
            settled.spills = held.entry.spills();
            settled.decided = !settled.spills;
            if settled.decided {
                settled.keeps = held.entry.claims.is_some();
                self.decide(slot);
            }
        }
        Some((slot, settled))
    }

    /// Decides a request as it stands and wakes whoever waits for its answer.
    fn decide(&mut self, slot: Slot) {
        let Some(held) = self.held.get_mut(slot) else {
            return;
        };
        held.decided = true;
        self.events_in_flight -= held.entry.events.len() as u64;
        if let Some(waker) = held.waker.take() {
            waker.wake();
        }
    }

    /// Decides all requests whose time to answer has passed, but for those that spill.
    pub fn expire(&mut self, now: Instant) -> Expired {
        let mut expired = Expired::default();
        for (slot, held) in &mut self.held {
            if held.decided || now < held.until {
                continue;
            }
            held.expired = true;
            if held.entry.spills() {
                expired.spills.push(slot);
            } else {
                expired.decided.push(slot);
            }
        }
        for slot in &expired.decided {
            self.decide(*slot);
        }
        expired
    }

    /// Sends records of a request to the spool, whose word is awaited for [`SPOOL_WAIT_MAX`].
    pub fn spill(&mut self, slot: Slot, records: &[u32], now: Instant) {
        if let Some(held) = self.held.get_mut(slot) {
            held.entry.spill(records);
            held.until = now + SPOOL_WAIT_MAX;
        }
    }

    /// Takes what became of that part of a request that goes to the spool. True where that decided
    /// it.
    pub fn spooled(&mut self, slot: Slot, stored: Result<(), Code>) -> bool {
        let Some(held) = self.held.get_mut(slot) else {
            return false;
        };
        debug_assert_eq!(
            held.entry.spooling,
            Spooling::Waiting,
            "the spool says it once"
        );
        held.entry.spooled(stored);
        let decides = !held.decided;
        if decides {
            self.decide(slot);
        }
        decides
    }

    /// True once the answer can be given; else the waker is woken when it can.
    pub fn poll_decided(&mut self, slot: Slot, waker: &Waker) -> bool {
        let Some(held) = self.held.get_mut(slot) else {
            return true;
        };
        let ready = held.decided && !held.entry.holds_back();
        if !ready
            && !held
                .waker
                .as_ref()
                .is_some_and(|known| known.will_wake(waker))
        {
            held.waker = Some(waker.clone());
        }
        ready
    }

    /// The request in a slot.
    #[must_use]
    pub fn entry(&self, slot: Slot) -> Option<&Entry> {
        self.held.get(slot).map(|held| &held.entry)
    }

    /// The request in a slot, to be changed by whoever judges its keys.
    pub fn entry_mut(&mut self, slot: Slot) -> Option<&mut Entry> {
        self.held.get_mut(slot).map(|held| &mut held.entry)
    }

    /// True once a request was decided, also where it is not held any more.
    #[must_use]
    pub fn is_decided(&self, slot: Slot) -> bool {
        self.held.get(slot).is_none_or(|held| held.decided)
    }

    /// A request that waited has got its records: it may be decided by that. True if it is.
    pub fn opened(&mut self, slot: Slot) -> bool {
        let ready = |held: &Held| !held.decided && held.entry.is_ready();
        let ready = self.held.get(slot).is_some_and(ready);
        if ready {
            self.decide(slot);
        }
        ready
    }

    /// Wakes whoever waits for an answer that was held back.
    pub fn wake(&mut self, slot: Slot) {
        let waker = self.held.get_mut(slot).and_then(|held| held.waker.take());
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Lets those answers go that were held back until their time had passed.
    pub fn hurry(&mut self, now: Instant) {
        for (_, held) in &mut self.held {
            if held.decided
                && now >= held.until
                && held.entry.holds_back()
                && let Some(claims) = &mut held.entry.claims
            {
                claims.hurried = true;
                if let Some(waker) = held.waker.take() {
                    waker.wake();
                }
            }
        }
    }

    /// The answer was given, or nobody is there to take it.
    pub fn answered(&mut self, slot: Slot) {
        if let Some(held) = self.held.get_mut(slot) {
            held.answered = true;
            held.waker = None;
        }
        self.release(slot);
    }

    /// Lets a request go once it is answered and its last outcome is in.
    pub fn release(&mut self, slot: Slot) {
        if self.held.get(slot).is_some_and(|h| {
            h.answered && h.decided && h.entry.is_complete() && !h.entry.is_awaited()
        }) {
            self.held.remove(slot);
        }
    }
}
