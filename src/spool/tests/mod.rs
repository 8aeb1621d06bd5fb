//! The drain turned by hand: a log in memory, targets that answer as they are told, a clock that is
//! set.

mod endings;
mod model;
mod opening;
mod stories;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use sluicegate_appendlog::Stored;
use sluicegate_contract::{
    Field, Kind, Outcome, Reason, ReasonKind, Receipt, Record, RecordId, Value,
};

use super::entry::{ENTRY_KIND, ToStore, encode};
use super::{Backlog, Door, Drain, DrainRules, Held, LaneRules, Opening, Read};
use crate::dispatch::Queued;
use crate::limits::RECORD_OVERHEAD_BYTES;

const FIELDS: &[Field] = &[Field {
    name: "value",
    kind: Kind::Payload,
    required: false,
    default: None,
    doc: "",
}];
/// Bytes of the records here in a queue.
const WEIGHT: u64 = 8 + RECORD_OVERHEAD_BYTES as u64;

/// A log in memory, and where its cursors stand.
#[derive(Default)]
struct Shelf {
    entries: Vec<Stored>,
    cursors: BTreeMap<String, u64>,
    removed: Vec<String>,
    reads: Cell<usize>,
}

impl Shelf {
    /// Stores a request of these records: the name of a target and a number each.
    fn store(&mut self, request: u128, records: &[(&str, u64)], held: bool) {
        let rendered: Vec<Record> = records.iter().map(|(_, n)| payload(*n)).collect();
        let to_store = (0..).zip(records).zip(&rendered);
        let to_store = to_store.map(|((number, (target, _)), record)| ToStore {
            number,
            event: 0,
            target,
            room: "kafka",
            fields: FIELDS,
            binding: target,
            held,
            record,
        });
        for payload in encode(request, "route", to_store) {
            self.put(ENTRY_KIND, payload);
        }
    }

    /// Stores a record that a target of this version cannot read.
    fn store_unreadable(&mut self, request: u128, target: &str) {
        let other = Field {
            name: "of_a_later_version",
            ..FIELDS[0]
        };
        let to_store = ToStore {
            number: 0,
            event: 0,
            target,
            room: "kafka",
            fields: &[other],
            binding: target,
            held: false,
            record: &payload(1),
        };
        for payload in encode(request, "route", [to_store]) {
            self.put(ENTRY_KIND, payload);
        }
    }

    fn put(&mut self, kind: u8, payload: Bytes) {
        self.entries.push(Stored {
            sequence: self.entries.len() as u64,
            kind,
            time: SystemTime::UNIX_EPOCH,
            payload,
        });
    }
}

impl Backlog for Shelf {
    fn read(&mut self, from: u64) -> io::Result<Read> {
        self.reads.set(self.reads.get() + 1);
        let found = self.entries.get(from as usize).cloned();
        Ok(found.map_or(Read::End(self.entries.len() as u64), Read::Record))
    }

    fn advance(&mut self, cursor: &str, next: u64) {
        let known = self.cursors.entry(cursor.to_owned()).or_default();
        assert!(next >= *known, "a cursor never goes back");
        *known = next;
    }

    fn remove(&mut self, cursor: &str) {
        self.removed.push(cursor.to_owned());
    }
}

fn payload(n: u64) -> Record {
    Record::new([Value::Bytes(Bytes::copy_from_slice(&n.to_be_bytes()))])
}

fn number(record: &Record) -> u64 {
    let bytes = record.value(0).as_bytes().unwrap();
    u64::from_be_bytes(bytes.as_ref().try_into().unwrap())
}

/// A target whose outcomes the test gives.
struct Bench {
    opening: Cell<Opening>,
    limit: u64,
    used: Cell<u64>,
    flying: RefCell<VecDeque<(RecordId, u64)>>,
    known: RefCell<Option<Outcome>>,
}

impl Bench {
    fn new(limit: u64) -> Self {
        Self {
            opening: Cell::new(Opening::Open),
            limit,
            used: Cell::new(0),
            flying: RefCell::default(),
            known: RefCell::default(),
        }
    }

