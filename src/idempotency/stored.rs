//! What is stored of a key: what became of each of its records, from which its answer is written
//! again.
//!
//! The form is CBOR with numbered fields, so that a later version reads what an earlier one wrote.
//! Bindings stand by their name: routes may have changed since.

use bytes::Bytes;
use minicbor::bytes::{ByteArray, ByteVec};
use minicbor::{Decode, Encode};
use sluicegate_contract::{Outcome, Reason, ReasonKind, Receipt};

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
    pub binding: String,
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

impl Settled {
    /// As it is stored.
    #[must_use]
    pub fn encoded(&self) -> Bytes {
        let form = Form {
            id: self.id.to_be_bytes().into(),
            records: self.records.iter().map(RecordForm::of).collect(),
        };
        // Writing into memory cannot fail, and every part has a form.
        Bytes::from(minicbor::to_vec(&form).unwrap_or_default())
    }

    /// As it is stored, within [`IDEMPOTENCY_STORED_BYTES_MAX`]. Where it is larger, receipts are
    /// left out; where that is not enough, too, a final answer to events that were all delivered
    /// needs no records, and of any other nothing is known later.
    #[must_use]
    pub fn fitted(mut self, is_final: bool) -> Bytes {
        let whole = self.encoded();
        if whole.len() <= IDEMPOTENCY_STORED_BYTES_MAX {
            return whole;
        }
        for record in &mut self.records {
            if let Fate::Ended(Outcome::Delivered(receipt)) = &mut record.fate {
                *receipt = Receipt::Nothing;
            }
        }
        let bare = self.encoded();
        if bare.len() <= IDEMPOTENCY_STORED_BYTES_MAX {
            return bare;
        }
        let is_delivered =
            |record: &SettledRecord| matches!(record.fate, Fate::Ended(Outcome::Delivered(_)));
        let delivered = self.records.iter().all(is_delivered);
        if !(is_final && delivered) {
            tracing::warn!(records = self.records.len(), "idempotency.too_large");
        }
        self.records.clear();
        self.encoded()
    }

    /// What was stored; `None` where it cannot be read.
    #[must_use]
    pub fn decoded(bytes: &[u8]) -> Option<Self> {
        let form: Form = minicbor::decode(bytes).ok()?;
        let records = form.records.into_iter().map(RecordForm::settled);
        Some(Self {
            id: u128::from_be_bytes(form.id.into()),
            records: records.collect::<Option<_>>()?,
        })
    }
}

#[derive(Encode, Decode)]
struct Form {
    #[n(0)]
    id: ByteArray<16>,
    #[n(1)]
    records: Vec<RecordForm>,
}

#[derive(Encode, Decode)]
struct RecordForm {
    #[n(0)]
    event: u32,
    #[n(1)]
    binding: String,
    #[n(2)]
    outcome: OutcomeForm,
}

#[derive(Encode, Decode)]
enum OutcomeForm {
    #[n(0)]
    Nothing,
    #[n(1)]
    AlreadyThere,
    #[n(2)]
    Position {
        #[n(0)]
        partition: i32,
        #[n(1)]
        offset: i64,
    },
    #[n(3)]
    Sequence {
        #[n(0)]
        shard: String,
        #[n(1)]
        sequence: String,
    },
    #[n(4)]
    Attributes {
        #[n(0)]
        json: Option<ByteVec>,
    },
    #[n(5)]
    Message {
        #[n(0)]
        id: String,
    },
    /// Refused, by the word of its reason.
    #[n(6)]
    Refused {
        #[n(0)]
        reason: String,
        #[n(1)]
        detail: Option<String>,
    },
    #[n(7)]
    Spooled,
    /// A place in a log.
    #[n(8)]
    Logged {
        #[n(0)]
        sequence: u64,
    },
    #[n(9)]
    Pending,
    /// Given up, though its answer did not ask for it.
    #[n(10)]
    GaveUp {
        #[n(0)]
        reason: String,
        #[n(1)]
        detail: Option<String>,
        #[n(2)]
        certain: bool,
    },
}

impl RecordForm {
    fn of(record: &SettledRecord) -> Self {
        Self {
            event: record.event,
            binding: record.binding.clone(),
            outcome: match &record.fate {
                Fate::Spooled => OutcomeForm::Spooled,
                Fate::Pending => OutcomeForm::Pending,
                Fate::Ended(Outcome::Delivered(receipt)) => OutcomeForm::of(receipt),
                Fate::Ended(Outcome::Refused(reason)) => OutcomeForm::Refused {
                    reason: reason.kind().code().to_owned(),
                    detail: reason.detail().map(str::to_owned),
                },
                Fate::Ended(Outcome::GaveUp { certain, reason }) => OutcomeForm::GaveUp {
                    reason: reason.kind().code().to_owned(),
                    detail: reason.detail().map(str::to_owned),
                    certain: *certain,
                },
            },
        }
    }

    fn settled(self) -> Option<SettledRecord> {
        Some(SettledRecord {
            event: self.event,
            binding: self.binding,
            fate: self.outcome.fate()?,
        })
    }
}

