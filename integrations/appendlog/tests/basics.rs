//! What everybody who uses a log relies on, on a real directory and on a simulated one.

#![allow(clippy::unwrap_used)] // A test program: a failed unwrap is a failed test.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use sluicegate_appendlog::simulated::SimulatedDisk;
use sluicegate_appendlog::{
    Append, AppendError, Disk, Log, OpenError, Options, RECORD_BYTES_MAX, Reader, RealDisk,
    Snapshot, Stored, Writer,
};

fn append(number: u64) -> Append {
    Append {
        kind: (number % 5) as u8,
        time: UNIX_EPOCH + Duration::from_nanos(1_700_000_000_000_000_000 + number),
        payload: Bytes::from(format!(
            "record {number} {}",
            "x".repeat((number % 97) as usize)
        )),
    }
}

fn rest(reader: &mut Reader) -> Vec<Stored> {
    std::iter::from_fn(|| reader.next().unwrap()).collect()
}

fn is(stored: &Stored, number: u64) {
    let wanted = append(number);
    assert_eq!(stored.payload, wanted.payload, "record {number}");
    assert_eq!((stored.kind, stored.time), (wanted.kind, wanted.time));
}

fn small() -> Options {
    Options {
        segment_bytes: 64 * 1024,
        max_bytes: 2 * 1024 * 1024,
        max_age: None,
    }
}

fn disks() -> Vec<(Arc<dyn Disk>, Option<tempfile::TempDir>)> {
    let folder = tempfile::tempdir().unwrap();
    let real = RealDisk::open(folder.path()).unwrap();
    vec![
        (Arc::new(real), Some(folder)),
        (Arc::new(SimulatedDisk::new(1, 1 << 30)), None),
    ]
}

#[test]
fn what_was_stored_is_read_in_order_also_after_a_restart() {
    for (disk, _folder) in disks() {
        let (mut log, found) = Log::open(Arc::clone(&disk), small()).unwrap();
        assert!(found.is_clean() && found.records == 0);
        let mut live = log.reader(0);
        for group in 0..100 {
            let batch: Vec<_> = (group * 10..group * 10 + 10).map(append).collect();
            assert_eq!(log.append(&batch).unwrap(), group * 10..group * 10 + 10);
            assert_eq!(rest(&mut live).len(), 10, "a reader follows a live log");
        }
        log.advance("orders", 400);
        log.sync().unwrap();
        assert!(log.usage().segments > 1);
        drop(log);
        let (mut log, found) = Log::open(Arc::clone(&disk), small()).unwrap();
        assert!(found.is_clean(), "{found:?}");
        assert_eq!(log.cursor("orders"), Some(400));
        assert_eq!(log.cursor("others"), None);
        let stored = rest(&mut log.reader(400));
        assert_eq!(stored.len(), 600);
        for (number, stored) in (400..).zip(&stored) {
            assert_eq!(stored.sequence, number);
            is(stored, number);
        }
        assert_eq!(log.append(&[append(1000)]).unwrap(), 1000..1001);
        assert_eq!(rest(&mut log.reader(995)).len(), 6);
        let snapshot = Snapshot::open(disk).unwrap();
        assert_eq!(rest(&mut snapshot.reader(400)).len(), 601);
        assert_eq!(snapshot.usage().cursors.first().unwrap().lag, 601);
    }
}

#[test]
fn a_directory_is_held_by_one_log() {
    for (disk, _folder) in disks() {
        let (log, _) = Log::open(Arc::clone(&disk), small()).unwrap();
        let second = Log::open(Arc::clone(&disk), small()).err().unwrap();
        assert!(matches!(second, OpenError::Held(_)));
        assert!(
            second.to_string().contains("held by another process"),
            "{second}"
        );
        drop(log);
        assert!(Log::open(disk, small()).is_ok());
    }
}

#[test]
fn segments_go_when_all_cursors_have_passed_them() {
    for (disk, _folder) in disks() {
        let (mut log, _) = Log::open(disk, small()).unwrap();
        let batch: Vec<_> = (0..100).map(append).collect();
        for _ in 0..50 {
            log.append(&batch).unwrap();
        }
        let before = log.usage();
        log.advance("a", 5000);
        log.advance("b", 1000);
        log.sync().unwrap();
        let between = log.usage();
        assert!(
            between.bytes < before.bytes && between.first <= 1000,
            "{between:?}"
        );
        assert_eq!(rest(&mut log.reader(1000)).len(), 4000);
        log.remove_cursor("b");
        log.sync().unwrap();
        assert!(log.usage().segments <= 1);
        log.advance("a", 10);
        assert_eq!(log.cursor("a"), Some(5000), "a cursor never goes back");
    }
}

#[test]
fn a_full_quota_refuses_and_frees_up_again() {
    for (disk, _folder) in disks() {
        let (mut log, _) = Log::open(disk, small()).unwrap();
        let batch: Vec<_> = (0..100).map(append).collect();
        let full = (0..1000).find_map(|_| log.append(&batch).err());
        assert_eq!(full, Some(AppendError::Full));
        let usage = log.usage();
        assert!(usage.bytes <= usage.max_bytes);
        assert_eq!(rest(&mut log.reader(0)).len() as u64, usage.next);
        log.advance("a", usage.next);
        log.sync().unwrap();
        assert!(log.append(&batch).is_ok());
    }
}

