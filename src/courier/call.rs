//! A record that waits for its target, and a call that carries some of them.

use std::sync::Arc;
use std::time::Instant;

use sluicegate_contract::{Batch, Outcome, Reason, ReasonKind, Record, RecordId};

/// A record that has no outcome yet.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) record: Record,
    pub(super) ticket: Ticket,
}

/// What the courier knows of a record beside its values.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) id: RecordId,
    /// Bytes in a call, as encoded.
    pub(super) encoded: usize,
    /// When it came to the courier.
    pub(super) since: Instant,
    /// See [`sluicegate_contract::Integration::key`].
    pub(super) key: Option<u64>,
    /// It needs a call of its own.
    pub(super) alone: bool,
    /// Sending it again after an uncertain try does no harm.
    pub(super) repeatable: bool,
    /// Calls that carried it.
    pub(super) tries: u32,
    /// At least one of them may have stored it.
    pub(super) uncertain: bool,
    /// Why the last one failed.
    pub(super) reason: Option<Reason>,
}

impl Ticket {
    /// The outcome of a record that is not tried again.
    pub(super) fn gave_up(&self, otherwise: ReasonKind) -> Outcome {
        let reason = self.reason.clone().unwrap_or_else(|| otherwise.into());
        Outcome::GaveUp {
            certain: !self.uncertain,
            reason,
        }
    }
}

/// A call in flight.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) started: Instant,
    records: Arc<Vec<Record>>,
    tickets: Vec<Ticket>,
}

impl Call {
    pub(super) fn new(started: Instant, batch: Vec<Pending>) -> Self {
        let (records, tickets) = batch
            .into_iter()
            .map(|pending| (pending.record, pending.ticket))
            .unzip();
        Self {
            started,
            records: Arc::new(records),
            tickets,
        }
    }

    /// The records for the room, which is told which of them an earlier try may have stored.
    pub(super) fn batch(&self) -> Batch {
        let batch = Batch::new(Arc::clone(&self.records));
        if self.tickets.iter().any(|ticket| ticket.uncertain) {
            batch.after_uncertain(self.tickets.iter().map(|ticket| ticket.uncertain).collect())
        } else {
            batch
        }
    }

    /// The records again, for the judgement of what became of them. The room has usually let go
    /// of its share by now, so nothing is copied.
    pub(super) fn into_pending(self) -> Vec<Pending> {
        let records =
            Arc::try_unwrap(self.records).unwrap_or_else(|shared| shared.as_ref().clone());
        let pair = |(record, ticket)| Pending { record, ticket };
        records.into_iter().zip(self.tickets).map(pair).collect()
    }
}
