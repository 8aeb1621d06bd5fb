//! A directory in memory that behaves as badly as a disk may: see [`SimulatedDisk`].

use std::collections::BTreeMap;
use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fastrand::Rng;

use crate::disk::{DirectoryLock, Disk, DiskFile};

/// Bytes that a disk writes whole or not at all.
const SECTOR: usize = 512;

/// A seeded disk. What was not synced may be lost, reordered or torn by [`SimulatedDisk::power_cut`];
/// a sync that fails drops what it should have written and calls it clean, as Linux does, so that
/// the next sync succeeds falsely. The same seed and the same calls give the same disk.
#[derive(Clone)]
pub struct SimulatedDisk(Arc<Mutex<Inner>>);

struct Inner {
    random: Rng,
    files: Vec<Contents>,
    /// What a process sees, and what is durable: names and the files they stand for.
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    changes: Vec<Change>,
    capacity: u64,
    syncs: u64,
    failing: Option<std::ops::Range<u64>>,
    /// Handles and locks of an earlier life are dead.
    life: u64,
    locked: Option<u64>,
    now: Duration,
}

#[derive(Default, Clone)]
struct Contents {
    seen: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Pending>,
}

#[derive(Clone)]
enum Pending {
    Write(u64, Vec<u8>),
    Length(u64),
}

enum Change {
    Make(String, usize),
    Rename(String, String),
    Remove(String),
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
            failing: None,
            life: 0,
            locked: None,
            now: Duration::ZERO,
        })))
    }

    /// The power fails and comes back: of all that was not synced, each change of the directory
    /// and each sector of each write is kept or lost at random. Handles and locks are dead.
    pub fn power_cut(&self) {
        let mut inner = self.lock();
        let inner = &mut *inner;
        for change in std::mem::take(&mut inner.changes) {
            if inner.random.bool() {
                change.apply(&mut inner.durable_names);
            }
        }
        for file in &mut inner.files {
            for pending in std::mem::take(&mut file.pending) {
                pending.apply_torn(&mut file.durable, &mut inner.random);
            }
            file.seen.clone_from(&file.durable);
        }
        inner.names.clone_from(&inner.durable_names);
        (inner.life, inner.locked) = (inner.life + 1, None);
    }

    /// The process dies and the machine does not: all that was written is still seen.
    pub fn process_kill(&self) {
        let mut inner = self.lock();
        (inner.life, inner.locked) = (inner.life + 1, None);
    }

    /// Lets the syncs with these numbers fail, counted from the first of all (0).
    pub fn fail_syncs(&self, numbers: std::ops::Range<u64>) {
        self.lock().failing = Some(numbers);
    }

    /// How many syncs there were, of files and of the directory, failed ones included.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.lock().syncs
    }

    /// Changes how much the disk holds.
    pub fn set_capacity(&self, bytes: u64) {
        self.lock().capacity = bytes;
    }

    /// Moves the clock forward.
    pub fn pass(&self, time: Duration) {
        self.lock().now += time;
    }

    /// Flips one bit of a file, durably; says whether the file has such a bit.
    pub fn flip_bit(&self, name: &str, bit: u64) -> bool {
        let mut inner = self.lock();
        let Some(&file) = inner.names.get(name) else {
            return false;
        };
        let Some(file) = inner.files.get_mut(file) else {
            return false;
        };
        let (byte, mask) = ((bit / 8) as usize, 1 << (bit % 8));
        for contents in [&mut file.seen, &mut file.durable] {
            if let Some(byte) = contents.get_mut(byte) {
                *byte ^= mask;
            }
        }
        byte < file.seen.len()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Change {
    fn apply(self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Make(name, file) => {
                names.insert(name, file);
            }
            Self::Rename(from, to) => {
                if let Some(file) = names.remove(&from) {
                    names.insert(to, file);
                }
            }
            Self::Remove(name) => {
                names.remove(&name);
            }
        }
    }
}

impl Pending {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::Write(at, bytes) => {
                let (at, end) = (*at as usize, *at as usize + bytes.len());
                if to.len() < end {
                    to.resize(end, 0);
                }
                if let Some(place) = to.get_mut(at..end) {
                    place.copy_from_slice(bytes);
                }
            }
            Self::Length(length) => to.resize(*length as usize, 0),
        }
    }

    fn apply_torn(&self, to: &mut Vec<u8>, random: &mut Rng) {
        let Self::Write(at, bytes) = self else {
            if random.bool() {
                self.apply(to);
            }
            return;
        };
        let mut begin = 0;
        while begin < bytes.len() {
            let room = SECTOR - (*at as usize + begin) % SECTOR;
            let end = (begin + room).min(bytes.len());
            if random.bool() {
                let part = bytes.get(begin..end).unwrap_or_default().to_vec();
                Self::Write(at + begin as u64, part).apply(to);
            }
            begin = end;
        }
    }
}

