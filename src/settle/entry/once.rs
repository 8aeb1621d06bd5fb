//! The side of an entry that keys see: what was settled before it came, and what its keys came to.

use std::sync::Arc;

use sluicegate_contract::Outcome;

use super::{Entry, Spooling, Way};
use crate::error::Refusal;
use crate::idempotency::{Claims, Fate, Settled, SettledRecord, Unit};
use crate::settle::EventVerdict;

/// What the records of a key came to, as things stand.
pub struct UnitOutcome {
    /// True where its answer will not change.
    pub is_final: bool,
    /// What is stored of it.
    pub settled: Settled,
}

impl Entry {
    /// Adds a record of which is known already what became of it: it is sent to nobody.
    pub fn add_settled(&mut self, event: u32, binding: u16, fate: Fate) {
        let target = self.route.bindings.get(usize::from(binding));
        let target = target.map_or(0, |binding| binding.target as u16);
        let mut way = Way::Live;
        if fate == Fate::Spooled {
            way = Way::Spooled;
            // Others of the request may be on their way to the spool.
            if self.spooling == Spooling::Not {
                self.spooling = Spooling::Stored;
            }
        }
        let record = self.push(event, binding, target, 0, way);
        if let (Some(state), Fate::Ended(outcome)) = (self.records.get_mut(record as usize), fate) {
            state.outcome = Some(outcome);
        }
    }

    /// True until it is known who gets the keys of the request.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.claims.as_ref().is_some_and(|claims| claims.waiting)
    }

    /// True while the answer must wait for what is stored.
    #[must_use]
    pub fn holds_back(&self) -> bool {
        let claims = self.claims.as_ref();
        claims.is_some_and(|claims| claims.holds_back())
    }

    /// True while the store of keys will say something more to this request.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        let claims = self.claims.as_ref();
        claims.is_some_and(|claims| claims.is_awaited())
    }

    /// Why nothing of the request was sent, where its keys or what came behind them said so.
    #[must_use]
    pub fn refused(&self) -> Option<&Refusal> {
        self.claims.as_ref()?.refused.as_deref()
    }

    /// Whether an event was answered before, and is only answered again.
    #[must_use]
    pub fn is_repeated(&self, event: usize) -> bool {
        let event = u32::try_from(event).unwrap_or(u32::MAX);
        let claims = self.claims.as_ref();
        claims.is_some_and(|claims| claims.is_repeated(event))
    }

    /// How many events are only answered again, where each has a key of its own.
    #[must_use]
    pub fn repeated(&self) -> usize {
        let claims = self.claims.as_deref();
        if !claims.is_some_and(|claims: &Claims| claims.per_event) {
            return 0;
        }
        let events = 0..self.events.len();
        events.filter(|event| self.is_repeated(*event)).count()
    }

    /// Whether all of the answer was given before.
    #[must_use]
    pub fn is_replay(&self) -> bool {
        self.claims.is_some()
            && !self.events.is_empty()
            && (0..self.events.len()).all(|event| self.is_repeated(event))
    }

    /// What the records of a key came to so far.
    #[must_use]
    pub fn outcome_of(&self, unit: &Unit) -> UnitOutcome {
        let events = unit.events.clone();
        let is_final = events.clone().all(|event| {
            let verdict = EventVerdict::judge(self, event as usize);
            verdict.code.is_none_or(|code| code.status() < 500)
        });
        let mut records = Vec::new();
        for event in events.clone() {
            let (_, of_event) = self.records_of(event as usize);
            let settled = of_event.iter().filter_map(|record| {
                let spooled = record.way != Way::Live && self.spooling == Spooling::Stored;
                let fate = match &record.outcome {
                    Some(Outcome::Delivered(receipt)) => {
                        Fate::Ended(Outcome::Delivered(receipt.clone()))
                    }
                    _ if spooled => Fate::Spooled,
                    // What is tried again may be taken the next time.
                    _ if !is_final => return None,
                    Some(outcome) => Fate::Ended(outcome.clone()),
                    None => Fate::Pending,
                };
                let binding = self.route.bindings.get(usize::from(record.binding))?;
                Some(SettledRecord {
                    event: event - events.start,
                    binding: Arc::clone(&binding.name),
                    fate,
                })
            });
            records.extend(settled);
        }
        UnitOutcome {
            is_final,
            settled: Settled {
                id: self.id,
                records,
            },
        }
    }
}
