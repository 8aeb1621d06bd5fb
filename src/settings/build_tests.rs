//! A route's `tests` as they will be run.

use super::as_run::{Route, RouteTest};
use super::as_written::{Scalar, Test};
use super::build::{did_you_mean, key_place};
use super::gather::Parts;
use super::{Auth, node};
use crate::map::{Issue, Node, NodeValue};

/// The tests of all routes.
pub(super) fn tests(
    parts: &Parts,
    routes: &[Option<Route>],
    issues: &mut Vec<Issue>,
) -> Vec<RouteTest> {
    let mut tests = Vec::new();
    for ((node, written), route) in parts.routes.iter().zip(routes) {
        let (Some(written), Some(route)) = (written, route) else {
            continue;
        };
        let nodes = node::entry(node, "tests").map_or(&[][..], node::items);
        for (node, test) in nodes.iter().zip(&written.tests) {
            tests.extend(one(node, test, route, parts, issues));
        }
    }
    tests
}

fn one(
    node: &Node,
    test: &Test,
    route: &Route,
    parts: &Parts,
    issues: &mut Vec<Issue>,
) -> Option<RouteTest> {
    let before = issues.len();
    let names: Vec<&str> = route
        .bindings
        .iter()
        .map(|binding| &*binding.name)
        .collect();
    let expected = test
        .expect
        .records
        .keys()
        .map(|name| (name, ["expect", "records"].as_slice()));
    let of_spool = |name: &&String| *name == crate::gateway::SPOOL && route.reply.spools();
    let given = test.given.keys().filter(|name| !of_spool(name));
    let given = given.map(|name| (name, ["given"].as_slice()));
    for (name, path) in expected.chain(given) {
        if !names.contains(&name.as_str()) {
            let place: Vec<&str> = path.iter().copied().chain([name.as_str()]).collect();
            issues.push(Issue {
                at: key_place(node, &place),
                message: format!("the test names `{name}`, to which this route sends nothing"),
                help: Some(did_you_mean(name, &names, "names of the route")),
            });
        }
    }
    let client = client(node, test, route, parts, issues);
    let body = node::entry(node, "request").and_then(|request| node::entry(request, "body"));
    let (body, is_json) = body.map_or((Vec::new(), false), body_of);
    let target = target(node, test, route, issues);
    let method = test
        .request
        .method
        .clone()
        .unwrap_or_else(|| route.method.to_string());
    let part = |name: &str| {
        node::entry(node, name)
            .map(node::to_value)
            .unwrap_or_default()
    };
    (issues.len() == before).then(|| RouteTest {
        name: test.name.clone(),
        route: route.index,
        method,
        target,
        headers: headers(test, is_json),
        client,
        source_ip: test.request.source_ip,
        body,
        expect: part("expect"),
        given: part("given"),
    })
}

/// The place of the client that sends a test.
fn client(
    node: &Node,
    test: &Test,
    route: &Route,
    parts: &Parts,
    issues: &mut Vec<Issue>,
) -> Option<usize> {
    let name = test.request.client.as_deref()?;
    let at = key_place(node, &["request", "client"]);
    let place = parts.clients.iter().position(|known| known.name == name);
    let (message, help) = match (place, route.auth) {
        (Some(place), Auth::ApiKey) => return Some(place),
        (_, Auth::None) => (
            format!("`client: {name}` has no meaning here: the route has `auth: none`"),
            "leave it out, or ask for a key with `auth: [api_key]`".to_owned(),
        ),
        (None, _) => {
            let names: Vec<&str> = parts.clients.iter().map(|known| &*known.name).collect();
            (
                format!("there is no client `{name}`"),
                did_you_mean(name, &names, "clients"),
            )
        }
    };
    let help = Some(help);
    issues.push(Issue { at, message, help });
    None
}

/// The bytes of a body, and whether they are JSON made from the file's own tree.
fn body_of(node: &Node) -> (Vec<u8>, bool) {
    match &node.value {
        NodeValue::Text(text) => (text.clone().into_bytes(), false),
        _ => {
            let mut json = String::new();
            node::to_json(node, &mut json);
            (json.into_bytes(), true)
        }
    }
}

fn headers(test: &Test, is_json: bool) -> Vec<(String, String)> {
    let written = &test.request.headers;
    let has_type = written
        .keys()
        .any(|name| name.eq_ignore_ascii_case("content-type"));
    let own = written
        .iter()
        .map(|(name, value)| (name.clone(), text_of(value)));
    let added =
        (is_json && !has_type).then(|| ("content-type".to_owned(), "application/json".to_owned()));
    own.chain(added).collect()
}

/// The route's path with the test's values in it, and the query.
fn target(node: &Node, test: &Test, route: &Route, issues: &mut Vec<Issue>) -> String {
    let mut target = String::new();
    let mut used = Vec::new();
    for segment in route.path.split('/').skip(1) {
        target.push('/');
        let name = segment
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        let Some(name) = name else {
            target.push_str(segment);
            continue;
        };
        let (name, rest) = name
            .strip_prefix('*')
            .map_or((name, false), |name| (name, true));
        used.push(name);
        match test.request.path.get(name) {
            Some(value) => encode(&text_of(value), rest, &mut target),
            None => issues.push(Issue {
                at: key_place(node, &["request", "path"]),
                message: format!("the test gives no value for the path parameter `{name}`"),
                help: Some(format!("add `path: {{ {name}: … }}` to its request")),
            }),
        }
    }
    for name in test
        .request
        .path
        .keys()
        .filter(|name| !used.contains(&name.as_str()))
    {
        issues.push(Issue {
            at: key_place(node, &["request", "path", name]),
            message: format!("`{name}` is not a parameter of the path `{}`", route.path),
            help: Some(if used.is_empty() {
                "the path has no parameters: leave it out, or name one in the route as `{name}`"
                    .to_owned()
            } else {
                did_you_mean(name, &used, "path parameters")
            }),
        });
    }
    for (index, (name, value)) in test.request.query.iter().enumerate() {
        target.push(if index == 0 { '?' } else { '&' });
        encode(name, false, &mut target);
        target.push('=');
        encode(&text_of(value), false, &mut target);
    }
    target
}

pub(super) fn text_of(value: &Scalar) -> String {
    match value {
        Scalar::Boolean(value) => value.to_string(),
        Scalar::Integer(value) => value.to_string(),
        Scalar::Number(value) => value.to_string(),
        Scalar::Text(text) => text.clone(),
    }
}

/// Percent-encodes what may not stand in a part of a path or query.
fn encode(text: &str, slashes: bool, out: &mut String) {
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        if plain || slashes && byte == b'/' {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}
