//! YAML text to a tree of values with their places, and small readings of such a tree.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Spanned};

use super::yaml_words;
use crate::map::{Issue, Node, NodeValue, Position};

/// Nesting of a file.
const DEPTH_MAX: usize = 64;
/// Values of a file, those that aliases repeat included.
const NODES_MAX: usize = 200_000;
/// Values that aliases repeat.
const REPEATED_MAX: usize = 50_000;
/// Anchors, and aliases, of a file.
const ANCHORS_MAX: usize = 1_000;

/// Reads one YAML document. A name that occurs twice in a map is an issue each; the first counts.
pub(super) fn parse(file: usize, text: &str, issues: &mut Vec<Issue>) -> Option<Node> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEPTH_MAX,
            flow_nesting_limit: DEPTH_MAX,
            max_nodes: NODES_MAX,
            max_events: NODES_MAX * 2,
            max_aliases: ANCHORS_MAX,
            max_anchors: ANCHORS_MAX,
        },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: REPEATED_MAX,
            max_replay_stack_depth: DEPTH_MAX,
        },
        strict_booleans: true,
        with_snippet: false,
    };
    match serde_saphyr::from_str_with_options::<RawNode>(text, options) {
        Ok(raw) => Some(Reader { file, text, issues }.node(raw)),
        Err(error) => {
            issues.push(syntax_issue(file, text, &error));
            None
        }
    }
}

/// A value as serde-saphyr hands it over.
struct RawNode(Spanned<Raw>);

enum Raw {
    Null,
    Bool(bool),
    /// A number, in a form that JSON knows.
    Number(String),
    Text(String),
    List(Vec<RawNode>),
    Map(Vec<(Spanned<String>, RawNode)>),
}

