//! Replicas that share their idempotency keys in a table.

use crate::kit::{
    Answer, Aws, Client, Fault, Gateway, Request, Stub, aws, closed_port, event, eventually,
    gateway, record_for, roto, stub_target,
};

fn shared_in(table: &str, endpoint: &str) -> String {
    format!(
        "idempotency: {{ store: {{ dynamodb: {{ table: {table}, region: us-east-1, \
         endpoint_url: '{endpoint}', lease: 2s }} }} }}\n"
    )
}

fn replica(stub: &Stub, top: &str) -> Gateway {
    gateway()
        .top(top)
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .target("alerts", &(stub_target(stub, "sns") + ", give_up: 1s"))
        .fan_out(
            "POST /alerts",
            &[&format!("target: alerts, record: {}", record_for("sns"))],
            "",
        )
        .fan_out(
            "POST /batches",
            &[&format!("target: alerts, record: {}", record_for("sns"))],
            "idempotency: '${event.id}'",
        )
        .start()
}

fn post(gateway: &Gateway, target: &str, key: &str, body: &str) -> Answer {
    let fields = [
        ("Content-Type", "application/json"),
        ("Idempotency-Key", key),
    ];
    gateway.client().send(&Request {
        method: "POST",
        target,
        fields: &fields,
        body: body.as_bytes(),
    })
}

fn is_replayed(answer: &Answer) -> bool {
    answer.field("idempotency-replayed") == Some("true")
}

#[test]
fn two_replicas_share_their_keys_ministack() {
    let story = "two_replicas_share_their_keys_ministack";
    if let Some(aws) = aws(story) {
        two_replicas(&aws);
    }
}

#[test]
fn two_replicas_share_their_keys_roto() {
    let story = "two_replicas_share_their_keys_roto";
    if let Some(aws) = roto(story) {
        two_replicas(&aws);
    }
}

fn two_replicas(aws: &Aws) {
    let stub = Stub::start();
    let table = aws.keys();
    let top = shared_in(&table, &aws.endpoint);
    let (one, other) = (replica(&stub, &top), replica(&stub, &top));
    let first = post(&one, "/alerts", "k", &event(1)).is(200);
    let again = post(&other, "/alerts", "k", &event(1)).is(200);
    assert!(is_replayed(&again));
    assert_eq!(again.body, first.body);
    assert_eq!(
        post(&other, "/alerts", "k", &event(2)).code(),
        "idempotency_mismatch"
    );
    assert_eq!(stub.store().times(1), 1);

    // Regrouped between replicas.
    let batch = |gateway: &Gateway, numbers: &[u64]| {
        let events: Vec<String> = numbers.iter().map(|n| event(*n)).collect();
        gateway.post("/batches", &format!("[{}]", events.join(",")))
    };
    batch(&one, &[10, 11, 12]).is(200);
    let answer = batch(&other, &[13, 11, 12, 14]).is(200);
    assert_eq!(answer.json()["repeated"], 2);
    for n in 10..=14 {
        assert_eq!(stub.store().times(n), 1, "{n}");
    }

    // While one has it, the other waits; where one dies, the other takes it over.
    stub.next(Fault::Delay(std::time::Duration::from_millis(700)));
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| post(&one, "/alerts", "slow", &event(20)).status);
        let under_way = || stub.calls().iter().any(|call| call.markers().contains(&20));
        eventually("the first is under way", under_way);
        let second = post(&other, "/alerts", "slow", &event(20)).is(409);
        assert_eq!(second.code(), "idempotency_running");
        assert_eq!(slow.join().unwrap(), 200);
    });
    stub.next(Fault::Delay(std::time::Duration::from_secs(20)));
    let address = one.http;
    let asked = std::thread::spawn(move || {
        let fields = [("Idempotency-Key", "dies")];
        let body = event(21);
        let request = Request {
            method: "POST",
            target: "/alerts",
            fields: &fields,
            body: body.as_bytes(),
        };
        Client::to(address).try_send(&request).is_ok()
    });
    let under_way = || stub.calls().iter().any(|call| call.markers().contains(&21));
    eventually("it is under way", under_way);
    drop(one);
    assert!(!asked.join().unwrap(), "it was killed");
    post(&other, "/alerts", "dies", &event(21)).is(409);
    eventually("its lease ends", || {
        post(&other, "/alerts", "dies", &event(21)).status == 200
    });
    assert!(stub.store().times(21) <= 2, "an answer that nobody had");
    let keys = other.page("/status").is(200).json()["idempotency"].clone();
    assert_eq!(keys["store"], "dynamodb");
    other.stop();
}

#[test]
fn where_the_table_cannot_be_reached_nothing_is_sent() {
    let stub = Stub::start();
    let nowhere = format!("http://127.0.0.1:{}", closed_port());
    let gateway = replica(&stub, &shared_in("keys", &nowhere));
    let answer = post(&gateway, "/alerts", "k", &event(1)).is(503);
    assert_eq!(answer.code(), "idempotency_unavailable");
    assert!(answer.field("retry-after").is_some());
    assert_eq!(answer.field("sluicegate-outcome"), Some("none"));
    assert_eq!(stub.store().times(1), 0);
    gateway.post("/alerts", &event(2)).is(200);
    assert!(gateway.metric("sluicegate_idempotency_unavailable_total", &[]) >= 1.0);
    gateway.stop();
}
