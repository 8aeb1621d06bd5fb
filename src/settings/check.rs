//! Checks a tree against the JSON Schema of the file: every wrong key and value with its place.
//!
//! What is wrong is taken out of the tree after it was noted, so that the rest can still be read
//! and its own errors shown in the same run. Of JSON Schema it knows what schemars writes.

use serde_json::{Map, Value};

use super::as_written::{LATER_KEYS, LATER_WORDS};
use crate::map::{Issue, Node, NodeValue, Position};

/// How far a word may be from a known one to be taken for a misspelling of it.
const LIKENESS_MIN: f64 = 0.75;
/// Characters of a value that a message shows.
const SHOWN_CHARACTERS_MAX: usize = 40;

/// The definitions of the schema and the issues so far.
pub(super) struct Check<'s> {
    definitions: &'s Map<String, Value>,
    issues: &'s mut Vec<Issue>,
}

impl<'s> Check<'s> {
    pub(super) fn new(definitions: &'s Map<String, Value>, issues: &'s mut Vec<Issue>) -> Self {
        Self {
            definitions,
            issues,
        }
    }

    /// Checks a value against a definition. False if the value itself cannot be used.
    pub(super) fn definition(&mut self, node: &mut Node, name: &str, label: &str) -> bool {
        let Some(schema) = self.definitions.get(name) else {
            debug_assert!(false, "the schema has no `{name}`");
            return true;
        };
        self.value(node, schema, name, label)
    }

