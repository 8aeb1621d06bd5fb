//! Damage: every flipped bit is found and costs at most its record; a log starts in any state and
//! never delivers what was not written.

#![allow(clippy::unwrap_used)] // A test program: a failed unwrap is a failed test.

mod kit;

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use kit::{append, for_seeds, is, rest, small};
use sluicegate_appendlog::simulated::SimulatedDisk;
use sluicegate_appendlog::{Append, Disk, Log, Options, Snapshot, Stored};

const RECORDS: u64 = 120;

/// A log of some segments whose record n has the number n, left as a dead process leaves it.
fn filled(seed: u64) -> SimulatedDisk {
    let disk = SimulatedDisk::new(seed, 1 << 26);
    let (mut log, _) = Log::open(Arc::new(disk.clone()), small()).unwrap();
    let mut random = Rng::with_seed(seed);
    let mut next = 0;
    while next < RECORDS {
        let end = (next + random.u64(1..6)).min(RECORDS);
        let batch: Vec<Append> = (next..end).map(append).collect();
        log.append(&batch).unwrap();
        next = end;
    }
    assert!(log.usage().segments > 3);
    disk.process_kill();
    disk
}

fn segments(disk: &SimulatedDisk) -> Vec<String> {
    let names = disk.list().unwrap();
    names
        .into_iter()
        .filter(|name| name.ends_with(".log"))
        .collect()
}

/// All that a log delivers; each record is the one that was written at its sequence.
fn delivered(log: &Log) -> Vec<Stored> {
    let stored = rest(&mut log.reader(0));
    assert!(stored.is_sorted_by(|a, b| a.sequence < b.sequence));
    for record in &stored {
        assert!(is(record, record.sequence), "{record:?} was never written");
    }
    stored
}

#[test]
fn every_flipped_bit_is_found_and_costs_at_most_its_record() {
    let whole = filled(1);
    let names = segments(&whole);
    let mut cost = [0; 2];
    for_seeds("bit flips", 1_000, 10_000, |seed| {
        let disk = whole.fork();
        let mut random = Rng::with_seed(seed);
        let name = random.choice(&names).unwrap();
        let bits = disk.contents(name).unwrap().len() as u64 * 8;
        assert!(disk.flip_bit(name, random.u64(0..bits)));
        let looked = Snapshot::open(Arc::new(disk.clone())).unwrap();
        assert!(!looked.recovery().is_clean(), "a look does not find it");
        let (mut log, found) = Log::open(Arc::new(disk.clone()), small()).unwrap();
        assert!(!found.is_clean(), "opening does not find it");
        let left = delivered(&log).len() as u64;
        assert!(
            left + 1 >= RECORDS,
            "{} records are lost: {found:?}",
            RECORDS - left
        );
        cost[(RECORDS - left) as usize] += 1;
        assert!(
            found.torn_bytes > 0 || found.lost() == RECORDS - left,
            "{found:?}"
        );
        // It goes on, and what is known is not reported again.
        log.append(&[append(log.usage().next)]).unwrap();
        drop(log);
        let (log, found) = Log::open(Arc::new(disk), small()).unwrap();
        assert!(found.is_clean(), "{found:?}");
        assert_eq!(delivered(&log).len() as u64, left + 1);
    });
    println!(
        "bit flips: {} cost nothing, {} their record",
        cost[0], cost[1]
    );
    assert!(cost.iter().all(|count| *count > 0), "{cost:?}");
}

/// A bit that flips while the log runs is found by the reader.
#[test]
fn damage_under_a_running_log_is_passed_by() {
    let disk = filled(3);
    let (log, _) = Log::open(Arc::new(disk.clone()), small()).unwrap();
    let name = segments(&disk).into_iter().nth(1).unwrap();
    disk.flip_bit(&name, 1500 * 8);
    let left = delivered(&log);
    assert_eq!(left.len() as u64, RECORDS - 1);
    let usage = log.usage();
    assert_eq!((usage.damaged, usage.lost), (1, 1));
    delivered(&log);
    assert_eq!(log.usage().lost, 1, "it is counted once");
}

