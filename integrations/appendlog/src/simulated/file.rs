//! An open file of the simulated disk.

use std::io::{self, IoSlice};

use super::contents::{Contents, Pending};
use super::{Inner, SimulatedDisk};
use crate::disk::DiskFile;

pub(super) struct SimulatedFile {
    pub(super) disk: SimulatedDisk,
    pub(super) file: usize,
    pub(super) life: u64,
}

impl SimulatedFile {
    /// Does something to the file, unless its life is over.
    fn with<T>(&self, what: impl FnOnce(&mut Inner, usize) -> io::Result<T>) -> io::Result<T> {
        let mut inner = self.disk.call()?;
        if inner.life != self.life {
            return Err(io::Error::other("this handle is of an earlier life"));
        }
        what(&mut inner, self.file)
    }

    fn change(&self, pending: Pending, length: impl FnOnce(u64) -> u64) -> io::Result<()> {
        self.with(|inner, place| {
            let free = inner.free();
            let file = find(inner, place)?;
            let before = file.seen.len() as u64;
            if length(before).saturating_sub(before) > free {
                return Err(io::ErrorKind::StorageFull.into());
            }
            pending.apply(&mut file.seen);
            file.pending.push(pending);
            Ok(())
        })
    }
}

fn find(inner: &mut Inner, file: usize) -> io::Result<&mut Contents> {
    inner
        .files
        .get_mut(file)
        .ok_or(io::ErrorKind::NotFound.into())
}

impl DiskFile for SimulatedFile {
    fn length(&self) -> io::Result<u64> {
        self.with(|inner, file| Ok(find(inner, file)?.seen.len() as u64))
    }

    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        self.with(|inner, file| {
            let end = at + buffer.len() as u64;
            let bad = inner.faults.unreadable.as_ref();
            if bad.is_some_and(|bad| at < bad.end && bad.start < end) {
                return Err(io::Error::other("a simulated read failed"));
            }
            let seen = &find(inner, file)?.seen;
            let from = seen.get(at as usize..).unwrap_or_default();
            let length = from.len().min(buffer.len());
            if let Some((to, from)) = buffer.get_mut(..length).zip(from.get(..length)) {
                to.copy_from_slice(from);
            }
            Ok(length)
        })
    }

    fn write_at(&self, parts: &[IoSlice<'_>], at: u64) -> io::Result<usize> {
        self.with(|inner, _| match inner.write_fails() {
            true => Err(io::Error::other("a simulated write failed")),
            false => Ok(()),
        })?;
        let bytes: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
        let (length, end) = (bytes.len(), at + bytes.len() as u64);
        self.change(Pending::Write(at, bytes), |before| before.max(end))?;
        Ok(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.with(|inner, place| {
            let fails = inner.sync_fails();
            if inner.lies_about(place) {
                return Ok(());
            }
            let pending = std::mem::take(&mut find(inner, place)?.pending);
            let mut random = inner.random.fork();
            let file = find(inner, place)?;
            for pending in pending {
                if fails {
                    pending.apply_torn(&mut file.durable, &mut random, 0.3);
                } else {
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
        self.change(Pending::Reserve(length), |before| before.max(length))
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.change(Pending::Length(length), |_| length)
    }

    fn is_removed(&self) -> bool {
        let inner = self.disk.lock();
        !inner.names.values().any(|named| *named == self.file)
    }
}
