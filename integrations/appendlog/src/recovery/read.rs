//! One segment, read whole.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use crate::disk::DiskFile;
use crate::format::SegmentHeader;
use crate::scan::{Found, Scan};
use crate::state::Segment;

/// A segment while it is read.
pub(super) struct Open {
    pub(super) name: String,
    pub(super) base: u64,
    /// The base of the next segment, if there is one.
    pub(super) limit: Option<u64>,
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) length: u64,
}

/// What one segment holds.
pub(super) struct Read {
    pub(super) segment: Segment,
    /// At its end.
    pub(super) scan: Scan,
    /// Places without a record, and the sequences that are lost in them.
    pub(super) gaps: Vec<(Range<u64>, Range<u64>)>,
    pub(super) records: u64,
    /// Below this all was durable when the last record was written, or a later segment begun.
    pub(super) durable: u64,
}

impl Read {
    /// `known` is the sequence below which records were durable when the cursors were written.
    pub(super) fn segment(open: &Open, header: SegmentHeader, known: u64) -> io::Result<Self> {
        let limit = open.limit.unwrap_or(u64::MAX);
        let mut scan = Scan::new(Arc::clone(&open.file), header, limit, open.length);
        scan.be_lenient();
        let mut read = Self {
            segment: Segment::new(header, open.length),
            scan,
            gaps: Vec::new(),
            records: 0,
            durable: open.limit.map_or(known, |_| u64::MAX),
        };
        loop {
            let at = read.scan.at();
            match read.scan.step()? {
                Found::Record(found) => {
                    let end = read.scan.at();
                    read.segment.record(found.sequence, found.time, at, end);
                    read.records += 1;
                    read.durable = read.durable.max(found.durable_below());
                }
                Found::Damage { bytes, sequences } => read.gaps.push((bytes, sequences)),
                Found::End { at, garbage } => {
                    let expected = read.scan.expected();
                    let end = open.limit.unwrap_or(expected.max(known));
                    if garbage > 0 {
                        read.gaps.push((at..at + garbage, expected..end));
                    }
                    return Ok(read);
                }
            }
        }
    }
}
