//! How a target is read back by the audit: which backend it is, and where its mapping puts an event.

use std::borrow::Cow;

use sluicegate_audit::{
    AwsAccess, DynamodbSource, KafkaSource, KinesisSource, Place, SnsSource, Source,
};
use sluicegate_aws::Access;
use sluicegate_contract::{Field, Record, Value};

use super::TargetSettings;
use super::probe::{access, kafka};
use crate::settings::{Settings, Target};

/// An event, and the record that the mapping makes of it.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The event's id.
    pub id: String,
    /// The event.
    pub event: Vec<u8>,
    /// Its record.
    pub record: Record,
}

/// How a target is read back.
#[derive(Clone, Debug)]
pub struct Audited {
    /// Where.
    pub source: Source,
    /// Whether records of one key stand in one order there.
    pub ordered: bool,
    /// Whether its client keeps that order by itself, whatever is in flight.
    pub alone: bool,
    /// Whether a second write of an event is seen.
    pub shows_copies: bool,
}

/// How this target is read back, by three samples: two of one key and one of another. `None` where
/// it keeps nothing.
///
/// # Errors
/// The mapping does not put the event's id where it could be read, in words for the file's writer.
pub fn audited(
    settings: &Settings,
    target: &Target,
    samples: [&Sample; 3],
) -> Result<Option<Audited>, String> {
    let access = access(settings, target);
    let seen = match &target.room {
        TargetSettings::Discard(_) => return Ok(None),
        TargetSettings::Log(written) => {
            place(samples, sluicegate_log::FIELDS, "value").map(|place| {
                Audited {
                    // One order of all records, whatever their keys.
                    ordered: true,
                    alone: true,
                    shows_copies: true,
                    source: Source::Log {
                        dir: written.dir.clone(),
                        place,
                    },
                }
            })
        }
        TargetSettings::Kafka(written) => {
            let connection = kafka(settings, target).or_else(|| written.own_connection());
            of_kafka(written, &connection.ok_or("it names no cluster")?, samples)
        }
        TargetSettings::Kinesis(written) => of_kinesis(written, access, samples),
        TargetSettings::Sns(written) => of_sns(written, access, samples),
        TargetSettings::Dynamodb(written) => of_dynamodb(written, access, samples),
    };
    seen.map(Some)
}

fn of_kafka(
    written: &sluicegate_kafka::Settings,
    connection: &sluicegate_kafka::ConnectionSettings,
    samples: [&Sample; 3],
) -> Result<Audited, String> {
    let fields = sluicegate_kafka::FIELDS;
    let properties = connection.properties.iter();
    Ok(Audited {
        ordered: by_key(samples, fields, "key"),
        alone: true,
        shows_copies: true,
        source: Source::Kafka(KafkaSource {
            servers: connection.bootstrap_servers.clone(),
            topic: match &written.topic {
                Some(topic) => topic.clone(),
                None => topic(samples)?,
            },
            properties: properties
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            place: place(samples, fields, "value")?,
        }),
    })
}

fn of_kinesis(
    written: &sluicegate_kinesis::Settings,
    access: Access,
    samples: [&Sample; 3],
) -> Result<Audited, String> {
    let fields = sluicegate_kinesis::FIELDS;
    let mut written = written.clone();
    written.shared = access;
    let stream = written.stream.as_ref().or(written.stream_arn.as_ref());
    Ok(Audited {
        ordered: by_key(samples, fields, "partition_key"),
        alone: false,
        shows_copies: true,
        source: Source::Kinesis(KinesisSource {
            stream: stream.cloned().unwrap_or_default(),
            access: reached(written.access()),
            place: place(samples, fields, "data")?,
        }),
    })
}

fn of_sns(
    written: &sluicegate_sns::Settings,
    access: Access,
    samples: [&Sample; 3],
) -> Result<Audited, String> {
    let fields = sluicegate_sns::FIELDS;
    let mut written = written.clone();
    written.shared = access;
    Ok(Audited {
        ordered: written.is_fifo() && by_key(samples, fields, "group"),
        alone: true,
        shows_copies: true,
        source: Source::Sns(SnsSource {
            topic_arn: written.topic_arn.clone(),
            access: reached(written.access()),
            queue: None,
            place: place(samples, fields, "message")?,
        }),
    })
}

fn of_dynamodb(
    written: &sluicegate_dynamodb::Settings,
    access: Access,
    samples: [&Sample; 3],
) -> Result<Audited, String> {
    let mut written = written.clone();
    written.shared = access;
    let [sample, ..] = samples;
    let item = item(sample)?;
    Ok(Audited {
        ordered: false,
        alone: false,
        shows_copies: item.count.is_some(),
        source: Source::Dynamodb(DynamodbSource {
            table: written.table.clone(),
            access: reached(written.access()),
            id: item.id,
            payload: item.payload,
            count: item.count,
        }),
    })
}

