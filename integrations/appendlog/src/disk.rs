//! The seam to the disk: one directory of plain files. The log asks for nothing else, so that the
//! same code runs on a real directory and on `simulated::SimulatedDisk`.

use std::any::Any;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, IoSlice};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::FallocateFlags;

use crate::reaper::{PIECE, Reaper};

/// The file whose lock says that a process holds the directory.
const LOCK: &str = "LOCK";

/// Somebody who only looks holds the lock for a moment; that is waited out.
const LOCK_TRIES: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// With so much space left nobody waits for what removed files still occupy for a moment.
const PLENTY_BYTES: u64 = 1 << 30;

/// The most removed files that are held open until the directory is synced.
const REMOVED_MAX: usize = 16;

/// The lock of a directory, until it is dropped.
pub type DirectoryLock = Box<dyn Any + Send + Sync>;

/// A directory. Names are file names without slashes.
pub trait Disk: Send + Sync {
    /// How messages name the directory.
    fn place(&self) -> String;
    /// The names of all files.
    fn list(&self) -> io::Result<Vec<String>>;
    /// Opens a file that is there, to read; and to write, where the directory is not read-only.
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;
    /// Makes a file that is not there yet, for its owner only (0600).
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;
    /// Renames a file.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file. Whoever has it open may see it shrink from now on.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes creations, renames and removals durable.
    fn sync_directory(&self) -> io::Result<()>;
    /// Bytes that may still be written to new files. Where these are few, it waits until removed
    /// files have given theirs back.
    fn free_bytes(&self) -> io::Result<u64>;
    /// Takes the directory for this process; `WouldBlock` if another has it.
    fn lock(&self) -> io::Result<DirectoryLock>;
    /// A clock that only goes forward, to measure how long a sync takes.
    fn now(&self) -> Duration;
    /// A number that nobody can guess: the salt of a new segment.
    fn salt(&self) -> u32;
}

