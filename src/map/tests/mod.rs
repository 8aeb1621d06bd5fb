//! Tables of mappings: what a file says, what an event has, what the record is.

mod against_cel;
mod formulas;
mod hostile;
mod inference;
mod issues;
mod outside;
mod records;
mod refusals;
mod registry;
mod typed;

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use serde_json::Value as Json;
use sluicegate_contract::{Field, Kind, Record, Value};

use super::*;
use crate::error::Refusal;
use crate::http::{Head, HeadIndex, Span};
use crate::settings::{Accept, Encodings, Formats};
use crate::split::{Scratch, split};

const fn field(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        required: false,
        default: None,
        doc: "What the room says of it.",
    }
}

const TEXT: Kind = Kind::Text {
    characters_min: 1,
    characters_max: 40,
};

/// A room with a field of each kind.
pub(super) const FIELDS: &[Field] = &[
    field("text", TEXT),
    field("data", Kind::Payload),
    field("number", Kind::Integer { min: 0, max: 10 }),
    field("attributes", Kind::TextMap { entries_max: 2 }),
    field("put", Kind::Item),
    field("condition", Kind::Condition),
    field("on_false", Kind::Choice(&["conflict", "accept"])),
];

/// A room as most are: a key that must be there, and the event.
pub(super) const KEYED: &[Field] = &[
    Field {
        required: true,
        ..field("partition_key", TEXT)
    },
    Field {
        required: true,
        default: Some("${event}"),
        ..field("data", Kind::Payload)
    },
];

pub(super) fn node(json: &Json) -> Node {
    let at = Position {
        file: 0,
        start: 100,
        end: 100 + json.as_str().map_or(1, |text| text.len() + 2),
    };
    let value = match json {
        Json::Null => NodeValue::Null,
        Json::Bool(boolean) => NodeValue::Bool(*boolean),
        Json::Number(number) => NodeValue::Number(number.to_string()),
        Json::String(text) => NodeValue::Text(text.clone()),
        Json::Array(elements) => NodeValue::List(elements.iter().map(node).collect()),
        Json::Object(entries) => NodeValue::Map(
            entries
                .iter()
                .map(|(name, value)| (name.clone(), Position::default(), node(value)))
                .collect(),
        ),
    };
    Node { at, value }
}

/// `"allow"` and `"per"` of a mapping, in this order.
fn outside(mapping: &Json) -> Vec<ExpressionSource> {
    let wanted = [
        ("allow", Wants::Condition, Reach::Event),
        ("per", Wants::Text, Reach::Head),
    ];
    let there = wanted.into_iter().filter_map(|(key, wants, reach)| {
        let node = node(mapping.get(key)?);
        Some(ExpressionSource {
            key,
            node,
            wants,
            reach,
        })
    });
    there.collect()
}

/// `{"let": {…}, "when": …, "record": {…}, "raw": true}` as a route with one binding, `clicks`.
pub(super) fn source(mapping: &Json, fields: &'static [Field]) -> PlanSource {
    let lets = mapping["let"].as_object().cloned().unwrap_or_default();
    PlanSource {
        lets: lets
            .iter()
            .map(|(name, value)| (name.clone(), Position::default(), node(value)))
            .collect(),
        bindings: vec![BindingSource {
            name: "clicks".to_owned(),
            at: Position::default(),
            room: "kinesis",
            when: mapping.get("when").map(node),
            fields,
            record: mapping.get("record").map(node),
        }],
        path_parameters: vec!["tenant".to_owned()],
        raw: mapping["raw"] == true,
        cloudevents: mapping["cloudevents"] == true,
        auth: (mapping["auth"] != "none").then(|| vec!["tenant".to_owned(), "tier".to_owned()]),
        reply: None,
        expressions: outside(mapping),
    }
}

pub(super) fn compiled(mapping: &Json, fields: &'static [Field]) -> Plan {
    Plan::compile(&source(mapping, fields)).unwrap_or_else(|issues| panic!("{issues:#?}"))
}

/// Renders every event of a JSON body.
pub(super) fn rendered(plan: &Plan, body: &[u8]) -> Vec<Result<Option<Record>, Refusal>> {
    rendered_as(plan, body, false)
}

/// Renders every event of a body.
pub(super) fn rendered_as(
    plan: &Plan,
    body: &[u8],
    raw: bool,
) -> Vec<Result<Option<Record>, Refusal>> {
    let render = |event: &EventView<'_>| plan.render(0, event).map_err(|refusal| *refusal);
    each_event(plan, body, raw, render).unwrap_or_else(|refusal| vec![Err(refusal)])
}