fn reached(access: Access) -> AwsAccess {
    AwsAccess {
        region: access.region,
        endpoint_url: access.endpoint_url,
        profile: access.profile,
    }
}

fn topic(samples: [&Sample; 3]) -> Result<String, String> {
    let chosen = samples.map(|sample| value(&sample.record, sluicegate_kafka::FIELDS, "topic"));
    let [one, same, other] = chosen.map(|value| value.as_text().map(ToString::to_string));
    match one {
        Some(topic) if same.as_ref() == Some(&topic) && other.as_ref() == Some(&topic) => Ok(topic),
        _ => Err("its records choose their topic: name the topics by hand with --kafka".to_owned()),
    }
}

/// Whether events of one key have one value of this field, and those of another a different one.
fn by_key(samples: [&Sample; 3], fields: &'static [Field], name: &str) -> bool {
    let [one, same, other] = samples.map(|sample| bytes(value(&sample.record, fields, name)));
    one.is_some() && one == same && one != other
}

/// Where the event stands in the record's payload.
fn place(samples: [&Sample; 3], fields: &'static [Field], name: &str) -> Result<Place, String> {
    let [sample, ..] = samples;
    let payload = bytes(value(&sample.record, fields, name)).unwrap_or_default();
    Place::find(&payload, &sample.event, &sample.id).ok_or_else(|| {
        format!(
            "its mapping does not put the event's id into `{name}` as JSON, so that nobody could \
             tell which event a record is: map for example {name}: '${{event}}'"
        )
    })
}

fn value<'r>(record: &'r Record, fields: &'static [Field], name: &str) -> &'r Value {
    let place = fields.iter().position(|field| field.name == name);
    record.value(place.unwrap_or(usize::MAX))
}

/// What a value will be in the target.
fn bytes(value: &Value) -> Option<Cow<'_, [u8]>> {
    match value {
        Value::Text(text) => Some(Cow::Borrowed(text.as_bytes())),
        Value::Bytes(bytes) | Value::Json(bytes) => Some(Cow::Borrowed(bytes)),
        Value::Integer(number) => Some(Cow::Owned(number.to_string().into_bytes())),
        _ => None,
    }
}

/// The text of an attribute, where it is one.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Json(json) => serde_json::from_slice(json).ok(),
        value => value.as_text().map(ToString::to_string),
    }
}

struct Item {
    id: String,
    payload: Option<String>,
    count: Option<String>,
}

/// The attributes of a table's item that hold the id, the event and a count of writes.
fn item(sample: &Sample) -> Result<Item, String> {
    let fields = sluicegate_dynamodb::FIELDS;
    let attributes = |value: &Value| match value {
        Value::Map(entries) => entries
            .iter()
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect(),
        Value::Json(json) => {
            let members: serde_json::Map<_, _> = serde_json::from_slice(json).unwrap_or_default();
            let text = |value: serde_json::Value| value.as_str().map(str::to_owned);
            members
                .into_iter()
                .map(|(name, value)| (name, text(value)))
                .collect()
        }
        _ => Vec::<(String, Option<String>)>::new(),
    };
    let mut all = attributes(value(&sample.record, fields, "put"));
    let mut count = None;
    if let Value::Map(sections) = value(&sample.record, fields, "update") {
        for (section, changes) in sections {
            match &**section {
                "key" | "set" | "set_if_absent" => all.extend(attributes(changes)),
                "add" => count = adds_one(changes),
                _ => {}
            }
        }
    }
    let event = std::str::from_utf8(&sample.event).ok();
    let named = |wanted: Option<&str>| {
        let found = all
            .iter()
            .find(|(_, text)| wanted.is_some() && text.as_deref() == wanted);
        found.map(|(name, _)| name.clone())
    };
    let id = named(Some(&sample.id)).ok_or(
        "its mapping puts the event's id alone into no attribute, so that nobody could tell which \
         event an item is: map for example put: { pk: '${event.id}', raw: '${json(event)}' }",
    )?;
    Ok(Item {
        id,
        payload: named(event),
        count,
    })
}

/// The attribute to which each write adds 1.
fn adds_one(changes: &Value) -> Option<String> {
    let Value::Map(entries) = changes else {
        return None;
    };
    let one = |value: &Value| bytes(value).is_some_and(|bytes| &*bytes == b"1");
    let found = entries.iter().find(|(_, value)| one(value));
    found.map(|(name, _)| name.to_string())
}
