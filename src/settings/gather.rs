//! Files to typed parts: reads each file's tree, checks it and puts the parts of all files together.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::as_written::{Defaults, Route, Server, Target};
use super::check::Check;
use super::cors;
use super::decode::{DecodeError, NodeDeserializer, decode};
use super::interpolate::Interpolation;
use super::words::{described, nearest, shown};
use super::written_admission::Client;
use super::written_idempotency::Idempotency;
use super::written_spool::Spool;
use super::{Environment, Sources, node};
use crate::map::{Issue, Node, NodeValue, Position};
use crate::rooms::{self, ConnectionSettings, TargetSettings};

/// The parts of all files.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// Each file's tree as it was written, before variables were put in.
    pub(super) written: Vec<Node>,
    /// Where variables and secrets could not be put in.
    pub(super) unset: Vec<Position>,
    pub(super) server: Option<(Server, Position)>,
    pub(super) connections: Vec<Named<ConnectionSettings>>,
    pub(super) targets: Vec<Named<(Target, TargetSettings)>>,
    pub(super) clients: Vec<Named<Client>>,
    /// Where each client's name stands.
    pub(super) client_places: HashMap<String, Position>,
    pub(super) idempotency: Option<(Idempotency, Node)>,
    pub(super) spool: Option<(Spool, Node)>,
    pub(super) defaults: Option<(Defaults, Position)>,
    pub(super) cors: cors::Shared,
    /// The tree of `defaults`, for expressions in it.
    pub(super) defaults_node: Option<Node>,
    pub(super) routes: Vec<(Node, Option<Route>)>,
}

/// Something with a name that others refer to.
#[derive(Debug)]
pub(super) struct Named<T> {
    pub(super) name: String,
    /// Where the name stands.
    pub(super) at: Position,
    /// The kind of its room, where it can be told.
    pub(super) kind: Option<&'static str>,
    /// Its settings with secrets masked.
    pub(super) shown: Node,
    /// `None` where it cannot be used; the reason is among the issues.
    pub(super) value: Option<T>,
}

/// What all files are read with.
pub(super) struct Gatherer<'g> {
    pub(super) sources: &'g Sources,
    pub(super) environment: &'g Environment,
    pub(super) definitions: &'g Map<String, Value>,
    pub(super) issues: Vec<Issue>,
    pub(super) secrets: Vec<String>,
    pub(super) parts: Parts,
}

