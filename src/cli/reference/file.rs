//! `reference.yaml`: a file that is right and holds every key, written along the JSON Schema.
//!
//! Keys that the example sets stand as they are; all others as comments with their default.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::sample;
use crate::settings::json_schema;

const EXAMPLE: &str = include_str!("example.yaml");
const HEAD: &str = "\
# Every key of a Sluicegate file, with its default and what it means. It is a file that is right:
# `sluicegate check config/reference.yaml`.
#
# `#key: value` is a key that is left out here. Its value is its default, or an example where it has
# none: take the `#` away to set it. `…` and NAME stand for what is your own. What was described once
# is not described again.
#
# Generated: cargo run -- schema --reference config
";
/// Columns of a line.
const COLUMNS: usize = 100;
/// Spaces of a level.
const INDENT: usize = 2;
/// Levels that are followed, in case a definition holds itself.
const DEPTH_MAX: usize = 16;

/// The text of the file.
pub(super) fn text() -> String {
    let published = json_schema();
    let none = Map::new();
    let definitions = published.get("$defs").and_then(Value::as_object);
    let definitions = definitions.unwrap_or(&none);
    let example: Value = serde_saphyr::from_str(EXAMPLE).unwrap_or_default();
    let mut writer = Writer {
        definitions,
        kinds: kinds(&example),
        described: BTreeMap::new(),
    };
    let mut text = HEAD.to_owned();
    if let (Some(file), Some(example)) = (definitions.get("File"), example.as_object()) {
        let place = Place {
            path: String::new(),
            depth: 0,
            left_out: false,
        };
        for line in writer.object(file, example, &place) {
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text
}

/// The kind of each target of the example, by its name.
fn kinds(example: &Value) -> BTreeMap<String, String> {
    let targets = example.get("targets").and_then(Value::as_object);
    let first = |target: &Value| Some(target.as_object()?.keys().next()?.clone());
    targets
        .into_iter()
        .flatten()
        .filter_map(|(name, target)| Some((name.clone(), first(target)?)))
        .collect()
}

struct Writer<'s> {
    definitions: &'s Map<String, Value>,
    kinds: BTreeMap<String, String>,
    /// Where a map was described first, by its schema.
    described: BTreeMap<String, String>,
}

/// Where in the file something is written.
struct Place {
    /// Its keys, with dots.
    path: String,
    depth: usize,
    /// True within a key that is left out, which is a comment as a whole.
    left_out: bool,
}

impl Place {
    fn below(&self, name: &str) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        Self {
            path: format!("{}{dot}{name}", self.path),
            depth: self.depth + 1,
            left_out: self.left_out,
        }
    }
}

impl<'s> Writer<'s> {
    /// The lines of a map whose keys the schema names.
    fn object(
        &mut self,
        schema: &'s Value,
        example: &Map<String, Value>,
        at: &Place,
    ) -> Vec<String> {
        let identity = schema.to_string();
        let first = !self.described.contains_key(&identity);
        self.described.entry(identity).or_insert(at.path.clone());
        let properties = schema.get("properties").and_then(Value::as_object);
        let mut lines = Vec::new();
        for (name, property) in properties.into_iter().flatten() {
            let value = example.get(name);
            if value.is_none() && (!first || is_one_of(schema, name)) {
                continue;
            }
            let schema = self.record_of(name, example).unwrap_or(property);
            let schema = self.followed(schema);
            if at.depth == 0 {
                lines.push(String::new());
            }
            if first {
                lines.extend(description(property, schema, at.depth));
            }
            let below = at.below(name);
            match value {
                Some(value) => lines.extend(self.key(name, schema, value, &below)),
                None => {
                    let below = Place {
                        left_out: true,
                        ..below
                    };
                    let mark = if at.left_out { "" } else { "#" };
                    let left_out = self.left_out(name, property, schema, &below);
                    lines.extend(left_out.into_iter().map(|line| format!("{mark}{line}")));
                }
            }
        }
        lines
    }

    /// The lines of a key that the example sets.
    fn key(&mut self, name: &str, schema: &'s Value, value: &Value, at: &Place) -> Vec<String> {
        match value {
            Value::Object(entries) if schema.get("properties").is_some() => {
                let lines = self.object(schema, entries, at);
                headed(name, lines)
            }
            Value::Object(entries) => {
                let Some(each) = schema.get("additionalProperties").filter(|s| s.is_object())
                else {
                    return vec![format!("{}: {}", key_text(name), flow(value))];
                };
                let each = self.followed(each);
                let mut lines = Vec::new();
                for (name, entry) in entries {
                    lines.extend(self.key(name, each, entry, &at.below(name)));
                }
                headed(name, lines)
            }
            Value::Array(items) if items.iter().any(Value::is_object) => {
                let each = schema.get("items").map(|each| self.followed(each));
                let mut lines = Vec::new();
                for (index, item) in items.iter().enumerate() {
                    if let (Some(each), Some(item)) = (each, item.as_object()) {
                        let item = self.object(each, item, &at.below(&index.to_string()));
                        lines.extend(listed(item));
                    }
                }
                headed(name, lines)
            }
            _ => vec![format!("{}: {}", key_text(name), flow(value))],
        }
    }

