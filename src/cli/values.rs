//! Records as people and tests read them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json};
use sluicegate_contract::{Field, Kind, Record, Set, SetKind, Value};

/// A record as lines of `field: value`, payloads byte for byte (base64 where they are not text).
pub(super) fn lines(record: &Record, fields: &[Field]) -> Vec<String> {
    let mut lines = Vec::new();
    for (place, field) in fields.iter().enumerate() {
        let value = record.value(place);
        match value {
            Value::Absent => {}
            Value::Map(entries) => {
                lines.push(format!("{}:", field.name));
                for (name, value) in entries {
                    lines.push(format!("  {name}: {}", text(value, field)));
                }
            }
            Value::Expression {
                text: expression,
                values,
            } => {
                lines.push(format!("{}: {expression}", field.name));
                for (index, value) in values.iter().enumerate() {
                    lines.push(format!("  :p{index} = {}", text(value, field)));
                }
            }
            _ => lines.push(format!("{}: {}", field.name, text(value, field))),
        }
    }
    lines
}

fn text(value: &Value, field: &Field) -> String {
    match value {
        Value::Absent => "(absent)".to_owned(),
        Value::Text(text) => text.to_string(),
        Value::Bytes(bytes) | Value::Json(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => format!("base64 {}", STANDARD.encode(bytes)),
        },
        Value::Integer(number) => number.to_string(),
        Value::Choice(index) => word(field, *index).to_owned(),
        Value::Set(set) => set_json(set).to_string(),
        Value::Map(_) | Value::Expression { .. } => json(value, field).to_string(),
    }
}

/// A record as JSON, for a test to compare.
pub(super) fn record_json(record: &Record, fields: &[Field]) -> Json {
    let entries: Map<String, Json> = fields
        .iter()
        .enumerate()
        .map(|(place, field)| (field, record.value(place)))
        .filter(|(_, value)| !value.is_absent())
        .map(|(field, value)| (field.name.to_owned(), json(value, field)))
        .collect();
    Json::Object(entries)
}

fn json(value: &Value, field: &Field) -> Json {
    match value {
        Value::Absent => Json::Null,
        Value::Text(text) => Json::from(text.to_string()),
        Value::Bytes(bytes) => Json::from(match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => STANDARD.encode(bytes),
        }),
        Value::Json(bytes) => serde_json::from_slice(bytes).unwrap_or_default(),
        Value::Integer(number) => Json::from(*number),
        Value::Choice(index) => Json::from(word(field, *index)),
        Value::Set(set) => set_json(set),
        Value::Map(entries) => entries
            .iter()
            .filter(|(_, value)| !value.is_absent())
            .map(|(name, value)| (name.to_string(), json(value, field)))
            .collect(),
        Value::Expression { text, .. } => Json::from(&**text),
    }
}

/// A set as a list.
fn set_json(set: &Set) -> Json {
    let member = |bytes: &bytes::Bytes| match set.kind {
        SetKind::Text => Json::from(String::from_utf8_lossy(bytes)),
        SetKind::Number => serde_json::from_slice(bytes).unwrap_or_default(),
        SetKind::Binary => Json::from(STANDARD.encode(bytes)),
    };
    set.members.iter().map(member).collect()
}

fn word(field: &Field, index: u8) -> &'static str {
    match field.kind {
        Kind::Choice(words) => words.get(usize::from(index)).copied().unwrap_or_default(),
        _ => "",
    }
}
