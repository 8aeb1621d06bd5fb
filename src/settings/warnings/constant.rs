//! Whether a value of a mapping is the same for all events, as far as its text tells.

use crate::map::{Node, NodeValue};
use crate::settings::node::entry;

/// `let`s that are followed from one to the next.
const DEPTH_MAX: usize = 32;
/// What differs from event to event, or from request to request.
const VARYING: &[&str] = &[
    "event",
    "body",
    "ce",
    "query",
    "path",
    "auth",
    "results",
    "item",
    "now",
    "now_millis",
    "uuid",
];

/// True if the value is surely the same for all events of the route.
pub(super) fn is_constant(value: &Node, route: &Node) -> bool {
    constant(value, route, DEPTH_MAX)
}

fn constant(value: &Node, route: &Node, depth: usize) -> bool {
    match &value.value {
        NodeValue::Null | NodeValue::List(_) | NodeValue::Map(_) => false,
        NodeValue::Bool(_) | NodeValue::Number(_) => true,
        NodeValue::Text(text) => {
            depth > 0
                && expressions(text)
                    .iter()
                    .all(|expression| is_fixed(expression, route, depth))
        }
    }
}

fn is_fixed(expression: &str, route: &Node, depth: usize) -> bool {
    names(expression).iter().all(|name| {
        let (root, rest) = name.split_once('.').unwrap_or((name, ""));
        if VARYING.contains(&root) {
            return false;
        }
        if root == "request" {
            return rest == "method";
        }
        match entry(route, "let").and_then(|lets| entry(lets, root)) {
            Some(value) => constant(value, route, depth - 1),
            // A function, a literal such as `true`.
            None => true,
        }
    })
}

/// The expressions within a text.
fn expressions(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let literal = rest[..start].ends_with('$');
        let after = &rest[start + 2..];
        let end = after.find('}').unwrap_or(after.len());
        if !literal {
            // A brace within an expression cuts it short: what is left of it is read below.
            found.push(after);
        }
        rest = after.get(end..).unwrap_or_default();
    }
    found
}

/// The names that an expression reads, with the members behind them: `event.user.id`.
fn names(expression: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut name = String::new();
    let mut quote = None;
    for character in expression.chars().chain([' ']) {
        match quote {
            Some(mark) if character == mark => quote = None,
            Some(_) => {}
            None if matches!(character, '\'' | '"') => quote = Some(character),
            None if character.is_alphanumeric() || matches!(character, '_' | '.' | '?') => {
                name.push(character);
                continue;
            }
            None => {}
        }
        let whole = std::mem::take(&mut name).replace('?', "");
        if whole.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            names.push(whole);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::Position;

    fn text(text: &str) -> Node {
        Node {
            at: Position::default(),
            value: NodeValue::Text(text.to_owned()),
        }
    }

    #[test]
    fn what_reads_nothing_of_the_event_is_constant() {
        let at = Position::default();
        let lets = NodeValue::Map(vec![
            ("user".to_owned(), at, text("${event.user}")),
            ("kind".to_owned(), at, text("${'a' + 'event'}")),
            ("same".to_owned(), at, text("${kind}")),
        ]);
        let lets = Node { at, value: lets };
        let route = NodeValue::Map(vec![("let".to_owned(), at, lets)]);
        let route = Node { at, value: route };
        for (value, constant) in [
            ("all", true),
            ("", true),
            ("${'all'}", true),
            ("${same}-${kind}", true),
            ("${request.method}", true),
            ("$${event.id}", true),
            ("${event.user}", false),
            ("${event.?user.orValue('x')}", false),
            ("a-${path.tenant}", false),
            ("${user}", false),
            ("${request.id}", false),
            ("${uuid()}", false),
            ("${kind == '}' ? 'a' : event.id}", false),
        ] {
            assert_eq!(is_constant(&text(value), &route), constant, "{value}");
        }
    }
}
