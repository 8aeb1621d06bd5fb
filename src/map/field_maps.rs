//! The fields of a record that are written as names and values.

use sluicegate_contract::{Field, Kind, Name, Section};

use super::fields::{Compiler, FieldValue};
use super::found::Found;
use super::names::nearest;
use super::template::{self, Template};
use super::types::Type;
use super::{Node, NodeValue};

impl Compiler<'_, '_> {
    /// Names and values, each of a type that fits.
    pub(super) fn map(
        &mut self,
        field: &Field,
        most: usize,
        node: &Node,
        fits: impl Fn(Type) -> bool,
    ) -> Option<Vec<(Name, Template)>> {
        let NodeValue::Map(entries) = &node.value else {
            self.conflict(field, node, "something else");
            return None;
        };
        if entries.len() > most {
            let message = format!(
                "`{}` has {} entries, of which {most} are allowed",
                field.name,
                entries.len()
            );
            self.issue(node.at, message, field.doc.to_owned());
        }
        let mut compiled = Vec::with_capacity(entries.len());
        for (name, _, value) in entries {
            let template = template::compile(value, self.names, self.issues)?;
            let kind = template.kind();
            if !fits(kind) {
                let needed = match field.kind {
                    Kind::AttributeMap { .. } => "text, a number, a list or bytes",
                    _ => "text",
                };
                let message = format!(
                    "`{}.{name}` needs {needed}, and this is {}",
                    field.name,
                    kind.describe()
                );
                let help = "write it as text with `json(…)`".to_owned();
                self.issue(value.at, message, help);
            }
            compiled.push((Name::from(name.as_str()), template));
        }
        Some(compiled)
    }

    /// The sections of an update, each an item.
    pub(super) fn update(
        &mut self,
        field: &Field,
        sections: &'static [Section],
        node: &Node,
    ) -> Option<FieldValue> {
        let NodeValue::Map(entries) = &node.value else {
            self.conflict(field, node, "something else");
            return None;
        };
        let mut compiled = Vec::with_capacity(entries.len());
        for (name, at, value) in entries {
            let Some(section) = sections.iter().find(|section| section.name == name) else {
                let close = nearest(name, sections.iter().map(|section| section.name));
                let help = if close.is_empty() {
                    section_list(sections)
                } else {
                    close
                };
                let message = format!("`{}` has no section `{name}`", field.name);
                self.issue(*at, message, help);
                continue;
            };
            let template = match &value.value {
                NodeValue::List(names) if section.names_only => self.names_of(section, names)?,
                _ => template::compile(value, self.names, self.issues)?,
            };
            let kind = template.kind();
            let fits = match section.names_only {
                true => matches!(kind, Type::Map | Type::List | Type::Any),
                false => matches!(kind, Type::Map | Type::Any),
            };
            let written_wrongly = section.names_only && matches!(value.value, NodeValue::Map(_));
            if !fits || written_wrongly {
                let needed = match section.names_only {
                    true => "a list of names",
                    false => "names and values, or one object",
                };
                let message = format!("`{}.{name}` needs {needed}", field.name);
                self.issue(value.at, message, section.doc.to_owned());
                continue;
            }
            compiled.push((Name::from(section.name), template));
        }
        Some(FieldValue::Item(Template::Map(compiled)))
    }

    /// A list of names as it is written: fixed, since they are paths.
    fn names_of(&mut self, section: &Section, names: &[Node]) -> Option<Template> {
        let mut entries = Vec::with_capacity(names.len());
        for name in names {
            match &name.value {
                NodeValue::Text(text) if !text.contains("${") => {
                    entries.push((
                        Name::from(text.as_str()),
                        Template::Fixed(Found::from_boolean(true)),
                    ));
                }
                _ => {
                    let message =
                        format!("`{}` is a list of names as they are written", section.name);
                    let help = "names that come from the event stand in one expression that is a \
                                list: `${…}`";
                    self.issue(name.at, message, help.to_owned());
                    return None;
                }
            }
        }
        Some(Template::Map(entries))
    }
}

fn section_list(sections: &[Section]) -> String {
    let names: Vec<String> = sections
        .iter()
        .map(|section| format!("`{}`", section.name))
        .collect();
    format!("it has {}", names.join(", "))
}
