//! The rooms: the only file of `src` that names a backend.

#[cfg(feature = "audit")]
mod audited;
#[cfg(feature = "sandbox")]
mod embedded;
mod envelope;
mod facts;
mod kept;
mod keys;
mod open;
mod probe;
mod receipts;

use std::path::Path;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use sluicegate_contract::{Field, MappingFault, Outline};

#[cfg(feature = "audit")]
pub use audited::{Audited, Sample, audited};
#[cfg(feature = "sandbox")]
pub use embedded::{Embedded, Landed, Landings, Place};
pub use envelope::{Envelope, Unfit};
pub use facts::Spread;
pub use kept::{Kept, MARK_LETTER, MARK_RECORD, read_kept};
pub use keys::{KeyTableSettings, open_keys};
pub use open::{RoomContext, open, rehearsed};
pub use probe::{Seen, probe};
pub use receipts::{receipt_members, rehearsed_receipt};

/// A target's room as its settings say, ready to be opened.
#[derive(Clone, Debug, PartialEq)]
pub enum TargetSettings {
    /// Takes everything and keeps nothing.
    Discard(sluicegate_discard::Settings),
    /// An append log on this machine's disk.
    Log(sluicegate_log::Settings),
    /// A DynamoDB table.
    #[cfg(feature = "dynamodb")]
    Dynamodb(sluicegate_dynamodb::Settings),
    /// A Kinesis stream.
    #[cfg(feature = "kinesis")]
    Kinesis(sluicegate_kinesis::Settings),
    /// An SNS topic.
    #[cfg(feature = "sns")]
    Sns(sluicegate_sns::Settings),
    /// A Kafka topic.
    #[cfg(feature = "kafka")]
    Kafka(sluicegate_kafka::Settings),
}

/// A connection that targets share, as its settings say.
#[derive(Clone, Debug, PartialEq)]
pub enum ConnectionSettings {
    /// How to reach AWS.
    #[cfg(any(feature = "dynamodb", feature = "kinesis", feature = "sns"))]
    Aws(sluicegate_aws::Access),
    /// A Kafka cluster.
    #[cfg(feature = "kafka")]
    Kafka(sluicegate_kafka::ConnectionSettings),
}

/// A kind of target: the key that stands in a file, and what the file may say there.
#[derive(Clone, Copy, Debug)]
pub struct TargetKind {
    /// The key under a target's name.
    pub name: &'static str,
    /// The fields of its record.
    pub fields: &'static [Field],
    /// The kind of connection that it may share.
    pub connection: Option<&'static str>,
    /// The schema of its settings.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
}

/// A kind of connection.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionKind {
    /// The key under a connection's name.
    pub name: &'static str,
    /// The schema of its settings.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
}

/// All kinds of targets of this build.
pub const TARGETS: &[TargetKind] = &[
    #[cfg(feature = "dynamodb")]
    TargetKind {
        name: "dynamodb",
        fields: sluicegate_dynamodb::FIELDS,
        connection: Some("aws"),
        schema: sluicegate_dynamodb::Settings::json_schema,
    },
    #[cfg(feature = "kinesis")]
    TargetKind {
        name: "kinesis",
        fields: sluicegate_kinesis::FIELDS,
        connection: Some("aws"),
        schema: sluicegate_kinesis::Settings::json_schema,
    },
    #[cfg(feature = "sns")]
    TargetKind {
        name: "sns",
        fields: sluicegate_sns::FIELDS,
        connection: Some("aws"),
        schema: sluicegate_sns::Settings::json_schema,
    },
    #[cfg(feature = "kafka")]
    TargetKind {
        name: "kafka",
        fields: sluicegate_kafka::FIELDS,
        connection: Some("kafka"),
        schema: sluicegate_kafka::Settings::json_schema,
    },
    TargetKind {
        name: "log",
        fields: sluicegate_log::FIELDS,
        connection: None,
        schema: sluicegate_log::Settings::json_schema,
    },
    TargetKind {
        name: "discard",
        fields: sluicegate_discard::FIELDS,
        connection: None,
        schema: sluicegate_discard::Settings::json_schema,
    },
];

/// The fields of the records of this kind of target; none of a kind that this build does not have.
#[must_use]
pub fn fields(kind: &str) -> &'static [Field] {
    let known = TARGETS.iter().find(|known| known.name == kind);
    known.map_or(&[], |known| known.fields)
}

/// All kinds of connections of this build.
pub const CONNECTIONS: &[ConnectionKind] = &[
    #[cfg(any(feature = "dynamodb", feature = "kinesis", feature = "sns"))]
    ConnectionKind {
        name: "aws",
        schema: sluicegate_aws::Access::json_schema,
    },
    #[cfg(feature = "kafka")]
    ConnectionKind {
        name: "kafka",
        schema: sluicegate_kafka::ConnectionSettings::json_schema,
    },
];

