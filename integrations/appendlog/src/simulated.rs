//! A directory in memory that behaves as badly as a disk may: see [`SimulatedDisk`].

mod contents;
mod file;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fastrand::Rng;

use contents::{Change, Contents};
use file::SimulatedFile;

use crate::disk::{DirectoryLock, Disk, DiskFile};

/// A seeded disk. What was not synced may be lost, reordered or torn by [`SimulatedDisk::power_cut`];
/// a sync that fails drops what it should have written and calls it clean, as Linux does, so that
/// the next sync succeeds falsely. The same seed and the same calls give the same disk.
///
/// Clones are handles of the same disk; [`SimulatedDisk::fork`] makes another one.
#[derive(Clone)]
pub struct SimulatedDisk(Arc<Mutex<Inner>>);

#[derive(Clone)]
struct Inner {
    random: Rng,
    files: Vec<Contents>,
    /// What a process sees, and what is durable: names and the files they stand for.
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    changes: Vec<Change>,
    capacity: u64,
    syncs: u64,
    writes: u64,
    faults: Faults,
    /// Handles and locks of an earlier life are dead.
    life: u64,
    locked: Option<u64>,
    now: Duration,
    sync_time: Duration,
}

#[derive(Clone, Default)]
struct Faults {
    syncs: Option<Range<u64>>,
    writes: Option<Range<u64>>,
    /// Syncs of files whose names begin so say that all is well, and do nothing.
    lies: Option<String>,
    /// Reads of any of these bytes of a file fail.
    unreadable: Option<Range<u64>>,
    /// Calls until the machine stops.
    calls_left: Option<u64>,
}

impl SimulatedDisk {
    /// An empty disk with room for `capacity` bytes.
    #[must_use]
    pub fn new(seed: u64, capacity: u64) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            random: Rng::with_seed(seed),
            files: Vec::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            changes: Vec::new(),
            capacity,
            syncs: 0,
            writes: 0,
            faults: Faults::default(),
            life: 0,
            locked: None,
            now: Duration::ZERO,
            sync_time: Duration::ZERO,
        })))
    }

    /// The power fails and comes back: of all that was not synced, each change of the directory
    /// and each sector of each write is kept or lost at random; sometimes everything is, or
    /// nothing. Handles and locks are dead; a machine that had stopped runs again.
    pub fn power_cut(&self) {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let kept = [0.0, 0.5, 0.9, 1.0];
        let kept = *inner.random.choice(&kept).unwrap_or(&0.5);
        for change in std::mem::take(&mut inner.changes) {
            if inner.random.f64() < kept {
                change.apply(&mut inner.durable_names);
            }
        }
        for file in &mut inner.files {
            for pending in std::mem::take(&mut file.pending) {
                pending.apply_torn(&mut file.durable, &mut inner.random, kept);
            }
            file.seen.clone_from(&file.durable);
        }
        inner.names.clone_from(&inner.durable_names);
        inner.begin_life();
        let named: BTreeSet<usize> = inner.names.values().copied().collect();
        for (place, file) in inner.files.iter_mut().enumerate() {
            if !named.contains(&place) {
                *file = Contents::default();
            }
        }
    }

    /// The process dies and the machine does not: all that was written is still seen.
    pub fn process_kill(&self) {
        self.lock().begin_life();
    }

    /// Another disk in the same state.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self(Arc::new(Mutex::new(self.lock().clone())))
    }

    /// Lets the syncs with these numbers fail, counted from the first of all (0).
    pub fn fail_syncs(&self, numbers: Range<u64>) {
        self.lock().faults.syncs = Some(numbers);
    }

    /// Lets the writes with these numbers fail, counted from the first of all (0).
    pub fn fail_writes(&self, numbers: Range<u64>) {
        self.lock().faults.writes = Some(numbers);
    }

    /// Lets every read fail that touches these bytes of a file, whichever it is.
    pub fn fail_reads(&self, bytes: Option<Range<u64>>) {
        self.lock().faults.unreadable = bytes;
    }

    /// Lets syncs of files whose names begin so (of all, with an empty text) do nothing and say
    /// that all is well. A proof that finds nothing on such a disk proves nothing.
    pub fn lie(&self, names: &str) {
        self.lock().faults.lies = Some(names.to_owned());
    }

    /// Stops the machine after so many more calls: every call fails from then on, until
    /// [`SimulatedDisk::power_cut`] or [`SimulatedDisk::process_kill`].
    pub fn stop_after(&self, calls: u64) {
        self.lock().faults.calls_left = Some(calls);
    }

    /// How many syncs there were, of files and of the directory, failed ones included.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.lock().syncs
    }

    /// How many writes there were, failed ones included.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.lock().writes
    }

    /// Changes how much the disk holds.
    pub fn set_capacity(&self, bytes: u64) {
        self.lock().capacity = bytes;
    }

    /// Lets each sync take so long.
    pub fn set_sync_time(&self, time: Duration) {
        self.lock().sync_time = time;
    }

    /// Moves the clock forward.
    pub fn pass(&self, time: Duration) {
        self.lock().now += time;
    }

    /// What a process sees in a file.
    #[must_use]
    pub fn contents(&self, name: &str) -> Option<Vec<u8>> {
        let inner = self.lock();
        let file = inner.files.get(*inner.names.get(name)?)?;
        Some(file.seen.clone())
    }

    /// Puts a file there, durably: to damage one, or to make one up.
    pub fn put(&self, name: &str, contents: Vec<u8>) {
        let mut inner = self.lock();
        let file = inner.files.len();
        inner.names.insert(name.to_owned(), file);
        inner.durable_names.insert(name.to_owned(), file);
        inner.files.push(Contents {
            durable: contents.clone(),
            seen: contents,
            pending: Vec::new(),
        });
    }

    /// Flips one bit of a file, durably; says whether the file has such a bit.
    pub fn flip_bit(&self, name: &str, bit: u64) -> bool {
        let Some(mut contents) = self.contents(name) else {
            return false;
        };
        let Some(byte) = contents.get_mut((bit / 8) as usize) else {
            return false;
        };
        *byte ^= 1 << (bit % 8);
        self.put(name, contents);
        true
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One call to the disk, unless the machine has stopped.
    fn call(&self) -> io::Result<MutexGuard<'_, Inner>> {
        let mut inner = self.lock();
        match &mut inner.faults.calls_left {
            Some(0) => return Err(io::Error::other("the simulated machine has stopped")),
            Some(left) => *left -= 1,
            None => {}
        }
        Ok(inner)
    }
}