impl OutcomeForm {
    fn of(receipt: &Receipt) -> Self {
        match receipt {
            Receipt::AlreadyThere => Self::AlreadyThere,
            Receipt::Position { partition, offset } => Self::Position {
                partition: *partition,
                offset: *offset,
            },
            Receipt::Sequence { shard, sequence } => Self::Sequence {
                shard: shard.to_string(),
                sequence: sequence.to_string(),
            },
            Receipt::Attributes { json } => Self::Attributes {
                json: json.as_ref().map(|json| json.to_vec().into()),
            },
            Receipt::Message { id } => Self::Message { id: id.to_string() },
            Receipt::Logged { sequence } => Self::Logged {
                sequence: *sequence,
            },
            Receipt::Nothing => Self::Nothing,
        }
    }

    /// `None` where it cannot be read.
    fn fate(self) -> Option<Fate> {
        let receipt = match self {
            Self::Spooled => return Some(Fate::Spooled),
            Self::Pending => return Some(Fate::Pending),
            Self::Refused { reason, detail } => {
                let reason = reason_of(&reason, detail)?;
                return Some(Fate::Ended(Outcome::Refused(reason)));
            }
            Self::GaveUp {
                reason,
                detail,
                certain,
            } => {
                let reason = reason_of(&reason, detail)?;
                return Some(Fate::Ended(Outcome::GaveUp { certain, reason }));
            }
            Self::Nothing => Receipt::Nothing,
            Self::AlreadyThere => Receipt::AlreadyThere,
            Self::Position { partition, offset } => Receipt::Position { partition, offset },
            Self::Sequence { shard, sequence } => Receipt::Sequence {
                shard: shard.into(),
                sequence: sequence.into(),
            },
            Self::Attributes { json } => Receipt::Attributes {
                json: json.map(|json| Bytes::from(Vec::from(json))),
            },
            Self::Message { id } => Receipt::Message { id: id.into() },
            Self::Logged { sequence } => Receipt::Logged { sequence },
        };
        Some(Fate::Ended(Outcome::Delivered(receipt)))
    }
}

fn reason_of(word: &str, detail: Option<String>) -> Option<Reason> {
    let kind = *ReasonKind::ALL.iter().find(|kind| kind.code() == word)?;
    Some(match detail {
        Some(detail) => Reason::new(kind, detail),
        None => Reason::from(kind),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_again() {
        let delivered = [
            Receipt::Nothing,
            Receipt::AlreadyThere,
            Receipt::Position {
                partition: 3,
                offset: -1,
            },
            Receipt::Sequence {
                shard: "shardId-0".into(),
                sequence: "49590338".into(),
            },
            Receipt::Attributes { json: None },
            Receipt::Attributes {
                json: Some(Bytes::from_static(b"{\"a\":1}")),
            },
            Receipt::Message { id: "m".into() },
            Receipt::Logged { sequence: 9 },
        ];
        let refused = [
            Reason::from(ReasonKind::ConditionFalse),
            Reason::new(ReasonKind::Invalid, "too odd"),
        ];
        let outcomes = delivered.map(Outcome::Delivered).into_iter();
        let outcomes = outcomes.chain(refused.map(Outcome::Refused));
        let gave_up = Outcome::GaveUp {
            certain: true,
            reason: ReasonKind::GiveUp.into(),
        };
        let fates = outcomes.chain([gave_up]).map(Fate::Ended);
        let fates = fates.chain([Fate::Spooled, Fate::Pending]).enumerate();
        let records = fates.map(|(place, fate)| SettledRecord {
            event: place as u32,
            binding: format!("binding-{place}"),
            fate,
        });
        let settled = Settled {
            id: u128::MAX - 5,
            records: records.collect(),
        };
        let bytes = settled.encoded();
        assert_eq!(Settled::decoded(&bytes), Some(settled));
        for cut in 0..bytes.len() {
            assert_eq!(Settled::decoded(&bytes[..cut]), None, "cut at {cut}");
        }
    }

    #[test]
    fn what_is_too_large_loses_its_receipts_first() {
        let settled = |records: u32, outcome: Outcome| Settled {
            id: 1,
            records: (0..records)
                .map(|event| SettledRecord {
                    event,
                    binding: "orders".to_owned(),
                    fate: Fate::Ended(outcome.clone()),
                })
                .collect(),
        };
        let message = Outcome::Delivered(Receipt::Message {
            id: "0".repeat(100).into(),
        });
        let few = settled(10_000, message.clone()).fitted(true);
        assert!(few.len() <= IDEMPOTENCY_STORED_BYTES_MAX);
        assert_eq!(Settled::decoded(&few).unwrap().records.len(), 10_000);
        let many = settled(100_000, message).fitted(true);
        assert_eq!(
            Settled::decoded(&many),
            Some(settled(0, Outcome::Delivered(Receipt::Nothing)))
        );
    }

    #[test]
    fn a_small_answer_takes_few_bytes() {
        let settled = Settled {
            id: 7,
            records: vec![SettledRecord {
                event: 0,
                binding: "orders".to_owned(),
                fate: Fate::Ended(Outcome::Delivered(Receipt::Nothing)),
            }],
        };
        assert!(settled.encoded().len() < 40, "{}", settled.encoded().len());
    }
}
