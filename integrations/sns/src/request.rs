//! From records to a PublishBatch call. Pure: no client, no socket.

use std::collections::HashMap;

use aws_sdk_sns::types::{MessageAttributeValue, PublishBatchRequestEntry};
use sluicegate_contract::{
    Batch, ByteSize, Field, Kind, Limits, Name, Reason, ReasonKind, Record, Value,
};

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
        kind: Kind::TextMap {
            entries_max: ATTRIBUTES_MAX,
        },
        required: false,
        default: None,
        doc: "Message attributes of type String, for filter policies: at most 10, names of 1 to \
              256 letters, digits, `_`, `-` and `.`.",
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
];

const MESSAGE: usize = 0;
const ATTRIBUTES: usize = 1;
const SUBJECT: usize = 2;

/// More attributes than these do not reach a raw SQS subscription, and silently at that.
const ATTRIBUTES_MAX: usize = 10;
const ATTRIBUTE_NAME_BYTES_MAX: usize = 256;
const ATTRIBUTE_TYPE: &str = "String";
const SUBJECT_CHARACTERS_MAX: usize = 100;

/// Bytes of this record as SNS counts them: message, subject, and each attribute's name, type and
/// value.
///
/// # Errors
/// Why SNS would never take this record.
pub(crate) fn weigh(record: &Record, limits: &Limits) -> Result<usize, Reason> {
    let message = message(record)?;
    let subject = subject(record)?.unwrap_or_default();
    let mut bytes = message.len() + subject.len();
    for (name, value) in attributes(record)? {
        bytes += name.len() + ATTRIBUTE_TYPE.len() + value?.len();
    }
    if bytes > limits.record_bytes {
        let most = ByteSize(limits.record_bytes as u64);
        let detail = format!("{bytes} bytes of message, subject and attributes; SNS takes {most}");
        return Err(Reason::new(ReasonKind::TooLarge, detail));
    }
    Ok(bytes)
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
    for (name, value) in attributes(record)? {
        let attribute = MessageAttributeValue::builder()
            .data_type(ATTRIBUTE_TYPE)
            .string_value(value?)
            .build()
            .map_err(|error| invalid(error.to_string()))?;
        made.insert(name.to_string(), attribute);
    }
    PublishBatchRequestEntry::builder()
        .id(place.to_string())
        .message(message(record)?)
        .set_subject(subject(record)?.map(str::to_owned))
        .set_message_attributes(Some(made).filter(|made| !made.is_empty()))
        .build()
        .map_err(|error| invalid(error.to_string()))
}

fn message(record: &Record) -> Result<&str, Reason> {
    let bytes = record
        .value(MESSAGE)
        .as_bytes()
        .map_or(&[][..], |bytes| bytes);
    let text = std::str::from_utf8(bytes)
        .map_err(|_| invalid("the message is not UTF-8 text: SNS takes no other".to_owned()))?;
    if text.is_empty() {
        return Err(invalid("the message is empty".to_owned()));
    }
    if !is_legal(text) {
        let detail = "the message holds a character that SNS does not take (a control character, \
                      U+FFFE or U+FFFF)";
        return Err(invalid(detail.to_owned()));
    }
    Ok(text)
}

