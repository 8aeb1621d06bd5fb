//! Idempotency keys: what comes again is answered as before, and what was confirmed is not sent
//! again.

use std::time::Duration;

use crate::kit::{
    Answer, Client, Fault, Gateway, PATIENCE, Request, Stub, event, eventually, gateway,
    record_for, run, stub_target,
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

#[test]
fn a_key_with_a_part_in_sends_only_what_is_not_confirmed() {
    let (orders, alerts) = (Stub::start(), Stub::start());
    let dir = tempfile::tempdir().unwrap();
    let gateway = gateway()
        .top(&kept_in(dir.path()))
        .target(
            "clicks",
            &(stub_target(&orders, "kinesis") + ", give_up: 1s"),
        )
        .target("alerts", &(stub_target(&alerts, "sns") + ", give_up: 1s"))
        .fan_out(
            "POST /events",
            &[
                &format!("target: clicks, record: {}", record_for("kinesis")),
                &format!("target: alerts, record: {}", record_for("sns")),
            ],
            "",
        )
        .start();
    let mut client = gateway.client();
    alerts.always(Fault::Invalid);
    let first = post(&mut client, "/events", "k", &event(1)).is(502);
    assert_eq!(first.code(), "partly_stored");
    assert_eq!(first.field("sluicegate-outcome"), Some("some"));
    alerts.always(Fault::ServerError(503));
    let second = post(&mut client, "/events", "k", &event(1));
    assert!([502, 504].contains(&second.status), "{}", second.text());
    alerts.always(Fault::None);
    eventually("the rest goes through", || {
        post(&mut client, "/events", "k", &event(1)).status == 200
    });
    assert_eq!((orders.store().times(1), alerts.store().times(1)), (1, 1));
    assert!(gateway.metric("sluicegate_idempotency_resumed_total", &[]) >= 1.0);
    let again = post(&mut client, "/events", "k", &event(1)).is(200);
    assert!(is_replayed(&again));
    gateway.stop();
}

#[test]
fn regrouped_batches_are_told_of_each_event_what_became_of_it() {
    let (stub, dir) = (Stub::start(), tempfile::tempdir().unwrap());
    let gateway = gateway()
        .top(&kept_in(dir.path()))
        .target("alerts", &stub_target(&stub, "sns"))
        .fan_out(
            "POST /events",
            &[&format!("target: alerts, record: {}", record_for("sns"))],
            "idempotency: '${event.id}'",
        )
        .start();
    let mut client = gateway.client();
    let mut send = |events: &[String]| {
        let fields = [("Prefer", "return=representation")];
        let answer = client.send(&Request {
            method: "POST",
            target: "/events",
            fields: &fields,
            body: format!("[{}]", events.join(",")).as_bytes(),
        });
        let body = answer.json();
        let repeated = body["events"].as_array().cloned().unwrap_or_default();
        let repeated = repeated.iter().map(|event| event["repeated"] == true);
        (answer, repeated.collect::<Vec<_>>())
    };
    let (answer, repeated) = send(&[event(1), event(2), event(3)]);
    assert_eq!((answer.status, &repeated[..]), (200, &[false; 3][..]));
    assert!(!is_replayed(&answer));
    let (answer, repeated) = send(&[event(4), event(2), event(5), event(3)]);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(repeated, [false, true, false, true]);
    let messages = |answer: &Answer| {
        let body = answer.json();
        let id = |place: usize| body["events"][place]["targets"][0]["message_id"].clone();
        (id(1), id(3))
    };
    assert!(messages(&answer).0.is_string(), "receipts come again, too");
    let (answer, _) = send(&[event(1), event(5)]);
    assert!(is_replayed(&answer));
    let changed = event(1).replace("\"n\":1", "\"n\":7");
    let (answer, _) = send(&[event(6), changed]);
    assert_eq!(answer.status, 422, "{}", answer.text());
    let body = answer.json();
    assert_eq!(body["events"][0]["outcome"], "all");
    assert_eq!(body["events"][1]["code"], "idempotency_mismatch");
    let (answer, _) = send(&[event(7), event(7)]);
    assert_eq!(
        answer.status,
        409,
        "an event twice in a batch: {}",
        answer.text()
    );
    assert_eq!(answer.json()["events"][1]["code"], "idempotency_running");
    let (answer, _) = send(&["{\"no\":\"id\"}".to_owned()]);
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (400, "field_missing")
    );
    for n in 1..=7 {
        assert_eq!(stub.store().times(n), 1, "{n}");
    }
    let plain = client
        .post("/events", &format!("[{},{}]", event(8), event(1)))
        .is(200);
    assert_eq!(plain.json()["repeated"], 1);
    gateway.stop();
}

