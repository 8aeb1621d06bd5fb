//! Where idempotency keys are kept, and what of each route's requests has one.

use std::sync::Arc;

use sluicegate_contract::ByteSize;

use super::as_run::{Connection, Idempotency, KeyStore, Keys};
use super::build::{between, did_you_mean, key_place};
use super::build_admission::{expressions, stated};
use super::decode::decode;
use super::gather::{Gatherer, Parts};
use super::{Sources, node, written_idempotency as written};
use crate::idempotency::{Bounds, KEY_OVERHEAD_BYTES};
use crate::limits::{
    IDEMPOTENCY_BYTES_DEFAULT, IDEMPOTENCY_KEYS_DEFAULT, IDEMPOTENCY_LEASE_DEFAULT,
    IDEMPOTENCY_LEASE_MAX, IDEMPOTENCY_LEASE_MIN, IDEMPOTENCY_WINDOW_DEFAULT,
    IDEMPOTENCY_WINDOW_MAX, IDEMPOTENCY_WINDOW_MIN,
};
use crate::map::{ExpressionSource, Issue, Node, NodeValue, Reach, Wants};
use crate::rooms::{ConnectionSettings, KeyTableSettings};

/// The words that stand in the place of an expression.
const WORDS: [&str; 2] = ["none", "required"];

impl Gatherer<'_> {
    /// Takes a file's `idempotency` in.
    pub(super) fn idempotency(&mut self, top: &Node) {
        let Some(node) = node::entry(top, "idempotency") else {
            return;
        };
        let first = self.parts.idempotency.as_ref().map(|(_, known)| known.at);
        self.twice("`idempotency`", node.at, first);
        if let Some(idempotency) = self.decoded(node, decode::<written::Idempotency>) {
            let found = (idempotency, node.clone());
            self.parts.idempotency.get_or_insert(found);
        }
    }
}

/// The store of keys as it will be opened.
pub(super) fn idempotency(
    parts: &Parts,
    sources: &Sources,
    connections: &[Connection],
    issues: &mut Vec<Issue>,
) -> Option<Idempotency> {
    let (written, node) = parts.idempotency.as_ref()?;
    let window = written
        .window
        .map_or(IDEMPOTENCY_WINDOW_DEFAULT, |span| span.0);
    between(
        "window",
        window,
        IDEMPOTENCY_WINDOW_MIN,
        IDEMPOTENCY_WINDOW_MAX,
        key_place(node, &["window"]),
        issues,
    );
    let keys = written.max_keys.unwrap_or(IDEMPOTENCY_KEYS_DEFAULT);
    let bytes = written
        .max_bytes
        .map_or(IDEMPOTENCY_BYTES_DEFAULT, |size| size.0);
    let least = 1024 * KEY_OVERHEAD_BYTES as u64;
    if bytes < least {
        issues.push(Issue {
            at: key_place(node, &["max_bytes"]),
            message: format!("`max_bytes` is {}", ByteSize(bytes)),
            help: Some(format!("at least {}", ByteSize(least))),
        });
    }
    let store = store(&written.store, node, sources, connections, issues)?;
    Some(Idempotency {
        store,
        window,
        bounds: Bounds {
            keys: usize::try_from(keys).unwrap_or(usize::MAX),
            bytes: usize::try_from(bytes).unwrap_or(usize::MAX),
        },
    })
}

fn store(
    written: &written::KeyStore,
    node: &Node,
    sources: &Sources,
    connections: &[Connection],
    issues: &mut Vec<Issue>,
) -> Option<KeyStore> {
    let at = |path: &[&str]| key_place(node, path);
    let mut wrong = |path: &[&str], message: &str, help: &str| {
        issues.push(Issue {
            at: at(path),
            message: message.to_owned(),
            help: Some(help.to_owned()),
        });
    };
    match (&written.log, &written.dynamodb) {
        (Some(log), None) if log.dir.trim().is_empty() => {
            let help = "name a directory, such as /var/lib/sluicegate/keys";
            wrong(&["store", "log", "dir"], "`dir` is empty", help);
            None
        }
        (Some(log), None) => {
            let base = sources.file(node.at).map(|file| file.directory.clone());
            Some(KeyStore::Log(base.unwrap_or_default().join(&log.dir)))
        }
        (None, Some(table)) => {
            if table.table.len() < 3 {
                let help = "3 to 255 of a-z A-Z 0-9 _ . -";
                wrong(&["store"], "`table` is not a table's name", help);
                return None;
            }
            let lease = table.lease.map_or(IDEMPOTENCY_LEASE_DEFAULT, |span| span.0);
            between(
                "lease",
                lease,
                IDEMPOTENCY_LEASE_MIN,
                IDEMPOTENCY_LEASE_MAX,
                at(&["store", "dynamodb", "lease"]),
                issues,
            );
            Some(KeyStore::Table(with_connection(
                table,
                node,
                connections,
                issues,
            )?))
        }
        (Some(_), Some(_)) => {
            let help = "keys are kept in one place: leave one of them out";
            wrong(&["store"], "`store` is both `log` and `dynamodb`", help);
            None
        }
        (None, None) => {
            let help = "write `store: { log: { dir: /var/lib/sluicegate/keys } }`, or \
                        `store: { dynamodb: { table: … } }` for replicas that share them";
            wrong(
                &["store"],
                "`store` says nothing of where keys are kept",
                help,
            );
            None
        }
    }
}

