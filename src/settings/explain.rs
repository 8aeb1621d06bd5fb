//! Where each value in force comes from.

use serde_json::Value;

use super::gather::Parts;
use super::node::{entry, items};
use super::{Settings, Sources};
use crate::map::{Node, NodeValue};

/// A value in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueInForce {
    /// Its key with those above it: `targets.orders.queue_bytes`, `routes[0].to[1].need`.
    pub key: String,
    /// The value as it would be written; secrets are masked.
    pub value: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A place in a file.
    File(String),
    /// The `defaults` of a file.
    Defaults(String),
    /// A variable or secret, and the place in a file that names it.
    Variable(String, String),
    /// No file says it.
    Default,
}

/// Every value in force, in the order of the settings.
pub(super) fn values(settings: &Settings, parts: &Parts, sources: &Sources) -> Vec<ValueInForce> {
    let shown: Value = serde_saphyr::from_str(&settings.shown).unwrap_or_default();
    let mut explained = Explained {
        parts,
        sources,
        values: Vec::new(),
    };
    explained.value(&shown, &mut Vec::new());
    explained.values
}

/// One step on the way to a value.
#[derive(Clone, Debug)]
enum Step {
    Name(String),
    Place(usize),
}

struct Explained<'e> {
    parts: &'e Parts,
    sources: &'e Sources,
    values: Vec<ValueInForce>,
}

impl Explained<'_> {
    fn value(&mut self, value: &Value, path: &mut Vec<Step>) {
        match value {
            Value::Object(entries) if !entries.is_empty() => {
                for (name, value) in entries.iter().filter(|(name, _)| !name.starts_with("x-")) {
                    path.push(Step::Name(name.clone()));
                    self.value(value, path);
                    path.pop();
                }
            }
            Value::Array(items) if items.iter().any(Value::is_object) => {
                for (place, value) in items.iter().enumerate() {
                    path.push(Step::Place(place));
                    self.value(value, path);
                    path.pop();
                }
            }
            other => {
                let value = match other {
                    Value::String(text) => text.replace('\n', "\\n"),
                    other => other.to_string(),
                };
                self.values.push(ValueInForce {
                    key: written(path),
                    value,
                    origin: self.origin(path),
                });
            }
        }
    }

    fn origin(&self, path: &[Step]) -> Origin {
        if let Some(found) = self.find(path) {
            let place = self.sources.place(found.at);
            return match &found.value {
                NodeValue::Text(text) => match variable_in(text) {
                    Some(variable) if !is_mapping(path) => Origin::Variable(variable, place),
                    _ => Origin::File(place),
                },
                _ => Origin::File(place),
            };
        }
        if let [Step::Name(routes), Step::Place(_), rest @ ..] = path
            && routes == "routes"
        {
            let mut shared = vec![Step::Name("defaults".to_owned())];
            shared.extend_from_slice(rest);
            if let Some(found) = self.find(&shared) {
                return Origin::Defaults(self.sources.place(found.at));
            }
        }
        Origin::Default
    }

    /// The value at the end of a path in the files as they are written.
    fn find(&self, path: &[Step]) -> Option<&Node> {
        if let [Step::Name(name), Step::Place(place), rest @ ..] = path
            && name == "routes"
        {
            let routes = self.parts.written.iter().filter_map(|top| entry(top, name));
            let route = routes.flat_map(items).nth(*place)?;
            return follow(route, rest);
        }
        self.parts.written.iter().find_map(|top| follow(top, path))
    }
}

fn follow<'n>(from: &'n Node, path: &[Step]) -> Option<&'n Node> {
    path.iter().try_fold(from, |node, step| match step {
        Step::Name(name) => entry(node, name),
        Step::Place(place) => items(node).get(*place),
    })
}

/// True for a value in which `${…}` is an expression over events.
fn is_mapping(path: &[Step]) -> bool {
    path.iter().any(|step| {
        matches!(step, Step::Name(name) if matches!(name.as_str(), "let" | "when" | "record"))
    })
}

/// What a text takes from its surroundings: `${env.NAME}`, `${secret.NAME}`.
fn variable_in(text: &str) -> Option<String> {
    let (_, after) = text.split_once("${")?;
    let (inside, _) = after.split_once('}')?;
    let inside = inside.trim();
    if let Some(name) = inside.strip_prefix("env.") {
        return Some(format!("environment {name}"));
    }
    let name = inside.strip_prefix("secret.")?;
    Some(format!("secret {name}"))
}

fn written(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Name(name) if text.is_empty() => text.push_str(name),
            Step::Name(name) => {
                text.push('.');
                text.push_str(name);
            }
            Step::Place(place) => text.push_str(&format!("[{place}]")),
        }
    }
    text
}
