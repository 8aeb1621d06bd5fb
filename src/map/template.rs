//! Values of the file that may hold expressions, compiled.

use bytes::Bytes;
use bytestring::ByteString;
use sluicegate_contract::Name;

use super::chain::Chain;
use super::expression::{self, Expression, ExpressionPlan};
use super::found::Found;
use super::names::Names;
use super::text::{Piece, TextFault, pieces};
use super::types::Type;
use super::{Issue, Node, NodeValue, Position};
use crate::split::number_kind;

/// A compiled value of the file.
#[derive(Clone, Debug)]
pub(super) enum Template {
    /// As it stands.
    Fixed(Found),
    /// One whole `${…}`: keeps its type.
    One(Expression),
    /// Text with expressions in it.
    Text(Vec<Part>),
    /// Names and values, in the file's order; an absent value leaves its name out.
    Map(Vec<(Name, Self)>),
    /// Values; an absent one is left out.
    List(Vec<Self>),
}

/// A part of a text.
#[derive(Clone, Debug)]
pub(super) enum Part {
    Literal(Box<str>),
    Value(Expression),
}

impl Template {
    /// What is known of its value.
    pub(super) fn kind(&self) -> Type {
        match self {
            Self::Fixed(found) => found.kind(),
            Self::One(expression) => expression.kind,
            Self::Text(_) => Type::Text,
            Self::Map(_) => Type::Map,
            Self::List(_) => Type::List,
        }
    }

    /// Calls `found` with each slot that it reads.
    pub(super) fn each_slot(&self, found: &mut dyn FnMut(usize)) {
        match self {
            Self::Fixed(_) => {}
            Self::One(expression) => expression.slots().iter().copied().for_each(found),
            Self::Text(parts) => {
                for part in parts {
                    if let Part::Value(expression) = part {
                        expression.slots().iter().copied().for_each(&mut *found);
                    }
                }
            }
            Self::Map(entries) => entries.iter().for_each(|(_, value)| value.each_slot(found)),
            Self::List(elements) => elements.iter().for_each(|value| value.each_slot(found)),
        }
    }

    /// The expression that gave most to this value, for messages.
    pub(super) fn shown(&self) -> &str {
        match self {
            Self::One(expression) => &expression.text,
            Self::Text(parts) => parts
                .iter()
                .find_map(|part| match part {
                    Part::Value(expression) => Some(&*expression.text),
                    Part::Literal(_) => None,
                })
                .unwrap_or("its text"),
            Self::Fixed(_) => "what the file says",
            Self::Map(_) | Self::List(_) => "its parts",
        }
    }
}

/// Compiles a value of any shape. What is wrong is added to `issues`.
pub(super) fn compile(
    node: &Node,
    names: &mut Names<'_>,
    issues: &mut Vec<Issue>,
) -> Option<Template> {
    match &node.value {
        NodeValue::Null => Some(Template::Fixed(Found::null())),
        NodeValue::Bool(boolean) => Some(Template::Fixed(Found::from_boolean(*boolean))),
        NodeValue::Number(text) => number(text, node, issues).map(Template::Fixed),
        NodeValue::Text(text) => compile_text(text, node, names, issues),
        NodeValue::List(elements) => {
            let compiled: Vec<_> = elements
                .iter()
                .map(|element| compile(element, names, issues))
                .collect();
            compiled
                .into_iter()
                .collect::<Option<_>>()
                .map(Template::List)
        }
        NodeValue::Map(entries) => {
            let compiled: Vec<_> = entries
                .iter()
                .map(|(name, _, value)| {
                    let value = compile(value, names, issues)?;
                    Some((Name::from(name.as_str()), value))
                })
                .collect();
            compiled
                .into_iter()
                .collect::<Option<_>>()
                .map(Template::Map)
        }
    }
}

