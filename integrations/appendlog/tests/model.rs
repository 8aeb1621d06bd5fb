//! A model of the log and its cursors: a list, and numbers.

#![allow(clippy::unwrap_used)] // A test program: a failed unwrap is a failed test.

mod kit;

use std::collections::BTreeMap;
use std::sync::Arc;

use kit::{append, is, rest};
use proptest::prelude::*;
use sluicegate_appendlog::simulated::SimulatedDisk;
use sluicegate_appendlog::{Log, Options, Snapshot};

#[derive(Debug, Clone)]
enum Step {
    Append(u64),
    Advance(u8, u64),
    RemoveCursor(u8),
    Sync,
    Discard(u64),
    Reopen,
    PowerCut,
    ReadOn,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1u64..8).prop_map(Step::Append),
        4 => (0u8..3, 0u64..300).prop_map(|(name, next)| Step::Advance(name, next)),
        1 => (0u8..3).prop_map(Step::RemoveCursor),
        2 => Just(Step::Sync),
        1 => (0u64..100).prop_map(Step::Discard),
        1 => Just(Step::Reopen),
        1 => Just(Step::PowerCut),
        3 => Just(Step::ReadOn),
    ]
}

#[derive(Debug, Default, Clone)]
struct Model {
    next: u64,
    cursors: BTreeMap<String, u64>,
    floor: u64,
}

impl Model {
    fn settled(&self) -> u64 {
        let lowest = self.cursors.values().min().copied();
        lowest.unwrap_or_default().max(self.floor)
    }
}

impl Model {
    /// The log holds what the model holds; what lies below `gone` may be gone.
    fn agrees(&self, log: &Log, gone: u64) -> Result<(), TestCaseError> {
        for name in 0..3 {
            let name = name.to_string();
            prop_assert_eq!(log.cursor(&name), self.cursors.get(&name).copied());
        }
        let settled = self.settled();
        let left = rest(&mut log.reader(settled));
        let sequences: Vec<u64> = left.iter().map(|it| it.sequence).collect();
        // A cursor that was made late begins at what is left.
        let first = sequences.first().copied().unwrap_or(self.next);
        prop_assert!(
            first == settled || (settled..=gone).contains(&first),
            "{}",
            first
        );
        prop_assert_eq!(sequences, (first..self.next).collect::<Vec<_>>());
        prop_assert!(left.iter().all(|it| is(it, it.sequence)));
        prop_assert_eq!(log.usage().next, self.next);
        Ok(())
    }
}

fn options() -> Options {
    Options {
        segment_bytes: 4 * 1024,
        max_bytes: 1 << 24,
        max_age: None,
    }
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: kit::rounds(300, 20_000) as u32,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_log_is_a_list_with_cursors(steps in proptest::collection::vec(step(), 1..60)) {
        let disk = SimulatedDisk::new(1, 1 << 26);
        let open = || Log::open(Arc::new(disk.clone()), options()).unwrap().0;
        let mut log = open();
        let mut model = Model::default();
        // What is durable of cursors; a log syncs nothing by itself.
        let mut durable = model.clone();
        // All below this was settled durably once, and may be gone.
        let mut gone = 0;
        let mut reader = log.reader(0);
        let mut read = 0;
        for step in steps {
            match step {
                Step::Append(count) => {
                    let batch: Vec<_> = (model.next..model.next + count).map(append).collect();
                    prop_assert_eq!(log.append(&batch).unwrap(), model.next..model.next + count);
                    model.next += count;
                }
                Step::Advance(name, next) => {
                    let cursor = model.cursors.entry(name.to_string()).or_default();
                    *cursor = next.min(model.next).max(*cursor);
                    log.advance(&name.to_string(), next);
                }
                Step::RemoveCursor(name) => {
                    model.cursors.remove(&name.to_string());
                    log.remove_cursor(&name.to_string());
                }
                Step::Sync => {
                    log.sync().unwrap();
                    durable = model.clone();
                    gone = model.settled().max(gone);
                }
                Step::Discard(below) => {
                    log.discard(below);
                    let below = below.min(model.next);
                    model.floor = model.floor.max(below);
                    for cursor in model.cursors.values_mut() {
                        *cursor = below.max(*cursor);
                    }
                }
                Step::ReadOn => {
                    for stored in rest(&mut reader) {
                        prop_assert!(stored.sequence >= read, "{} after {read}", stored.sequence);
                        prop_assert!(is(&stored, stored.sequence));
                        read = stored.sequence + 1;
                    }
                    prop_assert_eq!(read.max(reader.position()), model.next);
                    read = model.next;
                }
                Step::Reopen | Step::PowerCut => {
                    if matches!(step, Step::PowerCut) {
                        disk.power_cut();
                    } else {
                        disk.process_kill();
                    }
                    let next = model.next;
                    log = open();
                    model = Model { next, ..durable.clone() };
                    reader = log.reader(read);
                }
            }
            model.agrees(&log, gone)?;
        }
        let looked = Snapshot::open(Arc::new(disk.clone())).unwrap();
        prop_assert!(looked.recovery().damages.is_empty());
        prop_assert_eq!(rest(&mut looked.reader(0)), rest(&mut log.reader(0)));
    }
}
