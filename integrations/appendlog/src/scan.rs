//! Goes through the records of one segment and finds the next whole one after damage.
//!
//! Invariant: a record passes only with both CRCs under its segment's salt and with the sequence
//! that its place asks for; after damage, with one that so many bytes could have led to.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use crate::disk::{DiskFile, read_full};
use crate::format::{ALIGNMENT, FIRST_RECORD, RECORD_HEADER, RecordHeader, SegmentHeader};

/// Bytes that are read at once, where no record is larger.
const WINDOW: usize = 256 * 1024;
/// What cannot be read is passed by in pieces of this.
const UNREADABLE_BYTES: usize = 4096;

const ZEROS: [u8; 64] = [0; 64];

/// What stands at the place that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// A whole record; its payload is at [`Scan::payload`].
    Record(RecordHeader),
    /// Bytes that are no record, with the sequences that are lost in them.
    Damage {
        bytes: Range<u64>,
        sequences: Range<u64>,
    },
    /// No whole record from `at` on, but so many bytes of something else; zeros do not count.
    End { at: u64, garbage: u64 },
}

/// A place in a segment.
pub(crate) struct Scan {
    file: Arc<dyn DiskFile>,
    salt: u32,
    /// Where the next record stands, and its sequence.
    at: u64,
    expected: u64,
    /// The first sequence that is not this segment's any more.
    limit: u64,
    /// Bytes of the file from here on are not looked at.
    end: u64,
    window: Vec<u8>,
    window_at: u64,
    payload: Range<u64>,
    /// What cannot be read counts as damage, rather than as an error.
    lenient: bool,
    unreadable: u64,
}

impl Scan {
    pub(crate) fn new(
        file: Arc<dyn DiskFile>,
        header: SegmentHeader,
        limit: u64,
        end: u64,
    ) -> Self {
        Self {
            file,
            salt: header.salt,
            at: FIRST_RECORD,
            expected: header.base,
            limit,
            end,
            window: Vec::new(),
            window_at: 0,
            payload: 0..0,
            lenient: false,
            unreadable: 0,
        }
    }

    /// Takes what the disk cannot read for damage from now on. Whoever asks for it looks at
    /// [`Scan::unreadable`] before taking what is found for the truth.
    pub(crate) fn be_lenient(&mut self) {
        self.lenient = true;
    }

    /// Bytes that the disk could not read, and that were taken for zeros.
    pub(crate) fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// Whether the segment was removed while it is open.
    pub(crate) fn is_removed(&self) -> bool {
        self.file.is_removed()
    }

    /// Whether there may be another record without looking anew at what is committed.
    pub(crate) fn has_more(&self) -> bool {
        self.at < self.end && self.expected < self.limit
    }

    /// Goes on at a record that is known to stand there.
    pub(crate) fn skip_to(&mut self, at: u64, sequence: u64) {
        (self.at, self.expected) = (at, sequence);
    }

    /// More of the segment counts now: records up to `end` and below `limit`.
    pub(crate) fn extend(&mut self, end: u64, limit: u64) {
        (self.end, self.limit) = (end, limit);
    }

    /// Where the next record stands.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// The sequence of the next record.
    pub(crate) fn expected(&self) -> u64 {
        self.expected
    }

    /// The payload of the record that was found last.
    pub(crate) fn payload(&mut self) -> io::Result<&[u8]> {
        let Range { start, end } = self.payload.clone();
        Ok(self
            .bytes(start, (end - start) as usize)?
            .unwrap_or_default())
    }

    /// Looks at the next place and goes past what is there.
    pub(crate) fn step(&mut self) -> io::Result<Found> {
        if self.expected >= self.limit {
            return Ok(Found::End {
                at: self.at,
                garbage: 0,
            });
        }
        let (at, expected) = (self.at, self.expected);
        let Some(header) = self.header(at)?.filter(|it| it.sequence == expected) else {
            return self.resume();
        };
        let end = at + header.extent();
        let whole = end <= self.end && self.is_whole(at, &header)?;
        if !whole && end > self.end {
            return self.resume();
        }
        (self.at, self.expected) = (end, expected + 1);
        Ok(if whole {
            Found::Record(header)
        } else {
            Found::Damage {
                bytes: at..end,
                sequences: expected..expected + 1,
            }
        })
    }

