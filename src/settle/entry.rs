//! One request in flight: its events, its records and what became of them.

mod once;

pub use once::UnitOutcome;

use std::time::Instant;

use sluicegate_contract::{Outcome, Record};
use smallvec::SmallVec;

use crate::error::{Code, Refusal};
use crate::http::{Handling, Preferences, Returned};
use crate::idempotency::Claims;
use crate::map::Kept;
use crate::route::CoreRoute;
use crate::settings::{After, BatchReply, Need};

/// A request that waits for its outcomes.
#[derive(Debug)]
pub struct Entry {
    /// Its route.
    pub route: CoreRoute,
    /// Its id, as answered.
    pub id: u128,
    /// When it had arrived whole.
    pub started: Instant,
    /// Its events.
    pub events: SmallVec<[EventState; 1]>,
    /// Its records, in the order of their ids.
    pub records: SmallVec<[RecordState; 4]>,
    /// Events that were refused before dispatch, with their places.
    pub refusals: Vec<Refusal>,
    /// True where the body was of a form that holds many events, even if it held one.
    pub batch: bool,
    /// What the route's answers read of the request, where it shapes them.
    pub kept: Option<Kept>,
    /// What its client would like of the answer.
    pub preferences: Preferences,
    /// The keys under which it is sent once, where it has some.
    pub claims: Option<Box<Claims>>,
    /// What became of that part of it that goes to the spool.
    pub spooling: Spooling,
    /// Events that are not decided yet. The answer is ready at 0.
    events_open: u32,
    /// Records without an outcome. The entry lives until 0.
    records_open: u32,
}

/// One event of a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct EventState {
    /// Required records without an outcome.
    required_open: u16,
    /// Required records.
    pub required: u16,
    /// It waits for the spool.
    spooled: bool,
    /// True once nothing can change its verdict.
    decided: bool,
}

/// What became of that part of a request that goes to the spool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spooling {
    /// Nothing of it does.
    #[default]
    Not,
    /// The disk has not confirmed it yet.
    Waiting,
    /// It is on disk and will be delivered.
    Stored,
    /// Nothing of it was stored, for this reason.
    Failed(Code),
}

/// The way of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// To its target, and its outcome is the end of it.
    #[default]
    Live,
    /// To the spool alone: it has no outcome here.
    Spooled,
    /// To its target, and then to the spool, since it was not confirmed there.
    Spilled,
}

/// One record of a request.
#[derive(Debug)]
pub struct RecordState {
    /// The place of its event.
    pub event: u32,
    /// The place of its binding in the route's.
    pub binding: u16,
    /// The place of its target.
    pub target: u16,
    /// Bytes that were reserved for it.
    pub weight: u32,
    /// What became of it.
    pub outcome: Option<Outcome>,
    /// Which way it goes.
    pub way: Way,
    /// It must not be sent again after an uncertain try.
    pub once: bool,
    /// The record itself, while the spool or a dead letter may need it.
    pub kept: Option<Box<Record>>,
}

impl RecordState {
    /// True where it may be at its target, which would do it twice if it were sent again.
    #[must_use]
    pub fn must_not_go_again(&self) -> bool {
        self.once && matches!(self.outcome, Some(Outcome::GaveUp { certain: false, .. }))
    }
}

impl Entry {
    /// An entry for a request of so many events.
    #[must_use]
    pub fn new(route: CoreRoute, id: u128, started: Instant, events: usize) -> Self {
        Self {
            route,
            id,
            started,
            events: SmallVec::from_elem(EventState::default(), events),
            records: SmallVec::new(),
            refusals: Vec::new(),
            batch: false,
            kept: None,
            preferences: Preferences::default(),
            claims: None,
            spooling: Spooling::Not,
            events_open: 0,
            records_open: 0,
        }
    }

    /// Adds a record that will have an outcome. Returns its place.
    pub fn add(&mut self, event: u32, binding: u16, target: u16, weight: u32) -> u32 {
        if self.needs(binding) == Need::Required
            && let Some(state) = self.events.get_mut(event as usize)
        {
            state.required += 1;
            state.required_open += 1;
        }
        self.records_open += 1;
        self.push(event, binding, target, weight, Way::Live)
    }

    /// Adds a record that goes to the spool alone, and has no outcome here. Returns its place.
    pub fn add_spooled(&mut self, event: u32, binding: u16, target: u16) -> u32 {
        if let Some(state) = self.events.get_mut(event as usize) {
            state.spooled = true;
        }
        self.spooling = Spooling::Waiting;
        self.push(event, binding, target, 0, Way::Spooled)
    }

