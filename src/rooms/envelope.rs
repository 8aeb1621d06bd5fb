//! How a dead letter becomes a record of each kind of target.

use std::sync::Arc;

use bytes::Bytes;
use sluicegate_contract::{Field, Name, Record, Value};

use super::TargetSettings;
use crate::dead_letters::Letter;

/// How dead letters become records of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Envelope {
    /// A log keeps the letter in its stored form, so that it can be replayed.
    Log,
    /// JSON in the payload of a record.
    Payload(&'static str),
    /// JSON in a message of an SNS topic.
    #[cfg(feature = "sns")]
    Sns {
        /// It is a FIFO topic.
        fifo: bool,
    },
    /// An item of a DynamoDB table.
    #[cfg(feature = "dynamodb")]
    Dynamodb {
        /// The partition key's attribute.
        partition: Arc<str>,
        /// The sort key's attribute, and whether it is a number.
        sort: Option<(Arc<str>, bool)>,
    },
}

/// Why a target cannot take dead letters, and what to do about it.
pub type Unfit = (String, String);

impl TargetSettings {
    /// How dead letters become records of this target.
    ///
    /// # Errors
    /// It cannot take them.
    pub fn envelope(&self) -> Result<Envelope, Unfit> {
        match self {
            Self::Discard(_) => Ok(Envelope::Payload("discard")),
            Self::Log(_) => Ok(Envelope::Log),
            #[cfg(feature = "kinesis")]
            Self::Kinesis(_) => Ok(Envelope::Payload("kinesis")),
            #[cfg(feature = "kafka")]
            Self::Kafka(settings) if !settings.topics.is_empty() => Err((
                "it has several `topics`, and a dead letter does not say for which it is"
                    .to_owned(),
                "make a target with one `topic` for them".to_owned(),
            )),
            #[cfg(feature = "kafka")]
            Self::Kafka(_) => Ok(Envelope::Payload("kafka")),
            #[cfg(feature = "sns")]
            Self::Sns(settings) => Ok(Envelope::Sns {
                fifo: settings.is_fifo(),
            }),
            #[cfg(feature = "dynamodb")]
            Self::Dynamodb(settings) => table(settings),
        }
    }
}

/// The key of a letter's item is made of its request's id and its place in it.
#[cfg(feature = "dynamodb")]
fn table(settings: &sluicegate_dynamodb::Settings) -> Result<Envelope, Unfit> {
    use sluicegate_dynamodb::KeyType;

    let Some(key) = &settings.key else {
        return Err((
            "it does not say its table's key, of which a dead letter needs the names".to_owned(),
            "write `key: { pk: S }` into the target, with the table's own names".to_owned(),
        ));
    };
    let mut attributes = key.0.iter();
    let partition = attributes.next();
    let Some((partition, KeyType::S)) = partition.map(|(name, kind)| (name, *kind)) else {
        return Err((
            "the partition key of its table is no string, and a dead letter's is its request's id"
                .to_owned(),
            "take a table with the partition key of type `S`".to_owned(),
        ));
    };
    let sort = match attributes.next() {
        None => None,
        Some((_, KeyType::B)) => {
            return Err((
                "the sort key of its table is binary, and a dead letter's is a number".to_owned(),
                "take a table with a sort key of type `N` or `S`, or with none".to_owned(),
            ));
        }
        Some((name, kind)) => Some((Arc::from(name.as_str()), *kind == KeyType::N)),
    };
    Ok(Envelope::Dynamodb {
        partition: Arc::from(partition.as_str()),
        sort,
    })
}

