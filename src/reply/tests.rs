//! Answers as their client reads them, from files to bytes, without a socket.

mod shaped;

use std::time::UNIX_EPOCH;

use serde_json::Value;

use crate::gateway::{Given, Rehearsal, RehearsalRequest, rehearse};
use crate::settings::{Environment, GivenOutcome, load_text};

const ID: u128 = 0x0198_0000_0000_7000_8000_0000_0000_0001;
const SHOWN_ID: &str = "01980000-0000-7000-8000-000000000001";

/// A gateway of one route, and one request to it.
struct Scene<'s> {
    /// Further keys of the route.
    route: &'s str,
    headers: &'s [(&'s str, &'s str)],
    body: &'s str,
    given: &'s [(&'s str, GivenOutcome)],
}

impl Scene<'_> {
    fn answer(&self) -> Rehearsal {
        let text = format!(
            "sluicegate: 1\ndefaults: {{ auth: none }}\ntargets:\n  \
             all: {{ discard: {{}} }}\n  more: {{ discard: {{}} }}\nroutes:\n  - \
             route: POST /a/{{id}}\n    to: [ {{ target: all }}, {{ target: more, when: \
             \"${{event.?more.orValue(false)}}\" }} ]\n{}",
            self.route
        );
        let settings = load_text("t.yaml", &text, &Environment::fixed([]))
            .unwrap_or_else(|wrong| panic!("{wrong}"));
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let request = RehearsalRequest {
            method: "POST".to_owned(),
            target: "/a/7?color=red".to_owned(),
            headers: self.headers.iter().map(owned).collect(),
            client: None,
            source_ip: None,
            body: self.body.as_bytes().to_vec(),
            time: UNIX_EPOCH,
            id: ID,
        };
        let given: Given = self
            .given
            .iter()
            .map(|(name, word)| ((*name).to_owned(), word.outcome()))
            .collect();
        rehearse(&settings, &request, &given)
    }
}

/// The value of a field of an answer.
fn field<'a>(answer: &'a Rehearsal, name: &str) -> Option<&'a str> {
    let mut found = answer.fields.iter();
    found
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.as_str())
}

fn json(answer: &Rehearsal) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_default()
}

/// An answer in a few lines: its status, the fields that a route may set, its body.
fn shown(answer: &Rehearsal) -> String {
    let mut text = answer.status.to_string();
    let own = ["Sluicegate-Outcome", "Content-Length", "Preference-Applied"];
    for (name, value) in &answer.fields {
        if !own.contains(&name.as_str()) {
            text += &format!(" [{name}: {value}]");
        }
    }
    let body = String::from_utf8_lossy(&answer.body);
    let unshaped = answer.unshaped.as_ref();
    let unshaped = unshaped.map(|why| format!(" ({why})")).unwrap_or_default();
    format!("{text} {body}{unshaped}")
}

const PLAIN: Scene<'_> = Scene {
    route: "",
    headers: &[],
    body: "{\"n\":1}",
    given: &[],
};

#[test]
fn a_client_may_prefer_little_or_much() {
    for (route, prefer, applied, bytes, events) in [
        ("", "", None, 76, false),
        ("", "return=minimal", Some("return=minimal"), 0, false),
        (
            "",
            "return=representation",
            Some("return=representation"),
            0,
            true,
        ),
        ("    reply: { receipts: true }", "", None, 0, true),
        // The client's wish stands over the route's.
        (
            "    reply: { receipts: true }",
            "return=minimal",
            Some("return=minimal"),
            0,
            false,
        ),
        // Not a batch: there is nothing to be lenient about, so it is not said to be applied.
        ("", "handling=lenient", None, 76, false),
    ] {
        let headers = [("prefer", prefer)];
        let answer = Scene {
            route,
            headers: &headers,
            ..PLAIN
        }
        .answer();
        assert_eq!(answer.status, 200);
        assert_eq!(field(&answer, "Preference-Applied"), applied, "{prefer}");
        assert_eq!(field(&answer, "Sluicegate-Outcome"), Some("all"));
        assert_eq!(json(&answer).get("events").is_some(), events, "{prefer}");
        if !events {
            assert_eq!(answer.body.len(), bytes, "{prefer}");
            let length = bytes.to_string();
            assert_eq!(field(&answer, "Content-Length"), Some(length.as_str()));
            assert_eq!(field(&answer, "Content-Type").is_some(), bytes > 0);
        }
    }
}

#[test]
fn a_refusal_says_why_even_to_those_who_prefer_little() {
    let answer = Scene {
        headers: &[("prefer", "return=minimal")],
        given: &[("all", GivenOutcome::Refused)],
        ..PLAIN
    }
    .answer();
    assert_eq!(answer.status, 422);
    assert_eq!(field(&answer, "Preference-Applied"), None);
    assert_eq!(json(&answer)["code"], "record_refused");
    assert_eq!(json(&answer)["id"], SHOWN_ID);
}

#[test]
fn a_mixed_batch_is_answered_as_its_client_prefers() {
    const PER_EVENT: &str = "    reply: { batch: per_event }";
    let mixed = "[{\"more\":1},{}]";
    for (route, prefer, status, applied) in [
        ("", "", 422, None),
        ("", "handling=lenient", 207, Some("handling=lenient")),
        ("", "handling=strict", 422, Some("handling=strict")),
        (PER_EVENT, "", 207, None),
        (PER_EVENT, "handling=strict", 422, Some("handling=strict")),
        (
            "",
            "handling=lenient, return=representation",
            207,
            Some("return=representation, handling=lenient"),
        ),
    ] {
        let headers = [("prefer", prefer)];
        let answer = Scene {
            route,
            headers: &headers,
            body: mixed,
            ..PLAIN
        }
        .answer();
        assert_eq!(answer.status, status, "{prefer}");
        assert_eq!(field(&answer, "Preference-Applied"), applied, "{prefer}");
        assert_eq!(json(&answer)["accepted"], 1);
    }
}