    fn push(&mut self, event: u32, binding: u16, target: u16, weight: u32, way: Way) -> u32 {
        self.records.push(RecordState {
            event,
            binding,
            target,
            weight,
            outcome: None,
            way,
            once: false,
            kept: None,
        });
        u32::try_from(self.records.len() - 1).unwrap_or(u32::MAX)
    }

    /// Keeps a record until it is known that nobody needs it. `once`: it must not be sent again
    /// after an uncertain try.
    pub fn keep(&mut self, record: u32, kept: Box<Record>, once: bool) {
        if let Some(state) = self.records.get_mut(record as usize) {
            (state.kept, state.once) = (Some(kept), once);
        }
    }

    /// Decides which events wait. Called once, after the last `add`.
    pub fn open(&mut self) {
        let waits = self.route.reply.after != After::None;
        for event in &mut self.events {
            event.decided = !event.spooled && (!waits || event.required_open == 0);
        }
        self.events_open = count(self.events.iter().filter(|event| !event.decided));
    }

    /// Takes the outcome of a record. `None` if that record is unknown or had its outcome; else
    /// its state.
    pub fn settle(&mut self, record: u32, outcome: Outcome) -> Option<&RecordState> {
        let required = {
            let state = self.records.get(record as usize)?;
            if state.outcome.is_some() {
                debug_assert!(false, "a record has exactly one outcome");
                return None;
            }
            self.needs(state.binding) == Need::Required
        };
        let any = self.route.reply.after == After::Any;
        let state = &mut self.records[record as usize];
        self.records_open -= 1;
        if required && let Some(event) = self.events.get_mut(state.event as usize) {
            event.required_open -= 1;
            let enough = event.required_open == 0 || (any && outcome.is_delivered());
            if enough && !event.decided {
                event.decided = true;
                self.events_open -= 1;
            }
        }
        if outcome.is_delivered() {
            state.kept = None;
        }
        state.outcome = Some(outcome);
        Some(state)
    }

    /// Sends records to the spool that were handed to their targets and not confirmed.
    pub fn spill(&mut self, records: &[u32]) {
        for record in records {
            if let Some(state) = self.records.get_mut(*record as usize) {
                state.way = Way::Spilled;
            }
        }
        self.spooling = Spooling::Waiting;
    }

    /// Takes what became of the part that goes to the spool: all events that waited for it are
    /// decided.
    pub fn spooled(&mut self, stored: Result<(), Code>) {
        self.spooling = match stored {
            Ok(()) => Spooling::Stored,
            Err(code) => Spooling::Failed(code),
        };
        for event in &mut self.events {
            event.decided = true;
        }
        self.events_open = 0;
    }

    /// True where the answer lists receipts: the client's wish stands over the route's.
    #[must_use]
    pub fn receipts(&self) -> bool {
        match self.preferences.returned {
            Some(returned) => returned == Returned::Representation,
            None => self.route.reply.receipts,
        }
    }

    /// True where mixed results are answered 207: the client's wish stands over the route's.
    #[must_use]
    pub fn lenient(&self) -> bool {
        match self.preferences.handling {
            Some(handling) => handling == Handling::Lenient,
            None => self.route.reply.batch == BatchReply::PerEvent,
        }
    }

    /// True once the answer can be given.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.events_open == 0 && self.spooling != Spooling::Waiting && !self.is_waiting()
    }

    /// True once no outcome is awaited any more, nor the spool.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.records_open == 0 && self.spooling != Spooling::Waiting
    }

    /// The records of one event, with the place of the first. Records stand in the order of their
    /// events, so that a large batch is judged in one pass.
    #[must_use]
    pub fn records_of(&self, event: usize) -> (usize, &[RecordState]) {
        let start = self
            .records
            .partition_point(|record| (record.event as usize) < event);
        let length = self.records[start..].partition_point(|r| r.event as usize == event);
        (start, &self.records[start..start + length])
    }

    /// Why an event was refused before dispatch, if it was.
    #[must_use]
    pub fn refusal_of(&self, event: usize) -> Option<&Refusal> {
        let place = |refusal: &Refusal| refusal.event.map_or(0, |event| event as usize);
        let found = self.refusals.binary_search_by_key(&event, place).ok()?;
        self.refusals.get(found)
    }

    /// Whether the reply waits for a binding.
    #[must_use]
    pub fn needs(&self, binding: u16) -> Need {
        self.route
            .bindings
            .get(usize::from(binding))
            .map_or(Need::BestEffort, |b| b.need)
    }
}

fn count(items: impl Iterator) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}
