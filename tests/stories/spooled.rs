//! Events that are answered once they are on disk: they reach their targets whatever dies meanwhile.

use std::path::Path;

use sluicegate_testkit::marker;

use crate::kit::{
    Fault, Gateway, Opening, Stub, aws, event, eventually, exactly_once, gateway, kafka, ndjson,
    record_for, stub_target,
};

const SPOOLED: &str = "accept: { formats: [json, ndjson] }\nreply: { after: spooled }";

/// A gateway whose spool is in this folder.
fn spooling(dir: &Path) -> Opening {
    gateway().top(&format!("spool: {{ dir: '{}' }}\n", dir.display()))
}

/// What a stub's stream holds of these events: how often each.
fn times(stub: &Stub, numbers: std::ops::Range<u64>) -> Vec<usize> {
    let counts = stub.store().counts();
    numbers
        .map(|n| counts.get(&n).copied().unwrap_or(0))
        .collect()
}

fn clicks(dir: &Path, stub: &Stub) -> Gateway {
    let to = format!("target: clicks, record: {}", record_for("kinesis"));
    spooling(dir)
        .target("clicks", &(stub_target(stub, "kinesis") + ", give_up: 1s"))
        .fan_out("POST /clicks", &[&to], SPOOLED)
        .start()
}

#[test]
fn what_is_answered_202_is_on_disk_and_reaches_every_target() {
    let story = "what_is_answered_202_is_on_disk_and_reaches_every_target";
    let (Some(kafka), Some(aws)) = (kafka(story), aws(story)) else {
        return;
    };
    let (audit, stream, table) = (kafka.topic(2), aws.stream(2), aws.table());
    let folder = tempfile::tempdir().unwrap();
    let gateway = spooling(&folder.path().join("spool"))
        .target("audit", &audit.target())
        .target("clicks", &stream.target())
        .target("orders", &table.target())
        .fan_out(
            "POST /events",
            &[
                "target: audit, record: { key: '${event.user}', value: '${event}' }",
                "target: clicks, record: { partition_key: '${event.id}', data: '${event}' }",
                "target: orders, record: { put: { pk: '${event.id}', raw: '${json(event)}' } }",
            ],
            SPOOLED,
        )
        .start();
    let mut client = gateway.client();
    for n in 0..20 {
        let answer = client.post("/events", &event(n)).is(202);
        assert_eq!(answer.field("sluicegate-outcome"), Some("all"));
        assert_eq!(answer.json()["ack"], "spooled");
    }
    let rest = ndjson(20..200);
    let answer = client
        .post_as("application/x-ndjson", "/events", rest.as_bytes())
        .is(202);
    assert_eq!(answer.json()["accepted"], 180);
    eventually("all have arrived", || {
        let counts = [audit.read().len(), stream.read().len(), table.read().len()];
        counts.iter().all(|count| *count >= 200)
    });
    exactly_once("Kafka", &audit.read(), 0..200);
    exactly_once("Kinesis", &stream.read(), 0..200);
    exactly_once("DynamoDB", &table.read(), 0..200);
    gateway.stop();
}

#[test]
fn a_killed_gateway_goes_on_where_it_was() {
    let (folder, stub) = (tempfile::tempdir().unwrap(), Stub::start());
    let first = clicks(folder.path(), &stub);
    stub.always(Fault::ServerError(503));
    let mut client = first.client();
    for n in 0..50 {
        client.post("/clicks", &event(n)).is(202);
    }
    first.kill();
    assert!(stub.store().counts().is_empty());
    stub.always(Fault::None);
    let second = clicks(folder.path(), &stub);
    assert!(second.logged("spool.recovered").is_some());
    eventually("all that was answered is delivered", || {
        times(&stub, 0..50).iter().all(|times| *times > 0)
    });
    second.stop();
    let third = clicks(folder.path(), &stub);
    third.post("/clicks", &event(50)).is(202);
    eventually("the last one is delivered", || times(&stub, 50..51) == [1]);
    assert_eq!(times(&stub, 0..50), [1; 50], "{}", marker(0));
    third.stop();
}
