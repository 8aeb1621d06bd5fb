//! What one request in flight has claimed, and how far its keeping is.

use std::ops::Range;

use super::{Key, Owner, Payload, Settled, Untold};
use crate::error::Refusal;

/// What one request claims: a key for the whole of it, or one for each of its events.
#[derive(Debug)]
pub struct Claims {
    /// The keys, in the order of their events.
    pub units: Vec<Unit>,
    /// True where each event has a key of its own.
    pub per_event: bool,
    /// Who claims: the id of the request, also where it is answered under that of an earlier one.
    pub owner: Owner,
    /// True until it is known who gets the keys: nothing is sent before.
    pub waiting: bool,
    /// True while an answer of the store about the claims is on its way.
    pub claiming: bool,
    /// What is on its way to the store: the answer waits for it.
    pub recording: u32,
    /// The time to answer passed while something was on its way to the store.
    pub hurried: bool,
    /// Why nothing of the request is sent, where that is so.
    pub refused: Option<Box<Refusal>>,
}

/// One key of a request.
#[derive(Debug)]
pub struct Unit {
    /// The key.
    pub key: Key,
    /// What is sent under it.
    pub payload: Payload,
    /// The events that it is for.
    pub events: Range<u32>,
    /// Where it stands.
    pub state: UnitState,
    /// Records of it that the store knew as confirmed when it was claimed.
    pub found: usize,
    /// Records of it that the store knows as confirmed, or was told of at least.
    pub told: usize,
}

/// Where a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitState {
    /// It is not known yet whether the request gets it.
    Asked,
    /// It is this request's.
    Held,
    /// It had its answer: nothing is sent.
    Answered,
    /// This request has nothing to do with it any more.
    Done,
}

impl Claims {
    /// Claims that nobody has decided on yet.
    #[must_use]
    pub fn new(owner: Owner, units: Vec<Unit>, per_event: bool) -> Self {
        Self {
            units,
            per_event,
            owner,
            waiting: true,
            claiming: false,
            recording: 0,
            hurried: false,
            refused: None,
        }
    }

    /// Whether an event was answered before, under its own key or that of its request.
    #[must_use]
    pub fn is_repeated(&self, event: u32) -> bool {
        // Units stand in the order of their events.
        let place = self.units.partition_point(|unit| unit.events.end <= event);
        let unit = self.units.get(place);
        unit.is_some_and(|unit| unit.state == UnitState::Answered && unit.events.contains(&event))
    }

    /// True while the answer must wait for the store.
    #[must_use]
    pub fn holds_back(&self) -> bool {
        self.recording > 0 && !self.hurried
    }

    /// True while the store will say something more to this request.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        self.recording > 0 || self.claiming
    }
}

impl Unit {
    /// A key that is to be claimed for these events.
    #[must_use]
    pub fn new(key: Key, payload: Payload, events: Range<u32>) -> Self {
        Self {
            key,
            payload,
            events,
            state: UnitState::Asked,
            found: 0,
            told: 0,
        }
    }
}

/// What a store says of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is theirs, with what was confirmed under it earlier.
    Granted(Option<Settled>),
    /// It had its answer.
    Answered(Settled),
    /// Another request holds it.
    Running,
    /// It belongs to another payload.
    Mismatch,
    /// It had its answer or a part of it, which was too much to be kept.
    Untold,
    /// Nobody can tell, or there is no room.
    Unavailable(String),
}

impl From<Untold> for Verdict {
    fn from(untold: Untold) -> Self {
        match untold {
            Untold::TooLarge => Self::Untold,
            Untold::Unreadable => {
                Self::Unavailable("what is stored of the key cannot be read".to_owned())
            }
        }
    }
}
