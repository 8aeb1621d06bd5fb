//! Runs the tests of files through the steps of the gateway up to dispatch.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::test_match::compare;
use super::values::record_json;
use crate::gateway::{Given, Rehearsal, RehearsalRequest, rehearse};
use crate::rooms;
use crate::settings::{GivenOutcome, Route, RouteTest, Settings};

/// The clock of tests: 2026-01-01T00:00:00Z, in seconds since 1970.
const CLOCK: Duration = Duration::from_secs(1_767_225_600);
/// The request id of tests: a UUID of version 7 of that moment.
const ID: u128 = 0x019b_76da_a800_7000_8000_0000_0000_0001;

/// What became of one test.
#[derive(Clone, Debug)]
pub struct TestReport {
    /// The name of its route.
    pub route: String,
    /// Its own name.
    pub name: String,
    /// What came otherwise than expected; empty where it passed.
    pub differences: Vec<String>,
}

/// Runs all tests of the settings.
#[must_use]
pub fn run_tests(settings: &Settings) -> Vec<TestReport> {
    settings
        .tests
        .iter()
        .filter_map(|test| Some((test, settings.routes.get(test.route)?)))
        .map(|(test, route)| TestReport {
            route: route.name.to_string(),
            name: test.name.clone(),
            differences: one(settings, test, route),
        })
        .collect()
}

/// The clock and id of rehearsals, so that their output never changes.
pub(super) fn fixed_moment() -> (SystemTime, u128) {
    (SystemTime::UNIX_EPOCH + CLOCK, ID)
}

fn one(settings: &Settings, test: &RouteTest, route: &Route) -> Vec<String> {
    let (time, id) = fixed_moment();
    let request = RehearsalRequest {
        method: test.method.clone(),
        target: test.target.clone(),
        headers: test.headers.clone(),
        client: test.client,
        source_ip: test.source_ip,
        body: test.body.clone(),
        time,
        id,
    };
    let rehearsal = rehearse(settings, &request, &given(test));
    let mut differences = Vec::new();
    judge(settings, test, route, &rehearsal, &mut differences);
    if let (Some(why), false) = (&rehearsal.unshaped, differences.is_empty()) {
        differences.push(format!("the reply is not shaped as the route says: {why}"));
    }
    differences
}

fn given(test: &RouteTest) -> Given {
    let words: BTreeMap<String, GivenOutcome> =
        serde_json::from_value(test.given.clone()).unwrap_or_default();
    words
        .into_iter()
        .map(|(name, word)| (name, word.outcome()))
        .collect()
}

fn judge(
    settings: &Settings,
    test: &RouteTest,
    route: &Route,
    rehearsal: &Rehearsal,
    out: &mut Vec<String>,
) {
    let reply = String::from_utf8_lossy(&rehearsal.body).into_owned();
    if let Some(status) = test.expect.get("status").and_then(Value::as_u64)
        && status != u64::from(rehearsal.status)
    {
        out.push(format!(
            "status: expected {status}, came {}",
            rehearsal.status
        ));
        out.push(format!("the reply was: {reply}"));
    }
    let headers = test.expect.get("headers").and_then(Value::as_object);
    for (name, expected) in headers.into_iter().flatten() {
        let mut fields = rehearsal.fields.iter();
        let found = fields.find(|(known, _)| known.eq_ignore_ascii_case(name));
        let found = found.map(|(_, value)| Value::from(value.as_str()));
        compare(expected, found.as_ref(), &format!("headers.{name}"), out);
    }
    if let Some(expected) = test.expect.get("body") {
        let body = serde_json::from_str(&reply).unwrap_or(Value::String(reply));
        compare(expected, Some(&body), "body", out);
    }
    let Some(expected) = test.expect.get("records").and_then(Value::as_object) else {
        return;
    };
    for (name, expected) in expected {
        let Some(binding) = route
            .bindings
            .iter()
            .position(|known| *known.name == **name)
        else {
            continue;
        };
        let fields = fields_of(settings, route, binding);
        let came: Vec<Value> = rehearsal
            .records
            .iter()
            .filter(|record| record.binding == binding)
            .map(|record| record_json(&record.record, fields))
            .collect();
        records(expected, &came, &format!("records.{name}"), out);
    }
}

/// The fields of the room that a binding goes to.
pub(super) fn fields_of(
    settings: &Settings,
    route: &Route,
    binding: usize,
) -> &'static [sluicegate_contract::Field] {
    let target = route
        .bindings
        .get(binding)
        .and_then(|binding| settings.targets.get(binding.target));
    let kind = target.map(|target| target.room.kind());
    rooms::TARGETS
        .iter()
        .find(|known| Some(known.name) == kind)
        .map_or(&[], |known| known.fields)
}

/// Compares the records of one binding: `none`, `'*'`, the one record, or a list of them.
pub(super) fn records(expected: &Value, came: &[Value], place: &str, out: &mut Vec<String>) {
    match (expected, came) {
        (Value::String(word), []) if word == "none" => {}
        (Value::String(word), _) if word == "none" => {
            out.push(format!("{place}: expected none, {} came", came.len()));
        }
        (Value::String(word), [_, ..]) if word == "*" => {}
        (Value::Array(_), _) => {
            compare(expected, Some(&Value::Array(came.to_vec())), place, out);
        }
        (_, []) => out.push(format!("{place}: expected {expected}, no record came")),
        (_, [one]) => compare(expected, Some(one), place, out),
        _ => out.push(format!(
            "{place}: expected one record, {} came: write a list of them",
            came.len()
        )),
    }
}
