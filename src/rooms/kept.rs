//! What stands in an append log that a target or a dead letter wrote.

use sluicegate_appendlog::Stored;
use sluicegate_contract::Record;
use sluicegate_contract::stored::DecodeError;

use crate::dead_letters::Letter;

/// The mark of a record of a `log` target.
pub const MARK_RECORD: u8 = sluicegate_log::RECORD;
/// The mark of a dead letter.
pub const MARK_LETTER: u8 = sluicegate_log::LETTER;

/// What stands in a log.
#[derive(Clone, Debug, PartialEq)]
pub enum Kept {
    /// A record of a `log` target, by the fields of that kind.
    Record {
        /// Its key.
        key: Option<String>,
        /// The record.
        record: Box<Record>,
    },
    /// A dead letter.
    Letter(Box<Letter>),
}

/// Reads what a target or a dead letter wrote; `None` where it was neither (the spool).
///
/// # Errors
/// Why it is neither, although it is marked so.
pub fn read_kept(stored: &Stored) -> Result<Option<Kept>, DecodeError> {
    let Some(kept) = sluicegate_log::Kept::read(stored)? else {
        return Ok(None);
    };
    let key = kept.key().map(str::to_owned);
    Ok(Some(match kept {
        sluicegate_log::Kept::Record(record) => Kept::Record { key, record },
        sluicegate_log::Kept::Letter(letter) => Kept::Letter(Box::new(Letter::decode(&letter)?)),
    }))
}
