//! The settings as run, for people: what `/config` shows. Secrets are masked.

use std::net::SocketAddr;

use serde_json::{Map, Value, json};
use sluicegate_contract::ByteSize;

use super::as_run::{
    After, BatchReply, Binding, Formats, Need, Otherwise, Pixel, Route, Settings, Spool, Unmatched,
};
use super::gather::Parts;
use super::interpolate::MASK;
use super::units::TimeSpan;
use super::{cors, node, show_admission};
use crate::http::ProxyVersion;
use crate::map::Node;

/// Words that make a key a secret's, wherever its value came from.
pub(super) const SECRET_WORDS: &[&str] = &[
    "password",
    "secret",
    "token",
    "credential",
    "key.pem",
    "private",
    "jaas",
];

/// The settings as YAML.
pub(super) fn settings(settings: &Settings, parts: &Parts) -> String {
    let named = |name: &str, shown: &Node| {
        let mut value = node::to_value(shown);
        mask(&mut value);
        (name.to_owned(), value)
    };
    let connections: Map<String, Value> = parts
        .connections
        .iter()
        .map(|known| named(&known.name, &known.shown))
        .collect();
    let targets: Map<String, Value> = parts
        .targets
        .iter()
        .zip(&settings.targets)
        .map(|(known, target)| {
            let (name, mut value) = named(&known.name, &known.shown);
            value["queue_bytes"] = ByteSize(target.queue_bytes).to_string().into();
            value["give_up"] = TimeSpan(target.give_up).to_string().into();
            value["linger"] = TimeSpan(target.linger).to_string().into();
            (name, value)
        })
        .collect();
    let routes: Vec<Value> = settings
        .routes
        .iter()
        .zip(&parts.routes)
        .map(|(run, (written, _))| route(run, written, parts, settings))
        .collect();
    let networks = settings.server.trusted_proxies.iter();
    let networks: Vec<String> = networks.map(ToString::to_string).collect();
    let mut all = json!({
        "sluicegate": 1,
        "server": {
            "http": settings.server.http.to_string(),
            "admin": settings.server.admin.to_string(),
            "trusted_proxies": networks,
            "proxy_protocol": match settings.server.proxy_protocol {
                None => "none",
                Some(ProxyVersion::V1) => "v1",
                Some(ProxyVersion::V2) => "v2",
                Some(ProxyVersion::Any) => "any",
            },
        },
    });
    if let Some(path) = &settings.server.health_path {
        all["server"]["health_path"] = Value::from(&**path);
    }
    if !connections.is_empty() {
        all["connections"] = Value::Object(connections);
    }
    if !settings.clients.is_empty() {
        let clients = settings.clients.iter();
        let clients: Map<String, Value> = clients
            .map(|known| show_admission::client(known, settings))
            .collect();
        all["clients"] = Value::Object(clients);
    }
    if let Some(spool) = &settings.spool {
        all["spool"] = shown_spool(spool, parts);
    }
    if let Some(keys) = &settings.idempotency {
        all["idempotency"] = show_admission::idempotency(keys, parts);
    }
    all["targets"] = Value::Object(targets);
    all["routes"] = Value::Array(routes);
    serde_saphyr::to_string(&all).unwrap_or_else(|_| all.to_string())
}

impl Settings {
    /// Listens at other addresses than the files say, and shows these.
    pub fn listen_at(&mut self, http: SocketAddr, admin: SocketAddr) {
        let line = |key: &str, address: SocketAddr| {
            let line = serde_saphyr::to_string(&json!({ key: address.to_string() }));
            line.unwrap_or_default().trim_end().to_owned()
        };
        let known = &mut self.server;
        for (key, known, address) in [
            ("http", &mut known.http, http),
            ("admin", &mut known.admin, admin),
        ] {
            let (before, now) = (line(key, *known), line(key, address));
            self.shown = self.shown.replacen(&before, &now, 1);
            *known = address;
        }
    }
}