impl Envelope {
    /// The record of a letter.
    #[must_use]
    pub fn record(&self, letter: &Letter) -> Record {
        match self {
            Self::Log => sluicegate_log::letter(letter.encode()),
            Self::Payload(kind) => payload(kind, letter),
            #[cfg(feature = "sns")]
            Self::Sns { fifo } => {
                let id = format!("{}-{}", letter.request_id(), letter.number);
                let only = |text: String| match fifo {
                    true => Value::Text(text.into()),
                    false => Value::Absent,
                };
                let group: String = letter.target.chars().take(128).collect();
                let values = [
                    ("message", json(letter)),
                    ("attributes", headers(letter)),
                    ("group", only(group)),
                    ("deduplication_id", only(id)),
                ];
                in_order(sluicegate_sns::FIELDS, values)
            }
            #[cfg(feature = "dynamodb")]
            Self::Dynamodb { partition, sort } => item(letter, partition, sort.as_ref()),
        }
    }
}

fn payload(kind: &str, letter: &Letter) -> Record {
    let id = || Value::Text(letter.request_id().into());
    match kind {
        #[cfg(feature = "kafka")]
        "kafka" => {
            let values = [
                ("key", id()),
                ("value", json(letter)),
                ("headers", headers(letter)),
            ];
            in_order(sluicegate_kafka::FIELDS, values)
        }
        #[cfg(feature = "kinesis")]
        "kinesis" => {
            let values = [("partition_key", id()), ("data", json(letter))];
            in_order(sluicegate_kinesis::FIELDS, values)
        }
        _ => in_order(sluicegate_discard::FIELDS, [("data", json(letter))]),
    }
}

/// An item with the members of the JSON form beside its key; those that have a key's name give way
/// to it.
#[cfg(feature = "dynamodb")]
fn item(letter: &Letter, partition: &Arc<str>, sort: Option<&(Arc<str>, bool)>) -> Record {
    let text = |text: &str| Value::Text(text.into());
    let number = |number: u32| Value::Integer(number.into());
    let id = letter.request_id();
    let mut entries: Vec<(Name, Value)> = match sort {
        None => vec![(partition.clone(), text(&format!("{id}/{}", letter.number)))],
        Some((sort, numeric)) => {
            let place = match numeric {
                true => number(letter.number),
                false => text(&letter.number.to_string()),
            };
            vec![(partition.clone(), text(&id)), (sort.clone(), place)]
        }
    };
    let members = [
        ("dead_letter", number(1)),
        ("time", text(&letter.rfc3339())),
        ("request_id", text(&id)),
        ("route", text(&letter.route)),
        ("target", text(&letter.target)),
        ("kind", text(&letter.kind)),
        ("binding", text(&letter.binding)),
        ("reason", text(&letter.reason)),
        (
            "detail",
            letter.detail.as_deref().map_or(Value::Absent, text),
        ),
        ("attempts", number(letter.attempts)),
        ("event", number(letter.event)),
        ("number", number(letter.number)),
        // As text: an item has its own rules for names and depth, which it may not fit.
        ("record", text(&letter.record_json())),
    ];
    for (name, value) in members {
        let taken = entries.iter().any(|(known, _)| **known == *name);
        if !taken && !value.is_absent() {
            entries.push((Name::from(name), value));
        }
    }
    in_order(sluicegate_dynamodb::FIELDS, [("put", Value::Map(entries))])
}

fn json(letter: &Letter) -> Value {
    Value::Bytes(Bytes::from(letter.json()))
}

/// What a consumer may choose letters by without reading them.
fn headers(letter: &Letter) -> Value {
    let entry = |name: &str, value: &str| (Name::from(name), Value::Text(value.into()));
    Value::Map(vec![
        entry("dead_letter_target", &letter.target),
        entry("dead_letter_reason", &letter.reason),
    ])
}

/// A record of these values, in the order of the room's fields.
fn in_order<const N: usize>(fields: &[Field], values: [(&str, Value); N]) -> Record {
    let mut record = Record::new(fields.iter().map(|_| Value::Absent));
    for (name, value) in values {
        let place = fields.iter().position(|field| field.name == name);
        debug_assert!(place.is_some(), "`{name}` is no field");
        if let Some(slot) = place.and_then(|place| record.values_mut().get_mut(place)) {
            *slot = value;
        }
    }
    record
}
