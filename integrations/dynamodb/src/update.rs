//! Updates: what a mapping's sections become as an UpdateExpression, and whether an item is as an
//! update would leave it. Pure.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use sluicegate_contract::{Reason, Section, Value};

use crate::item::{Attributes, attribute, invalid, item, measure};
use crate::key::KeySchema;
use crate::path::Path;
use crate::same::{contains_all, contains_none, same_value};

/// The parts of an `update`, in the order of their constants.
pub(crate) const SECTIONS: &[Section] = &[
    Section {
        name: "key",
        names_only: false,
        doc: "The key of the item: every key attribute of the table with its value.",
    },
    Section {
        name: "set",
        names_only: false,
        doc: "Attributes to set. A name may be a path: address.city, lines[0].sku.",
    },
    Section {
        name: "set_if_absent",
        names_only: false,
        doc: "Attributes to set where the item does not have them yet.",
    },
    Section {
        name: "append",
        names_only: false,
        doc: "Lists whose elements are appended to the item's lists, made where there are none.",
    },
    Section {
        name: "add",
        names_only: false,
        doc: "Numbers to add to the item's numbers (from 0 where there is none), or sets whose \
              members are added to the item's sets.",
    },
    Section {
        name: "remove",
        names_only: true,
        doc: "A list of attributes or paths to remove.",
    },
    Section {
        name: "delete",
        names_only: false,
        doc: "Sets whose members are deleted from the item's sets.",
    },
];

/// The section that names the item.
pub(crate) const KEY: &str = "key";
/// Bytes of an expression, as the service counts it.
const EXPRESSION_BYTES_MAX: usize = 4096;
/// Operators and functions of an expression.
const ACTIONS_MAX: usize = 150;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Set,
    SetIfAbsent,
    Append,
    Add,
    Remove,
    Delete,
}

const VERBS: [(&str, Verb); 6] = [
    ("set", Verb::Set),
    ("set_if_absent", Verb::SetIfAbsent),
    ("append", Verb::Append),
    ("add", Verb::Add),
    ("remove", Verb::Remove),
    ("delete", Verb::Delete),
];

/// An update, read from a mapping's value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Update {
    pub(crate) key: Attributes,
    actions: Vec<Action>,
}

#[derive(Clone, Debug, PartialEq)]
struct Action {
    verb: Verb,
    path: Path,
    /// Nothing for what is removed.
    value: Option<AttributeValue>,
}

/// An UpdateExpression with what it names.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Expression {
    pub(crate) text: String,
    pub(crate) names: HashMap<String, String>,
    pub(crate) values: HashMap<String, AttributeValue>,
}

/// The section of this name.
pub(crate) fn section<'u>(update: &'u Value, name: &str) -> &'u Value {
    const ABSENT: &Value = &Value::Absent;
    match update {
        Value::Map(entries) => entries
            .iter()
            .find(|(known, _)| &**known == name)
            .map_or(ABSENT, |(_, value)| value),
        _ => ABSENT,
    }
}

/// True where sending the update twice leaves what sending it once does: nothing is appended, and
/// what is added are members of sets.
pub(crate) fn is_repeatable(update: &Value) -> bool {
    let only_sets = match section(update, "add") {
        Value::Absent => true,
        Value::Map(entries) => entries
            .iter()
            .all(|(_, value)| matches!(value, Value::Set(_) | Value::Absent)),
        _ => false,
    };
    only_sets && section(update, "append").is_absent()
}

/// Bytes of an update's key and values, as DynamoDB counts them in an item.
///
/// # Errors
/// Why the table would never take it.
pub(crate) fn weigh(update: &Value, key: Option<&KeySchema>) -> Result<usize, Reason> {
    let read = Update::read(update)?;
    if let Some(key) = key {
        key.check_only(section(update, KEY))?;
        let changed = |action: &&Action| key.has(action.path.attribute());
        if let Some(action) = read.actions.iter().find(changed) {
            let detail = format!("`{}` is of the key, which no update changes", action.path);
            return Err(invalid(detail));
        }
    }
    read.expression()?;
    let mut bytes = 0;
    for section in SECTIONS.iter().filter(|section| !section.names_only) {
        let value = self::section(update, section.name);
        if !value.is_absent() {
            bytes += measure(value)?;
        }
    }
    Ok(bytes)
}

impl Update {
    /// Reads an update.
    ///
    /// # Errors
    /// `Invalid`, with the section and the place.
    pub(crate) fn read(update: &Value) -> Result<Self, Reason> {
        let key = match section(update, KEY) {
            Value::Absent => return Err(invalid("the update has no `key`".to_owned())),
            key => item(key)?,
        };
        let mut actions = Vec::new();
        for (name, verb) in VERBS {
            read_section(section(update, name), verb, &mut actions).map_err(|reason| {
                invalid(format!("{name}: {}", reason.detail().unwrap_or_default()))
            })?;
        }
        if actions.is_empty() {
            return Err(invalid("the update changes nothing".to_owned()));
        }
        if actions.len() > ACTIONS_MAX {
            return Err(invalid(format!(
                "an update has at most {ACTIONS_MAX} changes"
            )));
        }
        let mut paths: Vec<&Path> = actions.iter().map(|action| &action.path).collect();
        paths.sort();
        for pair in paths.windows(2) {
            if let [outer, inner] = pair
                && outer.holds(inner)
            {
                let detail = format!("`{outer}` and `{inner}` overlap: change each place once");
                return Err(invalid(detail));
            }
        }
        Ok(Self { key, actions })
    }

