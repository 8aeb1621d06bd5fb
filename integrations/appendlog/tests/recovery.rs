//! Recovery of a large log on the real disk: its time and memory are said, not asserted; what it
//! finds is.

#![allow(clippy::unwrap_used)] // A test program: a failed unwrap is a failed test.

mod kit;

use std::sync::Arc;
use std::time::{Instant, UNIX_EPOCH};

use bytes::Bytes;
use sluicegate_appendlog::{Append, Log, Options, RealDisk};

const PAYLOAD: usize = 2048;

#[test]
fn a_large_log_is_recovered() {
    let bytes = kit::rounds(64 << 20, 1 << 30);
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(RealDisk::open(folder.path()).unwrap());
    let options = Options {
        max_bytes: 4 << 30,
        ..Options::default()
    };
    let (mut log, _) = Log::open(disk.clone(), options).unwrap();
    let mut stored = 0;
    while stored * ((PAYLOAD + 32) as u64) < bytes {
        let batch: Vec<Append> = (stored..stored + 1000).map(record).collect();
        log.append(&batch).unwrap();
        stored += 1000;
    }
    let (mean, count) = (
        log.usage().syncs.time / log.usage().syncs.count as u32,
        stored,
    );
    drop(log);
    // From here on the peak is counted anew.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let before = peak_memory();
    let began = Instant::now();
    let (log, found) = Log::open(disk, options).unwrap();
    let took = began.elapsed();
    println!(
        "recovery: {} MiB, {count} records in {took:?}; memory grew by {} KiB; a sync of 2 MiB \
         took {mean:?} on average",
        found.bytes >> 20,
        peak_memory().saturating_sub(before),
    );
    assert!(found.is_clean());
    assert_eq!((found.records, log.usage().next), (stored, stored));
    let mut reader = log.reader(stored - 10);
    for number in stored - 10..stored {
        assert_eq!(
            reader.next().unwrap().unwrap().payload,
            record(number).payload
        );
    }
    assert_eq!(reader.next().unwrap(), None);
}

fn record(number: u64) -> Append {
    let mut payload = vec![number as u8; PAYLOAD];
    payload[..8].copy_from_slice(&number.to_le_bytes());
    Append {
        kind: 1,
        time: UNIX_EPOCH,
        payload: Bytes::from(payload),
    }
}

/// The most memory that this process ever had, in KiB.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}
