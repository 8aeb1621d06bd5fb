//! What bodies may be: judged by a schema, and in a coding.

use std::io::Write as _;

use crate::kit::{Answer, Gateway, Request, Stub, event, gateway, ndjson, record_for, stub_target};

fn scene(more: &str) -> (Stub, Gateway) {
    let stub = Stub::start();
    let gateway = gateway()
        .target("kinesis", &stub_target(&stub, "kinesis"))
        .fan_out(
            "POST /events",
            &[&format!(
                "target: kinesis, record: {}",
                record_for("kinesis")
            )],
            more,
        )
        .start();
    (stub, gateway)
}

const SCHEMA: &str = "accept: { formats: [json, json-array, ndjson] }\n\
    schema: { type: object, required: [id, n], properties: { id: { type: string, pattern: '^[a-z0-9-]+$' }, n: { type: integer, maximum: 50 } } }";

#[test]
fn an_event_that_does_not_fit_the_schema_is_told_each_place_and_goes_nowhere() {
    let (stub, gateway) = scene(SCHEMA);
    gateway.post("/events", &event(1)).is(200);
    let answer = gateway
        .post("/events", r#"{"id":"No good","n":51.5}"#)
        .is(422);
    assert_eq!(
        answer.field("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(answer.code(), "schema_failed");
    let problem = answer.json();
    let errors = problem["errors"].as_array().unwrap();
    let places: Vec<_> = errors
        .iter()
        .map(|error| (&error["pointer"], &error["keyword"]))
        .collect();
    assert_eq!(places.len(), 3, "{problem}");
    assert!(
        places.contains(&(&"/id".into(), &"pattern".into())),
        "{problem}"
    );
    assert!(
        places.contains(&(&"/n".into(), &"type".into())),
        "{problem}"
    );
    assert!(
        places.contains(&(&"/n".into(), &"maximum".into())),
        "{problem}"
    );
    assert!(!answer.text().contains("No good"), "{problem}");
    assert_eq!(stub.store().counts().len(), 1);
    let refused = gateway.metric("sluicegate_events_total", &["outcome=\"refused\""]);
    assert!((refused - 1.0).abs() < f64::EPSILON, "{refused}");
    gateway.stop();
}

#[test]
fn of_a_batch_only_the_events_that_do_not_fit_are_refused() {
    let (stub, gateway) = scene(SCHEMA);
    let lines = ndjson(1..4) + "{\"id\":\"x\"}\n" + &ndjson(4..6) + "{\"n\":1}\n";
    let answer = gateway
        .client()
        .post_as("application/x-ndjson", "/events", lines.as_bytes());
    let problem = answer.is(422).json();
    assert_eq!(problem["accepted"], 5, "{problem}");
    let outcome = |n: usize| problem["events"][n]["outcome"].as_str().unwrap().to_owned();
    let outcomes: Vec<String> = (0..7).map(outcome).collect();
    assert_eq!(
        outcomes,
        ["all", "all", "all", "none", "all", "all", "none"]
    );
    assert_eq!(
        problem["events"][3]["errors"][0]["detail"],
        "`n` is missing"
    );
    assert_eq!(
        problem["events"][6]["errors"][0]["detail"],
        "`id` is missing"
    );
    assert_eq!(stub.store().counts().len(), 5);
    gateway.stop();
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

/// A brotli stream that stores its bytes as they are (RFC 7932, 9.2): at most 64 KiB.
fn brotli(bytes: &[u8]) -> Vec<u8> {
    let head = ((bytes.len() as u32 - 1) << 4) | (1 << 20);
    let mut stream = head.to_le_bytes()[..3].to_vec();
    stream.extend_from_slice(bytes);
    stream.push(0b11);
    stream
}

fn post(gateway: &Gateway, kind: &str, coding: &str, body: &[u8]) -> Answer {
    let fields = [("Content-Type", kind), ("Content-Encoding", coding)];
    gateway.client().send(&Request {
        method: "POST",
        target: "/events",
        fields: &fields,
        body,
    })
}

#[test]
fn bodies_in_each_coding_arrive_byte_for_byte() {
    let (stub, gateway) = scene("accept: { formats: [json, json-array, ndjson] }");
    let (json, lines) = ("application/json", "application/x-ndjson");
    let zstd = zstd::bulk::compress(ndjson(7..10).as_bytes(), 3).unwrap();
    let array = format!("[{}, {}]", event(3), event(4));
    let bodies = [
        (json, "gzip", gzip(event(1).as_bytes())),
        (json, "x-gzip", gzip(event(2).as_bytes())),
        (json, "gzip", gzip(array.as_bytes())),
        (json, "deflate", zlib(event(5).as_bytes())),
        (json, "br", brotli(event(6).as_bytes())),
        (lines, "zstd", zstd),
    ];
    for (kind, coding, body) in &bodies {
        post(&gateway, kind, coding, body).is(200);
    }
    let counts = stub.store().counts();
    assert_eq!(
        counts.into_iter().collect::<Vec<_>>(),
        (1..10).map(|n| (n, 1)).collect::<Vec<_>>()
    );
    for stored in stub.store().all() {
        let data = String::from_utf8_lossy(&stored.entry.payload).into_owned();
        assert_eq!(data, event(stored.entry.marker.unwrap()));
    }
    gateway.stop();
}

#[test]
fn a_wrong_coding_is_told_and_a_bomb_is_stopped_and_the_gateway_goes_on() {
    let (stub, gateway) = scene("accept: { request_bytes: 1MiB, encodings: [gzip] }");
    let bomb = gzip(&vec![b'['; 4 << 20]);
    let answer = post(&gateway, "application/json", "gzip", &bomb).is(413);
    assert_eq!(answer.code(), "request_too_large");
    let body = gzip(event(1).as_bytes());
    let answer = post(
        &gateway,
        "application/json",
        "gzip",
        &body[..body.len() - 3],
    )
    .is(400);
    assert_eq!(answer.code(), "encoding_invalid");
    assert!(
        answer.text().contains("it is cut short"),
        "{}",
        answer.text()
    );
    let answer = post(
        &gateway,
        "application/json",
        "br",
        &brotli(event(1).as_bytes()),
    )
    .is(415);
    assert_eq!(answer.code(), "encoding_unsupported");
    assert_eq!(answer.field("accept-encoding"), Some("gzip"));
    assert!(stub.store().all().is_empty());
    post(&gateway, "application/json", "gzip", &body).is(200);
    gateway.stop();
    assert_eq!(stub.store().times(1), 1);
}
