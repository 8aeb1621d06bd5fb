//! What a room says of one try, and what the gateway says of a record in the end.

use std::time::Duration;

use bytes::Bytes;

use crate::Reason;

/// What a room says of one try to store one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The target confirmed this record.
    Stored(Receipt),
    /// Not confirmed; another try may succeed.
    Again {
        /// True only where the record is surely not stored: the target said so, or the call never
        /// left. A lost answer is not certain.
        certain: bool,
        /// The pause that the target asked for.
        after: Option<Duration>,
        /// Why it was not confirmed.
        reason: Reason,
    },
    /// The target refused this record for good; another try would be refused too.
    Refused(Reason),
    /// The target can take nothing now (access denied, table missing, credentials expired). Says
    /// nothing about the record, which is surely not stored.
    Blocked(Reason),
}

/// What became of a record: said exactly once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Confirmed by the target.
    Delivered(Receipt),
    /// Refused by the target for good: nothing of it was stored.
    Refused(Reason),
    /// The gateway stopped trying.
    GaveUp {
        /// True if the record is surely not stored.
        certain: bool,
        /// The reason of the last try.
        reason: Reason,
    },
}

impl Outcome {
    /// True if the target confirmed the record.
    #[must_use]
    pub fn is_delivered(&self) -> bool {
        matches!(self, Self::Delivered(_))
    }

    /// The reason of an outcome that is not a delivery.
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Delivered(_) => None,
            Self::Refused(reason) | Self::GaveUp { reason, .. } => Some(reason),
        }
    }

    /// The same outcome of a record that was sent so often.
    #[must_use]
    pub fn after_attempts(self, attempts: u32) -> Self {
        match self {
            Self::Delivered(receipt) => Self::Delivered(receipt),
            Self::Refused(reason) => Self::Refused(reason.after_attempts(attempts)),
            Self::GaveUp { certain, reason } => Self::GaveUp {
                certain,
                reason: reason.after_attempts(attempts),
            },
        }
    }
}

/// Bytes of the attributes in a [`Receipt`]: they wait in memory until the request is answered.
pub const ATTRIBUTES_BYTES_MAX: usize = 64 << 10;

/// Where a target says that it put a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Receipt {
    /// The target names no place (DynamoDB).
    #[default]
    Nothing,
    /// The record was there already, and the mapping accepts that as good.
    AlreadyThere,
    /// A place in a partitioned log (Kafka).
    Position {
        /// The partition.
        partition: i32,
        /// The offset in it.
        offset: i64,
    },
    /// A place in a sharded stream (Kinesis).
    Sequence {
        /// The shard's id.
        shard: Box<str>,
        /// The sequence number in it.
        sequence: Box<str>,
    },
    /// A place in an append log.
    Logged {
        /// The sequence number in it.
        sequence: u64,
    },
    /// What the target gave back of the item, where the mapping asked for it (DynamoDB's
    /// `returning`).
    Attributes {
        /// A JSON object of at most [`ATTRIBUTES_BYTES_MAX`]; `None` where it is larger, or where
        /// a repeated call could not tell it.
        json: Option<Bytes>,
    },
    /// A message id (SNS).
    Message {
        /// The id.
        id: Box<str>,
    },
}
