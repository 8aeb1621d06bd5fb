//! The door of a simulated target, as its courier sees it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use sluicegate_contract::{AttemptSink, Batch, Integration, Limits, Reason, Record};

use crate::client::{key_of, number_of};

/// A room that keeps what it is to send until the simulation takes it.
pub(crate) struct Room {
    /// A target that stores one thing for each key, in the order in which it is written.
    pub(crate) keyed: bool,
    limits: Limits,
    submitted: Mutex<Vec<(Batch, AttemptSink)>>,
    /// Events in the order in which the courier took them.
    taken: Mutex<Vec<u64>>,
    puts: AtomicU64,
}

impl Room {
    pub(crate) fn new(keyed: bool, records: usize, concurrent_calls: usize) -> Arc<Self> {
        Arc::new(Self {
            keyed,
            limits: Limits {
                records,
                call_bytes: 64 << 10,
                record_bytes: 8 << 10,
                unique_keys: keyed,
                concurrent_calls,
            },
            submitted: Mutex::default(),
            taken: Mutex::default(),
            puts: AtomicU64::new(0),
        })
    }

    /// What was submitted since the last time.
    pub(crate) fn take_submitted(&self) -> Vec<(Batch, AttemptSink)> {
        std::mem::take(&mut self.submitted.lock().unwrap())
    }

    /// The events that the courier took since the last time, in their order.
    pub(crate) fn take_taken(&self) -> Vec<u64> {
        std::mem::take(&mut self.taken.lock().unwrap())
    }

    /// A few writes must not be done twice.
    pub(crate) fn only_once(&self, event: u64) -> bool {
        self.keyed && event % 7 == 3
    }

    /// Records that the courier took so far: each has one outcome.
    pub(crate) fn puts(&self) -> u64 {
        self.puts.load(Ordering::Relaxed)
    }
}

impl Integration for Room {
    fn limits(&self) -> Limits {
        self.limits
    }

    fn weigh(&self, record: &Record) -> Result<usize, Reason> {
        Ok(record.bytes())
    }

    /// Asked once for each record that the courier takes.
    fn key(&self, record: &Record) -> Option<u64> {
        self.puts.fetch_add(1, Ordering::Relaxed);
        self.taken.lock().unwrap().push(number_of(record));
        self.keyed.then(|| key_of(number_of(record)))
    }

    fn repeatable(&self, record: &Record) -> bool {
        !self.only_once(number_of(record))
    }

    fn submit(&self, batch: Batch, sink: AttemptSink) {
        self.submitted.lock().unwrap().push((batch, sink));
    }
}