impl Inner {
    fn begin_life(&mut self) {
        self.life += 1;
        self.locked = None;
        self.faults.calls_left = None;
    }

    /// Counts a sync, lets it take its time, and says whether it fails.
    fn sync_fails(&mut self) -> bool {
        let number = self.syncs;
        self.syncs += 1;
        self.now += self.sync_time;
        let failing = self.faults.syncs.as_ref();
        failing.is_some_and(|failing| failing.contains(&number))
    }

    fn write_fails(&mut self) -> bool {
        let number = self.writes;
        self.writes += 1;
        let failing = self.faults.writes.as_ref();
        failing.is_some_and(|failing| failing.contains(&number))
    }

    /// Whether syncs of a file do nothing.
    fn lies_about(&self, file: usize) -> bool {
        let lies = self.faults.lies.as_ref();
        lies.is_some_and(|lies| {
            let mut names = self.names.iter().filter(|(_, named)| **named == file);
            names.any(|(name, _)| name.starts_with(lies.as_str()))
        })
    }

    fn free(&self) -> u64 {
        let files = self.names.values().filter_map(|file| self.files.get(*file));
        let used = files.map(|file| file.seen.len() as u64).sum();
        self.capacity.saturating_sub(used)
    }
}

impl Disk for SimulatedDisk {
    fn place(&self) -> String {
        "simulated".to_owned()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.call()?.names.keys().cloned().collect())
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let inner = self.call()?;
        let file = inner.names.get(name).copied();
        Ok(Arc::new(SimulatedFile {
            disk: self.clone(),
            file: file.ok_or(io::ErrorKind::NotFound)?,
            life: inner.life,
        }))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut inner = self.call()?;
        if inner.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = inner.files.len();
        inner.files.push(Contents::default());
        inner.names.insert(name.to_owned(), file);
        inner.changes.push(Change::Make(name.to_owned(), file));
        Ok(Arc::new(SimulatedFile {
            disk: self.clone(),
            file,
            life: inner.life,
        }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut inner = self.call()?;
        let file = inner.names.get(from).copied();
        let file = file.ok_or(io::ErrorKind::NotFound)?;
        let change = Change::Rename(from.to_owned(), to.to_owned(), file);
        change.clone().apply(&mut inner.names);
        inner.changes.push(change);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut inner = self.call()?;
        if inner.names.remove(name).is_none() {
            return Err(io::ErrorKind::NotFound.into());
        }
        inner.changes.push(Change::Remove(name.to_owned()));
        Ok(())
    }

    fn sync_directory(&self) -> io::Result<()> {
        let mut inner = self.call()?;
        let fails = inner.sync_fails();
        for change in std::mem::take(&mut inner.changes) {
            if !fails || inner.random.bool() {
                change.apply(&mut inner.durable_names);
            }
        }
        if fails {
            return Err(io::Error::other("a simulated sync failed"));
        }
        Ok(())
    }

    fn free_bytes(&self) -> io::Result<u64> {
        Ok(self.call()?.free())
    }

    fn lock(&self) -> io::Result<DirectoryLock> {
        let mut inner = self.call()?;
        if inner.locked.is_some() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        inner.locked = Some(inner.life);
        Ok(Box::new(SimulatedLock {
            disk: self.clone(),
            life: inner.life,
        }))
    }

    fn now(&self) -> Duration {
        Self::lock(self).now
    }

    fn salt(&self) -> u32 {
        Self::lock(self).random.u32(..)
    }
}

struct SimulatedLock {
    disk: SimulatedDisk,
    life: u64,
}

impl Drop for SimulatedLock {
    fn drop(&mut self) {
        let mut inner = self.disk.lock();
        if inner.locked == Some(self.life) {
            inner.locked = None;
        }
    }
}
