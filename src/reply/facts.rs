//! What a shaped answer may say: facts about the request that the route's expressions name.

use bytestring::ByteString;
use sluicegate_contract::{Outcome, Receipt};

use crate::error::Code;
use crate::map::{ErrorMember, Fact, ReplyFacts, ReplyMember, ReplyRead, ResultMember};
use crate::settle::{Entry, RecordState, Spooling, Way};

/// What is known of a request when it is answered.
pub(super) struct Facts<'a> {
    pub(super) id: u128,
    /// The true status.
    pub(super) status: u16,
    /// `all`, `some`, `none`, `unknown`.
    pub(super) stored: &'static str,
    pub(super) accepted: usize,
    /// What a success means.
    pub(super) ack: Option<&'static str>,
    /// Why it was refused, if it was.
    pub(super) error: Option<(Code, &'a str)>,
    /// Its records; none where it was refused before any was made.
    pub(super) entry: Option<&'a Entry>,
}

impl ReplyFacts for Facts<'_> {
    fn fact(&self, read: &ReplyRead) -> Fact {
        match read {
            ReplyRead::Result {
                binding, member, ..
            } => self.result(*binding, *member),
            ReplyRead::Error(member) => self.error(*member),
            ReplyRead::Reply(member) => self.reply(*member),
        }
    }
}

impl Facts<'_> {
    /// The record of a binding: answers that are shaped are those to one event.
    fn record(&self, binding: usize) -> Option<&RecordState> {
        let (_, records) = self.entry?.records_of(0);
        let mut records = records.iter();
        records.find(|record| usize::from(record.binding) == binding)
    }

    fn result(&self, binding: usize, member: ResultMember) -> Fact {
        match (self.entry, self.record(binding)) {
            (Some(entry), Some(record)) => result(Some((entry, record)), member),
            _ => result(None, member),
        }
    }

    fn error(&self, member: ErrorMember) -> Fact {
        let Some((code, detail)) = self.error else {
            return Fact::Absent;
        };
        match member {
            ErrorMember::Code => text(code.as_str()),
            ErrorMember::Detail => text(detail),
            ErrorMember::Status => Fact::Integer(code.status().into()),
            ErrorMember::Retryable => {
                let again = matches!(code.status(), 408 | 429 | 502 | 503 | 504 | 507);
                Fact::Boolean(again || code == Code::IdempotencyRunning)
            }
        }
    }

    fn reply(&self, member: ReplyMember) -> Fact {
        match member {
            ReplyMember::Id => text(&uuid::Uuid::from_u128(self.id).hyphenated().to_string()),
            ReplyMember::Status => Fact::Integer(self.status.into()),
            ReplyMember::Outcome => text(self.stored),
            ReplyMember::Accepted => {
                Fact::Integer(i64::try_from(self.accepted).unwrap_or(i64::MAX))
            }
            ReplyMember::Ack => self.ack.map_or(Fact::Absent, text),
        }
    }
}

fn text(text: &str) -> Fact {
    Fact::Text(ByteString::from(text))
}

/// A member of what became of a record; of one that was never made it is `skipped`.
fn result(of: Option<(&Entry, &RecordState)>, member: ResultMember) -> Fact {
    let outcome = of.and_then(|(_, record)| record.outcome.as_ref());
    let reason = outcome.and_then(Outcome::reason);
    let (word, retryable) = of.map_or(("skipped", false), |(entry, record)| {
        outcome_of(entry, record)
    });
    match member {
        ResultMember::Outcome => text(word),
        ResultMember::Retryable => Fact::Boolean(retryable),
        ResultMember::Code => reason.map_or(Fact::Absent, |reason| text(reason.kind().code())),
        ResultMember::Detail => reason
            .and_then(|reason| reason.detail())
            .map_or(Fact::Absent, text),
        ResultMember::Receipt(name) => match outcome {
            Some(Outcome::Delivered(receipt)) => of_receipt(receipt, name),
            _ => Fact::Absent,
        },
    }
}

/// The word for what became of a record, and whether sending again makes sense.
pub(super) fn outcome_of(entry: &Entry, record: &RecordState) -> (&'static str, bool) {
    let delivered = record.outcome.as_ref().is_some_and(Outcome::is_delivered);
    match (record.way, entry.spooling) {
        (Way::Spooled | Way::Spilled, Spooling::Stored) if !delivered => return ("spooled", false),
        (Way::Spooled, Spooling::Failed(_)) => return ("not_stored", true),
        _ => {}
    }
    match &record.outcome {
        None => ("pending", true),
        Some(Outcome::Delivered(_)) => ("delivered", false),
        Some(Outcome::Refused(_)) => ("refused", false),
        Some(Outcome::GaveUp { certain: true, .. }) => ("not_stored", true),
        Some(Outcome::GaveUp { certain: false, .. }) => ("unknown", true),
    }
}

/// A member of a receipt by its name in answers.
fn of_receipt(receipt: &Receipt, name: &str) -> Fact {
    match (receipt, name) {
        (Receipt::AlreadyThere, "already_there") => Fact::Boolean(true),
        (Receipt::Nothing | Receipt::Attributes { .. }, "already_there") => Fact::Boolean(false),
        (Receipt::Attributes { json: Some(json) }, "attributes") => Fact::Json(json.clone()),
        (Receipt::Position { partition, .. }, "partition") => Fact::Integer(i64::from(*partition)),
        (Receipt::Position { offset, .. }, "offset") => Fact::Integer(*offset),
        (Receipt::Sequence { shard, .. }, "shard_id") => text(shard),
        (Receipt::Sequence { sequence, .. }, "sequence_number") => text(sequence),
        (Receipt::Message { id }, "message_id") => text(id),
        (Receipt::Logged { sequence }, "sequence") => {
            Fact::Integer(i64::try_from(*sequence).unwrap_or(i64::MAX))
        }
        _ => Fact::Absent,
    }
}