/// SNS takes the characters that XML has.
fn is_legal(text: &str) -> bool {
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

/// Names and values of the attributes that are there.
fn attributes(
    record: &Record,
) -> Result<impl Iterator<Item = (&Name, Result<&str, Reason>)>, Reason> {
    let entries: &[(Name, Value)] = match record.value(ATTRIBUTES) {
        Value::Map(entries) => entries,
        _ => &[],
    };
    let there = || entries.iter().filter(|(_, value)| !value.is_absent());
    if there().count() > ATTRIBUTES_MAX {
        return Err(invalid(format!(
            "a message has at most {ATTRIBUTES_MAX} attributes"
        )));
    }
    for (place, (name, _)) in there().enumerate() {
        check_attribute_name(name)?;
        if there().take(place).any(|(earlier, _)| earlier == name) {
            return Err(invalid(format!("the attribute `{name}` stands twice")));
        }
    }
    Ok(there().map(|(name, value)| {
        let text = value
            .as_text()
            .filter(|text| !text.is_empty() && is_legal(text))
            .ok_or_else(|| {
                invalid(format!(
                    "the attribute `{name}` must be text, and not empty"
                ))
            });
        (name, text)
    }))
}

fn check_attribute_name(name: &str) -> Result<(), Reason> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let reserved = ["aws.", "amazon."].iter().any(|prefix| {
        name.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    });
    let dots = name.starts_with('.') || name.ends_with('.') || name.contains("..");
    let good = (1..=ATTRIBUTE_NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(legal)
        && !reserved
        && !dots;
    if good {
        return Ok(());
    }
    let shown: String = name.chars().take(64).filter(|c| !c.is_control()).collect();
    let detail = format!(
        "`{shown}` is not an attribute's name: letters, digits, `_`, `-`, and `.` within, not \
         beginning with AWS. or Amazon."
    );
    Err(invalid(detail))
}

fn invalid(detail: String) -> Reason {
    Reason::new(ReasonKind::Invalid, detail)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::settings::BOUNDS;

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    fn map(entries: &[(&str, Value)]) -> Value {
        Value::Map(
            entries
                .iter()
                .map(|(name, value)| ((*name).into(), value.clone()))
                .collect(),
        )
    }

    fn weighed(values: [Value; 3]) -> Result<usize, Reason> {
        weigh(&Record::new(values), &BOUNDS.default)
    }

    #[test]
    fn a_message_weighs_its_attributes_as_well() {
        let attributes = map(&[("type", text("order")), ("gone", Value::Absent)]);
        let json = Value::Json((&b"{\"a\":1}"[..]).into());
        assert_eq!(
            weighed([json, attributes, text("hi")]),
            Ok(7 + 4 + 6 + 5 + 2)
        );
        let most = 256 * 1024;
        assert_eq!(
            weighed([text(&"x".repeat(most)), Value::Absent, Value::Absent]),
            Ok(most)
        );
        let reason = weighed([text(&"x".repeat(most)), Value::Absent, text("s")]).unwrap_err();
        assert_eq!(reason.kind(), ReasonKind::TooLarge);
        assert!(
            reason.detail().unwrap().contains("SNS takes 256KiB"),
            "{reason}"
        );
    }

    #[test]
    fn what_sns_would_refuse_is_refused_at_the_edge() {
        let eleven: Vec<(String, Value)> = (0..11).map(|n| (format!("a{n}"), text("v"))).collect();
        let eleven: Vec<(&str, Value)> = eleven
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()))
            .collect();
        let hi = || text("hi");
        let long = "s".repeat(101);
        for (values, words) in [
            (
                [
                    Value::Bytes((&b"\xff"[..]).into()),
                    Value::Absent,
                    Value::Absent,
                ],
                "not UTF-8",
            ),
            ([text(""), Value::Absent, Value::Absent], "empty"),
            (
                [text("a\0b"), Value::Absent, Value::Absent],
                "control character",
            ),
            ([text("a\u{ffff}"), Value::Absent, Value::Absent], "U+FFFF"),
            ([hi(), map(&eleven), Value::Absent], "at most 10"),
            ([hi(), map(&[("a", text(""))]), Value::Absent], "not empty"),
            (
                [hi(), map(&[("a b", text("v"))]), Value::Absent],
                "`a b` is not",
            ),
            (
                [hi(), map(&[(".a", text("v"))]), Value::Absent],
                "is not an attribute",
            ),
            (
                [hi(), map(&[("a..b", text("v"))]), Value::Absent],
                "is not an attribute",
            ),
            (
                [hi(), map(&[("aws.x", text("v"))]), Value::Absent],
                "is not an attribute",
            ),
            (
                [
                    hi(),
                    map(&[("a", text("v")), ("a", text("w"))]),
                    Value::Absent,
                ],
                "twice",
            ),
            ([hi(), Value::Absent, text(&long)], "1 to 100"),
            ([hi(), Value::Absent, text(" x")], "the first no space"),
            ([hi(), Value::Absent, text("a\nb")], "printable"),
            ([hi(), Value::Absent, text("é")], "ASCII"),
        ] {
            let reason = weighed(values).unwrap_err();
            assert_eq!(reason.kind(), ReasonKind::Invalid);
            assert!(
                reason.detail().unwrap().contains(words),
                "{reason} has {words}"
            );
        }
        assert!(weighed([text("tab\tnewline\r\n é 😀"), Value::Absent, text("ok!")]).is_ok());
    }

    #[test]
    fn an_entry_is_named_by_its_place() {
        let attributes = map(&[("type", text("order"))]);
        let batch = Batch::new(Arc::new(vec![
            Record::new([text("one")]),
            Record::new([text("two"), attributes, text("subject")]),
        ]));
        let entries = entries(&batch).unwrap();
        assert_eq!((entries[0].id(), entries[0].message()), ("0", "one"));
        assert_eq!(entries[0].message_attributes(), None);
        assert_eq!(
            (entries[1].id(), entries[1].subject()),
            ("1", Some("subject"))
        );
        let made = &entries[1].message_attributes().unwrap()["type"];
        assert_eq!(
            (made.data_type(), made.string_value()),
            ("String", Some("order"))
        );
    }
}
