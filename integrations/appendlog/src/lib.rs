//! The append log: records that survive the process and the power. README.md says what stands in a
//! directory, which rules hold and where they are kept.

mod cursors;
mod disk;
mod format;
mod log;
mod reader;
mod reaper;
mod recovery;
mod scan;
pub mod simulated;
mod snapshot;
mod state;
mod writer;

use std::fmt;
use std::io;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

pub use disk::{DirectoryLock, Disk, DiskFile, RealDisk};
pub use format::{RECORD_BYTES_MAX, extent};
pub use log::Log;
pub use reader::Reader;
pub use recovery::{Damage, Recovery};
pub use snapshot::Snapshot;
pub use state::{CursorUsage, SYNC_BOUNDS, SyncCounts, Usage};
pub use writer::{Committer, Done, Writer};

/// How much a log may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Bytes of a segment, 64 MiB by default; at most an eighth of `max_bytes` is used.
    pub segment_bytes: u64,
    /// Bytes of all segments, preallocated space included.
    pub max_bytes: u64,
    /// How long records are kept; forever if there is none.
    pub max_age: Option<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 64 * 1024 * 1024,
            max_bytes: 10 * 1024 * 1024 * 1024,
            max_age: None,
        }
    }
}

/// One record to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    /// The caller's own mark.
    pub kind: u8,
    /// When it came.
    pub time: SystemTime,
    /// At most [`RECORD_BYTES_MAX`].
    pub payload: Bytes,
}

/// One record as it was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its place in the log: unique, and higher than that of every record before it.
    pub sequence: u64,
    /// The caller's own mark.
    pub kind: u8,
    /// When it came, to the nanosecond.
    pub time: SystemTime,
    /// What was stored.
    pub payload: Bytes,
}

/// Why records were not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppendError {
    /// The quota or the disk is full, or too much waits for the disk. Nothing was stored.
    Full,
    /// A record is larger than [`RECORD_BYTES_MAX`]. Nothing was stored.
    TooLarge,
    /// Writing failed twice, on two segments. The next append tries again on a new one.
    Failed(String),
    /// The log was stopped.
    Stopped,
}

impl fmt::Display for AppendError {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => to.write_str("the log or its disk is full"),
            Self::TooLarge => write!(to, "a record has more than {RECORD_BYTES_MAX} bytes"),
            Self::Failed(what) => write!(to, "the disk failed: {what}"),
            Self::Stopped => to.write_str("the log is stopped"),
        }
    }
}

impl std::error::Error for AppendError {}

/// Why a log cannot be opened.
#[derive(Debug)]
pub enum OpenError {
    /// Another process has the directory.
    Held(String),
    /// The directory, or a file in it, cannot be read or written.
    Disk(String, io::Error),
}

impl fmt::Display for OpenError {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held(place) => write!(
                to,
                "the log in `{place}` is held by another process: give each process a directory of \
                 its own, or stop the other one"
            ),
            Self::Disk(place, error) => write!(to, "the log in `{place}`: {error}"),
        }
    }
}

impl std::error::Error for OpenError {}

/// A segment's file is named by its base.
fn segment_name(base: u64) -> String {
    format!("{base:020}.log")
}

fn segment_base(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".log")?;
    let plain = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok())?
}
