//! What the proofs share: records that are a function of their number, and a life of a log on a
//! simulated disk that remembers what was promised.

#![allow(dead_code)] // Each proof uses a part of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use fastrand::Rng;
use sluicegate_appendlog::simulated::SimulatedDisk;
use sluicegate_appendlog::{Append, AppendError, Log, Options, Reader, Recovery, Stored};

/// The short number in CI, the long one with `SLUICEGATE_LONG=1`.
pub(crate) fn rounds(short: u64, long: u64) -> u64 {
    if is_long() { long } else { short }
}

pub(crate) fn is_long() -> bool {
    std::env::var_os("SLUICEGATE_LONG").is_some()
}

/// The first seed: `SLUICEGATE_SEED`, to go on where a long run was stopped.
pub(crate) fn first_seed() -> u64 {
    let given = std::env::var("SLUICEGATE_SEED");
    given.map_or(0, |seed| seed.parse().expect("SLUICEGATE_SEED is a number"))
}

/// Runs a proof for each seed and says how far it is.
pub(crate) fn for_seeds(what: &str, short: u64, long: u64, mut proof: impl FnMut(u64)) {
    let (first, count) = (first_seed(), rounds(short, long));
    for seed in first..count {
        if seed % 10_000 == 0 {
            println!("{what}: SLUICEGATE_SEED={seed} of {count}");
        }
        let guard = Printed(what, seed);
        proof(seed);
        std::mem::forget(guard);
    }
    println!("{what}: {} seeds, none failed", count.saturating_sub(first));
}

/// Tells what happens, where `SLUICEGATE_TRACE` is set.
pub(crate) fn tell(what: impl FnOnce() -> String) {
    if std::env::var_os("SLUICEGATE_TRACE").is_some() {
        println!("{}", what());
    }
}

/// Says which seed it was, where a proof fails.
struct Printed<'a>(&'a str, u64);

impl Drop for Printed<'_> {
    fn drop(&mut self) {
        println!("{}: failed with SLUICEGATE_SEED={}", self.0, self.1);
    }
}

pub(crate) fn small() -> Options {
    Options {
        segment_bytes: 8 * 1024,
        max_bytes: 256 * 1024,
        max_age: None,
    }
}

pub(crate) fn append(number: u64) -> Append {
    let size = (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) % 900;
    Append {
        kind: (number % 5) as u8,
        time: UNIX_EPOCH + Duration::from_nanos(1_700_000_000_000_000_000 + number),
        payload: Bytes::from(format!("record {number} {}", "x".repeat(size as usize))),
    }
}

pub(crate) fn rest(reader: &mut Reader) -> Vec<Stored> {
    std::iter::from_fn(|| reader.next().unwrap()).collect()
}

/// Whether a stored record is the one of this number.
pub(crate) fn is(stored: &Stored, number: u64) -> bool {
    let wanted = append(number);
    (&stored.payload, stored.kind, stored.time) == (&wanted.payload, wanted.kind, wanted.time)
}

/// The cursors of a log.
const NAMES: [&str; 3] = ["orders", "audit", "lake"];

/// Several lives of one log, and what was said in them.
pub(crate) struct Lives {
    pub(crate) disk: SimulatedDisk,
    pub(crate) options: Options,
    random: Rng,
    next_number: u64,
    /// Which number each confirmed sequence has.
    confirmed: BTreeMap<u64, u64>,
    /// Which numbers were tried at a sequence, confirmed or not.
    tried: BTreeMap<u64, Vec<u64>>,
    /// Cursors as they were made durable last, and as they are in memory.
    durable: BTreeMap<String, u64>,
    moved: BTreeMap<String, u64>,
    /// Below this, records may be gone: all durable cursors had passed them.
    gone: u64,
    /// Mending failed in one of the lives.
    troubled: bool,
    pub(crate) failed: u64,
}

impl Lives {
    pub(crate) fn new(seed: u64, options: Options) -> Self {
        Self {
            disk: SimulatedDisk::new(seed, 1 << 26),
            options,
            random: Rng::with_seed(seed ^ 0x5eed),
            next_number: 0,
            confirmed: BTreeMap::new(),
            tried: BTreeMap::new(),
            durable: BTreeMap::new(),
            moved: BTreeMap::new(),
            gone: 0,
            troubled: false,
            failed: 0,
        }
    }

