//! How it is stored: CBOR with numbered fields, so that a later version reads what an earlier one
//! wrote. Bindings stand by their name: routes may have changed since.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use minicbor::bytes::{ByteArray, ByteVec};
use minicbor::{Decode, Encode};
use sluicegate_contract::{Outcome, Reason, ReasonKind, Receipt};

use super::{Fate, Settled, SettledRecord, Untold};
use crate::limits::RECORDS_PER_REQUEST_MAX;

#[derive(Encode, Decode)]
pub(super) struct Form {
    #[n(0)]
    id: ByteArray<16>,
    /// Record by record; empty where they stand in runs.
    #[n(1)]
    records: Vec<RecordForm>,
    #[n(2)]
    groups: Option<Vec<GroupForm>>,
    /// Its records were too much to be stored.
    #[n(3)]
    too_large: Option<bool>,
}

/// All records of one binding that one thing became of.
#[derive(Encode, Decode)]
struct GroupForm {
    #[n(0)]
    binding: String,
    #[n(1)]
    outcome: OutcomeForm,
    /// Their events: in turn how many are left out, and how many follow.
    #[n(2)]
    runs: Vec<u32>,
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

impl Form {
    pub(super) fn of(settled: &Settled) -> Self {
        Self {
            records: settled.records.iter().map(RecordForm::of).collect(),
            ..Self::empty(settled.id)
        }
    }

    /// The same in few bytes where many records came to the same: a run of them takes two numbers.
    pub(super) fn in_runs(settled: &Settled) -> Self {
        // By binding: what became of the records of one is of a few kinds.
        let mut groups: BTreeMap<&str, Vec<Group<'_>>> = BTreeMap::new();
        for record in &settled.records {
            let groups = groups.entry(&record.binding).or_default();
            let same = |group: &Group<'_>| *group.fate == record.fate;
            let place = groups.iter().position(same).unwrap_or(groups.len());
            if place == groups.len() {
                groups.push(Group::of(&record.fate));
            }
            if let Some(group) = groups.get_mut(place) {
                group.add(record.event);
            }
        }
        let forms = groups.into_iter().flat_map(|(binding, groups)| {
            let form = |group: Group<'_>| group.form(binding);
            groups.into_iter().map(form)
        });
        Self {
            groups: Some(forms.collect()),
            ..Self::empty(settled.id)
        }
    }

    pub(super) fn too_large(id: u128) -> Self {
        Self {
            too_large: Some(true),
            ..Self::empty(id)
        }
    }

    fn empty(id: u128) -> Self {
        Self {
            id: id.to_be_bytes().into(),
            records: Vec::new(),
            groups: None,
            too_large: None,
        }
    }

    pub(super) fn encoded(&self) -> Bytes {
        // Writing into memory cannot fail, and every part has a form.
        Bytes::from(minicbor::to_vec(self).unwrap_or_default())
    }

    pub(super) fn settled(self) -> Result<Settled, Untold> {
        if self.too_large == Some(true) {
            return Err(Untold::TooLarge);
        }
        let id = u128::from_be_bytes(self.id.into());
        let records = self.records.into_iter().map(RecordForm::settled);
        let records: Option<Vec<SettledRecord>> = records.collect();
        let mut records = records.ok_or(Untold::Unreadable)?;
        for group in self.groups.unwrap_or_default() {
            group.expand(&mut records).ok_or(Untold::Unreadable)?;
        }
        records.sort_by_key(|record| record.event);
        Ok(Settled { id, records })
    }
}

/// Records of one binding of which one thing became, while they are gathered.
struct Group<'s> {
    fate: &'s Fate,
    runs: Vec<u32>,
    /// One past the last event of the last run.
    end: u32,
}

impl<'s> Group<'s> {
    fn of(fate: &'s Fate) -> Self {
        Self {
            fate,
            runs: Vec::new(),
            end: 0,
        }
    }

    /// Adds the record of an event behind all that are there.
    fn add(&mut self, event: u32) {
        match self.runs.last_mut() {
            Some(run) if self.end == event => *run += 1,
            _ => self.runs.extend([event.saturating_sub(self.end), 1]),
        }
        self.end = event.saturating_add(1);
    }

    fn form(self, binding: &str) -> GroupForm {
        GroupForm {
            binding: binding.to_owned(),
            outcome: OutcomeForm::of_fate(self.fate),
            runs: self.runs,
        }
    }
}

impl GroupForm {
    /// Adds its records. `None` where they cannot be those of a request.
    fn expand(self, records: &mut Vec<SettledRecord>) -> Option<()> {
        let binding: Arc<str> = self.binding.into();
        let fate = self.outcome.fate()?;
        let mut next: u32 = 0;
        for run in self.runs.chunks(2) {
            let [left_out, many] = *run else { return None };
            let first = next.checked_add(left_out)?;
            next = first.checked_add(many)?;
            if records.len() + many as usize > RECORDS_PER_REQUEST_MAX {
                return None;
            }
            records.extend((first..next).map(|event| SettledRecord {
                event,
                binding: Arc::clone(&binding),
                fate: fate.clone(),
            }));
        }
        Some(())
    }
}

impl RecordForm {
    fn of(record: &SettledRecord) -> Self {
        Self {
            event: record.event,
            binding: record.binding.to_string(),
            outcome: OutcomeForm::of_fate(&record.fate),
        }
    }

    fn settled(self) -> Option<SettledRecord> {
        Some(SettledRecord {
            event: self.event,
            binding: self.binding.into(),
            fate: self.outcome.fate()?,
        })
    }
}

impl OutcomeForm {
    fn of_fate(fate: &Fate) -> Self {
        match fate {
            Fate::Spooled => Self::Spooled,
            Fate::Pending => Self::Pending,
            Fate::Ended(Outcome::Delivered(receipt)) => Self::of(receipt),
            Fate::Ended(Outcome::Refused(reason)) => Self::Refused {
                reason: reason.kind().code().to_owned(),
                detail: reason.detail().map(str::to_owned),
            },
            Fate::Ended(Outcome::GaveUp { certain, reason }) => Self::GaveUp {
                reason: reason.kind().code().to_owned(),
                detail: reason.detail().map(str::to_owned),
                certain: *certain,
            },
        }
    }

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
pub(super) mod tests {
    use super::*;

    /// The form of records of one binding in these runs.
    pub(in super::super) fn of_runs(runs: Vec<u32>) -> Form {
        let group = GroupForm {
            binding: "orders".to_owned(),
            outcome: OutcomeForm::Spooled,
            runs,
        };
        Form {
            groups: Some(vec![group]),
            ..Form::empty(1)
        }
    }
}