impl Gatherer<'_> {
    /// Takes a file's tree in.
    pub(super) fn file(&mut self, mut top: Node) {
        if !self.is_ours(&top) {
            return;
        }
        self.parts.written.push(top.clone());
        let mut masked = top.clone();
        Interpolation::new(self.environment, true).file(&mut masked);
        let mut interpolation = Interpolation::new(self.environment, false);
        interpolation.file(&mut top);
        let unset = interpolation.issues.iter().map(|issue| issue.at);
        self.parts.unset.extend(unset);
        self.issues.append(&mut interpolation.issues);
        self.secrets.append(&mut interpolation.secrets);
        let names = |section: &str| -> Vec<(String, Position)> {
            let section = node::entry(&top, section).map_or(&[][..], node::entries);
            section
                .iter()
                .map(|(name, at, _)| (name.clone(), *at))
                .collect()
        };
        let (connections, targets, clients) =
            (names("connections"), names("targets"), names("clients"));
        if let Some(section) = node::entry(&top, "clients") {
            self.hide_keys(section);
        }
        Check::new(self.definitions, &mut self.issues).definition(&mut top, "File", "the file");

        self.server(&top);
        self.spool(&top);
        self.idempotency(&top);
        self.defaults(&top);
        for (name, at) in connections {
            self.connection(name, at, &top, &masked);
        }
        for (name, at) in targets {
            self.target(name, at, &top, &masked);
        }
        for (name, at) in clients {
            if let Some(node) = section(&top, "clients", &name) {
                self.client(name, at, node.clone());
            }
        }
        for route in node::entry(&top, "routes").map_or(&[][..], node::items) {
            let value = self.decoded(route, decode::<Route>);
            self.parts.routes.push((route.clone(), value));
        }
    }

    /// Judges what kind of file this is before anything else, so that a foreign one is one error.
    fn is_ours(&mut self, top: &Node) -> bool {
        let start = Position {
            end: top.at.start,
            ..top.at
        };
        let NodeValue::Map(entries) = &top.value else {
            let (message, at) = match top.value {
                NodeValue::Null => ("the file is empty".to_owned(), start),
                _ => (
                    format!("the file is {}; it must be a map", shown(top)),
                    top.at,
                ),
            };
            self.issue(at, message, "start it with `sluicegate: 1`");
            return false;
        };
        if let Some((name, at, _)) = entries
            .iter()
            .find(|(name, _, _)| matches!(name.as_str(), "openapi" | "swagger"))
        {
            let message =
                format!("this is an `{name}` document, which is not known to this version");
            self.issue(
                *at,
                message,
                "write a Sluicegate file: it starts with `sluicegate: 1`",
            );
            return false;
        }
        match node::entry(top, "sluicegate").map(|version| (&version.value, version.at)) {
            Some((NodeValue::Number(number), _)) if number == "1" => true,
            Some((_, at)) => {
                let version = node::entry(top, "sluicegate")
                    .map(shown)
                    .unwrap_or_default();
                let message =
                    format!("the format version is {version}, which is not known to this version");
                self.issue(at, message, "this version reads `sluicegate: 1`");
                false
            }
            None => {
                let near = nearest(
                    "sluicegate",
                    entries.iter().map(|(name, _, _)| name.as_str()),
                );
                let help = near.map_or_else(
                    || "start the file with `sluicegate: 1`".to_owned(),
                    |near| format!("write `sluicegate: 1`, not `{near}`"),
                );
                self.issue(
                    start,
                    "`sluicegate`, the format version, is missing".to_owned(),
                    &help,
                );
                false
            }
        }
    }

    fn server(&mut self, top: &Node) {
        let Some(node) = node::entry(top, "server") else {
            return;
        };
        let first = self.parts.server.as_ref().map(|(_, at)| *at);
        self.twice("`server`", node.at, first);
        if let Some(server) = self.decoded(node, decode::<Server>) {
            let rule = |written| cors::rule(written, node, &mut self.issues);
            self.parts.cors.server = server.cors.as_ref().map(rule);
            self.parts.server.get_or_insert((server, node.at));
        }
    }

    fn defaults(&mut self, top: &Node) {
        let Some(node) = node::entry(top, "defaults") else {
            return;
        };
        let first = self.parts.defaults.as_ref().map(|(_, at)| *at);
        self.twice("`defaults`", node.at, first);
        if let Some(defaults) = self.decoded(node, decode::<Defaults>) {
            let rule = |written| cors::rule(written, node, &mut self.issues);
            self.parts.cors.defaults = defaults.cors.as_ref().map(rule);
            self.parts.defaults.get_or_insert((defaults, node.at));
            self.parts.defaults_node.get_or_insert_with(|| node.clone());
        }
    }

    fn connection(&mut self, name: String, at: Position, top: &Node, masked: &Node) {
        let first = self
            .parts
            .connections
            .iter()
            .find(|known| known.name == name);
        let first = first.map(|known| known.at);
        self.twice(&format!("connection `{name}`"), at, first);
        let kinds: Vec<&'static str> = rooms::CONNECTIONS.iter().map(|kind| kind.name).collect();
        let found = section(top, "connections", &name);
        let kind = found.and_then(|node| self.kind_of(node, &kinds, "connection", &name));
        let mut value = None;
        if let Some((kind, settings)) = kind {
            value = self.decoded(settings, |node| {
                ConnectionSettings::read(kind, NodeDeserializer(node))
            });
            if let Some(Err((key, problem))) = value.as_ref().map(ConnectionSettings::validate) {
                self.problem(kind, settings, key, &problem);
                value = None;
            }
        }
        self.parts.connections.push(Named {
            at,
            kind: kind.map(|(kind, _)| kind),
            shown: shown_part(masked, "connections", &name),
            name,
            value,
        });
    }

    fn target(&mut self, name: String, at: Position, top: &Node, masked: &Node) {
        let first = self.parts.targets.iter().find(|known| known.name == name);
        let first = first.map(|known| known.at);
        self.twice(&format!("target `{name}`"), at, first);
        let kinds: Vec<&'static str> = rooms::TARGETS.iter().map(|kind| kind.name).collect();
        let found = section(top, "targets", &name);
        let kind = found.and_then(|node| self.kind_of(node, &kinds, "target", &name));
        let mut value = None;
        if let (Some((kind, settings)), Some(node)) = (kind, found) {
            let own = self.decoded(&node::without(node, &kinds), decode::<Target>);
            let room = self.decoded(settings, |node| {
                TargetSettings::read(kind, NodeDeserializer(node))
            });
            if let Some(Err((key, problem))) = room.as_ref().map(TargetSettings::validate) {
                self.problem(kind, settings, key, &problem);
            }
            value = own.zip(room);
        }
        self.parts.targets.push(Named {
            at,
            kind: kind.map(|(kind, _)| kind),
            shown: shown_part(masked, "targets", &name),
            name,
            value,
        });
    }

    /// The one kind that a target or connection is of, and its settings.
    fn kind_of<'n>(
        &mut self,
        node: &'n Node,
        kinds: &[&'static str],
        what: &str,
        name: &str,
    ) -> Option<(&'static str, &'n Node)> {
        let mut found = kinds
            .iter()
            .filter_map(|kind| Some((*kind, node::entry(node, kind)?)));
        let first = found.next();
        let all = kinds.join(", ");
        match (first, found.next()) {
            (Some(first), None) => return Some(first),
            (Some((one, _)), Some((other, second))) => {
                let message = format!("{what} `{name}` is both `{one}` and `{other}`");
                let help =
                    format!("a {what} is of one kind: make two of it, each with its own name");
                self.issue(second.at, message, &help);
            }
            (None, _) if self.has_issue_in(node.at) => {}
            (None, _) => {
                let message = format!("{what} `{name}` says nothing of where it is");
                self.issue(node.at, message, &format!("write one of: {all}"));
            }
        }
        None
    }

    /// A decoded value. What cannot be read is noted, unless the check has named the cause already,
    /// and taken out, so that what else is wrong shows in the same run.
    pub(super) fn decoded<T>(
        &mut self,
        node: &Node,
        read: impl Fn(&Node) -> Result<T, DecodeError>,
    ) -> Option<T> {
        let mut rest = node.clone();
        let mut whole = true;
        loop {
            let error = match read(&rest) {
                Ok(value) => return whole.then_some(value),
                Err(error) => error,
            };
            whole = false;
            let at = error.at.unwrap_or(node.at);
            if !self.has_issue_in(at) {
                // Types of the rooms say the remedy behind what is wrong.
                let (message, help) = apart(&error.message);
                let help = help.unwrap_or_else(|| SEE_SCHEMA.to_owned());
                self.issue(at, message.to_owned(), &help);
            }
            if !node::remove(&mut rest, at) {
                return None;
            }
        }
    }

    fn has_issue_in(&self, within: Position) -> bool {
        self.issues.iter().any(|issue| {
            issue.at.file == within.file
                && issue.at.start >= within.start
                && issue.at.start <= within.end
        })
    }

    /// What the schema of a kind says of a key, with dots between its levels.
    fn described(&self, kind: &str, key: &str) -> Option<String> {
        let connection = format!("{kind}_connection");
        let definitions = [kind, connection.as_str()];
        let mut definitions = definitions
            .iter()
            .filter_map(|name| self.definitions.get(*name));
        definitions.find_map(|definition| {
            let found = key.split('.').try_fold(definition, |schema, name| {
                schema.get("properties")?.get(name)
            })?;
            Some(format!("expected: {}", described(found)?))
        })
    }

    fn problem(&mut self, kind: &str, settings: &Node, key: &str, problem: &str) {
        let at = node::place(settings, &key.split('.').collect::<Vec<_>>());
        let (problem, help) = apart(problem);
        let help = help.or_else(|| self.described(kind, key));
        let help = help.unwrap_or_else(|| SEE_SCHEMA.to_owned());
        self.issue(at, format!("`{key}` {problem}"), &help);
    }

    pub(super) fn twice(&mut self, what: &str, at: Position, first: Option<Position>) {
        if let Some(first) = first {
            let place = self.sources.place(first);
            let message = format!("{what} is given twice: first at {place}");
            self.issue(
                at,
                message,
                "names are shared by all files of a set: rename one or leave it out",
            );
        }
    }

    pub(super) fn issue(&mut self, at: Position, message: String, help: &str) {
        let help = (!help.is_empty()).then(|| help.to_owned());
        self.issues.push(Issue { at, message, help });
    }
}

/// The help where nothing else is known.
const SEE_SCHEMA: &str = "`sluicegate schema` says what may stand here";

/// What a type of a room says, apart from the remedy behind it.
fn apart(said: &str) -> (&str, Option<String>) {
    for mark in [": write ", "; write "] {
        if let Some((said, remedy)) = said.split_once(mark) {
            return (said, Some(format!("write {remedy}")));
        }
    }
    (said, None)
}

fn section<'n>(top: &'n Node, section: &str, name: &str) -> Option<&'n Node> {
    node::entry(node::entry(top, section)?, name)
}

fn shown_part(masked: &Node, part: &str, name: &str) -> Node {
    let null = || Node {
        at: masked.at,
        value: NodeValue::Null,
    };
    section(masked, part, name).cloned().unwrap_or_else(null)
}
