//! Segments that go while somebody reads them: their space is given back a piece at a time, under
//! the eyes of whoever has them open, and nobody takes that for damage.

#![allow(clippy::unwrap_used)] // A test program: a failed unwrap is a failed test.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use sluicegate_appendlog::{
    Append, DirectoryLock, Disk, DiskFile, Log, Options, RealDisk, Snapshot,
};

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

fn wait_until_empty(file: &File) {
    let began = Instant::now();
    while file.metadata().unwrap().len() > 0 {
        assert!(began.elapsed() < Duration::from_secs(30), "never freed");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn segments(place: &Path) -> Vec<PathBuf> {
    let names = std::fs::read_dir(place).unwrap();
    let mut segments: Vec<_> = names
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.metadata().unwrap().len() > SEGMENT_BYTES / 2)
        .collect();
    segments.sort();
    segments
}

/// A log of some segments, and what is left of the first of them after all was settled.
fn settle(log: &mut Log, place: &Path) -> File {
    let file = File::open(&segments(place)[0]).unwrap();
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
    wait_until_empty(&gone);
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
    let (segment, backup) = (segments(&place)[0].clone(), folder.path().join("backup"));
    std::fs::hard_link(&segment, &backup).unwrap();
    let before = std::fs::read(&backup).unwrap();
    let other = File::open(&segments(&place)[1]).unwrap();
    drop(settle(&mut log, &place));
    assert!(!segment.exists());
    wait_until_empty(&other);
    // What has no name any more is closed by now; this waits for it.
    drop(log);
    assert!(std::fs::read(&backup).unwrap() == before);
}

/// Ends the other thread, also where this one panics.
struct AtLast<'a>(&'a AtomicBool);

impl Drop for AtLast<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
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
        let _over = AtLast(&over);
        let began = Instant::now();
        let mut seen = Vec::new();
        while began.elapsed() < Duration::from_secs(3) {
            let looks = snapshot(folder.path());
            let mut reader = looks.reader(0);
            while reader.next().unwrap().is_some() {}
            let usage = looks.usage();
            seen.push((looks.recovery().damages.clone(), usage.lost, usage.damaged));
        }
        seen
    });
    assert!(
        seen.len() > 1 && log.usage().first > 0,
        "nothing went meanwhile"
    );
    for damage in seen {
        assert_eq!(damage, (vec![], 0, 0));
    }
}

/// A disk on which something happens when a file is opened.
struct Meanwhile {
    disk: RealDisk,
    name: String,
    what: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Disk for Meanwhile {
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        if name == self.name
            && let Some(what) = self.what.lock().unwrap().take()
        {
            what();
        }
        self.disk.open(name)
    }
    fn place(&self) -> String {
        self.disk.place()
    }
    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.disk.create(name)
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }
    fn sync_directory(&self) -> io::Result<()> {
        self.disk.sync_directory()
    }
    fn free_bytes(&self) -> io::Result<u64> {
        self.disk.free_bytes()
    }
    fn lock(&self) -> io::Result<DirectoryLock> {
        self.disk.lock()
    }
    fn now(&self) -> Duration {
        self.disk.now()
    }
    fn salt(&self) -> u32 {
        self.disk.salt()
    }
}

#[test]
fn segments_that_go_between_two_that_were_read_are_not_missing() {
    for second in [1, 2, 3] {
        let folder = tempfile::tempdir().unwrap();
        let mut log = open(folder.path());
        fill(&mut log);
        log.advance("all", 5);
        log.sync().unwrap();
        let name = segments(folder.path())[second]
            .file_name()
            .unwrap()
            .to_owned();
        let place = folder.path().to_owned();
        let looks = Snapshot::open(Arc::new(Meanwhile {
            disk: RealDisk::read_only(folder.path()).unwrap(),
            name: name.into_string().unwrap(),
            what: Mutex::new(Some(Box::new(move || drop(settle(&mut log, &place))))),
        }))
        .unwrap();
        assert!(!segments(folder.path())[0].ends_with("00000000000000000000.log"));
        assert_eq!(looks.recovery().damages, vec![]);
        assert_eq!(looks.usage().lost, 0);
    }
}

#[test]
fn what_somebody_else_removed_is_lost_and_said_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path());
    let next = fill(&mut log);
    std::fs::remove_file(&segments(folder.path())[0]).unwrap();
    let mut reader = log.reader(0);
    let first = reader.next().unwrap().unwrap().sequence;
    assert!(first > 0 && first < next);
    assert_eq!((log.usage().lost, log.usage().damaged), (first, 1));

    // The same for an opening that finds names without files.
    log.advance("all", 5);
    log.sync().unwrap();
    drop(log);
    for segment in segments(folder.path()) {
        std::fs::remove_file(&segment).unwrap();
        std::os::unix::fs::symlink("/nonexistent", &segment).unwrap();
    }
    let disk = Arc::new(RealDisk::open(folder.path()).unwrap());
    let (_, found) = Log::open(disk, options()).unwrap();
    assert_eq!(found.lost(), next - 5);
}
