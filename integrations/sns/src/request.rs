//! From records to a PublishBatch call. Pure: no client, no socket.

use std::borrow::Cow;
use std::collections::HashMap;

use aws_sdk_sns::types::PublishBatchRequestEntry;
use sluicegate_contract::{
    Batch, ByteSize, Field, Kind, Limits, Reason, ReasonKind, Record, Value,
};

use crate::attributes::{self, ATTRIBUTES_MAX};

/// What a mapping may set, in the order of a record's values.
pub const FIELDS: &[Field] = &[
    Field {
        name: "message",
        kind: Kind::Payload,
        required: false,
        default: Some("${event}"),
        doc: "The message: text of at least one character. With subject and attributes 256 KiB at \
              most, unless `limits` says more.",
    },
    Field {
        name: "attributes",
        kind: Kind::AttributeMap {
            entries_max: ATTRIBUTES_MAX,
        },
        required: false,
        default: None,
        doc: "Message attributes, for filter policies: text is a String, a number a Number, a list \
              a String.Array, bytes Binary. At most 10, names of 1 to 256 letters, digits, `_`, \
              `-` and `.`.",
    },
    Field {
        name: "subject",
        kind: Kind::Text {
            characters_min: 1,
            characters_max: SUBJECT_CHARACTERS_MAX,
        },
        required: false,
        default: None,
        doc: "The subject of mails: 1 to 100 printable ASCII characters, the first no space.",
    },
    Field {
        name: "group",
        kind: ID,
        required: false,
        default: None,
        doc: "The message group. A FIFO topic needs it, and keeps the order of each group: one \
              message of a group is in flight at a time. 1 to 128 letters, digits and signs.",
    },
    Field {
        name: "deduplication_id",
        kind: ID,
        required: false,
        default: None,
        doc: "What a FIFO topic tells repeated messages by, for 5 minutes. Without it the topic's \
              content-based deduplication must be on. 1 to 128 letters, digits and signs.",
    },
    Field {
        name: "protocols",
        kind: Kind::PayloadMap {
            entries_max: PROTOCOLS.len(),
        },
        required: false,
        default: None,
        doc: "Messages for the subscribers of single protocols, such as `sqs` or `email`; all \
              others get `message`.",
    },
];

const MESSAGE: usize = 0;
const ATTRIBUTES: usize = 1;
const SUBJECT: usize = 2;
pub(crate) const GROUP: usize = 3;
pub(crate) const DEDUPLICATION_ID: usize = 4;
pub(crate) const PROTOCOL_MESSAGES: usize = 5;

const ID: Kind = Kind::Text {
    characters_min: 1,
    characters_max: ID_CHARACTERS_MAX,
};
/// Characters of a group and of a deduplication id.
const ID_CHARACTERS_MAX: usize = 128;
const SUBJECT_CHARACTERS_MAX: usize = 100;
/// What subscriptions are of. SMS is left out: it costs money by the message and has no batches.
pub(crate) const PROTOCOLS: &[&str] = &[
    "http",
    "https",
    "email",
    "email-json",
    "sqs",
    "lambda",
    "application",
    "firehose",
    "APNS",
    "APNS_SANDBOX",
    "GCM",
    "ADM",
    "BAIDU",
    "WNS",
    "MPNS",
];

/// Bytes of this record as SNS counts them: message, subject, and each attribute's name, type and
/// value.
///
/// # Errors
/// Why SNS would never take this record.
pub(crate) fn weigh(record: &Record, limits: &Limits, is_fifo: bool) -> Result<usize, Reason> {
    let message = body(record)?;
    let subject = subject(record)?.unwrap_or_default();
    let mut bytes = message.len() + subject.len();
    for attribute in attributes::read(record.value(ATTRIBUTES))? {
        bytes += attribute.bytes();
    }
    if is_fifo && id(record, GROUP, "group")?.is_none() {
        let detail = "a FIFO topic needs `group`, and the expression gives nothing";
        return Err(invalid(detail.to_owned()));
    }
    id(record, DEDUPLICATION_ID, "deduplication_id")?;
    if bytes > limits.record_bytes {
        let most = ByteSize(limits.record_bytes as u64);
        let detail = format!("{bytes} bytes of message, subject and attributes; SNS takes {most}");
        return Err(Reason::new(ReasonKind::TooLarge, detail));
    }
    Ok(bytes)
}

/// The message group of a record.
pub(crate) fn group(record: &Record) -> Option<&str> {
    record.value(GROUP).as_text()
}

