//! Many events: nothing lost, nothing twice, and equal payloads.

use std::time::Instant;

use crate::kit::{
    Client, Gateway, aws, event, exactly_once, flood, gateway, kafka, ndjson, record_for,
};

/// Events of one NDJSON body.
const LINES: u64 = 500;

/// Sends events 0 to `bulk` as NDJSON bodies and the rest up to `count` one by one, concurrently.
fn send(gateway: &Gateway, path: &str, bulk: u64, count: u64) {
    let bodies = |client: &mut Client, body: u64| {
        let lines = ndjson(body * LINES..(body + 1) * LINES);
        client.post_as("application/x-ndjson", path, lines.as_bytes())
    };
    let singles = |client: &mut Client, n: u64| client.post(path, &event(bulk + n));
    let others = flood(gateway.http, 4, bulk / LINES, 200, bodies);
    assert!(others.is_empty(), "{:?}", others.first());
    let others = flood(gateway.http, 32, count - bulk, 200, singles);
    assert!(others.is_empty(), "{:?}", others.first());
}

#[test]
fn a_hundred_thousand_events_arrive_in_kafka_once() {
    let Some(kafka) = kafka("a_hundred_thousand_events_arrive_in_kafka_once") else {
        return;
    };
    let topic = kafka.topic(4);
    let gateway = gateway()
        .target("audit", &topic.target())
        .fan_out(
            "POST /events",
            &["target: audit, record: { key: '${event.user}', value: '${event}' }"],
            "accept: { formats: [json, ndjson] }",
        )
        .start();
    let start = Instant::now();
    send(&gateway, "/events", 80_000, 100_000);
    println!("100,000 events were acknowledged in {:?}", start.elapsed());
    assert!(gateway.metric("sluicegate_events_total", &["delivered"]) >= 100_000.0);
    exactly_once("the topic", &topic.read(), 0..100_000);
    gateway.stop();
}

#[test]
fn thousands_of_events_arrive_in_each_service_of_aws_once() {
    let Some(aws) = aws("thousands_of_events_arrive_in_each_service_of_aws_once") else {
        return;
    };
    let (stream, table, topic) = (aws.stream(4), aws.table(), aws.topic());
    let lines = "accept: { formats: [json, ndjson] }\nreply: { within: 60s }";
    let binding = |name: &str, kind: &str| format!("target: {name}, record: {}", record_for(kind));
    let gateway = gateway()
        .target("clicks", &stream.target())
        .target("orders", &table.target())
        .target("alerts", &topic.target())
        .fan_out("POST /clicks", &[&binding("clicks", "kinesis")], lines)
        .fan_out("POST /orders", &[&binding("orders", "dynamodb")], lines)
        .fan_out("POST /alerts", &[&binding("alerts", "sns")], lines)
        .start();
    for (path, bulk, count) in [
        ("/clicks", 8000, 10_000),
        ("/orders", 4000, 5000),
        ("/alerts", 2000, 3000),
    ] {
        let start = Instant::now();
        send(&gateway, path, bulk, count);
        println!(
            "{count} events to {path} were acknowledged in {:?}",
            start.elapsed()
        );
    }
    exactly_once("the stream", &stream.read(), 0..10_000);
    exactly_once("the table", &table.read(), 0..5000);
    exactly_once("the topic", &topic.read(3000), 0..3000);
    gateway.stop();
}