impl Inner {
    /// Counts a sync and says whether it fails.
    fn sync_fails(&mut self) -> bool {
        let number = self.syncs;
        self.syncs += 1;
        self.failing.as_ref().is_some_and(|it| it.contains(&number))
    }

    fn used(&self) -> u64 {
        let files = self.names.values().filter_map(|file| self.files.get(*file));
        files.map(|file| file.seen.len() as u64).sum()
    }
}

impl Disk for SimulatedDisk {
    fn place(&self) -> String {
        "simulated".to_owned()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.lock().names.keys().cloned().collect())
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let inner = self.lock();
        let file = inner.names.get(name).copied();
        Ok(Arc::new(SimulatedFile {
            disk: self.clone(),
            file: file.ok_or(io::ErrorKind::NotFound)?,
            life: inner.life,
        }))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut inner = self.lock();
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
        let mut inner = self.lock();
        if !inner.names.contains_key(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        Change::Rename(from.to_owned(), to.to_owned()).apply(&mut inner.names);
        let change = Change::Rename(from.to_owned(), to.to_owned());
        inner.changes.push(change);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut inner = self.lock();
        if inner.names.remove(name).is_none() {
            return Err(io::ErrorKind::NotFound.into());
        }
        inner.changes.push(Change::Remove(name.to_owned()));
        Ok(())
    }

    fn sync_directory(&self) -> io::Result<()> {
        let mut inner = self.lock();
        let fails = inner.sync_fails();
        for change in std::mem::take(&mut inner.changes) {
            if !fails {
                change.apply(&mut inner.durable_names);
            }
        }
        if fails {
            return Err(io::Error::other("a simulated sync failed"));
        }
        Ok(())
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let inner = self.lock();
        Ok(inner.capacity.saturating_sub(inner.used()))
    }

    fn lock(&self) -> io::Result<DirectoryLock> {
        let mut inner = Self::lock(self);
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

struct SimulatedFile {
    disk: SimulatedDisk,
    file: usize,
    life: u64,
}

impl SimulatedFile {
    /// Does something to the file, unless its life is over.
    fn with<T>(&self, what: impl FnOnce(&mut Contents, u64) -> io::Result<T>) -> io::Result<T> {
        let mut inner = self.disk.lock();
        if inner.life != self.life {
            return Err(io::Error::other("this handle is of an earlier life"));
        }
        let free = inner.capacity.saturating_sub(inner.used());
        let file = inner.files.get_mut(self.file);
        what(file.ok_or(io::ErrorKind::NotFound)?, free)
    }
}

impl DiskFile for SimulatedFile {
    fn length(&self) -> io::Result<u64> {
        self.with(|file, _| Ok(file.seen.len() as u64))
    }

    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        self.with(|file, _| {
            let from = file.seen.get(at as usize..).unwrap_or_default();
            let length = from.len().min(buffer.len());
            if let Some((to, from)) = buffer.get_mut(..length).zip(from.get(..length)) {
                to.copy_from_slice(from);
            }
            Ok(length)
        })
    }

    fn write_at(&self, parts: &[IoSlice<'_>], at: u64) -> io::Result<usize> {
        let bytes: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
        let length = bytes.len();
        self.with(|file, free| {
            let more = (at + length as u64).saturating_sub(file.seen.len() as u64);
            if more > free {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let pending = Pending::Write(at, bytes);
            pending.apply(&mut file.seen);
            file.pending.push(pending);
            Ok(length)
        })
    }

    fn sync(&self) -> io::Result<()> {
        let fails = self.disk.lock().sync_fails();
        self.with(|file, _| {
            for pending in std::mem::take(&mut file.pending) {
                if !fails {
                    pending.apply(&mut file.durable);
                }
            }
            if fails {
                return Err(io::Error::other("a simulated sync failed"));
            }
            Ok(())
        })
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        self.with(|file, free| {
            let more = length.saturating_sub(file.seen.len() as u64);
            if more > free {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let pending = Pending::Length(length.max(file.seen.len() as u64));
            pending.apply(&mut file.seen);
            file.pending.push(pending);
            Ok(())
        })
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.with(|file, _| {
            let pending = Pending::Length(length);
            pending.apply(&mut file.seen);
            file.pending.push(pending);
            Ok(())
        })
    }
}
