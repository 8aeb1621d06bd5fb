//! A target as the drain sees it.

use sluicegate_contract::{Outcome, ReasonKind, Record, RecordId, Room};

use crate::dispatch::{Queued, Target};

/// Whether a target takes records from the spool now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// It does.
    Open,
    /// It is down or blocked, and one record may try whether it still is.
    Probe,
    /// It is down or blocked.
    Shut,
}

/// Where the records of one target go. [`Target`] is one; a simulation has its own.
pub trait Door {
    /// Whether records may be handed over now. A probe is granted to one who asks.
    fn opening(&self) -> Opening;

    /// Bytes that a record takes in a call, as encoded, or why the target can never take it.
    ///
    /// # Errors
    /// The outcome of a record that cannot be sent.
    fn weigh(&self, record: &Record) -> Result<usize, Outcome>;

    /// False where the target would do something twice if this record were sent again after a try
    /// of which nobody knows what became.
    fn repeatable(&self, record: &Record) -> bool {
        let _ = record;
        true
    }

    /// Bytes that its queue may hold, live traffic included.
    fn limit(&self) -> u64;

    /// Takes bytes of its queue; false where they do not fit.
    fn reserve(&self, bytes: u64) -> bool;

    /// Gives bytes of its queue back.
    fn release(&self, bytes: u64);

    /// Hands reserved records over, in their order. What is given back are outcomes that are known
    /// at once; the others come later, once each.
    fn hand_over(&self, records: Vec<Queued>) -> Vec<(RecordId, Outcome)>;

    /// Takes note of an outcome.
    fn count(&self, outcome: &Outcome) {
        let _ = outcome;
    }
}

impl Door for Target {
    fn opening(&self) -> Opening {
        if self.gate.is_up() {
            Opening::Open
        } else if self.gate.pass().is_ok() {
            Opening::Probe
        } else {
            Opening::Shut
        }
    }

    fn weigh(&self, record: &Record) -> Result<usize, Outcome> {
        self.room.weigh(record).map_err(Outcome::Refused)
    }

    fn repeatable(&self, record: &Record) -> bool {
        self.room.repeatable(record)
    }

    fn limit(&self) -> u64 {
        self.gauge.limit()
    }

    fn reserve(&self, bytes: u64) -> bool {
        self.gauge.reserve(bytes)
    }

    fn release(&self, bytes: u64) {
        self.gauge.release(bytes);
    }

    fn hand_over(&self, records: Vec<Queued>) -> Vec<(RecordId, Outcome)> {
        let room = match (&self.room, &self.inbox) {
            (Room::Batching(_), Some(inbox)) => {
                inbox.records(records);
                return Vec::new();
            }
            (Room::Producing(room), _) => room,
            (Room::Batching(_), None) => return stopped(records),
        };
        let mut known = Vec::new();
        for queued in records {
            match room.produce(&queued.record, queued.id) {
                Ok(None) => {}
                Ok(Some(outcome)) => known.push((queued.id, outcome)),
                Err(reason) => {
                    let certain = true;
                    let outcome = match reason.kind() {
                        ReasonKind::TooLarge | ReasonKind::Invalid => Outcome::Refused(reason),
                        _ => Outcome::GaveUp { certain, reason },
                    };
                    known.push((queued.id, outcome));
                }
            }
        }
        known
    }

    fn count(&self, outcome: &Outcome) {
        // A courier counts its own attempts.
        if matches!(self.room, Room::Producing(_)) {
            let reason = outcome.reason().map(sluicegate_contract::Reason::kind);
            self.counters.attempts(reason, 1);
        }
    }
}

/// A target without a courier takes nothing.
fn stopped(records: Vec<Queued>) -> Vec<(RecordId, Outcome)> {
    let gave_up = |queued: Queued| {
        let outcome = Outcome::GaveUp {
            certain: true,
            reason: ReasonKind::Stopping.into(),
        };
        (queued.id, outcome)
    };
    records.into_iter().map(gave_up).collect()
}
