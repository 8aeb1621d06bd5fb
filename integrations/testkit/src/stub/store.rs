//! What the stub was sent and what it keeps.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Instant;

use bytes::Bytes;

use super::Fault;

/// One entry of a write, as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The number of its marker, see [`crate::marker`].
    pub marker: Option<u64>,
    /// The payload: Kinesis' data, SNS' message, DynamoDB's item as JSON.
    pub payload: Bytes,
    /// What it is stored under: Kinesis' partition key, DynamoDB's key as JSON, SNS' message group.
    pub key: String,
}

/// One write that arrived.
#[derive(Clone, Debug)]
pub struct Call {
    /// The operation: `PutRecords`, `BatchWriteItem`, `PutItem`, `UpdateItem`, `DeleteItem`,
    /// `PublishBatch`.
    pub operation: &'static str,
    /// The stream, table or topic.
    pub target: String,
    /// Its entries, in the order of the call.
    pub entries: Vec<Entry>,
    /// Bytes of the HTTP body.
    pub bytes: usize,
    /// When it had arrived whole.
    pub at: Instant,
}

impl Call {
    /// The numbers of the entries' markers, in order.
    #[must_use]
    pub fn markers(&self) -> Vec<u64> {
        self.entries
            .iter()
            .filter_map(|entry| entry.marker)
            .collect()
    }
}

/// One entry that was stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The stream, table or topic.
    pub target: String,
    /// The entry.
    pub entry: Entry,
}

/// Everything that was stored, in order; what was stored twice stands here twice.
#[derive(Clone, Debug)]
pub struct Store {
    stored: Vec<Stored>,
}

impl Store {
    pub(super) fn new(stored: Vec<Stored>) -> Self {
        Self { stored }
    }

    /// All of it, in order.
    #[must_use]
    pub fn all(&self) -> &[Stored] {
        &self.stored
    }

    /// How often the record with this marker was stored.
    #[must_use]
    pub fn times(&self, marker: u64) -> usize {
        self.stored
            .iter()
            .filter(|stored| stored.entry.marker == Some(marker))
            .count()
    }

    /// How often each marker was stored.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<u64, usize> {
        let mut counts = BTreeMap::new();
        for marker in self.stored.iter().filter_map(|stored| stored.entry.marker) {
            *counts.entry(marker).or_default() += 1;
        }
        counts
    }

    /// The markers in the order in which they were stored.
    #[must_use]
    pub fn markers(&self) -> Vec<u64> {
        self.stored
            .iter()
            .filter_map(|stored| stored.entry.marker)
            .collect()
    }
}

/// All that the stub knows, behind one lock.
#[derive(Default)]
pub(super) struct State {
    pub(super) script: VecDeque<Fault>,
    pub(super) always: Fault,
    pub(super) poison: Vec<u64>,
    pub(super) tables: HashMap<String, Vec<String>>,
    pub(super) stored: Vec<Stored>,
    pub(super) calls: Vec<Call>,
    pub(super) stopped: bool,
}

impl State {
    /// Notes a write and takes the fault that it meets.
    pub(super) fn arrive(&mut self, call: Call) -> Fault {
        self.calls.push(call);
        self.script
            .pop_front()
            .unwrap_or_else(|| self.always.clone())
    }

    /// Stores the entries that this fault does not spoil.
    pub(super) fn apply(&mut self, target: &str, entries: &[Entry], fault: &Fault) {
        let kept = entries
            .iter()
            .enumerate()
            .filter(|(place, _)| fault.stores(*place));
        self.stored.extend(kept.map(|(_, entry)| Stored {
            target: target.to_owned(),
            entry: entry.clone(),
        }));
    }

    /// The place of a poisoned entry.
    pub(super) fn poisoned(&self, entries: &[Entry]) -> Option<usize> {
        entries.iter().position(|entry| {
            entry
                .marker
                .is_some_and(|marker| self.poison.contains(&marker))
        })
    }
}
