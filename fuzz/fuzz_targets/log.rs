//! The recovery of the append log: whatever its files hold, it opens, it takes records again, and
//! it never delivers what was not written.
//!
//! The first byte chooses: the rest are the bytes of a segment, or of a cursors' file; or changes
//! to a log that was written whole, as groups of where (2 bytes), how (1) and what (1).

#![no_main]

use std::collections::BTreeMap;
use std::io::IoSlice;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sluicegate_appendlog::simulated::SimulatedDisk;
use sluicegate_appendlog::{Append, Disk, Log, Options, Stored};

const OPTIONS: Options = Options {
    segment_bytes: 4096,
    max_bytes: 1 << 20,
    max_age: None,
};

/// A log of some segments with two cursors, and what it holds.
static WRITTEN: LazyLock<(SimulatedDisk, BTreeMap<u64, Stored>)> = LazyLock::new(written);

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let disk = WRITTEN.0.fork();
    let names = disk.list().unwrap_or_default();
    let all: Vec<String> = names.into_iter().filter(|name| name != "LOCK").collect();
    let place = usize::from(*first >> 2) % all.len();
    if first % 4 == 0 {
        replace(&disk, &all[place], rest);
    } else {
        change(&disk, &all, rest);
    }
    disk.process_kill();
    let kept = delivered(&disk, first % 4 != 0);
    // A second opening finds nothing else, and what is appended behind it is there.
    disk.process_kill();
    let again = delivered(&disk, first % 4 != 0);
    for (sequence, record) in &kept {
        assert_eq!(again.get(sequence), Some(record), "it was there before");
    }
});

fn written() -> (SimulatedDisk, BTreeMap<u64, Stored>) {
    let disk = SimulatedDisk::new(1, 1 << 22);
    let (mut log, _) = Log::open(Arc::new(disk.clone()), OPTIONS).expect("an empty disk");
    let mut all = BTreeMap::new();
    for batch in 0..12_u64 {
        let appends: Vec<Append> = (0..1 + batch % 4).map(|n| append(batch * 10 + n)).collect();
        let sequences = log.append(&appends).expect("there is room");
        for (sequence, append) in sequences.zip(appends) {
            let Append {
                kind,
                time,
                payload,
            } = append;
            let stored = Stored {
                sequence,
                kind,
                time,
                payload,
            };
            all.insert(sequence, stored);
        }
    }
    log.advance("stream", 7);
    log.advance("table", 3);
    log.sync().expect("a good disk");
    drop(log);
    disk.process_kill();
    (disk, all)
}

fn append(number: u64) -> Append {
    Append {
        kind: (number % 3) as u8,
        time: UNIX_EPOCH + Duration::from_secs(number),
        payload: Bytes::from(vec![number as u8; (number as usize * 53) % 700]),
    }
}

fn replace(disk: &SimulatedDisk, name: &str, bytes: &[u8]) {
    let Ok(file) = disk.open(name) else { return };
    let _ = file.set_length(0);
    let _ = file.write_at(&[IoSlice::new(bytes)], 0);
}

fn change(disk: &SimulatedDisk, names: &[String], script: &[u8]) {
    for group in script.chunks_exact(4) {
        let at = u64::from(group[0]) | u64::from(group[1]) << 8;
        let name = &names[usize::from(group[2] >> 3) % names.len()];
        let Ok(file) = disk.open(name) else { continue };
        let length = file.length().unwrap_or_default().max(1);
        let at = at % length;
        let _ = match group[2] & 7 {
            0..=3 => file.write_at(&[IoSlice::new(&group[3..])], at).map(drop),
            4 => {
                let mut byte = [0];
                let _ = file.read_at(&mut byte, at);
                byte[0] ^= 1 << (group[3] % 8);
                file.write_at(&[IoSlice::new(&byte)], at).map(drop)
            }
            5 => file.set_length(at),
            6 => {
                // A part of the file once more, elsewhere.
                let mut part = vec![0; 8 * (1 + usize::from(group[3]))];
                let read = file.read_at(&mut part, at & !7).unwrap_or_default();
                let to = (u64::from(group[3]) * 64) % length & !7;
                file.write_at(&[IoSlice::new(&part[..read])], to).map(drop)
            }
            _ => disk.remove(name),
        };
    }
}

/// What a log delivers once it was opened; one record more is then written to it.
fn delivered(disk: &SimulatedDisk, known: bool) -> BTreeMap<u64, Stored> {
    let opened = Log::open(Arc::new(disk.clone()), OPTIONS);
    let (mut log, _) = opened.unwrap_or_else(|error| panic!("it does not open: {error}"));
    let more = append(77);
    let appended = log
        .append(std::slice::from_ref(&more))
        .expect("a record is taken");
    let mut reader = log.reader(0);
    let mut found = BTreeMap::new();
    let mut last = None;
    while let Some(record) = reader.next().expect("the disk reads") {
        assert!(last < Some(record.sequence), "in order, each once");
        last = Some(record.sequence);
        let ours = appended.contains(&record.sequence) || record.payload == more.payload;
        if known && !ours {
            assert_eq!(
                WRITTEN.1.get(&record.sequence),
                Some(&record),
                "never written"
            );
        }
        found.insert(record.sequence, record);
    }
    assert!(
        found.contains_key(&appended.start),
        "what was confirmed is there"
    );
    let _ = (log.cursor("stream"), log.usage());
    found
}
