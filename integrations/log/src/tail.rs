//! Reads a log from outside: of another process, live or dead, without its lock.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sluicegate_appendlog::{RealDisk, Snapshot, Stored};

/// The records of a log's directory, in order, looked at anew each time.
///
/// Of a live log the last records may be ones that nobody was told of yet.
#[derive(Debug)]
pub struct Tail {
    directory: PathBuf,
    next: u64,
}

impl Tail {
    /// From this sequence on, or from the oldest that is left.
    #[must_use]
    pub fn new(directory: &Path, from: u64) -> Self {
        Self {
            directory: directory.to_owned(),
            next: from,
        }
    }

    /// What has come since, at most so many; nothing where there is no log yet.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn read(&mut self, most: usize) -> io::Result<Vec<Stored>> {
        if !self.directory.is_dir() {
            return Ok(Vec::new());
        }
        let disk = RealDisk::read_only(&self.directory)?;
        let mut reader = Snapshot::open(Arc::new(disk))?.reader(self.next);
        let mut found = Vec::new();
        while found.len() < most
            && let Some(stored) = reader.next()?
        {
            self.next = stored.sequence + 1;
            found.push(stored);
        }
        Ok(found)
    }
}
