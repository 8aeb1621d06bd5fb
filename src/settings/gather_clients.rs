//! Clients of the files and of `clients_dir`: a part of `gather`.

use super::build_clients::digest;
use super::check::Check;
use super::decode::decode;
use super::gather::{Gatherer, Named};
use super::interpolate::Interpolation;
use super::node;
use super::words::shown;
use super::written_admission::Client;
use crate::map::{Node, NodeValue, Position};

/// Characters from which on a text that should be a digest may be a key.
const KEY_CHARACTERS_MIN: usize = 8;

impl Gatherer<'_> {
    /// Takes a file of `clients_dir` in: a map of clients by name.
    pub(super) fn client_file(&mut self, mut top: Node) {
        self.hide_keys(&top);
        let mut interpolation = Interpolation::new(self.environment, false);
        interpolation.values(&mut top);
        self.issues.append(&mut interpolation.issues);
        self.secrets.append(&mut interpolation.secrets);
        let entries = match top.value {
            NodeValue::Null => return,
            NodeValue::Map(entries) => entries,
            _ => {
                let message = format!("the file is {}; it must be a map", shown(&top));
                let help = "a file of `clients_dir` holds clients by name, as `sluicegate key new` \
                            prints them";
                return self.issue(top.at, message, help);
            }
        };
        for (name, at, mut node) in entries {
            if matches!(name.as_str(), "sluicegate" | "clients") {
                let message = format!("`{name}` stands in a file of `clients_dir`");
                let help = "such a file holds clients by name and nothing else";
                self.issue(at, message, help);
                continue;
            }
            let label = name.clone();
            if Check::new(self.definitions, &mut self.issues)
                .definition(&mut node, "Client", &label)
            {
                self.client(name, at, node);
            }
        }
    }

    /// Takes a client in that was checked.
    pub(super) fn client(&mut self, name: String, at: Position, node: Node) {
        let first = self.parts.client_places.insert(name.clone(), at);
        self.twice(&format!("client `{name}`"), at, first);
        let value = self.decoded(&node, decode::<Client>);
        self.parts.clients.push(Named {
            name,
            at,
            kind: None,
            shown: node,
            value,
        });
    }

    /// Keeps what stands in the place of a digest and is none out of all messages: it may be a key.
    pub(super) fn hide_keys(&mut self, clients: &Node) {
        for (_, _, client) in node::entries(clients) {
            let Some(digests) = node::entry(client, "sha256") else {
                continue;
            };
            let texts = std::iter::once(digests).chain(node::items(digests));
            for text in texts {
                if let NodeValue::Text(text) = &text.value
                    && text.len() >= KEY_CHARACTERS_MIN
                    && digest(text).is_none()
                    && !text.contains("${")
                {
                    self.secrets.push(text.clone());
                }
            }
        }
    }
}
