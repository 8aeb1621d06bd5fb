//! What was read back, as JSON by the fields of a room.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_types::Blob;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Number, Value as Json};

/// Bytes as text, or as base64 where they are none.
pub(crate) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => STANDARD.encode(bytes),
    }
}

/// An item as the JSON from which it might have been made.
pub(crate) fn item_json(item: &HashMap<String, AttributeValue>) -> Json {
    let mut names: Vec<_> = item.keys().collect();
    names.sort();
    let entries = names
        .into_iter()
        .filter_map(|name| Some((name.clone(), json(item.get(name)?))));
    Json::Object(entries.collect::<Map<_, _>>())
}

fn json(value: &AttributeValue) -> Json {
    match value {
        AttributeValue::S(text) => Json::from(text.as_str()),
        AttributeValue::N(number) => number_json(number),
        AttributeValue::Bool(value) => Json::from(*value),
        AttributeValue::B(bytes) => Json::from(STANDARD.encode(bytes.as_ref())),
        AttributeValue::L(items) => items.iter().map(json).collect(),
        AttributeValue::M(item) => item_json(item),
        AttributeValue::Ss(items) => items.iter().map(String::as_str).collect(),
        AttributeValue::Ns(items) => items.iter().map(|number| number_json(number)).collect(),
        AttributeValue::Bs(items) => items.iter().map(|b| STANDARD.encode(b.as_ref())).collect(),
        _ => Json::Null,
    }
}

/// A number as it is, or as text where JSON's reader here would not keep it.
fn number_json(number: &str) -> Json {
    match number.parse::<Number>() {
        Ok(parsed) => Json::Number(parsed),
        Err(_) => Json::from(number),
    }
}

/// A key attribute from DynamoDB's JSON: `{"S": "…"}`.
pub(crate) fn attribute(value: &Json) -> Option<AttributeValue> {
    let (kind, value) = value.as_object()?.iter().next()?;
    let value = value.as_str()?.to_owned();
    match kind.as_str() {
        "S" => Some(AttributeValue::S(value)),
        "N" => Some(AttributeValue::N(value)),
        "B" => STANDARD
            .decode(value)
            .ok()
            .map(|bytes| AttributeValue::B(Blob::new(bytes))),
        _ => None,
    }
}

/// Bytes of an item, as DynamoDB counts them within a few: names and values.
pub(crate) fn item_bytes(item: &HashMap<String, AttributeValue>) -> usize {
    item.iter()
        .map(|(name, value)| name.len() + bytes(value))
        .sum()
}

fn bytes(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.len(),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::L(items) => items.iter().map(bytes).sum(),
        AttributeValue::M(item) => item_bytes(item),
        AttributeValue::Ss(items) | AttributeValue::Ns(items) => {
            items.iter().map(String::len).sum()
        }
        AttributeValue::Bs(items) => items.iter().map(|bytes| bytes.as_ref().len()).sum(),
        _ => 1,
    }
}
