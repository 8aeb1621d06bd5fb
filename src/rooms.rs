//! The rooms: the only file of `src` that names a backend.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use sluicegate_contract::Field;

/// A target's room as its settings say, ready to be opened.
#[derive(Clone, Debug, PartialEq)]
pub enum TargetSettings {
    /// Takes everything and keeps nothing.
    Discard,
}

/// A connection that targets share, as its settings say.
#[derive(Clone, Debug, PartialEq)]
pub enum ConnectionSettings {}

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
pub const TARGETS: &[TargetKind] = &[TargetKind {
    name: "discard",
    fields: DISCARD_FIELDS,
    connection: None,
    schema: Nothing::json_schema,
}];

/// All kinds of connections of this build.
pub const CONNECTIONS: &[ConnectionKind] = &[];

const DISCARD_FIELDS: &[Field] = &[];

/// Takes everything and keeps nothing: for trying a file and for measuring. `discard: {}`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Nothing {}

impl TargetSettings {
    /// Reads the settings of a target of this kind.
    ///
    /// # Errors
    /// What the room's own type has against them.
    pub fn read<'de, D: serde::Deserializer<'de>>(kind: &str, from: D) -> Result<Self, D::Error> {
        match kind {
            "discard" => Nothing::deserialize(from).map(|_| Self::Discard),
            other => Err(serde::de::Error::custom(format!(
                "`{other}` is no kind of target"
            ))),
        }
    }

    /// What can be known of the settings without running: the key at fault and what is wrong.
    ///
    /// # Errors
    /// The key at fault, and what is wrong with it.
    pub fn validate(&self) -> Result<(), (&'static str, String)> {
        match self {
            Self::Discard => Ok(()),
        }
    }

    /// The name of the connection that it shares.
    #[must_use]
    pub fn connection(&self) -> Option<&str> {
        match self {
            Self::Discard => None,
        }
    }

    /// Its kind's name.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Discard => "discard",
        }
    }
}

impl ConnectionSettings {
    /// Reads the settings of a connection of this kind.
    ///
    /// # Errors
    /// What the room's own type has against them.
    pub fn read<'de, D: serde::Deserializer<'de>>(kind: &str, from: D) -> Result<Self, D::Error> {
        drop(from);
        Err(serde::de::Error::custom(format!(
            "`{kind}` is no kind of connection"
        )))
    }

    /// What can be known of the settings without running: the key at fault and what is wrong.
    ///
    /// # Errors
    /// The key at fault, and what is wrong with it.
    pub fn validate(&self) -> Result<(), (&'static str, String)> {
        match *self {}
    }

    /// Its kind's name.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match *self {}
    }
}