    /// The lines of a key that the example leaves out, as they would stand if it did not.
    fn left_out(
        &mut self,
        name: &str,
        property: &'s Value,
        schema: &'s Value,
        at: &Place,
    ) -> Vec<String> {
        let schema = self.simplest(schema);
        let (value, is_default) = sample::value(property, schema);
        let key = key_text(name);
        if is_default || at.depth > DEPTH_MAX {
            return vec![format!("{key}: {}", flow(&value))];
        }
        let is_map = |schema: &Value| schema.get("properties").is_some();
        let empty = Map::new();
        if is_map(schema) {
            return match self.described.get(&schema.to_string()) {
                Some(place) => vec![format!("{key}: {{}} # its keys: see {place} above")],
                None => headed(name, self.object(schema, &empty, at)),
            };
        }
        let each = schema.get("additionalProperties").filter(|s| s.is_object());
        if let Some(each) = each.map(|each| self.followed(each)) {
            let lines = self.left_out("NAME", each, each, &at.below("NAME"));
            return headed(name, lines);
        }
        match schema.get("items").map(|each| self.followed(each)) {
            Some(each) if is_map(each) => match self.described.get(&each.to_string()) {
                Some(place) => vec![format!("{key}: [] # the keys of each: see {place} above")],
                None => headed(name, listed(self.object(each, &empty, &at.below("0")))),
            },
            Some(each) => {
                let (one, _) = sample::value(each, each);
                vec![format!("{key}: {}", flow(&Value::Array(vec![one])))]
            }
            None => vec![format!("{key}: {}", flow(&value))],
        }
    }

    /// What a `record` holds is said by the kind of the target.
    fn record_of(&self, name: &str, example: &Map<String, Value>) -> Option<&'s Value> {
        let target = example
            .get("target")
            .filter(|_| name == "record")?
            .as_str()?;
        self.definitions
            .get(&format!("{}_record", self.kinds.get(target)?))
    }

    /// The first of several forms that a value may have.
    fn simplest(&self, schema: &'s Value) -> &'s Value {
        let branches = schema.get("anyOf").and_then(Value::as_array);
        let first = branches.and_then(|branches| branches.first());
        match first {
            Some(first) if first.get("$ref").is_some() => self.followed(first),
            _ => schema,
        }
    }

    /// The schema behind a reference, or behind `anyOf` of something and null; of several the one
    /// that says most.
    fn followed(&self, schema: &'s Value) -> &'s Value {
        if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
            let name = name.rsplit('/').next().unwrap_or_default();
            return self
                .definitions
                .get(name)
                .map_or(schema, |found| self.followed(found));
        }
        let is_null = |branch: &&Value| branch.get("type").and_then(Value::as_str) == Some("null");
        let branches = schema.get("anyOf").and_then(Value::as_array);
        let Some(branches) = branches else {
            return schema;
        };
        let mut found: Vec<&'s Value> = branches
            .iter()
            .filter(|branch| !is_null(branch))
            .map(|branch| self.followed(branch))
            .collect();
        let alone = found.len() == 1 && branches.len() > 1;
        found.retain(|branch| alone || branch.get("properties").is_some());
        found.first().copied().unwrap_or(schema)
    }
}

/// True for the kinds of a target or connection, of which exactly one may stand.
fn is_one_of(schema: &Value, name: &str) -> bool {
    let choices = schema.get("oneOf").and_then(Value::as_array);
    let required =
        |choice: &Value| choice.pointer("/required/0").and_then(Value::as_str) == Some(name);
    choices.is_some_and(|choices| choices.iter().any(required))
}

/// A key and the lines below it.
fn headed(name: &str, lines: Vec<String>) -> Vec<String> {
    let key = key_text(name);
    if lines.iter().all(|line| line.trim_start().starts_with('#')) {
        // A map without a key is null in YAML: the comments stand below an empty one.
        return std::iter::once(format!("{key}: {{}}"))
            .chain(
                lines
                    .into_iter()
                    .map(|line| format!("{:INDENT$}{line}", "")),
            )
            .collect();
    }
    std::iter::once(format!("{key}:"))
        .chain(
            lines
                .into_iter()
                .map(|line| format!("{:INDENT$}{line}", "")),
        )
        .collect()
}

/// The lines of a map as an item of a list: its first key has the dash, what stands before it
/// are comments.
fn listed(lines: Vec<String>) -> Vec<String> {
    let mut begun = false;
    lines
        .into_iter()
        .map(|line| {
            let starts = !begun && !line.starts_with('#') && !line.is_empty();
            begun |= starts;
            let mark = if starts { "- " } else { "  " };
            format!("{mark}{line}")
        })
        .collect()
}

/// What the schema says of a key, as comments.
fn description(property: &Value, schema: &Value, depth: usize) -> Vec<String> {
    let said = |value: &Value| Some(value.get("description")?.as_str()?.replace('\n', " "));
    let text = said(property).or_else(|| said(schema)).unwrap_or_default();
    let columns = COLUMNS.saturating_sub(depth * INDENT + 4).max(40);
    let mut lines = Vec::new();
    let mut line = String::from("#");
    for word in text.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > columns {
            lines.push(std::mem::replace(&mut line, String::from("#")));
        }
        line.push(' ');
        line.push_str(word);
    }
    lines.push(line);
    lines
}

fn key_text(name: &str) -> String {
    scalar(name)
}

/// A value in one line.
fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(entries) if entries.is_empty() => "{}".to_owned(),
        Value::Object(entries) => {
            let entry =
                |(name, value): (&String, &Value)| format!("{}: {}", key_text(name), flow(value));
            let entries: Vec<String> = entries.iter().map(entry).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        other => other.to_string(),
    }
}

/// A text as YAML, in quotes where it needs them.
fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./-:".contains(c);
    let word = text.chars().all(plain)
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/')
        && !text.ends_with(':');
    let another_type = text.parse::<f64>().is_ok()
        || matches!(
            text.to_lowercase().as_str(),
            "true" | "false" | "null" | "yes" | "no"
        );
    if word && !another_type {
        return text.to_owned();
    }
    Value::from(text).to_string()
}