/// What a reader gives until it has nothing more, asked again after each error for so long.
fn patiently(disk: &SimulatedDisk, log: &Log, time: Duration) -> Vec<Stored> {
    let (mut reader, mut stored) = (log.reader(0), Vec::new());
    let end = disk.now() + time;
    while disk.now() < end {
        match reader.next() {
            Ok(Some(record)) => stored.push(record),
            Ok(None) => break,
            Err(_) => disk.pass(Duration::from_secs(30)),
        }
    }
    stored
}

#[test]
fn a_bad_sector_costs_what_stands_in_it_and_a_disk_that_is_away_costs_nothing() {
    let disk = filled(4);
    let (log, _) = Log::open(Arc::new(disk.clone()), small()).unwrap();
    let hours = Duration::from_secs(2 * 3600);
    // Of each segment, which is small here, one piece of 4096 bytes cannot be read.
    disk.fail_reads(Some(4096..4608));
    let left = patiently(&disk, &log, hours);
    assert!(disk.now() > Duration::from_secs(300), "it was waited for");
    assert!(
        (RECORDS / 8..RECORDS).contains(&(left.len() as u64)),
        "{}",
        left.len()
    );
    assert_eq!(left.last().unwrap().sequence, RECORDS - 1);
    // All of them are readable again for a reader that comes later.
    disk.fail_reads(None);
    assert_eq!(delivered(&log).len() as u64, RECORDS);

    let (disk, large) = (SimulatedDisk::new(5, 1 << 26), vec![7; 100_000]);
    let options = Options {
        max_bytes: 1 << 26,
        ..Options::default()
    };
    let (mut log, _) = Log::open(Arc::new(disk.clone()), options).unwrap();
    for kind in 0..40 {
        let payload = large.clone().into();
        log.append(&[Append {
            kind,
            time: std::time::UNIX_EPOCH,
            payload,
        }])
        .unwrap();
    }
    disk.fail_reads(Some(0..u64::MAX));
    assert!(patiently(&disk, &log, hours).is_empty());
    let usage = log.usage();
    assert_eq!((usage.lost, usage.damaged), (0, 0), "nothing is passed by");
    disk.fail_reads(None);
    assert_eq!(patiently(&disk, &log, hours).len(), 40);
}

/// What is missing to the last byte leaves no bytes to be found damaged.
#[test]
fn records_that_are_gone_without_a_trace_are_reported() {
    type Wipe = fn(&mut Vec<u8>);
    let wipes: [(&str, Wipe); 4] = [
        ("zeros from the middle on", |bytes| {
            let half = bytes.len() / 2;
            bytes[half..].fill(0);
        }),
        ("cut in the middle", |bytes| bytes.truncate(bytes.len() / 2)),
        ("cut to nothing", Vec::clear),
        ("zeros throughout", |bytes| bytes.fill(0)),
    ];
    for (what, wipe) in wipes {
        for place in [1, usize::MAX] {
            let whole = filled(6);
            let (mut log, _) = Log::open(Arc::new(whole.clone()), small()).unwrap();
            // The cursors know how far the records went.
            log.advance("orders", 1);
            log.sync().unwrap();
            drop(log);
            let names = segments(&whole);
            let name = &names[place.min(names.len() - 1)];
            let mut contents = whole.contents(name).unwrap();
            wipe(&mut contents);
            whole.put(name, contents);
            let (mut log, found) = Log::open(Arc::new(whole.clone()), small()).unwrap();
            let left = delivered(&log).len() as u64;
            assert!(left < RECORDS);
            assert_eq!(found.lost(), RECORDS - left, "{what}, {name}: {found:?}");
            assert_eq!(log.usage().lost, RECORDS - left);
            let again = log.append(&[append(RECORDS)]).unwrap();
            assert_eq!(again.start, RECORDS, "no sequence is given out twice");
            drop(log);
            let (_, found) = Log::open(Arc::new(whole), small()).unwrap();
            assert!(found.is_clean(), "{what}, {name}: {found:?}");
        }
    }
}

