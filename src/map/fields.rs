//! The fields of a binding's record, compiled by what each holds.

use sluicegate_contract::{Field, Kind, Name};

use super::expression::ExpressionPlan;
use super::names::{Names, nearest};
use super::slots::Read;
use super::template::{self, Part, Template};
use super::types::Type;
use super::{BindingSource, Issue, Node, NodeValue, Position};

/// How one field of a record is made.
#[derive(Clone, Debug)]
pub(super) struct FieldPlan {
    pub(super) name: &'static str,
    pub(super) required: bool,
    pub(super) value: FieldValue,
}

#[derive(Clone, Debug)]
pub(super) enum FieldValue {
    /// The mapping sets nothing.
    Absent,
    Text {
        value: Template,
        characters_min: usize,
        characters_max: usize,
    },
    Payload(Template),
    PayloadOrNull(Template),
    Integer {
        value: Template,
        min: i64,
        max: i64,
    },
    TextMap(Vec<(Name, Template)>),
    PayloadMap(Vec<(Name, Template)>),
    AttributeMap(Vec<(Name, Template)>),
    /// Names and values; or one value that is an object.
    Item(Template),
    Condition {
        text: Name,
        values: Vec<Template>,
    },
    Choice(u8),
}

/// Compiles the record of a binding: one plan for each of the room's fields, in their order.
pub(super) fn compile(
    source: &BindingSource,
    names: &mut Names<'_>,
    issues: &mut Vec<Issue>,
) -> Vec<FieldPlan> {
    let entries = match source.record.as_ref().map(|node| (node, &node.value)) {
        None => &[][..],
        Some((_, NodeValue::Map(entries))) => entries,
        Some((node, _)) => {
            let message = format!("the record of `{}` must be names and values", source.name);
            issues.push(Issue {
                at: node.at,
                message,
                help: Some(field_list(source)),
            });
            return Vec::new();
        }
    };
    for (name, at, _) in entries {
        if !source.fields.iter().any(|field| field.name == name) {
            let close = nearest(name, source.fields.iter().map(|field| field.name));
            let list = field_list(source);
            issues.push(Issue {
                at: *at,
                message: format!("a {} record has no field `{name}`", source.room),
                help: Some(if close.is_empty() { list } else { close }),
            });
        }
    }
    let mut compiler = Compiler {
        source,
        names,
        issues,
    };
    source
        .fields
        .iter()
        .map(|field| {
            let given = entries.iter().find(|(name, ..)| name == field.name);
            FieldPlan {
                name: field.name,
                required: field.required,
                value: compiler.field(field, given.map(|(_, _, node)| node)),
            }
        })
        .collect()
}

fn field_list(source: &BindingSource) -> String {
    let names = source.fields.iter().map(|field| {
        let must = field.required && field.default.is_none();
        format!("`{}`{}", field.name, if must { " (required)" } else { "" })
    });
    let names: Vec<String> = names.collect();
    format!("a {} record has {}", source.room, names.join(", "))
}

pub(super) struct Compiler<'c, 's> {
    pub(super) source: &'c BindingSource,
    pub(super) names: &'c mut Names<'s>,
    pub(super) issues: &'c mut Vec<Issue>,
}

impl Compiler<'_, '_> {
    /// An event that is `null` is forwarded as it came: only what the file names by a path of its
    /// own may stand for no value, which deletes at some targets.
    fn payload_or_null(&self, value: Template) -> FieldValue {
        let slot = match &value {
            Template::One(expression) => match expression.plan {
                ExpressionPlan::Slot(slot) => self.names.slots.get(slot),
                _ => None,
            },
            _ => None,
        };
        if slot.is_some_and(|slot| slot.read == Read::Event) {
            FieldValue::Payload(value)
        } else {
            FieldValue::PayloadOrNull(value)
        }
    }

