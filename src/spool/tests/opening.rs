//! What a spool begins with, from whatever is on its disk.

use std::sync::Arc;
use std::time::SystemTime;

use sluicegate_appendlog::simulated::SimulatedDisk;
use sluicegate_appendlog::{Append, Log};

use super::{FIELDS, payload};
use crate::rooms;
use crate::settings::{Environment, Settings, load_text};
use crate::spool::entry::{ENTRY_KIND, ToStore, encode};
use crate::spool::{DrainRules, recover};

fn settings(targets: &str, to: &str) -> Settings {
    let text = format!(
        "sluicegate: 1\nspool: {{ dir: spool }}\ndefaults: {{ auth: none }}\n\
         targets: {{ {targets} }}\nroutes: [ {{ route: POST /a, to: [ {{ target: {to} }} ], \
         reply: {{ after: spooled }} }} ]\n"
    );
    load_text("test.yaml", &text, &Environment::fixed([])).unwrap()
}

fn open(settings: &Settings, disk: &SimulatedDisk) -> (Log, DrainRules) {
    let targets = rooms::rehearsed(settings);
    let disk = Arc::new(disk.clone());
    let written = settings.spool.as_ref().unwrap();
    recover(settings, written, &targets, disk, (1, false)).unwrap()
}

fn store(log: &mut Log, target: &str) {
    let record = payload(1);
    let to_store = ToStore {
        number: 0,
        event: 0,
        target,
        room: "discard",
        fields: FIELDS,
        binding: target,
        held: false,
        record: &record,
    };
    let append = |payload| Append {
        kind: ENTRY_KIND,
        time: SystemTime::UNIX_EPOCH,
        payload,
    };
    let entries: Vec<Append> = encode(1, "r", [to_store]).into_iter().map(append).collect();
    log.append(&entries).unwrap();
}

/// The lanes by the name of their cursor: whether they have a door, and where they begin.
fn lanes(rules: &DrainRules) -> Vec<(String, bool, u64)> {
    let lanes = rules.lanes.iter();
    let mut lanes: Vec<_> = lanes
        .map(|lane| (lane.cursor(), lane.door.is_some(), lane.start))
        .collect();
    lanes.sort();
    lanes
}

const THREE: &str = "a: { discard: {} }, b: { discard: {} }, gone: { discard: {} }";

/// A log of one record for each of three targets, of which the first was passed.
fn stored() -> SimulatedDisk {
    let disk = SimulatedDisk::new(1, 1 << 30);
    for target in ["a", "b", "gone"] {
        let (mut log, _) = open(&settings(THREE, target), &disk);
        store(&mut log, target);
        log.advance("a:discard", 1);
        log.sync().unwrap();
    }
    disk
}

#[test]
fn records_of_targets_that_left_have_a_reader_also_where_no_cursor_can_be_read() {
    let disk = stored();
    for file in ["cursors.a", "cursors.b"] {
        assert!(disk.contents(file).is_some());
        disk.put(file, b"not what was written".to_vec());
    }
    // Of the three the file still has two, and spools for one.
    let two = settings("a: { discard: {} }, b: { discard: {} }", "a");
    let (log, rules) = open(&two, &disk);
    let lane = |name: &str, door: bool| (format!("{name}:discard"), door, 0);
    let wanted = [lane("a", true), lane("b", true), lane("gone", false)];
    assert_eq!(lanes(&rules), wanted);
    let cursors = log.usage().cursors;
    assert_eq!(cursors.len(), 3, "all are durable before anything is read");
}

#[test]
fn what_was_passed_has_no_reader_any_more() {
    let disk = stored();
    let (mut log, _) = open(&settings(THREE, "a"), &disk);
    log.remove_cursor("gone:discard");
    log.sync().unwrap();
    drop(log);
    let (_, rules) = open(&settings(THREE, "a"), &disk);
    let names: Vec<String> = lanes(&rules).into_iter().map(|lane| lane.0).collect();
    assert_eq!(names, ["a:discard", "b:discard"]);
}