/// The entries of one call, in the batch's order; an entry's id is its place.
///
/// # Errors
/// Why a record cannot be an entry; `weigh` said so before.
pub(crate) fn entries(batch: &Batch) -> Result<Vec<PublishBatchRequestEntry>, Reason> {
    batch
        .records()
        .iter()
        .enumerate()
        .map(|(place, record)| entry(place, record))
        .collect()
}

fn entry(place: usize, record: &Record) -> Result<PublishBatchRequestEntry, Reason> {
    let mut made = HashMap::new();
    for attribute in attributes::read(record.value(ATTRIBUTES))? {
        made.insert(attribute.name.to_string(), attribute.into_sdk()?);
    }
    let structure = has_protocols(record).then(|| "json".to_owned());
    let text = |field| record.value(field).as_text().map(str::to_owned);
    PublishBatchRequestEntry::builder()
        .id(place.to_string())
        .message(body(record)?)
        .set_message_structure(structure)
        .set_subject(subject(record)?.map(str::to_owned))
        .set_message_attributes(Some(made).filter(|made| !made.is_empty()))
        .set_message_group_id(text(GROUP))
        .set_message_deduplication_id(text(DEDUPLICATION_ID))
        .build()
        .map_err(|error| invalid(error.to_string()))
}

/// A group or a deduplication id.
fn id<'r>(record: &'r Record, field: usize, name: &str) -> Result<Option<&'r str>, Reason> {
    let Some(text) = record.value(field).as_text() else {
        return Ok(None);
    };
    let good = (1..=ID_CHARACTERS_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    if good {
        return Ok(Some(text));
    }
    let detail = format!("`{name}` must be 1 to 128 ASCII letters, digits and signs, no spaces");
    Err(invalid(detail))
}

fn has_protocols(record: &Record) -> bool {
    matches!(record.value(PROTOCOL_MESSAGES), Value::Map(entries) if !entries.is_empty())
}

/// What is sent as the message: its text, or a JSON object of texts by protocol.
fn body(record: &Record) -> Result<Cow<'_, str>, Reason> {
    let message = message(record)?;
    let Value::Map(entries) = record.value(PROTOCOL_MESSAGES) else {
        return Ok(Cow::Borrowed(message));
    };
    if entries.is_empty() {
        return Ok(Cow::Borrowed(message));
    }
    let mut all = serde_json::Map::new();
    all.insert("default".to_owned(), message.into());
    for (name, value) in entries {
        if !PROTOCOLS.contains(&&**name) {
            return Err(invalid(format!("`{}` is no protocol", name.escape_debug())));
        }
        let text = value.as_bytes().map_or(&[][..], |bytes| bytes);
        all.insert(name.to_string(), legal_text(text, name)?.into());
    }
    Ok(Cow::Owned(serde_json::Value::Object(all).to_string()))
}

fn message(record: &Record) -> Result<&str, Reason> {
    let bytes = record.value(MESSAGE).as_bytes();
    legal_text(bytes.map_or(&[][..], |bytes| bytes), "message")
}

fn legal_text<'r>(bytes: &'r [u8], what: &str) -> Result<&'r str, Reason> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| invalid(format!("the {what} is not UTF-8 text: SNS takes no other")))?;
    if text.is_empty() {
        return Err(invalid(format!("the {what} is empty")));
    }
    if !is_legal(text) {
        let detail = format!(
            "the {what} holds a character that SNS does not take (a control character, U+FFFE or \
             U+FFFF)"
        );
        return Err(invalid(detail));
    }
    Ok(text)
}

/// SNS takes the characters that XML has.
pub(crate) fn is_legal(text: &str) -> bool {
    text.chars().all(|character| {
        !matches!(
            character,
            '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}'
        )
    })
}

fn subject(record: &Record) -> Result<Option<&str>, Reason> {
    let Some(subject) = record.value(SUBJECT).as_text() else {
        return Ok(None);
    };
    let printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    let good = (1..=SUBJECT_CHARACTERS_MAX).contains(&subject.len())
        && !subject.starts_with(' ')
        && subject.bytes().all(printable);
    if !good {
        let detail = "the subject must be 1 to 100 printable ASCII characters, the first no space";
        return Err(invalid(detail.to_owned()));
    }
    Ok(Some(subject))
}

pub(crate) fn invalid(detail: String) -> Reason {
    Reason::new(ReasonKind::Invalid, detail)
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
