//! Who may send and how much, as `/config` shows it: a part of `show`.

use serde_json::{Value, json};
use sluicegate_contract::ByteSize;

use super::admission::{Auth, Client, Limit};
use super::as_run::{Idempotency, KeyStore, Route, Settings};
use super::build_admission::stated;
use super::gather::Parts;
use super::interpolate::MASK;
use super::node;
use super::units::TimeSpan;
use crate::map::Node;

/// Adds what a route asks of who sends.
pub(super) fn of_route(value: &mut Value, route: &Route, written: &Node, parts: &Parts) {
    value["auth"] = match route.auth {
        Auth::None => "none".into(),
        Auth::ApiKey => json!(["api_key"]),
    };
    if let Some(allow) = stated(written, "allow", parts) {
        value["allow"] = node::to_value(allow);
    }
    if let Some(key) = stated(written, "idempotency", parts) {
        value["idempotency"] = node::to_value(key);
    }
    if !route.limits.is_empty() {
        let pers = stated(written, "limits", parts).map_or(&[][..], node::items);
        let shown = route.limits.iter().zip(pers).map(|(limit, written)| {
            let mut shown = limit_shown(limit);
            if let Some(per) = node::entry(written, "per") {
                shown["per"] = node::to_value(per);
            }
            shown
        });
        value["limits"] = shown.collect();
    }
}

/// A client without its keys' digests: who has one could try keys against it, and needs it not.
pub(super) fn client(client: &Client, settings: &Settings) -> (String, Value) {
    let mut shown = json!({ "sha256": MASK });
    if !client.labels.is_empty() {
        let labels = client.labels.iter();
        let labels = labels.map(|(name, value)| (name.to_string(), Value::from(&**value)));
        shown["labels"] = Value::Object(labels.collect());
    }
    if client.publishable {
        shown["publishable"] = true.into();
    }
    if let Some(places) = &client.routes {
        let routes = places
            .iter()
            .filter_map(|place| settings.routes.get(*place));
        shown["routes"] = routes.map(|route| Value::from(&*route.name)).collect();
    }
    if let Some(origins) = &client.origins {
        shown["origins"] = origins.iter().map(|origin| origin.to_string()).collect();
    }
    if !client.limits.is_empty() {
        shown["limits"] = client.limits.iter().map(limit_shown).collect();
    }
    (client.name.to_string(), shown)
}

/// Where idempotency keys are kept.
pub(super) fn idempotency(keys: &Idempotency, parts: &Parts) -> Value {
    let written = parts.idempotency.as_ref();
    let mut shown = written.map_or(json!({}), |(_, node)| node::to_value(node));
    shown["window"] = TimeSpan(keys.window).to_string().into();
    if matches!(keys.store, KeyStore::Log(_)) {
        shown["max_keys"] = keys.bounds.keys.into();
        shown["max_bytes"] = ByteSize(keys.bounds.bytes as u64).to_string().into();
    }
    shown
}

fn limit_shown(limit: &Limit) -> Value {
    let mut shown = json!({});
    let rates = [
        ("requests", limit.requests, false),
        ("events", limit.events, false),
        ("bytes", limit.bytes, true),
    ];
    for (name, quota, is_bytes) in rates {
        let Some(quota) = quota else { continue };
        if is_bytes {
            shown[name] = quota.byte_rate().into();
            shown["burst"] = ByteSize(quota.burst).to_string().into();
        } else {
            shown[name] = quota.rate().into();
            shown["burst"] = quota.burst.into();
        }
    }
    if [limit.requests, limit.events, limit.bytes]
        .iter()
        .flatten()
        .count()
        > 1
    {
        // Each has the burst of its own rate: there is no other where several stand together.
        shown.as_object_mut().map(|shown| shown.remove("burst"));
    }
    if let Some(concurrent) = limit.concurrent {
        shown["concurrent"] = concurrent.into();
    }
    shown
}