/// An open file. Positions and lengths are in bytes.
pub trait DiskFile: Send + Sync {
    /// The file's length.
    fn length(&self) -> io::Result<u64>;
    /// Reads up to `buffer.len()` bytes; 0 at the end.
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize>;
    /// Writes a part of `parts` in one call (`pwritev`) and says how many bytes.
    fn write_at(&self, parts: &[IoSlice<'_>], at: u64) -> io::Result<usize>;
    /// Makes all that was written durable, the length included (`fdatasync`). After an error
    /// nothing is known about what was written since the last success.
    fn sync(&self) -> io::Result<()>;
    /// Reserves space: the file is at least so long, and writing below that needs no more space.
    fn allocate(&self, length: u64) -> io::Result<()>;
    /// Cuts the file, or makes it longer with zeros.
    fn set_length(&self, length: u64) -> io::Result<()>;
    /// Whether the file was removed since it was opened: what it held may be gone by now.
    fn is_removed(&self) -> bool;
}

/// Writes all of `bytes`, over several calls if the kernel takes less.
pub(crate) fn write_all(file: &dyn DiskFile, bytes: &[u8], at: u64) -> io::Result<()> {
    let mut written = 0;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        match file.write_at(&[IoSlice::new(rest)], at + written as u64) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(more) => written += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads until `buffer` is full or the file ends; says how much was read.
pub(crate) fn read_full(file: &dyn DiskFile, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    let mut read = 0;
    while let Some(rest) = buffer.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, at + read as u64) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

/// Whether an error says that the disk, or this user's part of it, is full.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// A directory of the machine.
pub struct RealDisk {
    path: PathBuf,
    writes: bool,
    began: Instant,
    /// Unlinked, and perhaps not for good before the directory is synced.
    removed: Mutex<Vec<File>>,
    reaper: Reaper,
}

impl RealDisk {
    /// The directory at `path`, made if it is not there, for its owner only (0700).
    pub fn open(path: &Path) -> io::Result<Self> {
        if !path.is_dir() {
            let path = std::path::absolute(path)?;
            let missing = path.ancestors().take_while(|part| !part.is_dir()).count();
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&path)?;
            // Each name that is new stands in the directory above it.
            for parent in path.ancestors().skip(1).take(missing) {
                File::open(parent)?.sync_all()?;
            }
        }
        Self::over(path, true)
    }

    /// The directory at `path`, which must be there; nothing in it can be changed through this.
    pub fn read_only(path: &Path) -> io::Result<Self> {
        Self::over(path, false)
    }

    /// Whether a process holds the directory now. The lock is taken for a moment to see it, which
    /// [`Disk::lock`] waits out.
    pub fn is_held(&self) -> io::Result<bool> {
        let file = match File::open(self.path.join(LOCK)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            file => file?,
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn over(path: &Path, writes: bool) -> io::Result<Self> {
        std::fs::read_dir(path)?;
        Ok(Self {
            path: path.to_owned(),
            writes,
            began: Instant::now(),
            removed: Mutex::default(),
            reaper: Reaper::default(),
        })
    }

    fn removed(&self) -> MutexGuard<'_, Vec<File>> {
        self.removed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changes(&self) -> io::Result<()> {
        if self.writes {
            Ok(())
        } else {
            Err(io::ErrorKind::ReadOnlyFilesystem.into())
        }
    }
}

impl Disk for RealDisk {
    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            // A name that is no UTF-8 is none of ours.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        let file = options
            .read(true)
            .write(self.writes)
            .open(self.path.join(name))?;
        Ok(Arc::new(file))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.changes()?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(0o600);
        Ok(Arc::new(options.open(self.path.join(name))?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.changes()?;
        std::fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.changes()?;
        let path = self.path.join(name);
        let mut removed = self.removed();
        // Each keeps a descriptor until the directory is synced.
        let large = |file: &File| file.length().is_ok_and(|length| length > PIECE);
        let held = (removed.len() < REMOVED_MAX)
            .then(|| OpenOptions::new().write(true).open(&path).ok())
            .flatten()
            .filter(large);
        std::fs::remove_file(&path)?;
        // Under another name, a backup's for one, it lives on.
        removed.extend(held.filter(File::is_removed));
        Ok(())
    }

    fn sync_directory(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()?;
        // Only now: a name that comes back after a power cut has all that it had.
        let removed = std::mem::take(&mut *self.removed());
        if !removed.is_empty() {
            self.reaper.free(removed);
        }
        Ok(())
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let free = || -> io::Result<u64> {
            let found = rustix::fs::statvfs(&self.path)?;
            Ok(found.f_bavail.saturating_mul(found.f_frsize))
        };
        let found = free()?;
        if found >= PLENTY_BYTES {
            return Ok(found);
        }
        if !self.removed().is_empty() {
            self.sync_directory()?;
        }
        self.reaper.finish();
        free()
    }

    fn lock(&self) -> io::Result<DirectoryLock> {
        self.changes()?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.mode(0o600).open(self.path.join(LOCK))?;
        let mut tries = LOCK_TRIES;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Box::new(file)),
                Err(TryLockError::WouldBlock) if tries > 0 => tries -= 1,
                Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
                Err(TryLockError::Error(error)) => return Err(error),
            }
            std::thread::sleep(LOCK_PAUSE);
        }
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn salt(&self) -> u32 {
        fastrand::u32(..)
    }
}

impl DiskFile for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        FileExt::read_at(self, buffer, at)
    }

    fn write_at(&self, parts: &[IoSlice<'_>], at: u64) -> io::Result<usize> {
        Ok(rustix::io::pwritev(self, parts, at)?)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        match rustix::fs::fallocate(self, FallocateFlags::empty(), 0, length) {
            // Some file systems cannot reserve. A full disk is then found by the write.
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => self.set_len(length),
            done => Ok(done?),
        }
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn is_removed(&self) -> bool {
        self.metadata().is_ok_and(|it| it.nlink() == 0)
    }
}
