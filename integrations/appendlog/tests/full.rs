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

fn fills_and_frees(place: &Path) {
    let disk = Arc::new(RealDisk::open(place).unwrap());
    let (log, _) = Log::open(disk.clone(), options()).unwrap();
    let mut filling = Filling {
        writer: Writer::start(log).unwrap(),
        confirmed: Vec::new(),
        number: 0,
        slowest: Duration::ZERO,
    };
    for round in 0..3 {
        while filling.refused() < 20 {}
        // Somebody else takes what the log leaves, to the last byte.
        let other = place.join("other");
        let _ = std::fs::write(&other, vec![1; 8 << 20]);
        assert_eq!(filling.store(), Err(AppendError::Full));
        // What is there is delivered, and its cursor moves, all the same.
        let next = filling.deliver();
        filling.writer.advance("orders", next - 5);
        if round == 1 {
            // The space comes back by itself.
            wait_until("segments go while the disk is full", || {
                filling.writer.usage().first > 0
            });
        }
        std::fs::remove_file(&other).unwrap();
        let began = Instant::now();
        wait_until("it recovers", || filling.store().is_ok());
        println!(
            "full {round}: stored again {:?} after there was space",
            began.elapsed()
        );
    }
    println!("full: the slowest refusal took {:?}", filling.slowest);
    assert_eq!(filling.writer.usage().sync_errors, 0);
    filling.writer.stop();
    let confirmed = std::mem::take(&mut filling.confirmed);
    drop(filling);
    let (log, found) = Log::open(disk, options()).unwrap();
    assert!(found.is_clean(), "{found:?}");
    let from = log.cursor("orders").unwrap();
    let stored = rest(&mut log.reader(from));
    for (sequence, number) in confirmed {
        for (sequence, number) in (sequence..sequence + 10).zip(number..) {
            let mut same = stored.iter().filter(|it| it.sequence == sequence);
            let there = same.any(|it| is(it, number));
            assert!(sequence < from || there, "{sequence} is lost");
        }
    }
}

/// A log that is filled, ten records at a time.
struct Filling {
    writer: Writer,
    /// First sequence and first number of each ten.
    confirmed: Vec<(u64, u64)>,
    number: u64,
    slowest: Duration,
}

impl Filling {
    fn store(&mut self) -> Result<(), AppendError> {
        let (told, hear) = mpsc::channel();
        let first = self.number;
        let records: Vec<Append> = (first..first + 10).map(append).collect();
        self.number += 10;
        let began = Instant::now();
        let done = move |result| told.send(result).unwrap();
        self.writer.append(records, Box::new(done));
        let result = hear.recv_timeout(Duration::from_secs(30)).unwrap();
        if result.is_err() {
            self.slowest = self.slowest.max(began.elapsed());
        }
        result.map(|range: std::ops::Range<u64>| self.confirmed.push((range.start, first)))
    }

    /// Stores until it is refused; how often in a row it was.
    fn refused(&mut self) -> u64 {
        let mut refused = 0;
        while refused < 20 {
            match self.store() {
                Ok(()) => return refused,
                Err(error) => assert_eq!(error, AppendError::Full),
            }
            refused += 1;
        }
        refused
    }

    /// Reads all that is there; the sequence after it.
    fn deliver(&self) -> u64 {
        let stored = rest(&mut self.writer.reader(0));
        for record in &stored {
            let mut tens = self.confirmed.iter();
            let ten =
                tens.find(|(sequence, _)| (*sequence..sequence + 10).contains(&record.sequence));
            let (sequence, number) = ten.unwrap();
            assert!(is(record, number + record.sequence - sequence));
        }
        stored.last().unwrap().sequence + 1
    }
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(30), "in vain: {what}");
        std::thread::yield_now();
    }
}
