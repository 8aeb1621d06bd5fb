//! Clients as written to clients as run.

use std::collections::HashMap;
use std::sync::Arc;

use super::admission::{Client, KeyPlaces};
use super::as_run::Route;
use super::build::{check_name, did_you_mean};
use super::build_admission::limits;
use super::gather::{Named, Parts};
use super::written_admission::{self, Digests};
use super::{Sources, build_tests, node};
use crate::admit::OriginPattern;
use crate::limits::{CLIENTS_MAX, LIMITS_PER_ROUTE_MAX};
use crate::map::{Issue, Node, Position};

/// The header field of a key by default.
const HEADER: &str = "X-API-Key";
/// Numbers of clients' limits begin here, far behind those of routes.
const FIRST_LIMIT: u32 = 1 << 31;
/// The SHA-256 of nothing: a key that everybody has.
const OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// All clients, in the order of the files.
pub(super) fn clients(
    parts: &Parts,
    routes: &[Option<Route>],
    sources: &Sources,
    issues: &mut Vec<Issue>,
) -> Vec<Client> {
    if let Some(extra) = parts.clients.get(CLIENTS_MAX) {
        issues.push(Issue {
            at: extra.at,
            message: format!("there are more than {CLIENTS_MAX} clients"),
            help: Some("spread them over several gateways".to_owned()),
        });
        return Vec::new();
    }
    let mut builder = Builder {
        routes,
        sources,
        issues,
        digests: HashMap::new(),
    };
    let clients = parts.clients.iter().zip(0..);
    clients
        .filter_map(|(named, place)| builder.client(named, place))
        .collect()
}

/// Where a request has its API key.
pub(super) fn key_places(parts: &Parts, issues: &mut Vec<Issue>) -> KeyPlaces {
    let written = parts
        .server
        .as_ref()
        .and_then(|(server, _)| server.api_key.clone());
    let written = written.unwrap_or_default();
    let at = parts
        .server
        .as_ref()
        .map_or(Position::default(), |(_, at)| *at);
    let header = written.header.as_deref().unwrap_or(HEADER);
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if header.is_empty() || !header.bytes().all(token) {
        issues.push(Issue {
            at,
            message: format!("`api_key.header` is `{header}`, which is not the name of a header"),
            help: Some("write for example X-API-Key, or Authorization for `Bearer KEY`".to_owned()),
        });
    }
    let query = written.query.as_deref();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if let Some(query) = query.filter(|name| name.is_empty() || !name.bytes().all(plain)) {
        issues.push(Issue {
            at,
            message: format!("`api_key.query` is `{query}`, which is not a plain name"),
            help: Some("letters, digits, `-`, `.`, `_` and `~`: for example api_key".to_owned()),
        });
    }
    KeyPlaces {
        header: header.into(),
        query: query.map(Box::from),
    }
}

struct Builder<'b> {
    routes: &'b [Option<Route>],
    sources: &'b Sources,
    issues: &'b mut Vec<Issue>,
    digests: HashMap<[u8; 32], Position>,
}