    fn field(&mut self, field: &Field, given: Option<&Node>) -> FieldValue {
        let default = field.default.map(|text| Node {
            at: self.source.at,
            value: NodeValue::Text(text.to_owned()),
        });
        let Some(node) = given.or(default.as_ref()) else {
            if field.required {
                let (binding, room) = (&self.source.name, self.source.room);
                let message = format!("`{binding}` does not set `{}`", field.name);
                let help = format!(
                    "a {room} record needs it: {}; {}",
                    field.doc,
                    field_list(self.source)
                );
                self.issue(self.source.at, message, help);
            }
            return FieldValue::Absent;
        };
        let value = match field.kind {
            Kind::Choice(words) => self.choice(field, words, node),
            Kind::Condition => self.condition(field, node),
            Kind::TextMap { entries_max } => self
                .map(field, entries_max, node, |kind| {
                    !matches!(kind, Type::List | Type::Map | Type::Null | Type::Set)
                })
                .map(FieldValue::TextMap),
            Kind::PayloadMap { entries_max } => self
                .map(field, entries_max, node, |_| true)
                .map(FieldValue::PayloadMap),
            Kind::AttributeMap { entries_max } => self
                .map(field, entries_max, node, |kind| {
                    !matches!(kind, Type::Map | Type::Null | Type::Set)
                })
                .map(FieldValue::AttributeMap),
            Kind::Update(sections) => self.update(field, sections, node),
            Kind::Item => self.item(field, node),
            Kind::Text {
                characters_min,
                characters_max,
            } => self
                .value(field, node, |kind| {
                    !matches!(kind, Type::List | Type::Map | Type::Null | Type::Set)
                })
                .map(|value| {
                    self.check_length(field, node, &value, characters_min, characters_max);
                    FieldValue::Text {
                        value,
                        characters_min,
                        characters_max,
                    }
                }),
            Kind::Payload => self.value(field, node, |_| true).map(FieldValue::Payload),
            Kind::PayloadOrNull => self
                .value(field, node, |_| true)
                .map(|value| self.payload_or_null(value)),
            Kind::Integer { min, max } => self
                .value(field, node, |kind| {
                    matches!(kind, Type::Int | Type::Uint | Type::Any | Type::Optional)
                })
                .map(|value| {
                    self.check_range(field, node, &value, min, max);
                    FieldValue::Integer { value, min, max }
                }),
        };
        value.unwrap_or(FieldValue::Absent)
    }

    /// Compiles a value whose type must fit the field.
    fn value(
        &mut self,
        field: &Field,
        node: &Node,
        fits: impl Fn(Type) -> bool,
    ) -> Option<Template> {
        let value = template::compile(node, self.names, self.issues)?;
        let kind = value.kind();
        if field.required && kind == Type::Optional {
            let message = format!(
                "`{}` is required, and {} may be absent",
                field.name,
                value.shown()
            );
            let help = "leave the `?` away (a missing field is then a 400 that names it), or give \
                        a default with `.orValue(…)`";
            self.issue(node.at, message, help.to_owned());
            return None;
        }
        if !fits(kind) {
            self.conflict(field, node, kind.describe());
            return None;
        }
        Some(value)
    }

    pub(super) fn conflict(&mut self, field: &Field, node: &Node, given: &str) {
        let message = format!(
            "`{}` needs {}, and this is {given}",
            field.name,
            needed(field.kind)
        );
        self.issue(node.at, message, field.doc.to_owned());
    }

    fn check_length(
        &mut self,
        field: &Field,
        node: &Node,
        value: &Template,
        characters_min: usize,
        characters_max: usize,
    ) {
        let Template::Fixed(found) = value else {
            return;
        };
        let characters = found.text().map_or(0, |text| text.chars().count());
        if characters < characters_min || characters > characters_max {
            let message = format!(
                "`{}` has {characters} characters, and must have {characters_min} to \
                 {characters_max}",
                field.name
            );
            self.issue(node.at, message, field.doc.to_owned());
        }
    }