    /// Opens the log and looks whether it holds what was promised.
    pub(crate) fn open(&mut self) -> Option<(Log, Recovery)> {
        let opened = Log::open(Arc::new(self.disk.clone()), self.options).ok()?;
        let usage = opened.0.usage();
        tell(|| format!("opened: {:?}, {:?}", opened.1, usage.cursors));
        self.disk.stop_after(u64::MAX);
        let found = &opened.1;
        // Only where an earlier opening could not note what was torn may it be called damage.
        let said = self.troubled || found.damages.is_empty();
        assert!(said, "no power cut is damage: {:?}", found.damages);
        self.troubled |= found.disk_errors > 0;
        self.judge(&opened.0);
        let (mut log, found) = opened;
        // All are there from the beginning, so that none is made after what it would have held is
        // gone.
        for name in NAMES {
            log.advance(name, 0);
            self.moved.entry(name.to_owned()).or_default();
        }
        Some((log, found))
    }

    /// Stores, moves cursors and syncs at random, until the machine stops or enough was done.
    pub(crate) fn live(&mut self, log: &mut Log, steps: u64) {
        for _ in 0..steps {
            match self.random.u32(0..10) {
                0..7 => self.append(log),
                7 | 8 => self.advance(log),
                _ => self.sync(log),
            }
        }
    }

    pub(crate) fn append(&mut self, log: &mut Log) {
        let count = self.random.u64(1..6);
        let numbers: Vec<u64> = (self.next_number..self.next_number + count).collect();
        self.next_number += count;
        let batch: Vec<Append> = numbers.iter().copied().map(append).collect();
        let first = log.usage().next;
        for (sequence, number) in (first..).zip(&numbers) {
            self.tried.entry(sequence).or_default().push(*number);
        }
        let stored = log.append(&batch);
        tell(|| format!("append {numbers:?}: {stored:?}"));
        match stored {
            Ok(range) => {
                assert_eq!(range, first..first + count);
                self.confirmed.extend(range.zip(numbers));
            }
            Err(AppendError::Full) => {}
            Err(error) => {
                assert!(matches!(error, AppendError::Failed(_)), "{error}");
                self.failed += 1;
            }
        }
    }

    fn advance(&mut self, log: &mut Log) {
        let name = *self.random.choice(&NAMES).unwrap();
        let from = log.cursor(name).unwrap_or_default();
        let next = self.random.u64(from..=log.usage().next.max(from));
        log.advance(name, next);
        self.moved
            .insert(name.to_owned(), log.cursor(name).unwrap());
    }

    fn sync(&mut self, log: &mut Log) {
        let synced = log.sync();
        tell(|| format!("sync {:?}: {synced:?}", self.moved));
        if synced.is_ok() {
            self.durable.clone_from(&self.moved);
            let settled = self.moved.values().copied().min();
            self.gone = self.gone.max(settled.unwrap_or_default());
        }
    }

    /// What may be missing: only what every durable or moved cursor has passed.
    fn judge(&mut self, log: &Log) {
        for name in NAMES {
            let durable = self.durable.get(name).copied().unwrap_or_default();
            let moved = self.moved.get(name).copied().unwrap_or_default();
            let found = log.cursor(name).unwrap_or_default();
            assert!(
                (durable..=moved.max(durable)).contains(&found),
                "the cursor {name} is at {found}, and was at {durable}, moved to {moved}"
            );
        }
        let cursors = NAMES.iter().filter_map(|name| log.cursor(name));
        self.gone = self.gone.max(cursors.min().unwrap_or_default());
        let stored = rest(&mut log.reader(0));
        let mut last = None;
        for record in &stored {
            assert!(
                last < Some(record.sequence),
                "out of order: {}",
                record.sequence
            );
            last = Some(record.sequence);
            let tried = self.tried.get(&record.sequence);
            let written = tried.is_some_and(|tried| tried.iter().any(|it| is(record, *it)));
            assert!(written, "{record:?} was never written");
            if let Some(number) = self.confirmed.get(&record.sequence) {
                assert!(
                    is(record, *number),
                    "{record:?} replaces the confirmed {number}"
                );
            }
        }
        let held: BTreeMap<u64, &Stored> = stored.iter().map(|it| (it.sequence, it)).collect();
        for (sequence, number) in self.confirmed.range(self.gone..) {
            assert!(
                held.contains_key(sequence),
                "confirmed and lost: {sequence} ({number})"
            );
        }
        let next = log.usage().next;
        let highest = self.confirmed.keys().next_back().map_or(0, |it| it + 1);
        assert!(next >= highest, "sequences are given out again from {next}");
        // What was read may be in the kernel only: it binds nobody until the next sync.
        self.moved = NAMES
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), log.cursor(name)?)))
            .collect();
    }
}
