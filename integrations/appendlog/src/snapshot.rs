//! A look at a directory without its lock: live or dead, nothing in it is changed.

use std::io;
use std::sync::Arc;

use crate::disk::Disk;
use crate::reader::Reader;
use crate::recovery::{Recovery, recover};
use crate::state::{Shared, Usage};

/// What a directory held when it was looked at. Of a log that is written to meanwhile, the last
/// records may be ones that are not confirmed yet.
pub struct Snapshot {
    disk: Arc<dyn Disk>,
    shared: Shared,
    recovery: Recovery,
}

impl Snapshot {
    /// Reads the directory once.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn open(disk: Arc<dyn Disk>) -> io::Result<Self> {
        let (state, _, recovery) = recover(&disk, false)?;
        let shared = Shared::default();
        *shared.lock() = state;
        Ok(Self {
            disk,
            shared,
            recovery,
        })
    }

    /// What opening the log would find.
    #[must_use]
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// See [`crate::Log::usage`]; nothing is known of the quota.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.shared.lock().usage(u64::MAX)
    }

    /// See [`crate::Log::reader`].
    #[must_use]
    pub fn reader(&self, from: u64) -> Reader {
        Reader::new(Arc::clone(&self.disk), self.shared.clone(), from).of_snapshot()
    }
}
