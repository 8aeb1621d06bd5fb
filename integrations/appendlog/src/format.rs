//! The bytes of a segment: its header and its records. All numbers are little-endian.
//!
//! A segment begins with [`FIRST_RECORD`] bytes of header: the same 32 bytes at 0 and at 512, so
//! that one bad sector does not cost the segment; zeros between.
//!
//! | header at | bytes | what |
//! |---|---|---|
//! | 0 | 8 | magic `SLUICLOG` |
//! | 8 | 4 | version, 1 |
//! | 12 | 4 | zero |
//! | 16 | 8 | base: the sequence of its first record, also the file's name |
//! | 24 | 4 | salt |
//! | 28 | 4 | CRC32C of the 28 bytes before |
//!
//! Records follow, each at a multiple of 8 bytes:
//!
//! | record at | bytes | what |
//! |---|---|---|
//! | 0 | 4 | length of the payload |
//! | 4 | 4 | CRC32C of salt, the header's bytes 0..4 and 8..28, and the payload with its zeros |
//! | 8 | 8 | sequence: the one before plus one |
//! | 16 | 8 | time: nanoseconds since 1970 |
//! | 24 | 1 | kind: the caller's |
//! | 25 | 3 | how many records its group wrote before it, at most 2^24 - 1 |
//! | 28 | 4 | CRC32C of salt and the header's bytes 0..28 |
//! | 32 | length | payload, then zeros up to a multiple of 8 |
//!
//! The header has a CRC of its own so that a damaged payload does not hide where the next record
//! begins. The salt is random per segment and part of every CRC: what an earlier segment left in a
//! block, or a payload that imitates a record, never passes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::Append;

/// Where the first record of a segment stands.
pub(crate) const FIRST_RECORD: u64 = 1024;
/// Bytes of a record's header.
pub(crate) const RECORD_HEADER: u64 = 32;
/// Records stand at multiples of this.
pub(crate) const ALIGNMENT: u64 = 8;
/// Bytes of one record's payload.
pub const RECORD_BYTES_MAX: usize = 64 * 1024 * 1024;

const MAGIC: &[u8; 8] = b"SLUICLOG";
const VERSION: u32 = 1;
const SEGMENT_HEADER: usize = 32;
const SECOND_COPY: usize = 512;
const GROUP_MAX: usize = (1 << 24) - 1;

/// What a segment's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) base: u64,
    pub(crate) salt: u32,
}

impl SegmentHeader {
    /// The first [`FIRST_RECORD`] bytes of the segment.
    pub(crate) fn encode(self) -> Vec<u8> {
        let mut copy = Vec::with_capacity(SEGMENT_HEADER);
        copy.extend_from_slice(MAGIC);
        copy.extend_from_slice(&VERSION.to_le_bytes());
        copy.extend_from_slice(&[0; 4]);
        copy.extend_from_slice(&self.base.to_le_bytes());
        copy.extend_from_slice(&self.salt.to_le_bytes());
        copy.extend_from_slice(&crc32c::crc32c(&copy).to_le_bytes());
        let mut block = copy.clone();
        block.resize(SECOND_COPY, 0);
        block.extend_from_slice(&copy);
        block.resize(FIRST_RECORD as usize, 0);
        block
    }

    /// Reads whichever copy is whole; says which base it must have, since the name says so, too.
    pub(crate) fn decode(block: &[u8], base: u64) -> Option<Self> {
        [0, SECOND_COPY].into_iter().find_map(|at| {
            let copy = block.get(at..at + SEGMENT_HEADER)?;
            let whole = copy.starts_with(MAGIC)
                && number_u32(copy, 8)? == VERSION
                && number_u32(copy, 28)? == crc32c::crc32c(copy.get(..28)?)
                && number_u64(copy, 16)? == base;
            whole.then_some(Self {
                base,
                salt: number_u32(copy, 24)?,
            })
        })
    }
}

/// What a record's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordHeader {
    pub(crate) length: u32,
    pub(crate) crc: u32,
    pub(crate) sequence: u64,
    pub(crate) time: SystemTime,
    pub(crate) kind: u8,
    pub(crate) before_in_group: u32,
}

impl RecordHeader {
    /// Reads a header that its CRC confirms.
    pub(crate) fn decode(bytes: &[u8], salt: u32) -> Option<Self> {
        let found = number_u32(bytes, 28)?;
        if found != salted(salt, bytes.get(..28)?) {
            return None;
        }
        let group = number_u32(bytes, 24)?;
        let length = number_u32(bytes, 0)?;
        (length as usize <= RECORD_BYTES_MAX).then_some(Self {
            length,
            crc: number_u32(bytes, 4)?,
            sequence: number_u64(bytes, 8)?,
            time: time_of(number_u64(bytes, 16)?),
            kind: (group & 0xff) as u8,
            before_in_group: group >> 8,
        })
    }

