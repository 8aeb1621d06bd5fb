//! More than a target takes: memory stays bounded, the answer is immediate, and nothing of what
//! was refused is stored anywhere.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::kit::{Fault, Stub, event, eventually, flood, gateway, record_for, stub_target};

/// The smallest queue that a file may ask for: it holds about twenty of these events.
const SMALL_QUEUE: &str = ", queue_bytes: 64KiB, give_up: 20s";

/// An event of 3 KiB.
fn large(n: u64) -> String {
    event(n).replace(
        "\"text\":",
        &format!("\"pad\":\"{}\",\"text\":", "x".repeat(3 << 10)),
    )
}

#[test]
fn a_full_queue_is_an_immediate_503_and_nothing_is_stored() {
    let (slow, other) = (Stub::start(), Stub::start());
    let gateway = gateway()
        .target("slow", &(stub_target(&slow, "sns") + SMALL_QUEUE))
        .target("other", &stub_target(&other, "kinesis"))
        .fan_out(
            "POST /events",
            &[
                &format!("target: other, record: {}", record_for("kinesis")),
                &format!("target: slow, record: {}", record_for("sns")),
            ],
            "",
        )
        .start();
    slow.always(Fault::Delay(Duration::from_secs(2)));
    let shed = Mutex::new(BTreeSet::new());
    let others = flood(gateway.http, 100, 200, 200, |client, n| {
        let start = Instant::now();
        let answer = client.post("/events", &large(n));
        if answer.status == 503 {
            assert_eq!(answer.code(), "queue_full", "{}", answer.text());
            let pause: u64 = answer.field("retry-after").unwrap().parse().unwrap();
            assert!(pause >= 1, "whole seconds");
            assert_eq!(answer.field("sluicegate-outcome"), Some("none"));
            assert!(
                start.elapsed() < Duration::from_secs(1),
                "{:?}",
                start.elapsed()
            );
            shed.lock().unwrap().insert(n);
        }
        answer
    });
    let shed = shed.into_inner().unwrap();
    assert_eq!(others.len(), shed.len(), "only 200 and 503");
    assert!(shed.len() >= 50, "{} of 200 were refused", shed.len());
    for n in 0..200 {
        let times = usize::from(!shed.contains(&n));
        assert_eq!(slow.store().times(n), times, "event {n} at the slow target");
        assert_eq!(
            other.store().times(n),
            times,
            "event {n} at the other target"
        );
    }
    assert_eq!(
        gateway.metric("sluicegate_shed_total", &["slow", "queue_full"]),
        shed.len() as f64
    );
    assert!(gateway.logged("shed.started").is_some());
    gateway.stop();
}

#[test]
fn a_full_best_effort_queue_costs_its_own_record_only() {
    let (slow, other) = (Stub::start(), Stub::start());
    let gateway = gateway()
        .target("slow", &(stub_target(&slow, "sns") + SMALL_QUEUE))
        .target("other", &stub_target(&other, "kinesis"))
        .fan_out(
            "POST /events",
            &[
                &format!("target: other, record: {}", record_for("kinesis")),
                &format!(
                    "target: slow, need: best_effort, record: {}",
                    record_for("sns")
                ),
            ],
            "",
        )
        .start();
    slow.always(Fault::Delay(Duration::from_secs(1)));
    let others = flood(gateway.http, 50, 200, 200, |client, n| {
        client.post("/events", &large(n))
    });
    assert!(others.is_empty(), "{:?}", others.first());
    assert_eq!(other.store().counts().len(), 200);
    let lost = || gateway.metric("sluicegate_best_effort_lost_total", &["slow"]);
    eventually(
        "each record of the slow target is stored or counted as lost",
        || slow.store().counts().len() as f64 + lost() == 200.0,
    );
    assert!(lost() >= 50.0);
    gateway.stop();
}

#[test]
fn batches_form_across_requests_while_calls_are_in_flight() {
    let stub = Stub::start();
    let gateway = gateway()
        .target("clicks", &stub_target(&stub, "kinesis"))
        .route("POST /clicks", "clicks", record_for("kinesis"))
        .start();
    stub.always(Fault::Delay(Duration::from_millis(100)));
    let others = flood(gateway.http, 100, 1000, 200, |client, n| {
        client.post("/clicks", &event(n))
    });
    assert!(others.is_empty(), "{:?}", others.first());
    assert_eq!(stub.store().counts().len(), 1000);
    assert_eq!(stub.store().all().len(), 1000, "nothing twice");
    let calls = stub.calls().len();
    assert!(calls <= 300, "1000 concurrent events took {calls} calls");
    gateway.stop();
}