/// Compiles a text: one whole `${…}` keeps its type.
pub(super) fn compile_text(
    text: &str,
    node: &Node,
    names: &mut Names<'_>,
    issues: &mut Vec<Issue>,
) -> Option<Template> {
    let mut parts = compile_parts(text, node, names, issues)?;
    match parts.as_slice() {
        [] => return Some(Template::Fixed(Found::Text(ByteString::new()))),
        [Part::Literal(text)] => {
            return Some(Template::Fixed(Found::Text(ByteString::from(&**text))));
        }
        [Part::Value(_)] => {}
        _ => {
            for part in &parts {
                if let Part::Value(expression) = part
                    && !may_be_text(expression, node, issues)
                {
                    return None;
                }
            }
            return Some(Template::Text(parts));
        }
    }
    match parts.pop() {
        Some(Part::Value(expression)) => Some(match expression.plan {
            ExpressionPlan::Fixed(found) => Template::Fixed(found),
            _ => Template::One(expression),
        }),
        _ => None,
    }
}

/// The plain path that a text is as a whole: `${event.a.b}`.
pub(super) fn whole_chain(text: &str) -> Option<Chain> {
    match pieces(text).ok()?.as_slice() {
        [Piece::Expression { text, .. }] => expression::chain(text),
        _ => None,
    }
}

/// Compiles the pieces of a text.
pub(super) fn compile_parts(
    text: &str,
    node: &Node,
    names: &mut Names<'_>,
    issues: &mut Vec<Issue>,
) -> Option<Vec<Part>> {
    let cut = match pieces(text) {
        Ok(cut) => cut,
        Err(fault) => {
            issues.push(issue(fault, node, 0));
            return None;
        }
    };
    let mut parts = Vec::with_capacity(cut.len());
    let before = issues.len();
    for piece in cut {
        match piece {
            Piece::Literal(text) => parts.push(Part::Literal(text.into())),
            Piece::Expression { text, at } => match expression::compile(text, names) {
                Ok(expression) => parts.push(Part::Value(expression)),
                Err(faults) => issues.extend(faults.into_iter().map(|f| issue(f, node, at))),
            },
        }
    }
    (issues.len() == before).then_some(parts)
}

/// Judges what stands inside of a text.
fn may_be_text(expression: &Expression, node: &Node, issues: &mut Vec<Issue>) -> bool {
    let help = match expression.kind {
        Type::Optional => "give it a default with `.orValue('')`",
        Type::List | Type::Map => "write it as text with `json(…)`",
        Type::Null => "give it a value",
        Type::Bytes => "write it as text with `string(…)` or `base64(…)`",
        _ => return true,
    };
    let (text, kind) = (&expression.text, expression.kind.describe());
    issues.push(Issue {
        at: node.at,
        message: format!("{text} is {kind}, and cannot stand inside of a text"),
        help: Some(help.to_owned()),
    });
    false
}

/// A number as JSON has it.
fn number(text: &str, node: &Node, issues: &mut Vec<Issue>) -> Option<Found> {
    let Some(kind) = number_kind(text.as_bytes()) else {
        issues.push(Issue {
            at: node.at,
            message: format!("`{text}` is not a number as JSON has it"),
            help: Some("write it with decimal digits, or in quotes as text".to_owned()),
        });
        return None;
    };
    let json = Bytes::copy_from_slice(text.as_bytes());
    Some(Found::Json(json, kind))
}

/// A fault of a text as an issue of the file: it points into the node where offsets of the text
/// are offsets of the file, which they are in a text without escapes.
pub(super) fn issue(fault: TextFault, node: &Node, offset: usize) -> Issue {
    let mut at = node.at;
    if let NodeValue::Text(text) = &node.value {
        let written = at.end.saturating_sub(at.start);
        let before = match written.checked_sub(text.len()) {
            Some(0) => Some(0),
            Some(2) => Some(1),
            _ => None,
        };
        if let Some(before) = before {
            let start = at.start + before + offset + fault.at;
            let end = at.end;
            at = Position {
                start: start.min(end),
                ..at
            };
        }
    }
    Issue {
        at,
        message: fault.message,
        help: fault.help,
    }
}