impl<'de> Deserialize<'de> for RawNode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(RawNode)
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_i128<E: de::Error>(self, value: i128) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_u128<E: de::Error>(self, value: u128) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Raw, E> {
        serde_json::Number::from_f64(value)
            .map(|number| Raw::Number(number.to_string()))
            .ok_or_else(|| E::custom("a number must be finite"))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::Text(value))
    }

    fn visit_bytes<E: de::Error>(self, _: &[u8]) -> Result<Raw, E> {
        Err(E::custom("`!!binary` is not used here: write the text"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

/// Turns raw values into nodes: byte places, numbers as they are written, names once.
struct Reader<'t> {
    file: usize,
    text: &'t str,
    issues: &'t mut Vec<Issue>,
}

impl Reader<'_> {
    fn node(&mut self, raw: RawNode) -> Node {
        let mut at = self.position(raw.0.defined);
        let value = match raw.0.value {
            Raw::Null => NodeValue::Null,
            Raw::Bool(value) => NodeValue::Bool(value),
            Raw::Number(value) => NodeValue::Number(self.number(at, value)),
            Raw::Text(text) => NodeValue::Text(text),
            Raw::List(items) => {
                NodeValue::List(items.into_iter().map(|item| self.node(item)).collect())
            }
            Raw::Map(entries) => NodeValue::Map(self.entries(entries)),
        };
        let last = match &value {
            NodeValue::List(items) => items.last(),
            NodeValue::Map(entries) => entries.last().map(|(_, _, value)| value),
            _ => None,
        };
        at.end = at.end.max(last.map_or(0, |last| last.at.end));
        Node { at, value }
    }

    fn entries(
        &mut self,
        entries: Vec<(Spanned<String>, RawNode)>,
    ) -> Vec<(String, Position, Node)> {
        let mut out: Vec<(String, Position, Node)> = Vec::with_capacity(entries.len());
        let mut seen = std::collections::HashMap::new();
        for (name, value) in entries {
            let at = self.position(name.defined);
            let node = self.node(value);
            if let Some(first) = seen.insert(name.value.clone(), at) {
                seen.insert(name.value.clone(), first);
                let line = line_of(self.text, first.start);
                self.issues.push(Issue {
                    at,
                    message: format!("`{}` occurs twice in this map", name.value),
                    help: Some(format!(
                        "it stands on line {line} already: keep one of them"
                    )),
                });
                continue;
            }
            out.push((name.value, at, node));
        }
        out
    }

    /// The number's own text, where it is one that JSON knows too.
    fn number(&self, at: Position, value: String) -> String {
        let written = self.text.get(at.start..at.end).unwrap_or_default().trim();
        match serde_json::from_str::<&serde_json::value::RawValue>(written) {
            Ok(_)
                if written.starts_with(['-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']) =>
            {
                written.to_owned()
            }
            _ => value,
        }
    }

    fn position(&self, location: serde_saphyr::Location) -> Position {
        position(self.file, self.text, location)
    }
}

fn position(file: usize, text: &str, location: serde_saphyr::Location) -> Position {
    let span = location.span();
    let start = span
        .byte_offset()
        .and_then(|offset| usize::try_from(offset).ok())
        .unwrap_or_else(|| line_start(text, location.line()));
    let length = span
        .byte_len()
        .and_then(|length| usize::try_from(length).ok())
        .unwrap_or(0);
    let start = start.min(text.len());
    Position {
        file,
        start,
        end: (start + length).min(text.len()),
    }
}

fn line_start(text: &str, line: u64) -> usize {
    let before = usize::try_from(line.saturating_sub(1)).unwrap_or(0);
    text.split_inclusive('\n').take(before).map(str::len).sum()
}

fn line_of(text: &str, byte: usize) -> usize {
    let before = text.as_bytes().get(..byte).unwrap_or_default();
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

/// A YAML error as an issue. What people do wrong most often gets the remedy beside it.
fn syntax_issue(file: usize, text: &str, error: &serde_saphyr::Error) -> Issue {
    let location = error.location();
    let at = location.map_or(
        Position {
            file,
            start: 0,
            end: 0,
        },
        |location| position(file, text, location),
    );
    let error = innermost(error);
    let mut message = error.to_string();
    if let Some(cut) = message.find(" at line ") {
        message.truncate(cut);
    }
    let start = text
        .get(..at.start)
        .unwrap_or_default()
        .rfind('\n')
        .map_or(0, |n| n + 1);
    let line = text
        .get(start..)
        .unwrap_or_default()
        .lines()
        .next()
        .unwrap_or_default();
    let next = text
        .get(start..)
        .unwrap_or_default()
        .lines()
        .nth(1)
        .unwrap_or_default();
    let tab = |line: &str| line[..line.len() - line.trim_start().len()].contains('\t');
    let translated = yaml_words::translated(&message);
    let help = if tab(line) || tab(next) {
        "YAML is indented with spaces, never with tabs"
    } else if let Some((_, help)) = translated {
        help
    } else if is_too_much(error) || message.contains("recursion limit") {
        "anchors may repeat a little of a file, not multiply it; a file has 64 levels at most"
    } else {
        "the file must be one YAML 1.2 document; text that holds `: `, `#` or `{` needs quotes"
    };
    Issue {
        at,
        message: match translated {
            Some((said, _)) => format!("this is not YAML: {said}"),
            None => format!("this is not YAML: {message}"),
        },
        help: Some(help.to_owned()),
    }
}

/// True where a bound of the file was passed.
fn is_too_much(error: &serde_saphyr::Error) -> bool {
    matches!(
        error,
        serde_saphyr::Error::Budget { .. }
            | serde_saphyr::Error::AliasReplayLimitExceeded { .. }
            | serde_saphyr::Error::AliasExpansionLimitExceeded { .. }
            | serde_saphyr::Error::AliasReplayStackDepthExceeded { .. }
    )
}

/// The error itself, without the alias that it was met through.
fn innermost(error: &serde_saphyr::Error) -> &serde_saphyr::Error {
    match error.without_snippet() {
        serde_saphyr::Error::AliasError { error, .. } => innermost(error),
        other => other,
    }
}
