//! The two doors of a room.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::{AttemptSink, Batch, Limits, Outcome, Reason, Record, RecordId};

/// A room whose batches, retries and pace are the courier's.
///
/// All calls come from one lane: a thread that runs a current-thread tokio runtime.
pub trait Integration: Send + Sync + 'static {
    /// What one call may hold, as the settings of this target say.
    fn limits(&self) -> Limits;

    /// Bytes that this record takes in a call, **as encoded** (base64 included), or why the
    /// target can never take it. Pure; called on the core, before anything is stored.
    ///
    /// # Errors
    /// The reason (`TooLarge`, `Invalid`) why this record can never be sent, naming the limit.
    fn weigh(&self, record: &Record) -> Result<usize, Reason>;

    /// A hash of the identity under which the target stores this record, where a later record of
    /// the same identity must not overtake it or stand in the same call. `None`: none has.
    fn key(&self, record: &Record) -> Option<u64> {
        let _ = record;
        None
    }

    /// True where this record needs a call of its own (a conditional write).
    fn travels_alone(&self, record: &Record) -> bool {
        let _ = record;
        false
    }

    /// True where sending a record twice stores what sending it once does, or something that its
    /// consumers must expect (at-least-once). What is not repeatable is never tried again after
    /// an uncertain attempt.
    fn repeatable(&self, record: &Record) -> bool {
        let _ = record;
        true
    }

    /// Sends the batch once and reports an [`crate::Attempt`] for each record, in any order,
    /// through the sink. Returns at once: the work goes on as a task of the lane's runtime. Never
    /// retries, splits, reorders or drops.
    fn submit(&self, batch: Batch, sink: AttemptSink);
}

/// A room whose client library is the batcher and the retry loop. Its outcomes are final.
pub trait Producer: Send + Sync + 'static {
    /// As [`Integration::weigh`].
    ///
    /// # Errors
    /// The reason why this record can never be sent, naming the limit.
    fn weigh(&self, record: &Record) -> Result<usize, Reason>;

    /// Takes one record. Called from every core, never blocks. The outcome comes exactly once:
    /// now, as the value, or later through the [`OutcomeSink`] that the room was opened with, from
    /// any thread.
    ///
    /// # Errors
    /// The record was not taken and will have no outcome: `QueueFull`, for one.
    fn produce(&self, record: &Record, id: RecordId) -> Result<Option<Outcome>, Reason>;

    /// Waits until all that was taken has its outcome, at most so long. Called from a thread that
    /// may block.
    fn flush(&self, within: Duration);
}

/// Takes the final outcomes of records.
pub trait OutcomeSink: Send + Sync + 'static {
    /// Says what became of a record. Exactly once for each record that was taken.
    fn outcome(&self, id: RecordId, outcome: Outcome);

    /// Says what became of several records, which costs less than saying it of each.
    fn outcomes(&self, outcomes: Vec<(RecordId, Outcome)>) {
        for (id, outcome) in outcomes {
            self.outcome(id, outcome);
        }
    }
}

/// Whether a target takes records, as its room or its courier sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetState {
    /// It takes records, or nothing else is known.
    Up,
    /// It cannot be reached or is failing; tries go on.
    Down,
    /// It can take nothing until somebody mends it: access, credentials, a missing table.
    Blocked,
}

/// Takes what a room learns about its target outside of single records: a broker that is gone,
/// a password that is wrong.
pub trait TargetWatch: Send + Sync + 'static {
    /// The target is in this state now.
    fn state(&self, state: TargetState, reason: Option<Reason>);
}

/// An open room.
#[derive(Clone)]
pub enum Room {
    /// Through a courier.
    Batching(Arc<dyn Integration>),
    /// Straight from the core.
    Producing(Arc<dyn Producer>),
}

impl Room {
    /// See [`Integration::weigh`].
    ///
    /// # Errors
    /// The reason why this record can never be sent.
    pub fn weigh(&self, record: &Record) -> Result<usize, Reason> {
        match self {
            Self::Batching(room) => room.weigh(record),
            Self::Producing(room) => room.weigh(record),
        }
    }

    /// See [`Integration::repeatable`]. What a client library takes is: it tries again itself.
    #[must_use]
    pub fn repeatable(&self, record: &Record) -> bool {
        match self {
            Self::Batching(room) => room.repeatable(record),
            Self::Producing(_) => true,
        }
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Batching(_) => "Room::Batching",
            Self::Producing(_) => "Room::Producing",
        })
    }
}
