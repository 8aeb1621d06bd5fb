//! Segments that go while somebody reads them: their space is given back a piece at a time, under
//! the eyes of whoever has them open, and nobody takes that for damage.

#![allow(clippy::unwrap_used)] // A test program: a failed unwrap is a failed test.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use sluicegate_appendlog::{Append, Log, Options, RealDisk, Snapshot};

const SEGMENT_BYTES: u64 = 4 * 1024 * 1024;
const PAYLOAD: usize = 32 * 1024;

fn options() -> Options {
    Options {
        segment_bytes: SEGMENT_BYTES,
        max_bytes: 64 * 1024 * 1024,
        max_age: None,
    }
}

fn append() -> Append {
    Append {
        kind: 1,
        time: SystemTime::now(),
        payload: Bytes::from(vec![b'x'; PAYLOAD]),
    }
}

fn open(place: &Path) -> Log {
    let disk = Arc::new(RealDisk::open(place).unwrap());
    Log::open(disk, options()).unwrap().0
}

fn snapshot(place: &Path) -> Snapshot {
    Snapshot::open(Arc::new(RealDisk::read_only(place).unwrap())).unwrap()
}

fn first_segment(place: &Path) -> std::path::PathBuf {
    let names = std::fs::read_dir(place).unwrap();
    let mut segments: Vec<_> = names
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.metadata().unwrap().len() > SEGMENT_BYTES / 2)
        .collect();
    segments.sort();
    segments.remove(0)
}

/// A log of some segments, and what is left of the first of them after all was settled.
fn settle(log: &mut Log, place: &Path) -> File {
    let file = File::open(first_segment(place)).unwrap();
    let next = log.usage().next;
    log.advance("all", next - 1);
    log.sync().unwrap();
    file
}

fn fill(log: &mut Log) -> u64 {
    let batch: Vec<_> = (0..10).map(|_| append()).collect();
    for _ in 0..50 {
        log.append(&batch).unwrap();
    }
    assert!(log.usage().segments > 3);
    log.usage().next
}

#[test]
fn readers_go_on_behind_a_segment_that_went_under_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path());
    let next = fill(&mut log);
    let looks = snapshot(folder.path());
    let (mut live, mut looking) = (log.reader(0), looks.reader(0));
    assert_eq!(live.next().unwrap().unwrap().sequence, 0);
    assert_eq!(looking.next().unwrap().unwrap().sequence, 0);

    let gone = settle(&mut log, folder.path());
    let began = Instant::now();
    while gone.metadata().unwrap().len() > 0 {
        assert!(began.elapsed() < Duration::from_secs(30), "never freed");
        std::thread::sleep(Duration::from_millis(5));
    }

    for reader in [&mut live, &mut looking] {
        let mut last = 0;
        while let Some(stored) = reader.next().unwrap() {
            assert!(stored.sequence > last);
            last = stored.sequence;
        }
        assert_eq!(last, next - 1, "the last segment is still there");
    }
    for usage in [log.usage(), looks.usage()] {
        assert_eq!((usage.lost, usage.damaged), (0, 0));
    }
}

#[test]
fn a_segment_with_another_name_keeps_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("log");
    let mut log = open(&place);
    fill(&mut log);
    let (segment, backup) = (first_segment(&place), folder.path().join("backup"));
    std::fs::hard_link(&segment, &backup).unwrap();
    let before = std::fs::read(&backup).unwrap();
    drop(settle(&mut log, &place));
    assert!(!segment.exists());
    std::thread::sleep(Duration::from_millis(100));
    assert!(std::fs::read(&backup).unwrap() == before);
}

#[test]
fn whoever_looks_at_a_busy_log_sees_no_damage() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path());
    fill(&mut log);
    let over = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        scope.spawn(|| {
            let batch: Vec<_> = (0..10).map(|_| append()).collect();
            while !over.load(Ordering::Relaxed) {
                let next = log.append(&batch).unwrap().end;
                log.advance("all", next.saturating_sub(300));
                log.sync().unwrap();
            }
        });
        let began = Instant::now();
        let mut seen = Vec::new();
        while began.elapsed() < Duration::from_secs(3) {
            let looks = snapshot(folder.path());
            let mut reader = looks.reader(0);
            while reader.next().unwrap().is_some() {}
            let usage = looks.usage();
            seen.push((looks.recovery().damages.clone(), usage.lost, usage.damaged));
        }
        over.store(true, Ordering::Relaxed);
        seen
    });
    assert!(!seen.is_empty());
    for damage in seen {
        assert_eq!(damage, (vec![], 0, 0));
    }
}