impl Builder<'_> {
    fn client(&mut self, named: &Named<written_admission::Client>, place: u32) -> Option<Client> {
        let before = self.issues.len();
        check_name(&named.name, named.at, "client", self.issues);
        let (written, node) = (named.value.as_ref()?, &named.shown);
        let digests = self.digests(written, node);
        let routes = written
            .routes
            .as_deref()
            .map(|names| self.routes(names, node));
        let origins = written.origins.as_deref();
        let origins = origins.map(|origins| self.origins(origins, node));
        let limits = self.limits(written, node, place);
        let publishable = written.publishable.unwrap_or(false);
        if publishable {
            let said = [
                ("routes", routes.is_some()),
                ("origins", origins.is_some()),
                ("limits", !limits.is_empty()),
            ];
            for (key, _) in said.into_iter().filter(|(_, said)| !said) {
                let message = format!(
                    "the publishable key `{}` does not say its `{key}`",
                    named.name
                );
                let help = "anybody can read it: say which `routes` and `origins` may use it, and \
                            how much in `limits`";
                self.wrong(named.at, message, help);
            }
        }
        let labels = written.labels.iter();
        let labels = labels.map(|(name, value)| {
            let value = build_tests::text_of(value);
            (name.as_str().into(), value.into())
        });
        let labels = labels.collect();
        (self.issues.len() == before).then(|| Client {
            name: Arc::from(named.name.as_str()),
            digests,
            labels,
            publishable,
            routes,
            origins,
            limits,
        })
    }

    /// Digests of its keys. Texts that are none are not shown: they may be keys.
    fn digests(&mut self, written: &written_admission::Client, node: &Node) -> Vec<[u8; 32]> {
        let texts = match &written.sha256 {
            Digests::One(text) => std::slice::from_ref(text),
            Digests::Some(texts) => texts,
        };
        let nodes = node::entry(node, "sha256");
        let mut digests = Vec::with_capacity(texts.len());
        for (index, text) in texts.iter().enumerate() {
            let at = nodes.map_or(node.at, |nodes| match node::items(nodes).get(index) {
                Some(item) => item.at,
                None => nodes.at,
            });
            let Some(digest) = digest(text) else {
                let message = match text.starts_with("sg") && text.contains('_') {
                    true => "`sha256` holds the key itself",
                    false => "`sha256` is not 64 hexadecimal digits",
                };
                let help = "write the SHA-256 of the key, as `sluicegate key new` prints it, or of \
                            `printf %s KEY | sha256sum`";
                self.wrong(at, message.to_owned(), help);
                continue;
            };
            if text.eq_ignore_ascii_case(OF_NOTHING) {
                let help = "the variable in `printf %s \"$KEY\" | sha256sum` was not set";
                self.wrong(at, "`sha256` is that of an empty key".to_owned(), help);
            }
            if let Some(first) = self.digests.insert(digest, at) {
                let place = self.sources.place(first);
                let message = format!("this key is given twice: first at {place}");
                let help = "a key tells one client from the others: make another with \
                            `sluicegate key new`";
                self.wrong(at, message, help);
            }
            digests.push(digest);
        }
        digests
    }

    /// The places of the routes of these names.
    fn routes(&mut self, names: &[String], node: &Node) -> Vec<usize> {
        // A route that is wrong has no name yet, and that it is wrong is said.
        let whole = self.routes.iter().all(Option::is_some);
        let known: Vec<(usize, String)> = self
            .routes
            .iter()
            .flatten()
            .map(|route| (route.index, route.name.to_string()))
            .collect();
        let mut places = Vec::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            match known.iter().find(|(_, known)| known == name) {
                Some((place, _)) => places.push(*place),
                None if whole => {
                    let names: Vec<&str> = known.iter().map(|(_, name)| name.as_str()).collect();
                    let help = did_you_mean(name, &names, "routes");
                    let at = item_place(node, "routes", index);
                    self.wrong(at, format!("there is no route `{name}`"), &help);
                }
                None => {}
            }
        }
        places
    }

    fn origins(&mut self, texts: &[String], node: &Node) -> Vec<OriginPattern> {
        let mut origins = Vec::with_capacity(texts.len());
        for (index, text) in texts.iter().enumerate() {
            match OriginPattern::parse(text) {
                Ok(origin) => origins.push(origin),
                Err((message, help)) => {
                    let at = item_place(node, "origins", index);
                    self.wrong(at, message, &help);
                }
            }
        }
        origins
    }

    fn limits(
        &mut self,
        written: &written_admission::Client,
        node: &Node,
        place: u32,
    ) -> Vec<super::admission::Limit> {
        let first = FIRST_LIMIT + place * LIMITS_PER_ROUTE_MAX as u32;
        let nodes = node::entry(node, "limits");
        for limit in nodes.map_or(&[][..], node::items) {
            if let Some(per) = node::entry(limit, "per") {
                let help = "leave `per` out; a route's `limits` may count by any expression";
                self.wrong(per.at, "a client's limits are its own".to_owned(), help);
            }
        }
        limits(
            nodes,
            written.limits.as_deref().unwrap_or_default(),
            first,
            self.issues,
        )
    }

    fn wrong(&mut self, at: Position, message: String, help: &str) {
        let help = Some(help.to_owned());
        self.issues.push(Issue { at, message, help });
    }
}

fn item_place(node: &Node, key: &str, index: usize) -> Position {
    let items = node::entry(node, key).map_or(&[][..], node::items);
    items.get(index).map_or(node.at, |item| item.at)
}

/// The bytes of 64 hexadecimal digits.
pub(super) fn digest(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        for digit in pair {
            let value = char::from(*digit).to_digit(16)?;
            *byte = *byte << 4 | value as u8;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_64_hexadecimal_digits() {
        assert_eq!(digest(&"0f".repeat(32)), Some([15; 32]));
        assert_eq!(digest(&"FF".repeat(32)), Some([255; 32]));
        for text in [
            "",
            "0f",
            &"0g".repeat(32),
            &"0f".repeat(33),
            &"é".repeat(32),
        ] {
            assert_eq!(digest(text), None, "{text}");
        }
    }
}