    /// `owner` is the definition that `schema` stands in; `label` the key that the value is of.
    fn value(&mut self, node: &mut Node, schema: &Value, owner: &str, label: &str) -> bool {
        let Some(schema) = schema.as_object() else {
            return true;
        };
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let name = reference.rsplit('/').next().unwrap_or_default();
            return self.definition(node, name, label);
        }
        if let Some(words) = words_of(schema) {
            return self.word(node, &words, label);
        }
        if let Some(branches) = schema.get("anyOf").or(schema.get("oneOf")) {
            let branches = branches.as_array().map_or(&[][..], Vec::as_slice);
            return self.branches(node, branches, schema, owner, label);
        }
        let types = types_of(schema);
        if !types.is_empty() && !types.iter().any(|kind| is_type(node, kind)) {
            self.wrong_type(node, &types, schema, label);
            return false;
        }
        match &mut node.value {
            NodeValue::Map(entries) => self.map(entries, node.at, schema, owner, label),
            NodeValue::List(items) => self.list(items, node.at, schema, owner, label),
            NodeValue::Number(number) => {
                let number = number.clone();
                self.bounds(&number, node.at, schema, label)
            }
            _ => true,
        }
    }

    fn map(
        &mut self,
        entries: &mut Vec<(String, Position, Node)>,
        at: Position,
        schema: &Map<String, Value>,
        owner: &str,
        label: &str,
    ) -> bool {
        let none = Map::new();
        let properties = schema.get("properties").and_then(Value::as_object);
        let properties = properties.unwrap_or(&none);
        let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
        let required = schema.get("required").and_then(Value::as_array);
        let is_required = |name: &str| {
            required.is_some_and(|names| names.iter().any(|known| known.as_str() == Some(name)))
        };
        let given: Vec<String> = entries.iter().map(|(name, _, _)| name.clone()).collect();
        entries.retain_mut(|(name, name_at, value)| {
            if let Some(property) = properties.get(name.as_str()) {
                if value.value == NodeValue::Null && !is_required(name) {
                    return false;
                }
                return self.value(value, property, owner, name);
            }
            match schema.get("additionalProperties") {
                Some(Value::Bool(false)) => {
                    if !name.starts_with("x-") {
                        self.unknown_key(name, *name_at, owner, label, properties, &given);
                    }
                    false
                }
                Some(other) => self.value(value, other, owner, name),
                None => true,
            }
        });
        debug_assert!(!closed || entries.len() <= properties.len());
        let names = required.map_or(&[][..], Vec::as_slice);
        for name in names.iter().filter_map(Value::as_str) {
            if !given.iter().any(|known| known == name) {
                self.missing(name, at, label, properties.get(name));
            }
        }
        true
    }

    fn list(
        &mut self,
        items: &mut Vec<Node>,
        at: Position,
        schema: &Map<String, Value>,
        owner: &str,
        label: &str,
    ) -> bool {
        let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0);
        if (items.len() as u64) < least {
            self.issue(at, format!("`{label}` is empty"), expected(schema));
            return false;
        }
        if let Some(schema) = schema.get("items") {
            let before = items.len();
            items.retain_mut(|item| self.value(item, schema, owner, label));
            return items.len() == before;
        }
        true
    }

    fn bounds(
        &mut self,
        number: &str,
        at: Position,
        schema: &Map<String, Value>,
        label: &str,
    ) -> bool {
        let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
        let Ok(value) = number.parse::<f64>() else {
            return true;
        };
        let (least, most) = (bound("minimum"), bound("maximum"));
        if least.is_none_or(|least| value >= least) && most.is_none_or(|most| value <= most) {
            return true;
        }
        let range = match (least, most) {
            (Some(least), Some(most)) => format!("between {least} and {most}"),
            (Some(least), None) => format!("at least {least}"),
            (_, most) => format!("at most {}", most.unwrap_or_default()),
        };
        self.issue(
            at,
            format!("`{label}` is {number}; it must be {range}"),
            expected(schema),
        );
        false
    }

    fn word(&mut self, node: &Node, words: &[&str], label: &str) -> bool {
        let list = || format!("`{label}` takes: {}", words.join(", "));
        let NodeValue::Text(text) = &node.value else {
            self.issue(
                node.at,
                format!("`{label}` is {}", shown(node)),
                Some(list()),
            );
            return false;
        };
        if words.contains(&text.as_str()) {
            return true;
        }
        if LATER_WORDS.contains(&text.as_str()) {
            self.issue(
                node.at,
                format!("`{label}: {text}` is not known to this version"),
                Some(format!("it comes with a later one; for now {}", list())),
            );
            return false;
        }
        let help = match nearest(text, words.iter().copied()) {
            Some(near) => format!("did you mean `{near}`? {}", list()),
            None => list(),
        };
        self.issue(
            node.at,
            format!("`{text}` is not known for `{label}`"),
            Some(help),
        );
        false
    }

    /// Takes the first branch that has nothing against the value; else what the branch of the
    /// value's own type has against it.
    fn branches(
        &mut self,
        node: &mut Node,
        branches: &[Value],
        schema: &Map<String, Value>,
        owner: &str,
        label: &str,
    ) -> bool {
        let mut best: Option<(Vec<Issue>, Node, bool)> = None;
        for branch in branches {
            let mut issues = Vec::new();
            let mut copy = node.clone();
            let good =
                Check::new(self.definitions, &mut issues).value(&mut copy, branch, owner, label);
            if good && issues.is_empty() {
                *node = copy;
                return true;
            }
            let deeper = |issues: &[Issue]| issues.iter().any(|issue| issue.at != node.at);
            let better = best
                .as_ref()
                .is_none_or(|(known, _, _)| deeper(&issues) && !deeper(known));
            let same_kind = matches!(
                (&node.value, self.first_type(branch).as_deref()),
                (NodeValue::Map(_), Some("object"))
                    | (NodeValue::List(_), Some("array"))
                    | (NodeValue::Text(_), Some("string"))
            );
            if better && same_kind {
                best = Some((issues, copy, good));
            }
        }
        match best {
            Some((issues, copy, good)) => {
                self.issues.extend(issues);
                *node = copy;
                good
            }
            None => {
                let help = expected(schema);
                self.issue(node.at, format!("`{label}` is {}", shown(node)), help);
                false
            }
        }
    }

    fn first_type(&self, schema: &Value) -> Option<String> {
        let schema = schema.as_object()?;
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let name = reference.rsplit('/').next()?;
            return self.first_type(self.definitions.get(name)?);
        }
        if words_of(schema).is_some() {
            return Some("string".to_owned());
        }
        types_of(schema).first().map(|kind| (*kind).to_owned())
    }

    fn unknown_key(
        &mut self,
        name: &str,
        at: Position,
        owner: &str,
        label: &str,
        properties: &Map<String, Value>,
        given: &[String],
    ) {
        let later = LATER_KEYS.iter().find(|(known, _)| *known == owner);
        if later.is_some_and(|(_, keys)| keys.contains(&name)) {
            self.issue(
                at,
                format!("`{name}` is not known to this version"),
                Some(
                    "it comes with a later version of Sluicegate: leave it out for now".to_owned(),
                ),
            );
            return;
        }
        let known: Vec<&str> = properties.keys().map(String::as_str).collect();
        let free = known
            .iter()
            .copied()
            .filter(|key| !given.iter().any(|g| g == key));
        let all = format!("known here: {}", known.join(", "));
        let help = match nearest(name, free) {
            Some(near) => format!("did you mean `{near}`? {all}"),
            None => all,
        };
        self.issue(at, format!("`{name}` is not a key of {label}"), Some(help));
    }

    fn missing(&mut self, name: &str, at: Position, label: &str, schema: Option<&Value>) {
        let described = schema.and_then(Value::as_object).and_then(expected);
        let help = described.unwrap_or_else(|| format!("add `{name}: …`"));
        self.issue(at, format!("`{name}` is missing in {label}"), Some(help));
    }

    fn wrong_type(
        &mut self,
        node: &Node,
        types: &[&str],
        schema: &Map<String, Value>,
        label: &str,
    ) {
        let wanted: Vec<&str> = types
            .iter()
            .filter(|kind| **kind != "null")
            .map(|kind| type_name(kind))
            .collect();
        let message = format!(
            "`{label}` is {}; it must be {}",
            shown(node),
            wanted.join(" or ")
        );
        let quotes = matches!(node.value, NodeValue::Number(_) | NodeValue::Bool(_))
            && types.contains(&"string");
        let help = match (expected(schema), quotes) {
            (Some(help), true) => Some(format!("put it in quotes. {help}")),
            (None, true) => Some("put it in quotes".to_owned()),
            (help, false) => help,
        };
        self.issue(node.at, message, help);
    }

    fn issue(&mut self, at: Position, message: String, help: Option<String>) {
        self.issues.push(Issue { at, message, help });
    }
}