/// What comes of each event of a body.
pub(super) fn each_event<T>(
    plan: &Plan,
    body: &[u8],
    raw: bool,
    judge: impl Fn(&EventView<'_>) -> T,
) -> Result<Vec<T>, Refusal> {
    let accept = Accept {
        formats: Formats {
            json: true,
            json_array: true,
            ndjson: false,
            raw,
            ..Formats::default()
        },
        event_bytes: 1 << 24,
        request_bytes: 1 << 24,
        events: 100,
        encodings: Encodings::ALL,
    };
    let body = Bytes::copy_from_slice(body);
    let mut scratch = Scratch::default();
    split(None, &body, &accept, plan.wanted(), &mut scratch)?;
    let head = b"POST /v1/acme/events page=2&q=a+b%21&bad=%FF&flag X-Trace t-1 X-Bad \xFF";
    let index = HeadIndex {
        method: Span { start: 0, end: 4 },
        path: Span { start: 5, end: 20 },
        query: Some(Span { start: 21, end: 49 }),
        fields: vec![
            (Span { start: 50, end: 57 }, Span { start: 58, end: 61 }),
            (Span { start: 62, end: 67 }, Span { start: 68, end: 69 }),
        ],
        ..HeadIndex::default()
    };
    let path = [("tenant", Cow::Borrowed("acme"))];
    let labels = [("tenant".into(), "acme".into())];
    let request = RequestView {
        head: Head::new(head, &index),
        path: &path,
        id: 0x0192_0000_0000_7000_8000_0000_0000_0001,
        time: UNIX_EPOCH + Duration::from_millis(1_767_323_045_678),
        source_ip: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)),
        auth: Some(AuthView {
            name: "acme-2026",
            labels: &labels,
        }),
    };
    let judge = |(index, span): (usize, _)| {
        let event = EventView {
            request: &request,
            body: &body,
            received: &body,
            span,
            captures: scratch.captures_of(index, plan.wanted()),
            index,
        };
        judge(&event)
    };
    let events = scratch.events.iter().copied().enumerate();
    Ok(events.map(judge).collect())
}

/// Renders the first event; a refusal as `code: detail`.
pub(super) fn outcome(plan: &Plan, body: &str) -> Result<Option<Record>, String> {
    let first = rendered(plan, body.as_bytes()).into_iter().next().unwrap();
    first.map_err(|refusal| format!("{}: {}", refusal.code.as_str(), refusal.detail))
}

/// What a field gets from an event, shown.
pub(super) fn gives(name: &str, value: &Json, body: &str) -> String {
    let mapping = serde_json::json!({ "record": { name: value } });
    let issues = match Plan::compile(&source(&mapping, FIELDS)) {
        Ok(plan) => {
            let place = FIELDS.iter().position(|field| field.name == name).unwrap();
            return match outcome(&plan, body) {
                Ok(Some(record)) => shown(record.value(place)),
                Ok(None) => "nothing".to_owned(),
                Err(refusal) => refusal,
            };
        }
        Err(issues) => issues,
    };
    let issues = issues.into_iter().map(|issue| issue.message);
    format!("issue: {}", issues.collect::<Vec<_>>().join("; "))
}

pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Absent => "absent".to_owned(),
        Value::Text(text) => format!("text {text}"),
        Value::Bytes(bytes) => format!("bytes {}", String::from_utf8_lossy(bytes)),
        Value::Json(json) => format!("json {}", String::from_utf8_lossy(json)),
        Value::Integer(integer) => format!("integer {integer}"),
        Value::Choice(word) => format!("choice {word}"),
        Value::Set(set) => format!("set {:?}", set.members),
        Value::Map(entries) => {
            let entries = entries
                .iter()
                .map(|(name, v)| format!("{name}: {}", shown(v)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        Value::Expression { text, values } => {
            let values = values.iter().map(shown).collect::<Vec<_>>();
            format!("{text} with {}", values.join(", "))
        }
    }
}

pub(super) const EVENT: &str = r#"{"name": "Ada", "id": "o1", "count": 3, "tags": ["a", "b"], "total": 12.50, "big": 123456789012345678901234567890.10, "deep": {"x": {"y": null, "z": true}}, "esc": "a\u0062\"c", "items": [{"n": 1}, {"n": 20, "t": "x"}], "x-y": 7, "": "empty", "neg": -0, "zero": false}"#;