#[test]
fn a_log_starts_in_any_state_and_delivers_only_what_was_written() {
    let sources: Vec<SimulatedDisk> = (0..8).map(filled).collect();
    for_seeds("segment states", 5_000, 100_000, |seed| {
        let mut random = Rng::with_seed(seed);
        let disk = random.choice(&sources).unwrap().fork();
        let other = random.choice(&sources).unwrap();
        for _ in 0..random.u32(1..6) {
            mangle(&disk, other, &mut random);
        }
        let (mut log, _) = Log::open(Arc::new(disk.clone()), small()).unwrap();
        let before = delivered(&log);
        let next = log.usage().next;
        assert!(before.last().is_none_or(|last| last.sequence < next));
        log.append(&[append(next), append(next + 1)]).unwrap();
        let after = delivered(&log).len();
        drop(log);
        let (log, _) = Log::open(Arc::new(disk), small()).unwrap();
        assert_eq!((before.len() + 2, delivered(&log).len()), (after, after));
    });
}

/// Does to a file what disks, file systems and people do to files. The other disk has the same
/// records in segments of other salts.
fn mangle(disk: &SimulatedDisk, other: &SimulatedDisk, random: &mut Rng) {
    let mut names = disk.list().unwrap();
    names.retain(|name| name != "LOCK");
    let name = random.choice(&names).unwrap().clone();
    let mut bytes = disk.contents(&name).unwrap();
    if bytes.is_empty() {
        return;
    }
    let place = |random: &mut Rng, length: usize| {
        let at = random.usize(0..length);
        (at, random.usize(at..length.min(at + 2000) + 1))
    };
    let (from, to) = place(random, bytes.len());
    match random.u32(0..9) {
        0 => bytes.truncate(from),
        1 => bytes[from..to].fill(0),
        2 => bytes[from..to].fill_with(|| random.u8(..)),
        3 => bytes[from] ^= 1 << random.u32(0..8),
        4 => {
            // A block that was written to another place.
            let moved = bytes[from..to].to_vec();
            let at = random.usize(0..bytes.len() - moved.len() + 1) & !7;
            bytes[at..at + moved.len()].copy_from_slice(&moved);
        }
        5 => bytes.extend(std::iter::repeat_with(|| random.u8(..)).take(1000)),
        6 => {
            // What another segment left in these blocks.
            let names = other.list().unwrap();
            let foreign = other.contents(random.choice(&names).unwrap()).unwrap();
            let end = to.min(foreign.len());
            if from < end {
                bytes[from..end].copy_from_slice(&foreign[from..end]);
            }
        }
        7 => {
            // A file under another's name.
            let target = random.choice(&names).unwrap().clone();
            disk.put(&target, bytes);
            return;
        }
        _ => {
            disk.remove(&name).unwrap();
            return;
        }
    }
    disk.put(&name, bytes);
}

/// A payload that holds the bytes of a record does not pass for one, wherever its own header is
/// damaged.
#[test]
fn a_payload_that_imitates_a_record_never_passes() {
    let template = filled(5);
    let first = segments(&template).into_iter().next().unwrap();
    let bytes = template.contents(&first).unwrap();
    let disk = SimulatedDisk::new(99, 1 << 26);
    let (mut log, _) = Log::open(Arc::new(disk.clone()), small()).unwrap();
    let forged = Append {
        payload: bytes::Bytes::copy_from_slice(&bytes[1024..5000]),
        ..append(0)
    };
    log.append(&[forged]).unwrap();
    drop(log);
    disk.flip_bit(&first, 1026 * 8);
    let (log, found) = Log::open(Arc::new(disk), small()).unwrap();
    assert!(!found.is_clean());
    assert_eq!(rest(&mut log.reader(0)), []);
}