    fn is_whole(&mut self, at: u64, header: &RecordHeader) -> io::Result<bool> {
        let salt = self.salt;
        let begin = at + RECORD_HEADER;
        self.payload = begin..begin + u64::from(header.length);
        let record = self.bytes(at, header.extent() as usize)?;
        Ok(record.is_some_and(|record| header.confirms(record, salt)))
    }

    /// Searches for the next header that may follow, past a place that holds none.
    fn resume(&mut self) -> io::Result<Found> {
        let (from, expected) = (self.at, self.expected);
        let mut garbage = 0;
        let mut at = from;
        while at < self.end {
            let next = self.skip_zeros(at)?;
            if next > at {
                at = next;
                continue;
            }
            garbage = at + ALIGNMENT - from;
            let most = (at - from) / RECORD_HEADER;
            let next = self.header(at)?.map(|header| header.sequence);
            if let Some(sequence) = next.filter(|found| {
                *found > expected && found - expected <= most && *found < self.limit
            }) {
                self.skip_to(at, sequence);
                return Ok(Found::Damage {
                    bytes: from..at,
                    sequences: expected..sequence,
                });
            }
            at += ALIGNMENT;
        }
        Ok(Found::End { at: from, garbage })
    }

    /// Where the zeros end that begin at `at`, as far as the window reaches: preallocated space is
    /// passed by without a CRC.
    fn skip_zeros(&mut self, at: u64) -> io::Result<u64> {
        let length = (self.end - at).min(ALIGNMENT) as usize;
        self.bytes(at, length)?;
        let begin = (at - self.window_at) as usize;
        let seen = self.window.get(begin..).unwrap_or_default();
        let blocks = seen.chunks(ZEROS.len());
        let blank = blocks.take_while(|block| ZEROS.starts_with(block)).count() * ZEROS.len();
        let rest = seen.get(blank..).unwrap_or_default();
        let zeros = blank + rest.iter().take_while(|byte| **byte == 0).count();
        if seen.is_empty() {
            // The file is shorter than was thought: it was cut since.
            return Ok(self.end);
        }
        if zeros >= seen.len() {
            return Ok(at + (seen.len() as u64).max(ALIGNMENT));
        }
        Ok(at + zeros as u64 / ALIGNMENT * ALIGNMENT)
    }

    fn header(&mut self, at: u64) -> io::Result<Option<RecordHeader>> {
        let salt = self.salt;
        let bytes = self.bytes(at, RECORD_HEADER as usize)?;
        Ok(bytes.and_then(|bytes| RecordHeader::decode(bytes, salt)))
    }

    /// A part of the file; nothing if it reaches past the end.
    fn bytes(&mut self, at: u64, length: usize) -> io::Result<Option<&[u8]>> {
        let end = at + length as u64;
        if end > self.end {
            return Ok(None);
        }
        if at < self.window_at || end > self.window_at + self.window.len() as u64 {
            // Read no further than what counts: what lies beyond may still be written.
            let wanted = (self.end - at).min(length.max(WINDOW) as u64) as usize;
            self.window.resize(wanted, 0);
            self.window.shrink_to(WINDOW);
            self.window_at = at;
            self.fill()?;
        }
        let begin = (at - self.window_at) as usize;
        Ok(self.window.get(begin..begin + length))
    }

    fn fill(&mut self) -> io::Result<()> {
        let read = match read_full(self.file.as_ref(), &mut self.window, self.window_at) {
            Err(error) if !self.lenient => Err(error),
            Err(_) => {
                let mut at = self.window_at;
                for piece in self.window.chunks_mut(UNREADABLE_BYTES) {
                    if read_full(self.file.as_ref(), piece, at).is_err() {
                        piece.fill(0);
                        self.unreadable += piece.len() as u64;
                    }
                    at += piece.len() as u64;
                }
                Ok(self.window.len())
            }
            read => read,
        };
        self.window.truncate(*read.as_ref().unwrap_or(&0));
        read.map(drop)
    }
}
