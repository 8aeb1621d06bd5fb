//! The parts of all files to the settings that the gateway runs on.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use sluicegate_contract::ByteSize;

use super::as_run::{Connection, Route, Server, Settings, Target};
use super::gather::{Named, Parts};
use super::units::TimeSpan;
use super::words::nearest;
use super::{
    Sources, as_written, build_clients, build_directories, build_idempotency, build_letters,
    build_route, build_spool, build_tests, node, show,
};
use crate::http::ProxyVersion;
use crate::limits;
use crate::map::{Issue, Node, Position};
use crate::rooms::{self, ConnectionSettings, TargetSettings};

/// Where the data port listens by default: every address, as a gateway must.
const HTTP: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 8080);
/// Where the admin port listens by default: this machine only.
const ADMIN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9090);
/// `queue_bytes` at least.
const QUEUE_BYTES_MIN: u64 = 64 * 1024;
/// `give_up`: a second to an hour.
const GIVE_UP_MIN: Duration = Duration::from_secs(1);
const GIVE_UP_MAX: Duration = Duration::from_secs(3600);
/// `linger` at most.
const LINGER_MAX: Duration = Duration::from_secs(10);

/// What to do about too many of something.
const SPREAD: &str = "spread them over several gateways";

/// Settings of these parts, or everything that is wrong with them in `issues`.
pub(super) fn settings(
    parts: &Parts,
    sources: &Sources,
    mut hash: String,
    issues: &mut Vec<Issue>,
) -> Option<Settings> {
    let server = server(parts, issues);
    let connections: Vec<Connection> = parts.connections.iter().filter_map(connection).collect();
    if parts.targets.len() > limits::TARGETS_MAX
        && let Some(first) = parts.targets.get(limits::TARGETS_MAX)
    {
        too_many(first.at, "targets", limits::TARGETS_MAX, SPREAD, issues);
    }
    let mut targets = Vec::with_capacity(parts.targets.len());
    for named in &parts.targets {
        targets.extend(target(named, parts, sources, &connections, issues));
    }
    if let Some((route, _)) = parts.routes.get(limits::ROUTES_MAX) {
        too_many(route.at, "routes", limits::ROUTES_MAX, SPREAD, issues);
    }
    let spool = build_spool::spool(parts, sources, issues);
    let idempotency = build_idempotency::idempotency(parts, sources, &connections, issues);
    let (store, keys) = (spool.as_ref(), idempotency.as_ref());
    build_directories::directories(&targets, store, keys, parts, sources, issues);
    let routes = build_route::routes(parts, sources, &mut hash, issues);
    health_path_is_free(&server, &routes, parts, issues);
    let clients = build_clients::clients(parts, &routes, sources, issues);
    let key_places = build_clients::key_places(parts, issues);
    let tests = build_tests::tests(parts, &routes, issues);
    if !issues.is_empty() {
        return None;
    }
    let routes: Vec<Arc<_>> = routes.into_iter().flatten().map(Arc::new).collect();
    let mut settings = Settings {
        server,
        connections,
        targets,
        spool,
        idempotency,
        routes,
        clients,
        key_places,
        tests,
        hash,
        shown: String::new(),
    };
    settings.shown = show::settings(&settings, parts);
    Some(settings)
}

fn server(parts: &Parts, issues: &mut Vec<Issue>) -> Server {
    let (written, at) = match &parts.server {
        Some((written, at)) => (written, *at),
        None => (&as_written::Server::default(), Position::default()),
    };
    let server = Server {
        http: written.http.map_or(HTTP, |address| address.0),
        admin: written.admin.map_or(ADMIN, |address| address.0),
        trusted_proxies: networks(written, at, issues),
        proxy_protocol: match written.proxy_protocol {
            None | Some(as_written::ProxyProtocol::None) => None,
            Some(as_written::ProxyProtocol::V1) => Some(ProxyVersion::V1),
            Some(as_written::ProxyProtocol::V2) => Some(ProxyVersion::V2),
            Some(as_written::ProxyProtocol::Any) => Some(ProxyVersion::Any),
        },
        health_path: written
            .health_path
            .as_ref()
            .map(|path| Arc::from(path.0.as_str())),
        cors: parts.cors.server.clone().flatten(),
    };
    if server.http == server.admin && server.http.port() != 0 {
        issues.push(Issue {
            at,
            message: format!("`http` and `admin` are both {}", server.http),
            help: Some("give each its own port: admin is never on the data port".to_owned()),
        });
    }
    server
}

fn networks(written: &as_written::Server, at: Position, issues: &mut Vec<Issue>) -> Arc<[IpNet]> {
    let networks = written.trusted_proxies.as_deref().unwrap_or_default();
    if networks.len() > limits::TRUSTED_PROXIES_MAX {
        too_many(
            at,
            "networks in `trusted_proxies`",
            limits::TRUSTED_PROXIES_MAX,
            "write larger networks",
            issues,
        );
    }
    networks.iter().map(|network| network.0).collect()
}

/// The health path stands before all routes: one on it would never be asked.
fn health_path_is_free(
    server: &Server,
    routes: &[Option<Route>],
    parts: &Parts,
    issues: &mut Vec<Issue>,
) {
    for (route, (node, _)) in routes.iter().zip(&parts.routes) {
        if let Some(route) = route
            && server.health_path.as_deref() == Some(&*route.path)
        {
            issues.push(Issue {
                at: key_place(node, &["route"]),
                message: format!(
                    "`{} {}` is never asked: `server.health_path` answers at its path",
                    route.method, route.path
                ),
                help: Some("give one of them another path".to_owned()),
            });
        }
    }
}

