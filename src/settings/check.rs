//! Checks a tree against the JSON Schema of the file: every wrong key and value with its place.
//!
//! What is wrong is taken out of the tree after it was noted, so that the rest can still be read
//! and its own errors shown in the same run. Of JSON Schema it knows what schemars writes.

use serde_json::{Map, Value};

use super::as_written::{LATER_KEYS, LATER_WORDS};
use super::words::{
    clipped, described, described_map, how_to_write, is_type, nearest, noun, shown, type_names,
    types_of, words_of,
};
use crate::map::{Issue, Node, NodeValue, Position};

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
                self.missing(name, at, &noun(owner, label), properties.get(name));
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
            let expected = self.expected(schema).unwrap_or_default();
            let help = format!("put at least one entry into it; {expected}");
            self.issue(at, format!("`{label}` is empty"), Some(help));
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
            self.expected(schema),
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
            let types = self.types(branch);
            if better && types.iter().any(|kind| is_type(node, kind)) {
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
                // Of a value that no branch takes, say the words where there are some: `none` and
                // not "a text".
                let words = branches
                    .iter()
                    .filter_map(Value::as_object)
                    .find_map(|branch| {
                        let named = self.referenced(branch).and_then(Value::as_object);
                        words_of(named.unwrap_or(branch))
                    });
                if let Some(words) = words {
                    return self.word(node, &words, label);
                }
                let types: Vec<&str> = branches
                    .iter()
                    .flat_map(|branch| self.types(branch))
                    .collect();
                self.wrong_type(node, &types, schema, label);
                false
            }
        }
    }

    /// The types that a schema takes.
    fn types<'v>(&self, schema: &'v Value) -> Vec<&'v str>
    where
        's: 'v,
    {
        let Some(schema) = schema.as_object() else {
            return Vec::new();
        };
        if let Some(definition) = self.referenced(schema) {
            return self.types(definition);
        }
        if words_of(schema).is_some() {
            return vec!["string"];
        }
        match schema
            .get("anyOf")
            .or(schema.get("oneOf"))
            .and_then(Value::as_array)
        {
            Some(branches) => branches
                .iter()
                .flat_map(|branch| self.types(branch))
                .collect(),
            None => types_of(schema),
        }
    }

    fn referenced(&self, schema: &Map<String, Value>) -> Option<&'s Value> {
        let name = schema.get("$ref")?.as_str()?.rsplit('/').next()?;
        self.definitions.get(name)
    }

    /// What a schema says that it expects: of its own type, and of its place.
    fn expected(&self, schema: &Map<String, Value>) -> Option<String> {
        let mut parts = Vec::new();
        let branches = schema.get("anyOf").and_then(Value::as_array);
        let branches = branches.map_or(&[][..], Vec::as_slice);
        for branch in branches.iter().filter_map(Value::as_object).chain([schema]) {
            parts.extend(self.referenced(branch).and_then(described));
        }
        parts.extend(described_map(schema));
        (!parts.is_empty()).then(|| format!("expected: {}", parts.join(" ")))
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
        let all = match known.as_slice() {
            [] => "it takes no keys: write `{}`".to_owned(),
            _ => format!("known here: {}", known.join(", ")),
        };
        let help = match nearest(name, free) {
            Some(near) => format!("did you mean `{near}`? {all}"),
            None => all,
        };
        self.issue(
            at,
            format!("`{}` is not a key of {}", clipped(name), noun(owner, label)),
            Some(help),
        );
    }

    fn missing(&mut self, name: &str, at: Position, owner: &str, schema: Option<&Value>) {
        let described = schema
            .and_then(Value::as_object)
            .and_then(|schema| self.expected(schema));
        let help = format!("add `{name}: …`; {}", described.unwrap_or_default());
        self.issue(at, format!("`{name}` is missing in {owner}"), Some(help));
    }

    fn wrong_type(
        &mut self,
        node: &Node,
        types: &[&str],
        schema: &Map<String, Value>,
        label: &str,
    ) {
        let wanted = type_names(types);
        let message = format!("`{label}` is {}; it must be {wanted}", shown(node));
        let written = how_to_write(node, types, schema, label);
        let parts: Vec<String> = written.into_iter().chain(self.expected(schema)).collect();
        let help = (!parts.is_empty()).then(|| parts.join(". "));
        self.issue(node.at, message, help);
    }

    fn issue(&mut self, at: Position, message: String, help: Option<String>) {
        self.issues.push(Issue { at, message, help });
    }
}