impl TargetSettings {
    /// Reads the settings of a target of this kind.
    ///
    /// # Errors
    /// What the room's own type has against them.
    pub fn read<'de, D: serde::Deserializer<'de>>(kind: &str, from: D) -> Result<Self, D::Error> {
        match kind {
            #[cfg(feature = "dynamodb")]
            "dynamodb" => Deserialize::deserialize(from).map(Self::Dynamodb),
            #[cfg(feature = "kinesis")]
            "kinesis" => Deserialize::deserialize(from).map(Self::Kinesis),
            #[cfg(feature = "sns")]
            "sns" => Deserialize::deserialize(from).map(Self::Sns),
            #[cfg(feature = "kafka")]
            "kafka" => Deserialize::deserialize(from).map(Self::Kafka),
            "log" => Deserialize::deserialize(from).map(Self::Log),
            "discard" => Deserialize::deserialize(from).map(Self::Discard),
            other => Err(serde::de::Error::custom(format!(
                "`{other}` is no kind of target"
            ))),
        }
    }

    /// What can be known of the settings without running.
    ///
    /// # Errors
    /// The key at fault, and what is wrong with it.
    pub fn validate(&self) -> Result<(), (&'static str, String)> {
        match self {
            Self::Discard(_) => Ok(()),
            Self::Log(settings) => settings.validate(),
            #[cfg(feature = "dynamodb")]
            Self::Dynamodb(settings) => settings.validate(),
            #[cfg(feature = "kinesis")]
            Self::Kinesis(settings) => settings.validate(),
            #[cfg(feature = "sns")]
            Self::Sns(settings) => settings.validate(),
            #[cfg(feature = "kafka")]
            Self::Kafka(settings) => settings.validate(),
        }
    }

    /// The same, with relative paths that start at this directory: that of its file.
    #[must_use]
    pub fn starting_at(mut self, directory: &Path) -> Self {
        if let Self::Log(settings) = &mut self {
            settings.start_at(directory);
        }
        self
    }

    /// The directory that it has for itself.
    #[must_use]
    pub fn directory(&self) -> Option<&Path> {
        match self {
            Self::Log(settings) => Some(&settings.dir),
            _ => None,
        }
    }

    /// What of a mapping into it could never be sent, as far as the file says it: `fields` has an
    /// outline for each of the kind's fields.
    #[must_use]
    pub fn check_mapping(&self, fields: &[Outline]) -> Vec<MappingFault> {
        match self {
            #[cfg(feature = "dynamodb")]
            Self::Dynamodb(settings) => settings.check_mapping(fields),
            #[cfg(feature = "sns")]
            Self::Sns(settings) => settings.check_mapping(fields),
            #[cfg(feature = "kafka")]
            Self::Kafka(settings) => settings.check_mapping(fields),
            _ => Vec::new(),
        }
    }

    /// The name of the connection that it shares.
    #[must_use]
    pub fn connection(&self) -> Option<&str> {
        match self {
            Self::Discard(_) | Self::Log(_) => None,
            #[cfg(feature = "dynamodb")]
            Self::Dynamodb(settings) => settings.connection.as_deref(),
            #[cfg(feature = "kinesis")]
            Self::Kinesis(settings) => settings.connection.as_deref(),
            #[cfg(feature = "sns")]
            Self::Sns(settings) => settings.connection.as_deref(),
            #[cfg(feature = "kafka")]
            Self::Kafka(settings) => settings.connection.as_deref(),
        }
    }

    /// Its kind's name.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Discard(_) => "discard",
            Self::Log(_) => "log",
            #[cfg(feature = "dynamodb")]
            Self::Dynamodb(_) => "dynamodb",
            #[cfg(feature = "kinesis")]
            Self::Kinesis(_) => "kinesis",
            #[cfg(feature = "sns")]
            Self::Sns(_) => "sns",
            #[cfg(feature = "kafka")]
            Self::Kafka(_) => "kafka",
        }
    }
}

impl ConnectionSettings {
    /// Reads the settings of a connection of this kind.
    ///
    /// # Errors
    /// What the room's own type has against them.
    pub fn read<'de, D: serde::Deserializer<'de>>(kind: &str, from: D) -> Result<Self, D::Error> {
        match kind {
            #[cfg(any(feature = "dynamodb", feature = "kinesis", feature = "sns"))]
            "aws" => Deserialize::deserialize(from).map(Self::Aws),
            #[cfg(feature = "kafka")]
            "kafka" => Deserialize::deserialize(from).map(Self::Kafka),
            other => {
                drop(from);
                Err(serde::de::Error::custom(format!(
                    "`{other}` is no kind of connection"
                )))
            }
        }
    }

    /// What can be known of the settings without running.
    ///
    /// # Errors
    /// The key at fault, and what is wrong with it.
    pub fn validate(&self) -> Result<(), (&'static str, String)> {
        match self {
            #[cfg(any(feature = "dynamodb", feature = "kinesis", feature = "sns"))]
            Self::Aws(access) => access.validate(),
            #[cfg(feature = "kafka")]
            Self::Kafka(connection) => connection.validate(),
            #[cfg(not(any(
                feature = "dynamodb",
                feature = "kinesis",
                feature = "sns",
                feature = "kafka"
            )))]
            _ => Ok(()),
        }
    }

    /// Its kind's name.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            #[cfg(any(feature = "dynamodb", feature = "kinesis", feature = "sns"))]
            Self::Aws(_) => "aws",
            #[cfg(feature = "kafka")]
            Self::Kafka(_) => "kafka",
            #[cfg(not(any(
                feature = "dynamodb",
                feature = "kinesis",
                feature = "sns",
                feature = "kafka"
            )))]
            _ => "",
        }
    }
}
