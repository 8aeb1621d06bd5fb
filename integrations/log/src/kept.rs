//! How a record stands in the log.

use bytes::Bytes;
use sluicegate_appendlog::{Append, Stored};
use sluicegate_contract::stored::{self, DecodeError};
use sluicegate_contract::{Record, Value};

use crate::{FIELDS, KEY};

// Logs are read by one command whatever wrote them, so marks differ from those of the spool (1).

/// The mark of a record that a mapping made.
pub const RECORD: u8 = 16;
/// The mark of a dead letter.
pub const LETTER: u8 = 17;

/// The place of a dead letter in a record: behind those that a mapping may set.
const LETTER_PLACE: usize = FIELDS.len();

/// A record for a log that is this dead letter, in its stored form.
#[must_use]
pub fn letter(stored: Bytes) -> Record {
    let mut record = Record::new(FIELDS.iter().map(|_| Value::Absent));
    record.push(Value::Bytes(stored));
    record
}

/// What is stored of a record.
pub(crate) fn append(record: &Record, time: std::time::SystemTime) -> Append {
    if let Value::Bytes(letter) = record.value(LETTER_PLACE) {
        return Append {
            kind: LETTER,
            time,
            payload: letter.clone(),
        };
    }
    let mut payload = Vec::with_capacity(record.bytes() + 64);
    stored::encode(record, FIELDS, &mut payload);
    Append {
        kind: RECORD,
        time,
        payload: payload.into(),
    }
}

/// Bytes that a record has in the log, about: never less.
pub(crate) fn bytes(record: &Record) -> usize {
    /// A record's own head, and the names of the fields.
    const RECORD_OVERHEAD: usize = 128;
    /// The lengths of a header's name and value.
    const HEADER_OVERHEAD: usize = 16;
    let headers = match record.value(crate::HEADERS) {
        Value::Map(entries) => entries.len(),
        _ => 0,
    };
    record.bytes() + RECORD_OVERHEAD + headers * HEADER_OVERHEAD
}

/// What stands in a log.
#[derive(Clone, Debug, PartialEq)]
pub enum Kept {
    /// A record that a mapping made, by [`FIELDS`].
    Record(Box<Record>),
    /// A dead letter in its stored form.
    Letter(Bytes),
}

impl Kept {
    /// Reads what was stored; `None` where the log has it for another purpose (the spool).
    ///
    /// # Errors
    /// Why it is no record.
    pub fn read(stored: &Stored) -> Result<Option<Self>, DecodeError> {
        match stored.kind {
            RECORD => stored::decode(&stored.payload, FIELDS)
                .map(|record| Some(Self::Record(Box::new(record)))),
            LETTER => Ok(Some(Self::Letter(stored.payload.clone()))),
            _ => Ok(None),
        }
    }

    /// The key of a record that a mapping made.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Record(record) => record.value(KEY).as_text(),
            Self::Letter(_) => None,
        }
    }

    /// The value of a record that a mapping made.
    #[must_use]
    pub fn value(&self) -> Option<&Bytes> {
        match self {
            Self::Record(record) => record.value(crate::VALUE).as_bytes(),
            Self::Letter(_) => None,
        }
    }
}
