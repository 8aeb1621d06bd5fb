//! The Kafka room: records straight into librdkafka, its delivery reports back as outcomes.
//!
//! librdkafka is the batcher and the retry loop, so this room has no courier: `linger.ms` is its
//! only timer, `message.timeout.ms` (the target's `give_up`) its only end. One [`Connection`]
//! holds one producer and is shared by all targets that name it; a [`Topic`] is one target.
//!
//! * `settings` and `properties`: what the file may say, and what the promise of delivery fixes.
//! * `topic`: a record in, from any core.
//! * `connection`, `caretaker`: the producer, and what keeps it alive.
//! * `reports`: the thread that takes its reports.
//! * `events`: what librdkafka's thread says; the one place where its thread meets ours.
//! * `judge`: an error of librdkafka as a verdict on a record, purely.
//! * `health`: what the targets are told about the cluster.

mod caretaker;
mod connection;
mod events;
mod health;
mod judge;
mod mapping;
mod probe;
mod properties;
mod reports;
mod settings;
mod topic;

use sluicegate_contract::{Field, Kind};

pub use connection::{Bounds, Connection};
pub use probe::probe;
pub use properties::Properties;
pub use settings::{ConnectionSettings, RecordLimits, Settings};
pub use topic::Topic;

/// The place of `key` in [`FIELDS`].
pub(crate) const KEY: usize = 0;
/// The place of `value` in [`FIELDS`].
pub(crate) const VALUE: usize = 1;
/// The place of `headers` in [`FIELDS`].
pub(crate) const HEADERS: usize = 2;
/// The place of `partition` in [`FIELDS`].
pub(crate) const PARTITION: usize = 3;
/// The place of `timestamp` in [`FIELDS`].
pub(crate) const TIMESTAMP: usize = 4;

/// The place of `topic` in [`FIELDS`].
pub(crate) const TOPIC: usize = 5;

/// The last millisecond of the year 9999: later timestamps are mistakes of unit.
const TIMESTAMP_MILLISECONDS_MAX: i64 = 253_402_300_799_999;

/// What a mapping may set in a record for Kafka.
pub const FIELDS: &[Field] = &[
    Field {
        name: "key",
        kind: Kind::Payload,
        required: false,
        default: None,
        doc: "The record's key: chooses its partition (murmur2, as Java's client does), so that \
              records of one key stay in order. Without it partitions are filled in turn.",
    },
    Field {
        name: "value",
        kind: Kind::PayloadOrNull,
        required: false,
        default: Some("${event}"),
        doc: "The record's value. Null, or an expression that gives null or nothing, makes a record \
              without a value: a tombstone, which deletes its key from a compacted topic, and so \
              needs `key`.",
    },
    Field {
        name: "headers",
        kind: Kind::TextMap { entries_max: 64 },
        required: false,
        default: None,
        doc: "The record's headers, at most 64; one whose value is absent is left out.",
    },
    Field {
        name: "partition",
        kind: Kind::Integer {
            min: 0,
            max: i32::MAX as i64,
        },
        required: false,
        default: None,
        doc: "The partition, where the key shall not choose it. One that the topic does not have \
              is refused.",
    },
    Field {
        name: "timestamp",
        kind: Kind::Integer {
            min: 1,
            max: TIMESTAMP_MILLISECONDS_MAX,
        },
        required: false,
        default: None,
        doc: "The record's time in milliseconds since 1970. Default: when it was handed to the \
              producer.",
    },
    Field {
        name: "topic",
        kind: Kind::Text {
            characters_min: 1,
            characters_max: 249,
        },
        required: false,
        default: None,
        doc: "Which of the target's `topics` takes the record. One that is not among them is a 422.",
    },
];
