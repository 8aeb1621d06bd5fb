//! Expressions: the first line of an input is one, the rest is an event. Compiling and evaluating
//! never panic, and what a compiled plan gives is what the expression library gives.

#![no_main]

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sluicegate::http::{Head, HeadIndex, Span};
use sluicegate::map::{
    BindingSource, EventView, Node, NodeValue, Plan, PlanSource, Position, RequestView,
    without_formulas,
};
use sluicegate::settings::{Accept, Encodings, Formats};
use sluicegate::split::{Scratch, split};
use sluicegate_contract::{Field, Kind};

const FIELDS: &[Field] = &[Field {
    name: "put",
    kind: Kind::Item,
    required: false,
    default: None,
    doc: "Anything.",
}];

/// Events for every expression, beside its own.
const EVENTS: &[&str] = &[
    r#"{"a":1,"b":"two","c":[3,4.5,null],"d":{"e":true}}"#,
    r#"{"a":-0,"b":9223372036854775807,"c":"2026-01-02T03:04:05Z","d":"é😀","e":{}}"#,
    "{}",
];

fuzz_target!(|text: &str| {
    let (expression, event) = text.split_once('\n').unwrap_or((text, "null"));
    let ours = Plan::compile(&source(expression));
    let theirs = without_formulas(|| Plan::compile(&source(expression)));
    let (ours, theirs) = match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => (ours, theirs),
        (Err(ours), Err(theirs)) => return assert_eq!(ours, theirs),
        (ours, theirs) => panic!("{expression}: {ours:?} against {theirs:?}"),
    };
    for event in EVENTS.iter().chain([&event]) {
        let (ours, theirs) = (given(&ours, event), given(&theirs, event));
        assert_eq!(ours, theirs, "{expression} of {event}");
    }
});

fn source(expression: &str) -> PlanSource {
    let at = Position::default();
    let node = |value| Node { at, value };
    let value = node(NodeValue::Text(format!("${{{expression}}}")));
    let given = node(NodeValue::Text("${event.?a.orValue(1)}".to_owned()));
    let record = node(NodeValue::Map(vec![("v".to_owned(), at, value)]));
    PlanSource {
        lets: vec![("given".to_owned(), at, given)],
        bindings: vec![BindingSource {
            name: "fuzzed".to_owned(),
            at,
            room: "dynamodb",
            when: None,
            fields: FIELDS,
            record: Some(node(NodeValue::Map(vec![("put".to_owned(), at, record)]))),
        }],
        path_parameters: vec!["tenant".to_owned()],
        raw: false,
        cloudevents: false,
        auth: None,
        reply: None,
        expressions: Vec::new(),
    }
}

/// The record that a plan makes of an event, or what it refuses it with, as text.
fn given(plan: &Plan, event: &str) -> String {
    let accept = Accept {
        formats: Formats {
            json: true,
            ..Formats::default()
        },
        event_bytes: 1 << 20,
        request_bytes: 1 << 20,
        events: 1,
        encodings: Encodings::ALL,
    };
    let body = Bytes::copy_from_slice(event.as_bytes());
    let mut scratch = Scratch::default();
    if let Err(refusal) = split(None, &body, &accept, plan.wanted(), &mut scratch) {
        return refusal.detail.to_string();
    }
    let head = b"POST /v1/acme/events page=2&q=a+b%21 X-Trace t-1";
    let index = HeadIndex {
        method: Span { start: 0, end: 4 },
        path: Span { start: 5, end: 20 },
        query: Some(Span { start: 21, end: 36 }),
        fields: vec![(Span { start: 37, end: 44 }, Span { start: 45, end: 48 })],
        ..HeadIndex::default()
    };
    let request = RequestView {
        head: Head::new(head, &index),
        path: &[("tenant", "acme".into())],
        id: 0x0192_0000_0000_7000_8000_0000_0000_0001,
        time: UNIX_EPOCH + Duration::from_millis(1_767_323_045_678),
        source_ip: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)),
        auth: None,
    };
    let Some(span) = scratch.events.first().copied() else {
        return "no event".to_owned();
    };
    let view = EventView {
        request: &request,
        body: &body,
        received: &body,
        span,
        captures: scratch.captures_of(0, plan.wanted()),
        index: 0,
    };
    match plan.render(0, &view) {
        Ok(record) => format!("{record:?}"),
        Err(refusal) => format!("{}: {}", refusal.code.as_str(), refusal.detail),
    }
}