#[test]
fn old_records_are_told_before_they_go() {
    for (disk, _folder) in disks() {
        let options = Options {
            max_age: Some(Duration::from_secs(60)),
            ..small()
        };
        let (mut log, _) = Log::open(disk, options).unwrap();
        let at = |seconds| Append {
            time: UNIX_EPOCH + Duration::from_secs(seconds),
            ..append(seconds)
        };
        for second in 0..100 {
            log.append(&[at(second)]).unwrap();
        }
        log.advance("a", 3);
        let now = UNIX_EPOCH + Duration::from_secs(110);
        assert_eq!(log.expired(UNIX_EPOCH), None);
        let gone = log.expired(now).unwrap();
        assert!(gone.start == 0 && (40..=50).contains(&gone.end), "{gone:?}");
        assert_eq!(log.reader(3).next().unwrap().unwrap().sequence, 3);
        log.discard(gone.end);
        log.sync().unwrap();
        assert_eq!(log.cursor("a"), Some(gone.end));
        assert_eq!(log.reader(0).next().unwrap().unwrap().sequence, gone.end);
        assert_eq!(log.expired(now), None);
    }
}

#[test]
fn large_records_get_a_segment_of_their_own() {
    for (disk, _folder) in disks() {
        let options = Options {
            max_bytes: 1 << 30,
            ..small()
        };
        let (mut log, _) = Log::open(Arc::clone(&disk), options).unwrap();
        let large = Append {
            payload: Bytes::from(vec![7; 3_000_000]),
            ..append(1)
        };
        log.append(&[append(0), large.clone(), append(2)]).unwrap();
        let huge = Append {
            payload: Bytes::from(vec![0; RECORD_BYTES_MAX + 1]),
            ..append(1)
        };
        assert_eq!(log.append(&[huge]), Err(AppendError::TooLarge));
        drop(log);
        let (log, _) = Log::open(disk, options).unwrap();
        let stored = rest(&mut log.reader(0));
        assert_eq!(stored[1].payload, large.payload);
        is(&stored[2], 2);
    }
}

#[test]
fn the_committer_answers_all_and_stops_with_everything_stored() {
    for (disk, _folder) in disks() {
        let (log, _) = Log::open(Arc::clone(&disk), small()).unwrap();
        let writer = Writer::start(log).unwrap();
        let commits = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&commits);
        writer.on_commit(move || {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        let (told, hear) = mpsc::channel();
        for number in 0..500 {
            let told = told.clone();
            let done = move |result| told.send((number, result)).unwrap();
            writer.append(vec![append(number), append(number)], Box::new(done));
        }
        writer.advance("a", 7);
        writer.stop();
        let mut ranges = Vec::new();
        for _ in 0..500 {
            let (number, result): (u64, Result<std::ops::Range<u64>, _>) = hear.recv().unwrap();
            ranges.push((number, result.unwrap()));
        }
        assert!(commits.load(Ordering::Relaxed) > 0);
        let refused = told.clone();
        writer.append(
            vec![append(0)],
            Box::new(move |it| refused.send((0, it)).unwrap()),
        );
        assert_eq!(hear.recv().unwrap().1, Err(AppendError::Stopped));
        drop(writer);
        let (log, _) = Log::open(disk, small()).unwrap();
        assert_eq!(log.cursor("a"), Some(7));
        for (number, range) in ranges {
            assert_eq!(range.end - range.start, 2);
            let mut reader = log.reader(range.start);
            is(&reader.next().unwrap().unwrap(), number);
            is(&reader.next().unwrap().unwrap(), number);
        }
    }
}

#[test]
fn times_outside_of_what_can_be_stored_are_clamped() {
    let disk = Arc::new(SimulatedDisk::new(1, 1 << 30));
    let (mut log, _) = Log::open(disk, small()).unwrap();
    let before = Append {
        time: SystemTime::UNIX_EPOCH - Duration::from_secs(1),
        ..append(0)
    };
    log.append(&[before]).unwrap();
    assert_eq!(log.reader(0).next().unwrap().unwrap().time, UNIX_EPOCH);
}

/// On a small disk the segment that is written to may be all there is: it is given back as well.
#[test]
fn a_full_disk_has_room_again_when_all_is_settled() {
    let large = |number| Append {
        payload: Bytes::from(vec![b'x'; 30_000]),
        ..append(number)
    };
    let disk = SimulatedDisk::new(1, 1 << 30);
    let (mut log, _) = Log::open(Arc::new(disk.clone()), Options::default()).unwrap();
    log.advance("orders", 0);
    log.sync().unwrap();
    // Room for one of them, beside what the cursors have and the MiB that is left to others.
    let used = (1 << 30) - disk.free_bytes().unwrap();
    disk.set_capacity(used + (1 << 20) + 50_000);
    for next in 0..5 {
        log.append(&[large(next)]).unwrap();
        log.sync().unwrap();
        assert_eq!(log.append(&[large(next)]), Err(AppendError::Full));
        assert_eq!(log.reader(0).next().unwrap().unwrap().sequence, next);
        log.advance("orders", next + 1);
    }
}

#[test]
fn a_cursor_that_is_made_late_misses_nothing_that_was_settled_before() {
    for (disk, _folder) in disks() {
        let open = || Log::open(Arc::clone(&disk), small()).unwrap();
        let (mut log, _) = open();
        let batch: Vec<_> = (0..10).map(append).collect();
        log.append(&batch).unwrap();
        drop(log);
        let (mut log, _) = open();
        log.advance("early", 10);
        log.sync().unwrap();
        assert_eq!(log.usage().segments, 0, "all is settled");
        log.advance("late", 0);
        log.sync().unwrap();
        drop(log);
        let (_, found) = open();
        assert!(found.is_clean(), "{found:?}");
    }
}