    fn check_range(&mut self, field: &Field, node: &Node, value: &Template, min: i64, max: i64) {
        let Template::Fixed(found) = value else {
            return;
        };
        if !found
            .integer()
            .is_some_and(|value| (min..=max).contains(&value))
        {
            let message = format!("`{}` must be from {min} to {max}", field.name);
            self.issue(node.at, message, field.doc.to_owned());
        }
    }

    fn choice(
        &mut self,
        field: &Field,
        words: &'static [&'static str],
        node: &Node,
    ) -> Option<FieldValue> {
        let word = match &node.value {
            NodeValue::Text(word) => word.as_str(),
            _ => "",
        };
        if let Some(index) = words.iter().position(|known| *known == word) {
            return u8::try_from(index).ok().map(FieldValue::Choice);
        }
        let list = words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>();
        let message = format!("`{}` must be one of {}", field.name, list.join(", "));
        let computed = word.contains("${");
        let help = if computed {
            "it is fixed when the file is loaded, and cannot be an expression".to_owned()
        } else {
            nearest(word, words.iter().copied())
        };
        self.issue(node.at, message, help);
        None
    }

    fn item(&mut self, field: &Field, node: &Node) -> Option<FieldValue> {
        let value = template::compile(node, self.names, self.issues)?;
        if !matches!(value.kind(), Type::Map | Type::Any) {
            self.conflict(field, node, value.kind().describe());
            return None;
        }
        Some(FieldValue::Item(value))
    }

    fn condition(&mut self, field: &Field, node: &Node) -> Option<FieldValue> {
        let NodeValue::Text(written) = &node.value else {
            self.conflict(field, node, "something else");
            return None;
        };
        let parts = template::compile_parts(written, node, self.names, self.issues)?;
        let mut text = String::new();
        let mut values = Vec::new();
        for part in parts {
            match part {
                Part::Literal(literal) => {
                    if has_placeholder(&literal) {
                        let message = "`:p0`, `:p1`, … are the placeholders of bound values";
                        let help = "write the value itself as `${…}`: it is bound, never spliced";
                        self.issue(node.at, message.to_owned(), help.to_owned());
                    }
                    text.push_str(&literal);
                }
                Part::Value(expression) if expression.kind == Type::Optional => {
                    let message = format!("{} in `{}` may be absent", expression.text, field.name);
                    let help = "leave the `?` away, or give a default with `.orValue(…)`";
                    self.issue(node.at, message, help.to_owned());
                }
                Part::Value(expression) => {
                    text.push_str(&format!(":p{}", values.len()));
                    values.push(Template::One(expression));
                }
            }
        }
        if text.trim().is_empty() {
            self.issue(
                node.at,
                format!("`{}` is empty", field.name),
                field.doc.to_owned(),
            );
        }
        let text = Name::from(text);
        Some(FieldValue::Condition { text, values })
    }

    pub(super) fn issue(&mut self, at: Position, message: String, help: String) {
        let help = (!help.is_empty()).then_some(help);
        self.issues.push(Issue { at, message, help });
    }
}

/// True where a text has what a bound value's placeholder would look like.
fn has_placeholder(text: &str) -> bool {
    text.match_indices(":p").any(|(at, _)| {
        let rest = text.get(at + 2..).unwrap_or_default();
        rest.starts_with(|c: char| c.is_ascii_digit())
    })
}

fn needed(kind: Kind) -> &'static str {
    match kind {
        Kind::Text { .. } | Kind::Condition => "text",
        Kind::Payload | Kind::PayloadOrNull => "a value",
        Kind::Integer { .. } => "a whole number",
        Kind::TextMap { .. }
        | Kind::PayloadMap { .. }
        | Kind::AttributeMap { .. }
        | Kind::Update(_) => "names and values",
        Kind::Item => "names and values, or one object",
        Kind::Choice(_) => "one of its words",
    }
}
