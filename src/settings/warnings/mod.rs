//! What is doubtful in files that are right: each with its reason, what it costs and what to do.
//!
//! A warning is silenced where it is known: by `x-allow: [code]` in the map that it is about, or
//! one around it.

mod constant;
mod routes;
mod spool;
mod targets;

use super::Settings;
use super::gather::Parts;
use super::node::{self, entries, items};
use super::review::ReviewOptions;
use super::words::nearest;
use crate::map::{Issue, Node, NodeValue, Position};

/// Every warning: its code, and what it is about.
pub const WARNINGS: &[(&str, &str)] = &[
    (
        "single_calls",
        "Records that cannot share a call with others: each costs a call of its own.",
    ),
    (
        "hot_key",
        "A partition key that is the same for all records: one shard or partition takes them all.",
    ),
    (
        "unwatched_loss",
        "A best-effort target without dead letters: what it loses is counted in a metric and said nowhere else.",
    ),
    (
        "unconfirmed_answers",
        "A route that answers before anything is stored: a crash loses what was answered 202.",
    ),
    (
        "unkept_refusals",
        "A route that spools, to a target without dead letters: what it refuses after the 202 is gone.",
    ),
    (
        "larger_than_target",
        "A route takes events that a target never takes.",
    ),
    (
        "larger_than_queue",
        "A route takes bodies that do not fit the queue of a target, not even an empty one.",
    ),
    (
        "larger_than_spool",
        "A route takes bodies that do not fit the spool, not even an empty one.",
    ),
    (
        "long_wait",
        "A route waits longer than what usually stands before a gateway keeps a connection open.",
    ),
    (
        "proxied_address",
        "A limit per address while no proxy is trusted: behind one, all callers are one address.",
    ),
    (
        "plain_secret",
        "A password or key that stands in the file in plain text.",
    ),
    (
        "admin_exposed",
        "The admin port listens on more than this machine.",
    ),
    ("untested_route", "A route without tests."),
    ("unused_target", "A target that no route uses."),
    ("unused_connection", "A connection that no target uses."),
    (
        "unknown_allow",
        "`x-allow` names a warning that there is not.",
    ),
];

/// A warning before it is known whether it is wanted: its code, and what is said.
type Raised = (&'static str, Issue);

/// All that is doubtful and not silenced.
pub(super) fn of(settings: &Settings, parts: &Parts, options: &ReviewOptions) -> Vec<Raised> {
    let look = Look {
        settings,
        parts,
        rate: options.rate,
    };
    let mut raised = Vec::new();
    look.routes(&mut raised);
    look.targets(&mut raised);
    let mut silenced = Vec::new();
    for top in &parts.written {
        silences(top, top.at, &mut silenced, &mut raised);
    }
    raised.retain(|(code, issue)| {
        let named = options.allowed.iter().any(|allowed| allowed == code);
        let here = silenced
            .iter()
            .any(|(within, allowed)| allowed == code && is_within(issue.at, *within));
        !named && !here
    });
    raised
}

/// What warnings are made from.
struct Look<'l> {
    settings: &'l Settings,
    parts: &'l Parts,
    /// Events per second.
    rate: u64,
}

impl Look<'_> {
    /// The rate as people write it: `1,000 events/s`.
    fn rate(&self) -> String {
        format!("{} events/s", grouped(self.rate))
    }
}

/// A number with commas between its thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn raise(
    raised: &mut Vec<Raised>,
    code: &'static str,
    at: Position,
    message: String,
    help: String,
) {
    debug_assert!(WARNINGS.iter().any(|(known, _)| *known == code), "{code}");
    let help = Some(help);
    raised.push((code, Issue { at, message, help }));
}

fn is_within(at: Position, within: Position) -> bool {
    at.file == within.file && at.start >= within.start && at.start <= within.end
}

/// Every `x-allow` of a tree with the part of the file that it speaks for: the map that it stands
/// in, the name of that map included.
fn silences(
    tree: &Node,
    within: Position,
    silenced: &mut Vec<(Position, String)>,
    raised: &mut Vec<Raised>,
) {
    for item in items(tree) {
        silences(item, item.at, silenced, raised);
    }
    for (name, at, value) in entries(tree) {
        if name == "x-allow" {
            allowed(value, within, silenced, raised);
            continue;
        }
        let within = Position {
            start: at.start,
            ..value.at
        };
        silences(value, within, silenced, raised);
    }
}

fn allowed(
    value: &Node,
    within: Position,
    silenced: &mut Vec<(Position, String)>,
    raised: &mut Vec<Raised>,
) {
    let codes = match &value.value {
        NodeValue::List(items) => items.as_slice(),
        _ => std::slice::from_ref(value),
    };
    for code in codes {
        let text = match &code.value {
            NodeValue::Text(text) => text.as_str(),
            _ => "",
        };
        if WARNINGS.iter().any(|(known, _)| *known == text) {
            silenced.push((within, text.to_owned()));
            continue;
        }
        let known = || WARNINGS.iter().map(|(known, _)| *known);
        let all = known().collect::<Vec<_>>().join(", ");
        let help = match nearest(text, known()) {
            Some(near) => format!("did you mean `{near}`? known: {all}"),
            None => format!("known: {all}"),
        };
        let message = format!("there is no warning `{text}`");
        raise(raised, "unknown_allow", code.at, message, help);
    }
}

/// Where the last of these keys stands that there is.
fn place(node: &Node, path: &[&str]) -> Position {
    node::place(node, path)
}