fn route(route: &Route, written: &Node, parts: &Parts, settings: &Settings) -> Value {
    let mut value = json!({
        "route": format!("{} {}", route.method, route.path),
        "name": *route.name,
        "accept": {
            "formats": formats(route.accept.formats),
            "text_plain": route.accept.formats.text_plain,
            "event_bytes": ByteSize(route.accept.event_bytes as u64).to_string(),
            "request_bytes": ByteSize(route.accept.request_bytes as u64).to_string(),
            "events": route.accept.events,
            "encodings": route.accept.encodings.names().collect::<Vec<_>>(),
        },
    });
    if let Some(rule) = &route.cors {
        value["cors"] = cors::shown(rule);
    }
    show_admission::of_route(&mut value, route, written, parts);
    for key in ["schema", "let"] {
        if let Some(node) = node::entry(written, key) {
            value[key] = node::to_value(node);
        }
    }
    let entries = node::entry(written, "to").map_or(&[][..], node::items);
    let bindings = route.bindings.iter().zip(entries);
    value["to"] = bindings
        .map(|(binding, entry)| shown_binding(binding, entry, settings))
        .collect();
    value["unmatched"] = match route.unmatched {
        Unmatched::Refuse => "refuse",
        Unmatched::Accept => "accept",
    }
    .into();
    value["reply"] = json!({
        "after": match route.reply.after {
            After::Required => "required",
            After::Any => "any",
            After::Spooled => "spooled",
            After::None => "none",
        },
        "within": TimeSpan(route.reply.within).to_string(),
        "receipts": route.reply.receipts,
        "pixel": route.reply.pixel.map(|pixel| match pixel {
            Pixel::Gif => "gif",
            Pixel::Nothing => "none",
        }),
        "batch": match route.reply.batch {
            BatchReply::Worst => "worst",
            BatchReply::PerEvent => "per_event",
        },
    });
    let letters = route.reply.dead_letter.map(usize::from);
    if let Some(target) = letters.and_then(|place| settings.targets.get(place)) {
        value["reply"]["dead_letter"] = Value::from(&*target.name);
    }
    if route.reply.otherwise == Otherwise::Spool {
        value["reply"]["else"] = Value::from("spooled");
    }
    for key in ["status", "headers", "body", "refusal"] {
        let own = node::entry(written, "reply").and_then(|reply| node::entry(reply, key));
        let shared = || node::entry(node::entry(parts.defaults_node.as_ref()?, "reply")?, key);
        if let Some(node) = own.or_else(shared) {
            value["reply"][key] = node::to_value(node);
        }
    }
    value
}

fn shown_spool(spool: &Spool, parts: &Parts) -> Value {
    let rate = parts.spool.as_ref().and_then(|(written, _)| written.rate);
    json!({
        "dir": spool.dir.display().to_string(),
        "max_bytes": ByteSize(spool.max_bytes).to_string(),
        "max_age": TimeSpan(spool.max_age).to_string(),
        "rate": rate.map(|rate| rate.to_string()),
    })
}

fn shown_binding(binding: &Binding, entry: &Node, settings: &Settings) -> Value {
    let target = settings.targets.get(binding.target);
    let mut shown = json!({
        "target": target.map_or("", |target| &*target.name),
        "as": *binding.name,
        "need": match binding.need {
            Need::Required => "required",
            Need::BestEffort => "best_effort",
        },
    });
    for part in ["when", "record"] {
        if let Some(node) = node::entry(entry, part) {
            shown[part] = node::to_value(node);
        }
    }
    shown
}

fn formats(formats: Formats) -> Vec<&'static str> {
    [
        (formats.json, "json"),
        (formats.json_array, "json-array"),
        (formats.ndjson, "ndjson"),
        (formats.json_seq, "json-seq"),
        (formats.cloudevents, "cloudevents"),
        (formats.form, "form"),
        (formats.query, "query"),
        (formats.raw, "raw"),
    ]
    .into_iter()
    .filter_map(|(on, word)| on.then_some(word))
    .collect()
}

/// Masks values whose key says that they are secret, although the file holds them in plain text.
fn mask(value: &mut Value) {
    match value {
        Value::Object(entries) => {
            for (name, value) in entries {
                let name = name.to_lowercase();
                let secret = SECRET_WORDS.iter().any(|word| name.contains(word));
                if secret && !value.is_object() && !value.is_array() {
                    *value = Value::from(MASK);
                } else {
                    mask(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        _ => {}
    }
}
