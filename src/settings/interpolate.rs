//! Puts `${env.NAME}` and `${secret.NAME}` into the texts of settings.
//!
//! Mappings, conditions and tests are left alone: what `${…}` means there is the compiler's.

use super::Environment;
use crate::map::{Issue, Node, NodeValue, Position};

/// What stands where a secret was.
pub(super) const MASK: &str = "***";

/// The parts of a file that hold settings. What stands under `x-*` is only what aliases make of it.
const SETTINGS: &[&str] = &[
    "server",
    "connections",
    "targets",
    "clients",
    "clients_dir",
    "defaults",
    "routes",
    "idempotency",
];
/// The parts of a route that are not settings.
const MAPPINGS: &[&str] = &[
    "let",
    "when",
    "record",
    "tests",
    "allow",
    "per",
    "idempotency",
];

/// A JSON Schema that is written in the file: its texts are its own, patterns above all.
fn is_schema(name: &str, value: &Node) -> bool {
    name == "schema" && matches!(value.value, NodeValue::Map(_))
}
/// The parts of a `reply` that are not settings.
const ANSWERS: &[&str] = &["status", "headers", "body", "refusal"];

/// Puts the values in, and collects what is wrong and the secrets that were used.
#[derive(Debug)]
pub(super) struct Interpolation<'e> {
    pub(super) environment: &'e Environment,
    /// True to put [`MASK`] where secrets stand.
    pub(super) masked: bool,
    pub(super) issues: Vec<Issue>,
    pub(super) secrets: Vec<String>,
}

impl<'e> Interpolation<'e> {
    pub(super) fn new(environment: &'e Environment, masked: bool) -> Self {
        Self {
            environment,
            masked,
            issues: Vec::new(),
            secrets: Vec::new(),
        }
    }

    /// Replaces every text of a file that is a setting.
    pub(super) fn file(&mut self, top: &mut Node) {
        let NodeValue::Map(entries) = &mut top.value else {
            return;
        };
        for (name, _, part) in entries {
            if SETTINGS.contains(&name.as_str()) {
                let has_mappings = matches!(name.as_str(), "routes" | "defaults");
                let kept = if has_mappings { MAPPINGS } else { &[] };
                self.node(part, kept);
            }
        }
    }

    /// Replaces every text below this value.
    pub(super) fn values(&mut self, node: &mut Node) {
        self.node(node, &[]);
    }

    /// Replaces every text below this value, but not below the keys that are kept as they are.
    fn node(&mut self, node: &mut Node, kept: &[&str]) {
        let at = node.at;
        match &mut node.value {
            NodeValue::Text(text) => {
                if text.contains("${") {
                    *text = self.text(text, at);
                }
            }
            NodeValue::List(items) => items.iter_mut().for_each(|item| self.node(item, kept)),
            NodeValue::Map(entries) => entries
                .iter_mut()
                .filter(|(name, _, value)| {
                    !kept.contains(&name.as_str()) && !is_schema(name, value)
                })
                .for_each(|(name, _, value)| {
                    let kept = if name == "reply" { ANSWERS } else { kept };
                    self.node(value, kept);
                }),
            NodeValue::Null | NodeValue::Bool(_) | NodeValue::Number(_) => {}
        }
    }

    fn text(&mut self, text: &str, at: Position) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            let (before, after) = (&rest[..start], &rest[start + 2..]);
            if let Some(literal) = before.strip_suffix('$') {
                out.push_str(literal);
                out.push_str("${");
                rest = after;
                continue;
            }
            out.push_str(before);
            let Some(end) = after.find('}') else {
                self.issue(
                    at,
                    format!("`${{{after}` is not closed"),
                    "write `}` behind the name, or `$${` for a literal `${`".to_owned(),
                );
                return out;
            };
            self.expression(after[..end].trim(), at, &mut out);
            rest = &after[end + 1..];
        }
        out.push_str(rest);
        out
    }

    fn expression(&mut self, expression: &str, at: Position, out: &mut String) {
        let known = expression
            .split_once('.')
            .filter(|(kind, name)| matches!(*kind, "env" | "secret") && is_name(name));
        let found = match known {
            Some(("env", name)) => {
                self.environment
                    .variable(name)
                    .map(str::to_owned)
                    .map_err(|help| {
                        (
                            format!("the environment variable `{name}` is not set"),
                            help,
                        )
                    })
            }
            Some((_, name)) => self
                .environment
                .secret(name)
                .map_err(|help| (format!("the secret `{name}` is not there"), help))
                .map(|secret| self.keep(secret)),
            None => Err((
                format!("`${{{expression}}}` cannot stand in a setting"),
                "settings take `${env.NAME}` and `${secret.NAME}`; events are read in `let`, \
                 `when` and `record`; `$${` is a literal `${`"
                    .to_owned(),
            )),
        };
        match found {
            Ok(value) => out.push_str(&value),
            Err((message, help)) => self.issue(at, message, help),
        }
    }

    fn keep(&mut self, secret: String) -> String {
        if self.masked {
            return MASK.to_owned();
        }
        self.secrets.push(secret.clone());
        secret
    }

    fn issue(&mut self, at: Position, message: String, help: String) {
        self.issues.push(Issue {
            at,
            message,
            help: Some(help),
        });
    }
}

/// A name of a variable or of a secret's file: never a path.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}
