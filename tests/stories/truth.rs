//! The status is the truth, whatever the target does: what was answered 200 is stored, what was
//! said to be stored nowhere is not, and exactly the failed entries were sent again.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use crate::kit::{Fault, Stub, event, flood, gateway, ndjson, record_for, stub_target};

const KINDS: &[&str] = &["kinesis", "dynamodb", "sns"];

#[test]
fn exactly_the_failed_entries_are_sent_again() {
    for kind in KINDS {
        let stub = Stub::start();
        let gateway = gateway()
            .target("target", &stub_target(&stub, kind))
            .fan_out(
                "POST /events",
                &[&format!("target: target, record: {}", record_for(kind))],
                "accept: { formats: [json, ndjson] }",
            )
            .start();
        stub.next(Fault::SomeThrottled(vec![0, 3]));
        stub.next(Fault::SomeFailed(vec![1]));
        let lines = ndjson(0..8);
        let mut client = gateway.client();
        let answer = client
            .post_as("application/x-ndjson", "/events", lines.as_bytes())
            .is(200);
        assert_eq!(answer.json()["accepted"], 8);
        let counts = stub.store().counts();
        assert!(
            (0..8).all(|n| counts.get(&n) == Some(&1)),
            "{kind}: {counts:?}"
        );
        let sent: usize = stub.calls().iter().map(|call| call.entries.len()).sum();
        assert_eq!(sent, 8 + 3, "{kind}: the three that failed, once more");
        assert_eq!(
            gateway.metric("sluicegate_attempts_total", &["stored"]),
            8.0
        );
        gateway.stop();
    }
}

#[test]
fn one_bad_record_among_25_is_refused_alone() {
    const BAD: u64 = 11;
    for kind in KINDS {
        let stub = Stub::start();
        stub.poison(BAD);
        let gateway = gateway()
            .target("target", &stub_target(&stub, kind))
            .fan_out(
                "POST /events",
                &[&format!("target: target, record: {}", record_for(kind))],
                "accept: { formats: [json, ndjson] }\nreply: { batch: per_event }",
            )
            .start();
        let lines = ndjson(0..25);
        let mut client = gateway.client();
        let answer = client
            .post_as("application/x-ndjson", "/events", lines.as_bytes())
            .is(207);
        let body = answer.json();
        assert_eq!(body["accepted"], 24, "{kind}: {body}");
        for (n, event) in (0..).zip(body["events"].as_array().unwrap()) {
            let outcome = if n == BAD { "none" } else { "all" };
            assert_eq!(event["outcome"], outcome, "{kind}: {event}");
        }
        let counts = stub.store().counts();
        assert!(
            (0..25).all(|n| counts.contains_key(&n) == (n != BAD)),
            "{kind}: {counts:?}"
        );
        assert_eq!(stub.store().all().len(), 24, "{kind}: nothing twice");
        gateway.stop();
    }
}

#[test]
fn every_status_is_true_under_a_storm_of_faults() {
    for kind in KINDS {
        let stub = Stub::start();
        let gateway = gateway()
            .target("target", &(stub_target(&stub, kind) + ", give_up: 3s"))
            .fan_out(
                "POST /events",
                &[&format!("target: target, record: {}", record_for(kind))],
                "reply: { within: 20s }",
            )
            .start();
        let storm = [
            Fault::SomeThrottled(vec![0, 2, 4, 6]),
            Fault::ResetAfter,
            Fault::None,
            Fault::Throttled,
            Fault::Truncated,
            Fault::None,
            Fault::SomeFailed(vec![1, 3]),
            Fault::ServerError(500),
            Fault::Html(502),
            Fault::None,
            Fault::ResetBefore,
            Fault::Delay(Duration::from_millis(50)),
        ];
        storm
            .iter()
            .cycle()
            .take(48)
            .for_each(|fault| stub.next(fault.clone()));
        let statuses = Mutex::new(BTreeMap::new());
        flood(gateway.http, 24, 400, 200, |client, n| {
            let answer = client.post("/events", &event(n));
            statuses.lock().unwrap().insert(n, answer.status);
            answer
        });
        let statuses = statuses.into_inner().unwrap();
        let counts = stub.store().counts();
        for (n, status) in &statuses {
            let times = counts.get(n).copied().unwrap_or_default();
            match status {
                200 => assert!(times >= 1, "{kind}: event {n} was answered 200 and is lost"),
                503 => assert_eq!(times, 0, "{kind}: event {n} was answered 503 and is stored"),
                504 => {}
                other => panic!("{kind}: event {n} was answered {other}"),
            }
        }
        let good = statuses.values().filter(|status| **status == 200).count();
        assert!(good >= 100, "{kind}: {good} of 400 were answered 200");
        let twice = counts.values().filter(|times| **times > 1).count();
        let uncertain = gateway.metric("sluicegate_attempts_total", &[])
            - gateway.metric("sluicegate_attempts_total", &["\"stored\""]);
        assert!(
            twice as f64 <= uncertain,
            "{kind}: {twice} twice after {uncertain} failed attempts"
        );
        gateway.stop();
    }
}

#[test]
fn a_condition_that_fails_after_a_lost_answer_is_no_conflict() {
    let stub = Stub::start();
    let record = "{ put: { pk: '${event.id}', raw: '${json(event)}' }, \
                  condition: attribute_not_exists(pk) }";
    let gateway = gateway()
        .target("orders", &stub_target(&stub, "dynamodb"))
        .route("POST /orders", "orders", record)
        .start();
    stub.next(Fault::ResetAfter);
    gateway.post("/orders", &event(1)).is(200);
    assert_eq!(
        stub.store().times(1),
        1,
        "it is there once: the first attempt stored it"
    );
    let conflict = gateway
        .post("/orders", &event(1).replace("u1", "u2"))
        .is(409);
    assert_eq!(conflict.code(), "conflict");
    gateway.stop();
}
