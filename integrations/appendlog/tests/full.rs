//! A disk that is full: a real, small file system. Nothing confirmed is lost, what was stored is
//! delivered, and there is room again as soon as there is space.

#![allow(clippy::unwrap_used)] // A test program: a failed unwrap is a failed test.

mod kit;

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use kit::{append, is, rest};
use sluicegate_appendlog::{Append, AppendError, Log, Options, RealDisk, Writer};

/// Set where this program runs itself in a name space of its own.
const INSIDE: &str = "SLUICEGATE_TEST_INSIDE";

#[test]
fn a_full_disk_refuses_delivers_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    if mount(folder.path()) {
        fills_and_frees(folder.path());
        let _ = Command::new("umount").arg(folder.path()).status();
        return;
    }
    if std::env::var_os(INSIDE).is_none() {
        let again = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount"])
            .arg(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "a_full_disk_refuses_delivers_and_recovers",
                "--nocapture",
            ])
            .env(INSIDE, "1")
            .output();
        if let Ok(again) = again {
            let said = String::from_utf8_lossy(&again.stdout);
            println!("{said}{}", String::from_utf8_lossy(&again.stderr));
            assert!(again.status.success() || said.contains("SKIPPED"));
            if again.status.success() {
                return;
            }
        }
    }
    println!("SKIPPED: a small file system needs root or user name spaces");
}

fn mount(place: &Path) -> bool {
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs"]);
    let done = mount.arg(place).output();
    done.is_ok_and(|done| done.status.success())
}

fn options() -> Options {
    Options {
        segment_bytes: 1024 * 1024,
        max_bytes: 1 << 30,
        max_age: None,
    }
}

/// Stores ten records; says what came of it and how long it took.
fn store(writer: &Writer, first: u64) -> (Result<std::ops::Range<u64>, AppendError>, Duration) {
    let (told, hear) = mpsc::channel();
    let records: Vec<Append> = (first..first + 10).map(append).collect();
    let began = Instant::now();
    let done = move |result| told.send(result).unwrap();
    writer.append(records, Box::new(done));
    let result = hear.recv_timeout(Duration::from_secs(30)).unwrap();
    (result, began.elapsed())
}

fn fills_and_frees(place: &Path) {
    let disk = Arc::new(RealDisk::open(place).unwrap());
    let (log, _) = Log::open(disk.clone(), options()).unwrap();
    let writer = Writer::start(log).unwrap();
    let mut confirmed = Vec::new();
    let mut slowest = Duration::ZERO;
    let mut number = 0;
    for round in 0..3 {
        let mut refused = 0;
        while refused < 20 {
            let (result, took) = store(&writer, number);
            match result {
                Ok(range) => confirmed.push((range.start, number)),
                Err(error) => {
                    assert_eq!(error, AppendError::Full);
                    slowest = slowest.max(took);
                    refused += 1;
                }
            }
            number += 10;
        }
        // Somebody else takes what the log leaves, to the last byte.
        let other = place.join("other");
        let _ = std::fs::write(&other, vec![1; 8 << 20]);
        assert_eq!(store(&writer, number).0, Err(AppendError::Full));
        // What is there is delivered, and its cursor moves, all the same.
        let stored = rest(&mut writer.reader(0));
        let next = stored.last().unwrap().sequence + 1;
        assert!(
            stored
                .iter()
                .all(|it| confirmed.iter().any(|(sequence, number)| {
                    (*sequence..*sequence + 10).contains(&it.sequence)
                        && is(it, number + it.sequence - sequence)
                }))
        );
        writer.advance("orders", next - 5);
        std::fs::remove_file(&other).unwrap();
        if round == 1 {
            // The space comes back by itself.
            wait_until("segments go while the disk is full", || {
                writer.usage().first > 0
            });
        }
        let began = Instant::now();
        let again = loop {
            let (result, _) = store(&writer, number);
            number += 10;
            if let Ok(range) = result {
                confirmed.push((range.start, number - 10));
                break began.elapsed();
            }
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "it does not recover"
            );
            std::thread::yield_now();
        };
        println!("full {round}: stored again {again:?} after there was space");
    }
    println!("full: the slowest refusal took {slowest:?}");
    assert_eq!(writer.usage().sync_errors, 0);
    writer.stop();
    drop(writer);
    let (log, found) = Log::open(disk, options()).unwrap();
    assert!(found.is_clean(), "{found:?}");
    let from = log.cursor("orders").unwrap();
    let stored = rest(&mut log.reader(from));
    for (sequence, number) in confirmed {
        for (sequence, number) in (sequence..sequence + 10).zip(number..) {
            let there = stored
                .iter()
                .any(|it| it.sequence == sequence && is(it, number));
            assert!(sequence < from || there, "{sequence} is lost");
        }
    }
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(30), "in vain: {what}");
        std::thread::yield_now();
    }
}
