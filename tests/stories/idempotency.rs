//! Idempotency keys: what comes again is answered as before, and what was confirmed is not sent
//! again.

use std::time::Duration;

use crate::kit::{
    Answer, Client, Fault, Gateway, Request, Stub, event, eventually, gateway, record_for,
    stub_target,
};

/// The top of a file whose gateway keeps its keys in this directory.
fn kept_in(dir: &std::path::Path) -> String {
    let dir = dir.display();
    format!("idempotency: {{ store: {{ log: {{ dir: '{dir}' }} }} }}\n")
}

/// Posts one event under a key.
fn post(client: &mut Client, target: &str, key: &str, body: &str) -> Answer {
    let fields = [
        ("Content-Type", "application/json"),
        ("Idempotency-Key", key),
    ];
    client.send(&Request {
        method: "POST",
        target,
        fields: &fields,
        body: body.as_bytes(),
    })
}

fn is_replayed(answer: &Answer) -> bool {
    answer.field("idempotency-replayed") == Some("true")
}

/// A gateway with one route to a stub of SNS, which repeats whatever is sent to it.
fn one_route(stub: &Stub, dir: &std::path::Path) -> Gateway {
    gateway()
        .top(&kept_in(dir))
        .target("alerts", &(stub_target(stub, "sns") + ", give_up: 1s"))
        .route("POST /alerts", "alerts", record_for("sns"))
        .start()
}

#[test]
fn the_same_key_twice_is_sent_once_and_answered_alike() {
    let (stub, dir) = (Stub::start(), tempfile::tempdir().unwrap());
    let gateway = one_route(&stub, dir.path());
    let mut client = gateway.client();
    let first = post(&mut client, "/alerts", "\"k-1\"", &event(1)).is(200);
    assert!(!is_replayed(&first));
    for key in ["\"k-1\"", "k-1"] {
        let again = post(&mut client, "/alerts", key, &event(1)).is(200);
        assert!(is_replayed(&again));
        assert_eq!(again.body, first.body, "id included");
        assert_eq!(again.field("sluicegate-outcome"), Some("all"));
    }
    assert_eq!(stub.store().times(1), 1);
    let other = post(&mut client, "/alerts", "\"k-1\"", &event(2)).is(422);
    assert_eq!(other.code(), "idempotency_mismatch");
    post(&mut client, "/alerts", "\"k-2\"", &event(2)).is(200);
    client.post("/alerts", &event(3)).is(200);
    client.post("/alerts", &event(3)).is(200);
    assert_eq!(
        stub.store().times(3),
        2,
        "without a key nothing is remembered"
    );
    for wrong in ["\"open", "a b", "\"\"", &"k".repeat(256)] {
        let answer = post(&mut client, "/alerts", wrong, &event(4)).is(400);
        assert_eq!(answer.code(), "idempotency_key_invalid");
    }
    assert_eq!(stub.store().times(4), 0);
    gateway.stop();
}

#[test]
fn keys_outlive_a_restart() {
    let (stub, dir) = (Stub::start(), tempfile::tempdir().unwrap());
    let gateway = one_route(&stub, dir.path());
    let first = post(&mut gateway.client(), "/alerts", "k", &event(1)).is(200);
    gateway.stop();
    let gateway = one_route(&stub, dir.path());
    let again = post(&mut gateway.client(), "/alerts", "k", &event(1)).is(200);
    assert!(is_replayed(&again));
    assert_eq!(again.body, first.body);
    assert_eq!(
        post(&mut gateway.client(), "/alerts", "k", &event(2)).status,
        422
    );
    assert_eq!(stub.store().times(1), 1);
    gateway.stop();
}

#[test]
fn what_was_not_stored_is_sent_again_under_its_key() {
    let (stub, dir) = (Stub::start(), tempfile::tempdir().unwrap());
    let gateway = one_route(&stub, dir.path());
    let mut client = gateway.client();
    stub.always(Fault::ServerError(503));
    let answer = post(&mut client, "/alerts", "k", &event(1));
    assert!([503, 504].contains(&answer.status), "{}", answer.text());
    stub.always(Fault::None);
    eventually("the key is free and the target is up", || {
        post(&mut client, "/alerts", "k", &event(1)).status == 200
    });
    assert_eq!(stub.store().times(1), 1);
    assert!(is_replayed(&post(&mut client, "/alerts", "k", &event(1))));
    gateway.stop();
}

#[test]
fn while_the_first_is_under_way_the_second_is_told_to_wait() {
    let (stub, dir) = (Stub::start(), tempfile::tempdir().unwrap());
    let gateway = one_route(&stub, dir.path());
    stub.next(Fault::Delay(Duration::from_millis(600)));
    std::thread::scope(|scope| {
        let first = scope.spawn(|| post(&mut gateway.client(), "/alerts", "k", &event(1)));
        eventually("the first is under way", || !stub.calls().is_empty());
        let second = post(&mut gateway.client(), "/alerts", "k", &event(1)).is(409);
        assert_eq!(second.code(), "idempotency_running");
        assert!(second.field("retry-after").is_some());
        let other = post(&mut gateway.client(), "/alerts", "k", &event(2)).is(422);
        assert_eq!(other.code(), "idempotency_mismatch");
        first.join().unwrap().is(200);
    });
    assert!(is_replayed(
        &post(&mut gateway.client(), "/alerts", "k", &event(1)).is(200)
    ));
    assert_eq!(stub.store().times(1), 1);
    gateway.stop();
}