    /// What flies, in the order in which it was handed over.
    fn numbers(&self) -> Vec<u64> {
        self.flying
            .borrow()
            .iter()
            .map(|(_, number)| *number)
            .collect()
    }
}

impl Door for Bench {
    fn opening(&self) -> Opening {
        self.opening.get()
    }

    fn weigh(&self, record: &Record) -> Result<usize, Outcome> {
        Ok(record.bytes())
    }

    fn repeatable(&self, record: &Record) -> bool {
        is_repeatable(number(record))
    }

    fn limit(&self) -> u64 {
        self.limit
    }

    fn reserve(&self, bytes: u64) -> bool {
        let fits = self.used.get() + bytes <= self.limit;
        if fits {
            self.used.set(self.used.get() + bytes);
        }
        fits
    }

    fn release(&self, bytes: u64) {
        self.used.set(self.used.get() - bytes);
    }

    fn hand_over(&self, records: Vec<Queued>) -> Vec<(RecordId, Outcome)> {
        let mut known = Vec::new();
        for queued in records {
            match self.known.borrow_mut().take() {
                Some(outcome) => known.push((queued.id, outcome)),
                None => self
                    .flying
                    .borrow_mut()
                    .push_back((queued.id, number(&queued.record))),
            }
        }
        known
    }
}

/// A drain with its log and its targets.
struct World {
    drain: Drain,
    shelf: Shelf,
    doors: Vec<Bench>,
    now: Instant,
    time: SystemTime,
    held: Arc<Held>,
}

fn lane(target: &str, door: Option<usize>) -> LaneRules {
    LaneRules {
        target: target.into(),
        room: "kafka".into(),
        door,
        fields: if door.is_some() { FIELDS } else { &[] },
        start: 0,
        lasting: door.is_some(),
        letters: false,
    }
}

fn world(lanes: Vec<LaneRules>, doors: usize) -> World {
    rated(lanes, doors, None)
}

fn rated(lanes: Vec<LaneRules>, doors: usize, rate: Option<f64>) -> World {
    let held = Arc::<Held>::default();
    let rules = DrainRules {
        mailbox: 9,
        born: 0,
        rate,
        max_age: Duration::from_secs(3600),
        lanes,
        held: Arc::clone(&held),
    };
    World {
        drain: Drain::new(rules),
        shelf: Shelf::default(),
        doors: (0..doors).map(|_| Bench::new(1 << 20)).collect(),
        now: Instant::now(),
        time: SystemTime::UNIX_EPOCH,
        held,
    }
}

impl World {
    fn clock(&self) -> (Instant, SystemTime) {
        (self.now, self.time)
    }

    fn step(&mut self) -> Option<Instant> {
        let clock = self.clock();
        self.drain.step(clock, &mut self.shelf, &self.doors)
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.time += time;
        self.step();
    }

    /// The oldest record that flies at a target ends so.
    fn end(&mut self, door: usize, outcome: Outcome) -> u64 {
        let (id, number) = self.doors[door].flying.borrow_mut().pop_front().unwrap();
        let clock = self.clock();
        self.drain.outcome(id, outcome, &self.doors, clock);
        self.step();
        number
    }

    fn cursor(&self, target: &str) -> u64 {
        let name = format!("{target}:kafka");
        self.shelf.cursors.get(&name).copied().unwrap_or(0)
    }
}

fn delivered() -> Outcome {
    Outcome::Delivered(Receipt::Nothing)
}

fn gave_up() -> Outcome {
    Outcome::GaveUp {
        certain: true,
        reason: ReasonKind::Unavailable.into(),
    }
}

/// Nobody knows whether it was stored.
fn uncertain() -> Outcome {
    Outcome::GaveUp {
        certain: false,
        reason: ReasonKind::AnswerLost.into(),
    }
}

/// A few of the records must not be sent twice.
fn is_repeatable(number: u64) -> bool {
    number % 5 != 3
}

fn refused(kind: ReasonKind) -> Outcome {
    Outcome::Refused(Reason::from(kind))
}