    /// Bytes that the record takes in its segment.
    pub(crate) fn extent(&self) -> u64 {
        extent(self.length as usize)
    }

    /// What stood durably before this record was written: everything below this sequence.
    pub(crate) fn durable_below(&self) -> u64 {
        self.sequence.saturating_sub(self.before_in_group.into())
    }

    /// Whether these are the bytes that were written, from the header to the last zero.
    pub(crate) fn confirms(&self, record: &[u8], salt: u32) -> bool {
        checksum(salt, record) == Some(self.crc)
    }
}

/// Bytes that a record with so many bytes of payload takes in its segment, and of `max_bytes`.
#[must_use]
pub fn extent(payload: usize) -> u64 {
    (RECORD_HEADER + payload as u64).next_multiple_of(ALIGNMENT)
}

/// Appends a record's bytes to `out`.
pub(crate) fn encode(
    append: &Append,
    sequence: u64,
    in_group: usize,
    salt: u32,
    out: &mut Vec<u8>,
) {
    let begin = out.len();
    let group = (in_group.min(GROUP_MAX) as u32) << 8 | u32::from(append.kind);
    out.extend_from_slice(&(append.payload.len() as u32).to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&sequence.to_le_bytes());
    out.extend_from_slice(&nanoseconds(append.time).to_le_bytes());
    out.extend_from_slice(&group.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&append.payload);
    out.resize(begin + extent(append.payload.len()) as usize, 0);
    let record = out.get_mut(begin..).unwrap_or_default();
    let crc = checksum(salt, record).unwrap_or_default();
    put(record, 4, crc);
    let header = salted(salt, record.get(..28).unwrap_or_default());
    put(record, 28, header);
}

/// The CRC of a record: of all its bytes but the two CRCs.
fn checksum(salt: u32, record: &[u8]) -> Option<u32> {
    let length = salted(salt, record.get(..4)?);
    let head = crc32c::crc32c_append(length, record.get(8..28)?);
    Some(crc32c::crc32c_append(head, record.get(32..)?))
}

fn put(record: &mut [u8], at: usize, number: u32) {
    if let Some(place) = record.get_mut(at..at + 4) {
        place.copy_from_slice(&number.to_le_bytes());
    }
}

fn salted(salt: u32, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&salt.to_le_bytes()), bytes)
}

/// Nanoseconds since 1970: 1970 for a time before, the year 2554 for one after.
fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

fn time_of(nanoseconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(nanoseconds)
}

pub(crate) fn number_u32(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes(four.try_into().ok()?))
}

pub(crate) fn number_u64(bytes: &[u8], at: usize) -> Option<u64> {
    let eight = bytes.get(at..at + 8)?;
    Some(u64::from_le_bytes(eight.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What was written once must be readable for ever: these bytes never change under version 1.
    #[test]
    fn the_bytes_are_those_of_version_1() {
        let header = SegmentHeader {
            base: 258,
            salt: 0x0403_0201,
        };
        let block = header.encode();
        let copy = "534c5549434c4f470100000000000000020100000000000001020304b29ff6f8";
        assert_eq!(hex(&block[..32]), copy);
        assert_eq!(hex(&block[512..544]), copy);
        assert_eq!(block.len() as u64, FIRST_RECORD);
        let append = Append {
            kind: 7,
            time: UNIX_EPOCH + Duration::from_nanos(0x0102_0304_0506_0708),
            payload: Bytes::from_static(b"hello"),
        };
        let mut record = Vec::new();
        encode(&append, 259, 2, header.salt, &mut record);
        let parts = [
            "05000000",
            "b0af13dd",
            "0301000000000000",
            "0807060504030201",
            "07",
            "020000",
            "9d555223",
            "68656c6c6f000000",
        ];
        assert_eq!(hex(&record), parts.concat());
    }

    #[test]
    fn what_was_written_is_read_and_nothing_else() {
        let append = Append {
            kind: 255,
            time: UNIX_EPOCH + Duration::from_nanos(17),
            payload: Bytes::from_static(b"payload of some bytes"),
        };
        let mut record = Vec::new();
        encode(&append, 9, GROUP_MAX + 5, 77, &mut record);
        let read = RecordHeader::decode(&record, 77).unwrap();
        assert_eq!((read.sequence, read.kind, read.time), (9, 255, append.time));
        assert_eq!(read.before_in_group as usize, GROUP_MAX);
        assert_eq!(read.extent() as usize, record.len());
        assert!(read.confirms(&record, 77));
        assert_eq!(
            RecordHeader::decode(&record, 78),
            None,
            "another segment's salt"
        );
        for bit in 0..record.len() * 8 {
            let mut flipped = record.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let found = RecordHeader::decode(&flipped, 77);
            assert!(
                !found.is_some_and(|it| it.confirms(&flipped, 77)),
                "bit {bit}"
            );
        }
    }
}
