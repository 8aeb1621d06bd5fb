//! What is stored of a key: what became of each of its records, from which its answer is written
//! again.

mod form;
#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;

use bytes::Bytes;
use sluicegate_contract::{Outcome, Reason, Receipt};

use form::Form;

use crate::limits::IDEMPOTENCY_STORED_BYTES_MAX;

/// What a key's request came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The id of the request that was answered first.
    pub id: u128,
    /// Its records that are not to be sent again, in the order of their events.
    pub records: Vec<SettledRecord>,
}

/// What became of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettledRecord {
    /// The place of its event among those of the key.
    pub event: u32,
    /// The name of its binding.
    pub binding: Arc<str>,
    /// What that is.
    pub fate: Fate,
}

/// What is known of a record that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It had its outcome.
    Ended(Outcome),
    /// It is in the spool.
    Spooled,
    /// The answer did not wait for it.
    Pending,
}

/// Why it is not known what a key's request came to, although something is stored of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untold {
    /// It was too much to be stored.
    TooLarge,
    /// It cannot be read.
    Unreadable,
}

impl Settled {
    /// As it is stored.
    #[must_use]
    pub fn encoded(&self) -> Bytes {
        Form::of(self).encoded()
    }

    /// As it is stored, within [`IDEMPOTENCY_STORED_BYTES_MAX`]. Where it is larger, receipts are
    /// left out; where that is not enough, details are too, and records stand in runs. What became
    /// of each record stays. Where even that is too large, it is stored that it is not known:
    /// nothing is sent under the key any more, rather than sent again or called a success.
    #[must_use]
    pub fn fitted(mut self) -> Bytes {
        let fits = |bytes: &Bytes| bytes.len() <= IDEMPOTENCY_STORED_BYTES_MAX;
        let whole = self.encoded();
        if fits(&whole) {
            return whole;
        }
        for record in &mut self.records {
            if let Fate::Ended(Outcome::Delivered(receipt)) = &mut record.fate {
                *receipt = Receipt::Nothing;
            }
        }
        let bare = self.encoded();
        if fits(&bare) {
            return bare;
        }
        for record in &mut self.records {
            if let Fate::Ended(Outcome::Refused(reason) | Outcome::GaveUp { reason, .. }) =
                &mut record.fate
            {
                *reason = Reason::from(reason.kind());
            }
        }
        let runs = Form::in_runs(&self).encoded();
        if fits(&runs) {
            return runs;
        }
        tracing::warn!(records = self.records.len(), "idempotency.too_large");
        Form::too_large(self.id).encoded()
    }

    /// What was stored.
    ///
    /// # Errors
    /// It was too much, or cannot be read.
    pub fn decoded(bytes: &[u8]) -> Result<Self, Untold> {
        let form: Form = minicbor::decode(bytes).map_err(|_| Untold::Unreadable)?;
        form.settled()
    }
}
