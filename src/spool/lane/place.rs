//! The parts of a lane: its places, its rate, and what it is turned with.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytestring::ByteString;
use sluicegate_contract::{Reason, ReasonKind, Record, RecordId};

use super::{Ended, LostRecord};
use crate::limits::SPOOL_PAUSE_MAX;
use crate::settle::Ledger;
use crate::spool::entry;
use crate::spool::held::RecordKey;

/// A record between the first that is not settled and the last that was read.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) sequence: u64,
    pub(super) time: SystemTime,
    pub(super) origin: Arc<Origin>,
    pub(super) state: State,
    pub(super) weight: u32,
    /// Until it is settled; in the place of what cannot be handed over, why.
    pub(super) record: Option<(Result<Record, Unfit>, entry::StoredRecord)>,
    /// When its dead letter was posted first.
    pub(super) lettered: Option<Instant>,
}

/// Why a record is not to be handed over, whatever its target would say.
#[derive(Clone, Debug)]
pub(super) struct Unfit {
    pub(super) ended: Ended,
    pub(super) reason: Reason,
}

impl Unfit {
    /// Its courier sent it for its request, and got no answer.
    pub(super) fn uncertain() -> Self {
        Self {
            ended: Ended::Uncertain,
            reason: ReasonKind::AnswerLost.into(),
        }
    }
}

/// The request of some places.
#[derive(Debug)]
pub(in crate::spool) struct Origin {
    pub(in crate::spool) id: u128,
    pub(in crate::spool) route: ByteString,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// To be handed over.
    Ready,
    /// The courier of the request that it came with may still have it.
    Held,
    /// Handed over; its outcome will come.
    Flying,
    /// On its way to the dead letter.
    Lettered(Ended),
    /// Its dead letter would not have it yet. What is not expired is offered to its target once more
    /// before it is offered to the dead letter again.
    Unlettered(Ended),
    /// Nothing is to be done any more.
    Settled,
}

/// Records a second.
#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) rate: f64,
    pub(super) level: f64,
    pub(super) filled: Option<Instant>,
}

impl Bucket {
    /// Takes one, or says when there will be one.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Instant> {
        let passed = self.filled.map(|at| now.saturating_duration_since(at));
        let most = (self.rate / 10.0).max(1.0);
        let more = passed.map_or(most, |passed| passed.as_secs_f64() * self.rate);
        self.level = (self.level + more).min(most);
        self.filled = Some(now);
        if self.level >= 1.0 {
            self.level -= 1.0;
            return Ok(());
        }
        let wait = Duration::try_from_secs_f64((1.0 - self.level) / self.rate);
        Err(now
            + wait
                .unwrap_or(SPOOL_PAUSE_MAX)
                .max(Duration::from_millis(1)))
    }
}

/// What all lanes are turned with.
pub(in crate::spool) struct Turn<'t> {
    pub(in crate::spool) now: Instant,
    pub(in crate::spool) time: SystemTime,
    pub(in crate::spool) max_age: Duration,
    /// The mailbox of the drain, and the place of the lane.
    pub(in crate::spool) mailbox: u8,
    pub(in crate::spool) lane: u32,
    pub(in crate::spool) lost: &'t mut Vec<LostRecord>,
}

impl Turn<'_> {
    pub(super) fn id(&self, number: u64) -> RecordId {
        // Cut to the width of an id: a window is far smaller than that.
        Ledger::beside_id(self.mailbox, self.lane, number as u32)
    }

    pub(super) fn is_old(&self, time: SystemTime) -> bool {
        let age = self.time.duration_since(time);
        age.is_ok_and(|age| age > self.max_age)
    }
}

impl Place {
    pub(super) fn key(&self) -> Option<RecordKey> {
        let (_, stored) = self.record.as_ref()?;
        Some((self.origin.id, stored.number))
    }
}