#[test]
fn a_conflict_is_an_answer_that_is_given_again() {
    let (stub, dir) = (Stub::start(), tempfile::tempdir().unwrap());
    let record = "{ put: { pk: '${event.id}', raw: '${json(event)}' }, \
                  condition: attribute_not_exists(pk) }";
    let gateway = gateway()
        .top(&kept_in(dir.path()))
        .target("orders", &stub_target(&stub, "dynamodb"))
        .route("POST /orders", "orders", record)
        .start();
    let mut client = gateway.client();
    post(&mut client, "/orders", "a", &event(1)).is(200);
    let conflict = post(&mut client, "/orders", "b", &event(1)).is(409);
    assert_eq!(conflict.code(), "conflict");
    let calls = stub.calls().len();
    let again = post(&mut client, "/orders", "b", &event(1)).is(409);
    assert!(is_replayed(&again));
    assert_eq!(again.body, conflict.body);
    assert_eq!(stub.calls().len(), calls, "nobody asked the table");
    gateway.stop();
}

#[test]
fn an_answer_that_came_late_is_the_answer_to_the_next() {
    let (stub, dir) = (Stub::start(), tempfile::tempdir().unwrap());
    let gateway = gateway()
        .top(&kept_in(dir.path()))
        .target("alerts", &stub_target(&stub, "sns"))
        .fan_out(
            "POST /alerts",
            &[&format!("target: alerts, record: {}", record_for("sns"))],
            "reply: { within: 200ms }",
        )
        .start();
    stub.next(Fault::Delay(Duration::from_millis(900)));
    let mut client = gateway.client();
    post(&mut client, "/alerts", "k", &event(1)).is(504);
    post(&mut client, "/alerts", "k", &event(1)).is(409);
    eventually("the confirmation comes", || {
        post(&mut client, "/alerts", "k", &event(1)).status == 200
    });
    assert_eq!(stub.store().times(1), 1);
    gateway.stop();
}

#[test]
fn a_route_may_ask_for_the_key_or_take_none() {
    let (stub, dir) = (Stub::start(), tempfile::tempdir().unwrap());
    let binding = format!("target: alerts, record: {}", record_for("sns"));
    let gateway = gateway()
        .top(&kept_in(dir.path()))
        .target("alerts", &stub_target(&stub, "sns"))
        .fan_out("POST /strict", &[&binding], "idempotency: required")
        .fan_out("POST /loose", &[&binding], "idempotency: none")
        .fan_out("POST /some", &[&binding], "idempotency: '${event.?key}'")
        .start();
    let mut client = gateway.client();
    let answer = client.post("/strict", &event(1)).is(400);
    assert_eq!(answer.code(), "idempotency_key_invalid");
    post(&mut client, "/strict", "k", &event(1)).is(200);
    for _ in 0..2 {
        assert!(!is_replayed(
            &post(&mut client, "/loose", "k", &event(2)).is(200)
        ));
        client.post("/some", &event(3)).is(200);
    }
    assert_eq!((stub.store().times(2), stub.store().times(3)), (2, 2));
    gateway.stop();
}

#[test]
fn a_directory_is_held_by_one_gateway() {
    let (stub, dir) = (Stub::start(), tempfile::tempdir().unwrap());
    let gateway = one_route(&stub, dir.path());
    let file = dir.path().join("second.yaml");
    let text = format!(
        "sluicegate: 1\n{}targets: {{ t: {{ discard: {{}} }} }}\nroutes:\n  - {{ route: POST /x, \
         auth: none, to: [{{ target: t }}] }}\n",
        kept_in(dir.path())
    );
    std::fs::write(&file, text).unwrap();
    let ended = crate::kit::sluicegate()
        .args(["serve", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
        .arg(&file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(!ended.status.success());
    assert!(said.contains("held by another process"), "{said}");
    gateway.stop();
}

/// Runs a command beside the gateway; gives its exit code and what it said on both pipes.
fn says(gateway: &Gateway, words: &[&str]) -> (Option<i32>, String) {
    let ended = run(&gateway.beside(""), words, PATIENCE);
    let said = [ended.stdout, ended.stderr].concat();
    (ended.status.code(), String::from_utf8(said).unwrap())
}

#[test]
fn the_commands_for_logs_name_the_keys_and_take_none_for_a_record() {
    let stub = Stub::start();
    let binding = format!("target: alerts, record: {}", record_for("sns"));
    let gateway = gateway()
        .top("idempotency: { store: { log: { dir: keys } } }\n")
        .target("alerts", &stub_target(&stub, "sns"))
        .fan_out("POST /alerts", &[&binding], "idempotency: '${event.id}'")
        .start();
    for n in 0..30 {
        gateway.post("/alerts", &event(n)).is(200);
    }
    let inspect = ["spool", "inspect", "keys"];
    eventually("all keys are stored", || {
        says(&gateway, &inspect)
            .1
            .matches("idempotency_key")
            .count()
            == 30
    });
    let (code, said) = says(&gateway, &inspect);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("keys of an idempotency window"), "{said}");
    assert!(!said.contains("unreadable"), "{said}");
    let (_, said) = says(&gateway, &["spool", "ls", "keys", "--count"]);
    assert!(said.contains("keys of an idempotency window"), "{said}");
    assert!(!said.contains("TARGET"), "{said}");
    let (code, said) = says(
        &gateway,
        &["spool", "replay", "keys", "--file", "gateway.yaml"],
    );
    assert!(said.contains("nothing of it can be sent"), "{said}");
    assert_eq!(code, Some(1), "{said}");
    gateway.stop();
}
