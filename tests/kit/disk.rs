//! A small file system of its own, so that a disk can be full without filling anybody's.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// A file system in memory. It is gone with this value.
pub(crate) struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// One of so many MiB; `None`, and the story skips, where nobody may mount.
    pub(crate) fn new(mebibytes: u32, story: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={mebibytes}m,mode=700");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(folder.path())
            .output();
        if mount.is_ok_and(|done| done.status.success()) {
            return Some(Self { folder });
        }
        sluicegate_testkit::skip(story, "a small file system needs a user who may mount one");
        None
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a gateway of a failed story may still have files open.
        let _ = Command::new("umount")
            .arg("--lazy")
            .arg(self.folder.path())
            .status();
    }
}
