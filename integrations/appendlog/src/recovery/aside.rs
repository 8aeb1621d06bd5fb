//! What is damaged is copied aside, for people.

use std::io;
use std::ops::Range;

use super::Open;
use crate::disk::{Disk, read_full, write_all};

/// The most bytes of a damaged place that are copied aside.
const COPIED_BYTES_MAX: u64 = 1024 * 1024;

/// Writes a note of where the bytes come from, and the bytes.
pub(super) fn copy(
    disk: &dyn Disk,
    open: &Open,
    bytes: &Range<u64>,
    sequences: &Range<u64>,
    name: &str,
) -> io::Result<()> {
    let length = (bytes.end - bytes.start).min(COPIED_BYTES_MAX);
    let mut content = note(&open.name, bytes, sequences, length);
    let begin = content.len();
    content.resize(begin + length as usize, 0);
    // What cannot be read stays zero.
    let rest = content.get_mut(begin..).unwrap_or_default();
    let _ = read_full(open.file.as_ref(), rest, bytes.start);
    write_file(disk, name, &content)
}

/// Says what stood where.
pub(super) fn note(
    segment: &str,
    bytes: &Range<u64>,
    sequences: &Range<u64>,
    length: u64,
) -> Vec<u8> {
    let text = format!(
        "sluicegate append log: damaged bytes {}..{} of {segment}, where records {}..{} stood; \
         the first {length} bytes follow this line\n",
        bytes.start, bytes.end, sequences.start, sequences.end,
    );
    text.into_bytes()
}

/// A file that is durable, as far as its directory is.
pub(super) fn write_file(disk: &dyn Disk, name: &str, content: &[u8]) -> io::Result<()> {
    let file = disk.create(name)?;
    write_all(file.as_ref(), content, 0)?;
    file.sync()
}
