//! Words of messages: names that are alike, values as they are shown, what a schema expects.

use serde_json::{Map, Value};

use crate::map::{Node, NodeValue};

/// How like a known word another must be to be taken for a misspelling of it.
const LIKENESS_MIN: f64 = 0.75;
/// Characters of a value that a message shows.
const SHOWN_CHARACTERS_MAX: usize = 40;

/// The known name that a misspelt one is most like.
pub(super) fn nearest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let lower = name.to_lowercase();
    known
        .map(|word| (likeness(&lower, &word.to_lowercase()), word))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, word)| word)
}

/// From 0 to 1. One slip of the fingers is always alike, also in a word of three letters.
fn likeness(one: &str, other: &str) -> f64 {
    let slip = strsim::damerau_levenshtein(one, other) <= 1 && one.chars().count() > 1;
    strsim::jaro_winkler(one, other).max(if slip { 0.9 } else { 0.0 })
}

/// A value as a message shows it.
pub(super) fn shown(node: &Node) -> String {
    match &node.value {
        NodeValue::Null => "empty".to_owned(),
        NodeValue::Bool(value) => format!("`{value}`"),
        NodeValue::Number(number) => format!("the number {number}"),
        NodeValue::Text(text) => format!("the text `{}`", clipped(text)),
        NodeValue::List(_) => "a list".to_owned(),
        NodeValue::Map(_) => "a map".to_owned(),
    }
}

/// The start of a text, as much as a message shows.
pub(super) fn clipped(text: &str) -> String {
    let mut start: String = text.chars().take(SHOWN_CHARACTERS_MAX).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    start
}

/// What a schema says of itself.
pub(super) fn described(schema: &Value) -> Option<String> {
    described_map(schema.as_object()?)
}

/// The same of its members.
pub(super) fn described_map(schema: &Map<String, Value>) -> Option<String> {
    let text = schema.get("description").and_then(Value::as_str)?;
    Some(text.replace('\n', " "))
}

/// A part of a file as a message calls it: by its definition, or by the key that it stands at.
pub(super) fn noun(owner: &str, label: &str) -> String {
    match owner {
        "File" => "the file".to_owned(),
        "Route" => "a route".to_owned(),
        "Target" => format!("the target `{label}`"),
        "Connection" => format!("the connection `{label}`"),
        "Client" => format!("the client `{label}`"),
        "Limit" => "a limit".to_owned(),
        "Binding" => "an entry of `to`".to_owned(),
        "Test" => "a test".to_owned(),
        _ => format!("`{label}`"),
    }
}

/// The words of an enumeration, documented or not.
pub(super) fn words_of(schema: &Map<String, Value>) -> Option<Vec<&str>> {
    if let Some(word) = schema.get("const") {
        return word.as_str().map(|word| vec![word]);
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return words.iter().map(Value::as_str).collect();
    }
    let branches = schema.get("oneOf")?.as_array()?;
    let words: Option<Vec<Vec<&str>>> = branches
        .iter()
        .map(|branch| words_of(branch.as_object()?))
        .collect();
    words.map(|words| words.concat())
}

/// The types that a schema names itself.
pub(super) fn types_of(schema: &Map<String, Value>) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// True if a value may stand where a type is asked for. Text that reads as a number or boolean may
/// stand for one, since `"${env.N}"` is always text.
pub(super) fn is_type(node: &Node, kind: &str) -> bool {
    match (&node.value, kind) {
        (NodeValue::Null, "null")
        | (NodeValue::Bool(_), "boolean")
        | (NodeValue::Text(_), "string")
        | (NodeValue::List(_), "array")
        | (NodeValue::Map(_), "object")
        | (NodeValue::Number(_), "number") => true,
        (NodeValue::Number(text) | NodeValue::Text(text), "integer") => {
            text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok()
        }
        (NodeValue::Text(text), "number") => text.parse::<f64>().is_ok_and(f64::is_finite),
        (NodeValue::Text(text), "boolean") => matches!(text.as_str(), "true" | "false"),
        _ => false,
    }
}

/// How a value of another type is written, where that is not plain.
pub(super) fn how_to_write(
    node: &Node,
    types: &[&str],
    schema: &Map<String, Value>,
    label: &str,
) -> Option<String> {
    if matches!(node.value, NodeValue::Number(_) | NodeValue::Bool(_)) && takes_any_text(schema) {
        return Some("put it in quotes".to_owned());
    }
    if types.contains(&"array") {
        return Some(format!(
            "write a list: `{label}: [ … ]`, or each entry behind `- `"
        ));
    }
    let keys = schema.get("properties").and_then(Value::as_object)?;
    let keys: Vec<&str> = keys.keys().map(String::as_str).collect();
    Some(format!(
        "write `{{ … }}` with its keys: {}",
        keys.join(", ")
    ))
}

/// True if a schema itself, not one that it refers to, takes text of any form.
fn takes_any_text(schema: &Map<String, Value>) -> bool {
    let own = types_of(schema).contains(&"string") && !schema.contains_key("pattern");
    let branches = schema.get("anyOf").and_then(Value::as_array);
    let mut branches = branches.into_iter().flatten().filter_map(Value::as_object);
    let has_form = schema
        .get("description")
        .and_then(Value::as_str)
        .is_some_and(|text| text.starts_with("An address"));
    own && !has_form || branches.any(takes_any_text)
}

/// Types as a message names them.
pub(super) fn type_names(types: &[&str]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for kind in types.iter().filter(|kind| **kind != "null") {
        let name = type_name(kind);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(" or ")
}

fn type_name(kind: &str) -> &str {
    match kind {
        "object" => "a map",
        "array" => "a list",
        "string" => "text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        other => other,
    }
}
