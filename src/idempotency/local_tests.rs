//! The local store over a simulated disk with small segments: its log goes round and never stays
//! full.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sluicegate_appendlog::simulated::SimulatedDisk;
use sluicegate_appendlog::{DirectoryLock, Disk, DiskFile};

use super::{Asked, Bounds, Ending, Finish, Settled, Store, Verdict};
use crate::settle::{Mail, Mailboxes};

const SEGMENT: u64 = 16 * 1024;
/// What a log may hold of the keys of [`small`] bounds.
const SMALL_LOG: u64 = 2 * 64 * 1024 + 4 * SEGMENT;
/// What the log leaves free of its disk.
const DISK_SPARE: u64 = 1024 * 1024;

fn small() -> Bounds {
    Bounds {
        keys: 1000,
        bytes: 64 * 1024,
    }
}

fn roomy() -> Bounds {
    Bounds {
        keys: 100_000,
        bytes: 1024 * 1024,
    }
}

/// A store over a disk whose clock goes on with each answer.
struct Gateway {
    store: Store,
    mailboxes: Mailboxes,
    disk: SimulatedDisk,
}

impl Gateway {
    fn start(disk: &SimulatedDisk, bounds: Bounds) -> Self {
        Self::over(disk, Arc::new(disk.clone()), bounds)
    }

    fn over(clock: &SimulatedDisk, disk: Arc<dyn Disk>, bounds: Bounds) -> Self {
        let (mailboxes, window) = (Mailboxes::new(1), Duration::from_secs(3600));
        let store = Store::open_on(disk, window, bounds, SEGMENT, mailboxes.clone()).unwrap();
        Self {
            store,
            mailboxes,
            disk: clock.clone(),
        }
    }

    fn claim(&self, key: u128) -> Verdict {
        let verdicts = self.store.claim(0, 3, &[asked(key)]);
        verdicts.unwrap().remove(0)
    }

    /// Claims keys that nobody had, waiting while none are given away, and stores their answers.
    fn answer(&self, keys: Range<u128>) {
        self.disk.pass(Duration::from_secs(1));
        for key in keys.clone() {
            let end = Instant::now() + Duration::from_secs(30);
            while let Verdict::Unavailable(why) = self.claim(key) {
                assert!(Instant::now() < end, "{why}");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        let finish = |key| Finish {
            key,
            payload: 7,
            owner: 1,
            ending: Ending::Final,
            stored: answer(key).encoded(),
        };
        self.store.record(0, 3, keys.map(finish).collect());
        self.recorded();
    }

    fn recorded(&self) {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            match self.mailboxes.of(0).unwrap().take() {
                Some(Mail::Recorded(3)) => return,
                Some(_) => panic!("another mail came"),
                None => std::thread::sleep(Duration::from_micros(50)),
            }
            assert!(Instant::now() < end, "no mail came");
        }
    }

    fn unrecorded(&self) -> u64 {
        self.store.reading().unrecorded
    }
}

fn asked(key: u128) -> Asked {
    Asked {
        key,
        payload: 7,
        owner: 1,
    }
}

fn answer(key: u128) -> Settled {
    Settled {
        id: key,
        records: Vec::new(),
    }
}

/// Writes answers of 20 keys each, of which each takes 96 bytes on the disk.
fn answers(gateway: &Gateway, from: u128, rounds: u128) -> u128 {
    for round in 0..rounds {
        let first = from + 20 * round;
        gateway.answer(first..first + 20);
    }
    from + 20 * rounds
}

/// The same where each of them must be stored.
fn stored_answers(gateway: &Gateway, from: u128, rounds: u128) -> u128 {
    let mut next = from;
    for _ in 0..rounds {
        next = answers(gateway, next, 1);
        assert_eq!(gateway.unrecorded(), 0, "of those before {next}");
    }
    next
}

#[test]
fn a_log_that_goes_round_is_never_full() {
    let disk = SimulatedDisk::new(1, 64 << 20);
    let gateway = Gateway::start(&disk, small());
    let next = stored_answers(&gateway, 0, 500);
    assert!(u64::try_from(next).unwrap() * 96 > 4 * SMALL_LOG);
    gateway.store.stop();
    drop(gateway);
    let gateway = Gateway::start(&disk, small());
    let newest = Verdict::Answered(answer(next - 1));
    assert_eq!(gateway.claim(next - 1), newest);
    stored_answers(&gateway, next, 100);
    gateway.store.stop();
}

#[test]
fn where_the_disk_is_full_the_oldest_go_and_answers_are_stored_again() {
    let disk = SimulatedDisk::new(2, DISK_SPARE + 200 * 1024);
    let gateway = Gateway::start(&disk, roomy());
    let (mut next, mut refused) = (0, 0);
    // Each time that it was full, what comes next is stored.
    for _ in 0..2 {
        while gateway.unrecorded() == refused {
            next = answers(&gateway, next, 1);
            assert!(next < 100_000, "the disk is full by now");
        }
        refused = gateway.unrecorded();
        next = answers(&gateway, next, 1);
        assert_eq!(gateway.unrecorded(), refused);
    }
    gateway.store.stop();
    drop(gateway);
    let gateway = Gateway::start(&disk, roomy());
    let newest = Verdict::Answered(answer(next - 1));
    assert_eq!(gateway.claim(next - 1), newest);
    gateway.store.stop();
}

#[test]
fn a_log_that_is_larger_than_it_may_be_now_is_cut_when_it_is_opened() {
    let disk = SimulatedDisk::new(3, 64 << 20);
    let gateway = Gateway::start(&disk, roomy());
    let next = stored_answers(&gateway, 0, 250);
    assert!(u64::try_from(next).unwrap() * 96 > 2 * SMALL_LOG);
    gateway.store.stop();
    drop(gateway);
    let gateway = Gateway::start(&disk, small());
    let newest = Verdict::Answered(answer(next - 1));
    assert_eq!(gateway.claim(next - 1), newest);
    stored_answers(&gateway, next, 20);
    gateway.store.stop();
}

/// A disk on which the committer fails when it begins a segment.
struct Panicking(SimulatedDisk);

impl Disk for Panicking {
    fn place(&self) -> String {
        self.0.place()
    }
    fn list(&self) -> io::Result<Vec<String>> {
        self.0.list()
    }
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.0.open(name)
    }
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.0.create(name)
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.rename(from, to)
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.remove(name)
    }
    fn sync_directory(&self) -> io::Result<()> {
        self.0.sync_directory()
    }
    fn free_bytes(&self) -> io::Result<u64> {
        panic!("a fault of the committer")
    }
    fn lock(&self) -> io::Result<DirectoryLock> {
        Disk::lock(&self.0)
    }
    fn now(&self) -> Duration {
        self.0.now()
    }
    fn salt(&self) -> u32 {
        self.0.salt()
    }
}

#[test]
fn a_log_whose_thread_died_keeps_nobody_waiting() {
    let disk = SimulatedDisk::new(4, 64 << 20);
    let gateway = Gateway::over(&disk, Arc::new(Panicking(disk.clone())), small());
    for turn in 0..2 {
        // The thread dies of the first; the second comes when it is dead.
        gateway.answer(20 * turn..20 * turn + 20);
        let told = Verdict::Answered(answer(20 * turn));
        let end = Instant::now() + Duration::from_secs(30);
        while gateway.claim(20 * turn) != told {
            assert!(Instant::now() < end, "it holds until the process ends");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    assert_eq!(gateway.unrecorded(), 40);
    assert_eq!(gateway.store.reading().running, 0);
    gateway.store.stop();
}