fn connection(named: &Named<ConnectionSettings>) -> Option<Connection> {
    Some(Connection {
        name: Arc::from(named.name.as_str()),
        settings: named.value.clone()?,
    })
}

fn target(
    named: &Named<(as_written::Target, TargetSettings)>,
    parts: &Parts,
    sources: &Sources,
    connections: &[Connection],
    issues: &mut Vec<Issue>,
) -> Option<Target> {
    let before = issues.len();
    check_name(&named.name, named.at, "target", issues);
    let (written, room) = named.value.as_ref()?;
    let at = |key: &str| place_of(named, key);
    let queue_bytes = written
        .queue_bytes
        .map_or(limits::QUEUE_BYTES_DEFAULT, |size| size.0);
    if queue_bytes < QUEUE_BYTES_MIN {
        let message = format!("`queue_bytes` is {}", ByteSize(queue_bytes));
        let help = format!(
            "at least {}: a queue must hold some records",
            ByteSize(QUEUE_BYTES_MIN)
        );
        issues.push(Issue {
            at: at("queue_bytes"),
            message,
            help: Some(help),
        });
    }
    let give_up = written
        .give_up
        .map_or(limits::GIVE_UP_DEFAULT, |span| span.0);
    between(
        "give_up",
        give_up,
        GIVE_UP_MIN,
        GIVE_UP_MAX,
        at("give_up"),
        issues,
    );
    let linger = written.linger.map_or(Duration::ZERO, |span| span.0);
    between(
        "linger",
        linger,
        Duration::ZERO,
        LINGER_MAX,
        at("linger"),
        issues,
    );
    let connection = match room.connection() {
        Some(name) => Some(connection_of(name, named, parts, connections, issues)?),
        None => None,
    };
    let letters_at = at("dead_letter");
    let dead_letter = build_letters::of_target(&named.name, written, letters_at, parts, issues);
    let directory = sources.file(named.at).map(|file| file.directory.clone());
    (issues.len() == before).then(|| Target {
        name: Arc::from(named.name.as_str()),
        room: room.clone().starting_at(&directory.unwrap_or_default()),
        dead_letter,
        connection,
        queue_bytes,
        give_up,
        linger,
    })
}

/// The place of the connection that a target names.
fn connection_of(
    name: &str,
    target: &Named<(as_written::Target, TargetSettings)>,
    parts: &Parts,
    connections: &[Connection],
    issues: &mut Vec<Issue>,
) -> Option<usize> {
    let kind = target.kind?;
    let at = node::place(&target.shown, &[kind, "connection"]);
    let Some(known) = parts.connections.iter().find(|known| known.name == name) else {
        let names: Vec<&str> = parts
            .connections
            .iter()
            .map(|known| known.name.as_str())
            .collect();
        issues.push(Issue {
            at,
            message: format!("there is no connection `{name}`"),
            help: Some(did_you_mean(name, &names, "connections")),
        });
        return None;
    };
    let wanted = rooms::TARGETS
        .iter()
        .find(|known| known.name == kind)?
        .connection;
    if known.kind.is_some() && known.kind != wanted {
        issues.push(Issue {
            at,
            message: format!(
                "`{name}` is a connection to `{}`, which a `{kind}` target cannot share",
                known.kind.unwrap_or_default()
            ),
            help: wanted.map(|wanted| format!("name a connection of the kind `{wanted}`")),
        });
        return None;
    }
    connections.iter().position(|known| *known.name == *name)
}

/// Names stand in metrics, logs and results, so they are short and plain.
pub(super) fn check_name(name: &str, at: Position, what: &str, issues: &mut Vec<Issue>) {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if name.is_empty() || name.len() > 100 || !name.bytes().all(plain) {
        issues.push(Issue {
            at,
            message: format!("`{name}` is not a name for a {what}"),
            help: Some("letters, digits, `_`, `-` and `.`; 100 at most".to_owned()),
        });
    }
}

/// The help for a name that is not there.
pub(super) fn did_you_mean(name: &str, known: &[&str], what: &str) -> String {
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? known {what}: {}", known.join(", ")),
        None if known.is_empty() => format!("the files name no {what}: add it under `{what}:`"),
        None => format!("known {what}: {}", known.join(", ")),
    }
}

/// Notes a length of time that is out of its bounds.
pub(super) fn between(
    key: &str,
    value: Duration,
    least: Duration,
    most: Duration,
    at: Position,
    issues: &mut Vec<Issue>,
) {
    if value < least || value > most {
        issues.push(Issue {
            at,
            message: format!("`{key}` is {}", TimeSpan(value)),
            help: Some(format!(
                "it must be from {} to {}",
                TimeSpan(least),
                TimeSpan(most)
            )),
        });
    }
}

fn place_of<T>(named: &Named<T>, key: &str) -> Position {
    node::place(&named.shown, &[key])
}

fn too_many(at: Position, what: &str, most: usize, help: &str, issues: &mut Vec<Issue>) {
    issues.push(Issue {
        at,
        message: format!("there are more than {most} {what}"),
        help: Some(help.to_owned()),
    });
}

/// The names of all targets, those that cannot be used included.
pub(super) fn target_names(parts: &Parts) -> Vec<&str> {
    parts
        .targets
        .iter()
        .map(|named| named.name.as_str())
        .collect()
}

/// A route's node where a key stands, for messages.
pub(super) fn key_place(route: &Node, path: &[&str]) -> Position {
    node::place(route, path)
}
