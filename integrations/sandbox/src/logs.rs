//! A directory for the logs of a sandbox, which goes with it.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::Trouble;

/// A directory that is for this process alone, until it is dropped.
pub(crate) struct Logs(PathBuf);

impl Logs {
    pub(crate) fn start() -> Result<Self, Trouble> {
        let name = format!("sluicegate-sandbox-{:016x}", fastrand::u64(..));
        let path = std::env::temp_dir().join(name);
        // It must not be there yet: another's directory in a shared place is never taken for ours.
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.map_err(|error| Trouble::new("no directory for logs", &error))?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        // What cannot be removed is left to whoever cleans the directory for temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