/// The settings of a table with what its connection says.
fn with_connection(
    table: &KeyTableSettings,
    node: &Node,
    connections: &[Connection],
    issues: &mut Vec<Issue>,
) -> Option<Arc<(KeyTableSettings, Option<ConnectionSettings>)>> {
    let Some(name) = &table.connection else {
        return Some(Arc::new((table.clone(), None)));
    };
    let known = connections.iter().find(|known| *known.name == **name);
    let mut wrong = |message: String, help: String| {
        issues.push(Issue {
            at: key_place(node, &["store", "dynamodb", "connection"]),
            message,
            help: Some(help),
        });
    };
    match known {
        Some(known) if known.settings.kind() == "aws" => {
            Some(Arc::new((table.clone(), Some(known.settings.clone()))))
        }
        Some(known) => {
            let kind = known.settings.kind();
            let message = format!("`{name}` is a connection to `{kind}`");
            wrong(message, "name a connection of the kind `aws`".to_owned());
            None
        }
        None => {
            let names: Vec<&str> = connections.iter().map(|known| &*known.name).collect();
            let help = did_you_mean(name, &names, "connections");
            wrong(format!("there is no connection `{name}`"), help);
            None
        }
    }
}

/// The expression that gives each event's key, where the route has one.
pub(super) fn expression(route: &Node, parts: &Parts) -> Option<ExpressionSource> {
    let node = stated(route, "idempotency", parts)?;
    let is_word = |text: &str| WORDS.contains(&text) || !text.contains("${");
    if matches!(&node.value, NodeValue::Text(text) if is_word(text)) {
        return None;
    }
    Some(ExpressionSource {
        key: "idempotency",
        node: node.clone(),
        wants: Wants::OptionalText,
        reach: Reach::Event,
    })
}

/// What of a route's requests has a key.
pub(super) fn keys(route: &Node, parts: &Parts, issues: &mut Vec<Issue>) -> Keys {
    let stands = |top: &Node| node::entry(top, "idempotency").is_some();
    let is_kept = parts.idempotency.is_some() || parts.written.iter().any(stands);
    let Some(node) = stated(route, "idempotency", parts) else {
        return match is_kept {
            true => Keys::Header { required: false },
            false => Keys::None,
        };
    };
    let text = match &node.value {
        NodeValue::Text(text) => text.as_str(),
        _ => "",
    };
    let mut wrong = |message: String, help: &str| {
        let issue = Issue {
            at: node.at,
            message,
            help: Some(help.to_owned()),
        };
        // What `defaults` say is read once for each route.
        if !issues.contains(&issue) {
            issues.push(issue);
        }
    };
    let keys = match text {
        "none" => return Keys::None,
        "required" => Keys::Header { required: true },
        // The last of the plan's expressions is that of the key.
        text if text.contains("${") => Keys::Event {
            place: expressions(route, parts).len().saturating_sub(1),
        },
        _ => {
            let help = "write what tells an event from all others, such as `\"${event.id}\"`; \
                        `required` asks clients for the header `Idempotency-Key`; `none` looks at \
                        neither";
            wrong("`idempotency` is the same for all events".to_owned(), help);
            return Keys::None;
        }
    };
    if !is_kept {
        let message = "`idempotency` needs a place where keys are kept, and the files have none";
        let help = "say where, at the top of a file: `idempotency: { store: { log: { dir: \
                    /var/lib/sluicegate/keys } } }`";
        wrong(message.to_owned(), help);
    }
    keys
}
