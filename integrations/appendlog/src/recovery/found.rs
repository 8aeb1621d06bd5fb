//! What an opening finds, and how it is said.

use std::ops::Range;

/// Damaged places that are told one by one.
const DAMAGES_SAID_MAX: usize = 10;

/// What was found when a log was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Segments with records.
    pub segments: usize,
    /// Whole records.
    pub records: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Bytes at the end of the last segment, of a write that power or process did not survive.
    /// None of them was confirmed, unless the disk lost what it had confirmed.
    pub torn_bytes: u64,
    /// Damaged places that no earlier opening has copied aside.
    pub damages: Vec<Damage>,
    /// Cursor files that could not be read; with both gone, delivery begins at the oldest record.
    pub cursor_files_damaged: usize,
    /// Bytes that the disk could not read; they count as damage.
    pub unreadable_bytes: u64,
    /// Calls to the disk that failed while mending.
    pub disk_errors: u64,
}

impl Recovery {
    /// Whether there was anything but whole records.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.torn_bytes == 0 && self.damages.is_empty() && self.cursor_files_damaged == 0
    }

    /// Records that are lost in the damaged places.
    #[must_use]
    pub fn lost(&self) -> u64 {
        let lost = |damage: &Damage| damage.sequences.end - damage.sequences.start;
        self.damages.iter().map(lost).sum()
    }
}

impl Recovery {
    /// Says aloud what is damaged: whoever reads the log of the program must not overlook it.
    pub(crate) fn say(&self, place: &str) {
        for damage in self.damages.iter().take(DAMAGES_SAID_MAX) {
            tracing::warn!(
                target: "sluicegate",
                place,
                segment = damage.segment,
                bytes = ?damage.bytes,
                records = damage.sequences.end - damage.sequences.start,
                copied_to = damage.copied_to,
                "log.damaged"
            );
        }
        let (lost, places) = (self.lost(), self.damages.len());
        if self.cursor_files_damaged > 0 || places > 0 {
            let cursor_files_damaged = self.cursor_files_damaged;
            tracing::warn!(
                target: "sluicegate",
                place, lost, places, cursor_files_damaged, "log.mended"
            );
        }
    }
}

/// A place in a segment that is not what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The segment's file.
    pub segment: String,
    /// The bytes in it.
    pub bytes: Range<u64>,
    /// The sequences that stood there. At the end of a segment it may be fewer.
    pub sequences: Range<u64>,
    /// The file that holds the bytes, after a note, where one could be written.
    pub copied_to: Option<String>,
}
