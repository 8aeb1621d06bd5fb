//! What stands behind a key of the reference: its default as its description says it, else an
//! example.

use serde_json::{Map, Value};

/// A value that may stand behind a key: `property` is what stands in the schema, `schema` the
/// same with its reference followed. True where it is the key's default.
pub(super) fn value(property: &Value, schema: &Value) -> (Value, bool) {
    let described = |value: &Value| {
        let text = value.get("description").and_then(Value::as_str)?;
        default_in(&text.replace('\n', " "), schema)
    };
    let written = property.get("default").filter(|value| !value.is_null());
    let known = written
        .cloned()
        .or_else(|| described(property))
        .or_else(|| described(schema))
        .or_else(|| default_word(schema));
    match known {
        Some(default) => (default, true),
        None => (example(property, schema), false),
    }
}

/// The default that a description names: `…, 256KiB by default, …` or ``Default: `${event}`.``
fn default_in(text: &str, schema: &Value) -> Option<Value> {
    if let Some((_, after)) = text.split_once("Default: `") {
        return typed(after.split_once('`')?.0, schema);
    }
    let (before, _) = text.split_once(" by default")?;
    let start = [": ", "; ", ", ", "("]
        .iter()
        .filter_map(|mark| Some(before.rfind(mark)? + mark.len()))
        .max();
    let last = before.get(start.unwrap_or(0)..)?.trim();
    let word = last.trim_matches('`');
    typed(word, schema)
}

/// The text as a value that the schema takes; `None` where it is none.
fn typed(text: &str, schema: &Value) -> Option<Value> {
    let types = types(schema);
    if types.contains(&"array") {
        if text == "none" {
            return Some(Value::Array(Vec::new()));
        }
        let words: Vec<&str> = text.split(" and ").flat_map(|w| w.split(", ")).collect();
        let plain = words
            .iter()
            .all(|word| !word.is_empty() && !word.contains(' '));
        return plain.then(|| words.into_iter().map(Value::from).collect());
    }
    if types.contains(&"integer")
        && let Ok(number) = text.parse::<i64>()
    {
        return Some(Value::from(number));
    }
    if types.contains(&"boolean")
        && let Ok(value) = text.parse::<bool>()
    {
        return Some(Value::from(value));
    }
    let words = words(schema);
    let word = !text.is_empty() && !text.contains(' ');
    let fits = if !words.is_empty() {
        words.iter().any(|(known, _)| *known == text)
    } else {
        types.contains(&"string") || types.is_empty()
    };
    let starts_as_value =
        pattern(schema).is_none_or(|_| text.starts_with(|c: char| c.is_ascii_digit()));
    (word && fits && starts_as_value).then(|| Value::from(text))
}

/// The word of an enumeration whose description says that it is the default.
fn default_word(schema: &Value) -> Option<Value> {
    let words = words(schema);
    let (word, _) = words
        .iter()
        .find(|(_, description)| description.contains("(the default)"))?;
    Some(Value::from(*word))
}

fn example(property: &Value, schema: &Value) -> Value {
    let description = property.get("description").or(schema.get("description"));
    let description = description.and_then(Value::as_str).unwrap_or_default();
    if let Some((word, _)) = words(schema).first() {
        return Value::from(*word);
    }
    let types = types(schema);
    let first = types.first().copied().unwrap_or_default();
    let shown = description
        .split_once("for example `")
        .and_then(|(_, after)| Some(after.split_once('`')?.0));
    match (first, shown) {
        ("string", Some(shown)) => Value::from(shown),
        ("boolean", _) => Value::from(false),
        ("integer", _) if pattern(schema).is_some_and(|pattern| pattern.contains("MiB")) => {
            // Within the limits of every service.
            Value::from("256KiB")
        }
        ("integer" | "number", _) => {
            let least = schema.get("minimum").and_then(Value::as_u64);
            Value::from(least.unwrap_or(1).max(1))
        }
        ("string", None) => match pattern(schema) {
            Some(pattern) if pattern.contains("ms") => Value::from("10s"),
            _ => Value::from("…"),
        },
        ("array", _) => Value::Array(Vec::new()),
        ("object", _) => Value::Object(Map::new()),
        (_, Some(shown)) => Value::from(shown),
        _ => Value::from("${event}"),
    }
}

/// The types that a schema takes, those of its branches included, without null.
pub(super) fn types(schema: &Value) -> Vec<&str> {
    let own = match schema.get("type") {
        Some(Value::String(kind)) => vec![kind.as_str()],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => branches(schema).iter().flat_map(types).collect(),
    };
    own.into_iter().filter(|kind| *kind != "null").collect()
}

fn pattern(schema: &Value) -> Option<&str> {
    let own = schema.get("pattern").and_then(Value::as_str);
    own.or_else(|| branches(schema).iter().find_map(pattern))
}

fn branches(schema: &Value) -> &[Value] {
    let branches = schema.get("anyOf").or(schema.get("oneOf"));
    branches
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The words of an enumeration with what is said of each.
fn words(schema: &Value) -> Vec<(&str, &str)> {
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return words
            .iter()
            .filter_map(Value::as_str)
            .map(|w| (w, ""))
            .collect();
    }
    let word = |branch: &'_ Value| -> Option<()> { branch.get("const").map(|_| ()) };
    branches(schema)
        .iter()
        .filter(|branch| word(branch).is_some())
        .filter_map(|branch| {
            let description = branch.get("description").and_then(Value::as_str);
            Some((
                branch.get("const")?.as_str()?,
                description.unwrap_or_default(),
            ))
        })
        .collect()
}