/// The known name that a misspelt one is most like.
pub(super) fn nearest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let lower = name.to_lowercase();
    known
        .map(|word| (strsim::jaro_winkler(&lower, &word.to_lowercase()), word))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, word)| word)
}

/// A value as a message shows it.
pub(super) fn shown(node: &Node) -> String {
    match &node.value {
        NodeValue::Null => "empty".to_owned(),
        NodeValue::Bool(value) => format!("`{value}`"),
        NodeValue::Number(number) => format!("the number {number}"),
        NodeValue::Text(text) => {
            let mut start: String = text.chars().take(SHOWN_CHARACTERS_MAX).collect();
            if start.len() < text.len() {
                start.push('…');
            }
            format!("the text `{start}`")
        }
        NodeValue::List(_) => "a list".to_owned(),
        NodeValue::Map(_) => "a map".to_owned(),
    }
}

/// What a schema says that it expects.
fn expected(schema: &Map<String, Value>) -> Option<String> {
    let text = schema.get("description").and_then(Value::as_str)?;
    Some(format!("expected: {}", text.replace('\n', " ")))
}

/// The words of an enumeration, documented or not.
fn words_of(schema: &Map<String, Value>) -> Option<Vec<&str>> {
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

fn types_of(schema: &Map<String, Value>) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// True if a value may stand where a type is asked for. Text that reads as a number or boolean may
/// stand for one, since `"${env.N}"` is always text.
fn is_type(node: &Node, kind: &str) -> bool {
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
