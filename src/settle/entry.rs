//! One request in flight: its events, its records and what became of them.

mod once;

pub use once::UnitOutcome;

use std::time::Instant;

use sluicegate_contract::Outcome;
use smallvec::SmallVec;

use crate::error::Refusal;
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
    /// True once nothing can change its verdict.
    decided: bool,
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
        self.records.push(RecordState {
            event,
            binding,
            target,
            weight,
            outcome: None,
        });
        self.records_open += 1;
        u32::try_from(self.records.len() - 1).unwrap_or(u32::MAX)
    }

    /// Decides which events wait. Called once, after the last `add`.
    pub fn open(&mut self) {
        let waits = self.route.reply.after != After::None;
        for event in &mut self.events {
            event.decided = !waits || event.required_open == 0;
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
        state.outcome = Some(outcome);
        Some(state)
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
        self.events_open == 0 && !self.is_waiting()
    }

    /// True once no outcome is awaited any more.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.records_open == 0
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
