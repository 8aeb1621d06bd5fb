//! What is posted lands where the file says, byte for byte, once.

use crate::kit::{Aws, Client, aws, event, exactly_once, gateway, kafka, ndjson, record_for, roto};

const FAN_OUT: &[&str] = &[
    "target: clicks, record: { partition_key: '${event.id}', data: '${event}' }",
    "target: orders, record: { put: { pk: '${event.id}', raw: '${json(event)}' } }",
    "target: alerts, record: { message: '${event}' }",
];

#[test]
fn an_event_lands_in_kafka() {
    let Some(kafka) = kafka("an_event_lands_in_kafka") else {
        return;
    };
    let topic = kafka.topic(4);
    let gateway = gateway()
        .target("audit", &topic.target())
        .route("POST /events", "audit", record_for("kafka"))
        .start();
    let mut client = gateway.client();
    for n in 0..20 {
        let answer = client.post("/events", &event(n)).is(200);
        assert_eq!(answer.field("sluicegate-outcome"), Some("all"));
        assert_eq!(answer.json()["accepted"], 1);
    }
    exactly_once("the topic", &topic.read(), 0..20);
    gateway.stop();
}

#[test]
fn an_event_lands_in_each_service_of_aws() {
    let story = "an_event_lands_in_each_service_of_aws";
    let (Some(first), Some(second)) = (aws(story), roto(story)) else {
        return;
    };
    lands_in_each("ministack", &first);
    lands_in_each("roto-aws", &second);
}

fn lands_in_each(emulator: &str, aws: &Aws) {
    let (stream, table, topic) = (aws.stream(2), aws.table(), aws.topic());
    let gateway = gateway()
        .target("clicks", &stream.target())
        .target("orders", &table.target())
        .target("alerts", &topic.target())
        .route("POST /clicks", "clicks", record_for("kinesis"))
        .route("POST /orders", "orders", record_for("dynamodb"))
        .route("POST /alerts", "alerts", record_for("sns"))
        .start();
    let mut client = gateway.client();
    for n in 0..20 {
        for path in ["/clicks", "/orders", "/alerts"] {
            client.post(path, &event(n)).is(200);
        }
    }
    exactly_once(&format!("{emulator}'s stream"), &stream.read(), 0..20);
    exactly_once(&format!("{emulator}'s table"), &table.read(), 0..20);
    exactly_once(&format!("{emulator}'s topic"), &topic.read(20), 0..20);
    gateway.stop();
}

#[test]
fn one_request_goes_to_all_four() {
    let story = "one_request_goes_to_all_four";
    let (Some(kafka), Some(aws)) = (kafka(story), aws(story)) else {
        return;
    };
    let (audit, stream, table, topic) = (kafka.topic(2), aws.stream(2), aws.table(), aws.topic());
    let last = "target: audit, record: { key: '${event.user}', value: '${event}' }";
    let gateway = gateway()
        .target("audit", &audit.target())
        .target("clicks", &stream.target())
        .target("orders", &table.target())
        .target("alerts", &topic.target())
        .fan_out(
            "POST /events",
            &[FAN_OUT, &[last]].concat(),
            "accept: { formats: [json, ndjson] }",
        )
        .start();
    let mut client = gateway.client();
    client.post("/events", &event(0)).is(200);
    let rest = ndjson(1..200);
    let answer = client
        .post_as("application/x-ndjson", "/events", rest.as_bytes())
        .is(200);
    assert_eq!(answer.json()["accepted"], 199);
    exactly_once("Kafka", &audit.read(), 0..200);
    exactly_once("Kinesis", &stream.read(), 0..200);
    exactly_once("DynamoDB", &table.read(), 0..200);
    exactly_once("SNS", &topic.read(200), 0..200);
    gateway.stop();
}

#[test]
fn a_body_may_be_an_array_or_lines_or_anything() {
    let Some(kafka) = kafka("a_body_may_be_an_array_or_lines_or_anything") else {
        return;
    };
    let (events, raw) = (kafka.topic(1), kafka.topic(1));
    let gateway = gateway()
        .target("events", &events.target())
        .target("raw", &raw.target())
        .fan_out(
            "POST /events",
            &["target: events, record: { value: '${event}' }"],
            "accept: { formats: [json, json-array, ndjson] }",
        )
        .fan_out(
            "POST /raw",
            &["target: raw, record: { value: '${body}' }"],
            "accept: { formats: [raw] }",
        )
        .start();
    let mut client = gateway.client();
    let array = format!("[ {} ,\n{},{}]", event(0), event(1), event(2));
    let answer = client.post("/events", &array).is(200);
    assert_eq!(answer.json()["accepted"], 3);
    let lines = ndjson(3..6);
    client
        .post_as("application/x-ndjson", "/events", lines.as_bytes())
        .is(200);
    client.post("/events", &event(6)).is(200);
    exactly_once("the topic", &events.read(), 0..7);

    let anything = "not JSON, \u{fffd} and \r\n lines\n";
    client
        .post_as("application/octet-stream", "/raw", anything.as_bytes())
        .is(200);
    assert_eq!(raw.read(), [anything]);
    gateway.stop();
}

#[test]
fn receipts_say_where_a_record_is() {
    let Some(kafka) = kafka("receipts_say_where_a_record_is") else {
        return;
    };
    let topic = kafka.topic(1);
    let gateway = gateway()
        .target("audit", &topic.target())
        .fan_out(
            "POST /events",
            &["target: audit, record: { value: '${event}' }"],
            "reply: { receipts: true }",
        )
        .start();
    let mut client: Client = gateway.client();
    for offset in 0..3 {
        let answer = client.post("/events", &event(offset)).is(200).json();
        let target = &answer["events"][0]["targets"][0];
        assert_eq!(
            (&target["partition"], &target["offset"]),
            (&0.into(), &offset.into())
        );
    }
    gateway.stop();
}
