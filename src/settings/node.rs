//! Small readings of a tree of values with their places.

use crate::map::{Node, NodeValue, Position};

/// The value of a name in a map.
pub(super) fn entry<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    entries(node)
        .iter()
        .find(|(known, _, _)| known == name)
        .map(|(_, _, value)| value)
}

/// Takes the entry or item at this place out of a tree; false if there is none.
pub(super) fn remove(node: &mut Node, at: Position) -> bool {
    match &mut node.value {
        NodeValue::List(items) => {
            let before = items.len();
            items.retain(|item| item.at != at);
            items.len() < before || items.iter_mut().any(|item| remove(item, at))
        }
        NodeValue::Map(entries) => {
            let before = entries.len();
            entries.retain(|(_, name, value)| value.at != at && *name != at);
            entries.len() < before || entries.iter_mut().any(|(_, _, value)| remove(value, at))
        }
        _ => false,
    }
}

/// Where a path of names leads, or the last place on the way to it that there is.
pub(super) fn place(node: &Node, path: &[&str]) -> Position {
    let mut here = node;
    for name in path {
        match entry(here, name) {
            Some(next) => here = next,
            None => break,
        }
    }
    here.at
}

/// The entries of a map; none for anything else.
pub(super) fn entries(node: &Node) -> &[(String, Position, Node)] {
    match &node.value {
        NodeValue::Map(entries) => entries,
        _ => &[],
    }
}

/// The items of a list; none for anything else.
pub(super) fn items(node: &Node) -> &[Node] {
    match &node.value {
        NodeValue::List(items) => items,
        _ => &[],
    }
}

/// The value as JSON text, numbers as they were written.
pub(super) fn to_json(node: &Node, out: &mut String) {
    match &node.value {
        NodeValue::Null => out.push_str("null"),
        NodeValue::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        NodeValue::Number(number) => out.push_str(number),
        NodeValue::Text(text) => push_quoted(text, out),
        NodeValue::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                to_json(item, out);
            }
            out.push(']');
        }
        NodeValue::Map(entries) => {
            out.push('{');
            for (index, (name, _, value)) in entries.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                push_quoted(name, out);
                out.push(':');
                to_json(value, out);
            }
            out.push('}');
        }
    }
}

fn push_quoted(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

/// The value as JSON.
pub(super) fn to_value(node: &Node) -> serde_json::Value {
    let mut text = String::new();
    to_json(node, &mut text);
    serde_json::from_str(&text).unwrap_or_default()
}

/// The map without these keys.
pub(super) fn without(node: &Node, keys: &[&'static str]) -> Node {
    let kept = entries(node)
        .iter()
        .filter(|(name, _, _)| !keys.contains(&name.as_str()))
        .cloned()
        .collect();
    Node {
        at: node.at,
        value: NodeValue::Map(kept),
    }
}