    /// The expression, each name an alias and each value bound.
    ///
    /// # Errors
    /// `Invalid` where it is longer than the service takes.
    pub(crate) fn expression(&self) -> Result<Expression, Reason> {
        let mut made = Expression::default();
        for (keyword, verbs) in [
            ("SET", &[Verb::Set, Verb::SetIfAbsent, Verb::Append][..]),
            ("REMOVE", &[Verb::Remove]),
            ("ADD", &[Verb::Add]),
            ("DELETE", &[Verb::Delete]),
        ] {
            let actions = self.actions.iter().filter(|a| verbs.contains(&a.verb));
            for (place, action) in actions.enumerate() {
                match place {
                    0 if made.text.is_empty() => made.text.push_str(keyword),
                    0 => made.text.push_str(&format!(" {keyword}")),
                    _ => made.text.push(','),
                }
                made.text.push(' ');
                made.add(action);
            }
        }
        if made.text.len() > EXPRESSION_BYTES_MAX {
            let detail =
                format!("the update's expression is longer than {EXPRESSION_BYTES_MAX} bytes");
            return Err(invalid(detail));
        }
        Ok(made)
    }

    /// True where an item is certainly as this update leaves it. What an earlier value went into
    /// cannot be told.
    pub(crate) fn has_come_true(&self, item: &Attributes) -> bool {
        self.actions.iter().all(|action| {
            let found = action.path.find(item);
            match (action.verb, &action.value, found) {
                // Another's value under `set_if_absent` may stand there since before, or since
                // the attempt in doubt was lost: that cannot be told.
                (Verb::Set | Verb::SetIfAbsent, Some(value), Some(found)) => {
                    same_value(value, found)
                }
                (Verb::Remove, ..) => found.is_none(),
                (Verb::Add, Some(value), Some(found)) => contains_all(found, value),
                (Verb::Delete, _, None) => true,
                (Verb::Delete, Some(value), Some(found)) => contains_none(found, value),
                _ => false,
            }
        })
    }
}

impl Expression {
    fn add(&mut self, action: &Action) {
        let mut path = String::new();
        action.path.write(&mut self.names, &mut path);
        self.text.push_str(&path);
        let Some(value) = &action.value else { return };
        let bound = self.bind(value.clone());
        let text = match action.verb {
            Verb::Set => format!(" = {bound}"),
            Verb::SetIfAbsent => format!(" = if_not_exists({path}, {bound})"),
            Verb::Append => {
                let empty = self.bind(AttributeValue::L(Vec::new()));
                format!(" = list_append(if_not_exists({path}, {empty}), {bound})")
            }
            Verb::Add | Verb::Delete | Verb::Remove => format!(" {bound}"),
        };
        self.text.push_str(&text);
    }

    fn bind(&mut self, value: AttributeValue) -> String {
        let name = format!(":u{}", self.values.len());
        self.values.insert(name.clone(), value);
        name
    }
}

fn read_section(section: &Value, verb: Verb, actions: &mut Vec<Action>) -> Result<(), Reason> {
    match section {
        Value::Absent => Ok(()),
        Value::Map(entries) => {
            for (name, value) in entries.iter().filter(|(_, value)| !value.is_absent()) {
                let path = Path::read(name)?;
                let value = match verb {
                    Verb::Remove => None,
                    _ => Some(attribute(value).map_err(|reason| at(&path, &reason))?),
                };
                actions.push(Action::new(verb, path, value)?);
            }
            Ok(())
        }
        // Names from the event: whole names, never paths.
        Value::Json(_) if verb == Verb::Remove => match attribute(section)? {
            AttributeValue::L(names) => names.into_iter().try_for_each(|name| {
                let AttributeValue::S(name) = name else {
                    return Err(invalid("a list of names is needed".to_owned()));
                };
                actions.push(Action::new(verb, Path::of_name(&name)?, None)?);
                Ok(())
            }),
            _ => Err(invalid("a list of names is needed".to_owned())),
        },
        object => {
            let mut attributes: Vec<_> = item(object)?.into_iter().collect();
            attributes.sort_by(|(left, _), (right, _)| left.cmp(right));
            for (name, value) in attributes {
                actions.push(Action::new(verb, Path::of_name(&name)?, Some(value))?);
            }
            Ok(())
        }
    }
}

impl Action {
    /// # Errors
    /// `Invalid` where the value is not what the verb takes.
    fn new(verb: Verb, path: Path, value: Option<AttributeValue>) -> Result<Self, Reason> {
        use AttributeValue::{Bs, L, N, Ns, Ss};
        let needed = match (verb, &value) {
            (Verb::Append, Some(L(_)))
            | (Verb::Add, Some(N(_) | Ss(_) | Ns(_) | Bs(_)))
            | (Verb::Delete, Some(Ss(_) | Ns(_) | Bs(_)))
            | (Verb::Set | Verb::SetIfAbsent | Verb::Remove, _) => None,
            (Verb::Append, _) => Some("a list"),
            (Verb::Add, _) => Some("a number, or a set as `string_set(…)` makes it"),
            (Verb::Delete, _) => Some("a set as `string_set(…)` makes it"),
        };
        match needed {
            Some(needed) => Err(invalid(format!("`{path}` needs {needed}"))),
            None => Ok(Self { verb, path, value }),
        }
    }
}

fn at(path: &Path, reason: &Reason) -> Reason {
    invalid(format!("`{path}`: {}", reason.detail().unwrap_or_default()))
}

#[cfg(test)]
#[path = "update_tests.rs"]
mod tests;
