//! Input that means no good: every answer names what was wrong, and the gateway goes on.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::kit::{Gateway, Stub, event, gateway, ndjson, record_for, stub_target};

fn scene(stub: &Stub, more: &str) -> Gateway {
    gateway()
        .target("clicks", &stub_target(stub, "kinesis"))
        .fan_out(
            "POST /clicks",
            &[&format!(
                "target: clicks, record: {}",
                record_for("kinesis")
            )],
            more,
        )
        .start()
}

#[test]
fn an_event_of_10_mb_is_413_unless_the_route_and_the_target_take_it() {
    let stub = Stub::start();
    let body = format!(
        r#"{{"id":"event-0000001","pad":"{}"}}"#,
        "x".repeat(10_000_000)
    );
    let small = scene(&stub, "");
    let answer = small.post("/clicks", &body).is(413);
    assert_eq!(answer.code(), "request_too_large");
    small.post("/clicks", &event(1)).is(200);
    small.stop();

    let wide = scene(
        &stub,
        "accept: { event_bytes: 16MiB, request_bytes: 20MiB }",
    );
    let answer = wide.post("/clicks", &body).is(413);
    assert_eq!(answer.code(), "record_too_large", "{}", answer.text());
    wide.post("/clicks", &event(2)).is(200);
    wide.stop();
}

#[test]
fn ten_thousand_events_in_a_body_are_delivered_or_refused_as_the_route_says() {
    let stub = Stub::start();
    let lines = ndjson(0..10_000);
    let strict = scene(&stub, "accept: { formats: [ndjson] }");
    let answer = strict
        .client()
        .post_as("application/x-ndjson", "/clicks", lines.as_bytes());
    assert_eq!(answer.is(413).code(), "too_many_events");
    strict.stop();
    assert_eq!(stub.calls().len(), 0);

    let wide = scene(&stub, "accept: { formats: [ndjson], events: 10000 }");
    let answer = wide
        .client()
        .post_as("application/x-ndjson", "/clicks", lines.as_bytes())
        .is(200);
    assert_eq!(answer.json()["accepted"], 10_000);
    assert_eq!(stub.store().counts().len(), 10_000);
    assert_eq!(stub.store().all().len(), 10_000);
    wide.stop();
}

#[test]
fn broken_http_is_answered_and_closed_and_costs_nobody_else() {
    let stub = Stub::start();
    let gateway = scene(&stub, "");
    let table: &[(&[u8], u16)] = &[
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", 505),
        (b"POST /clicks HTTP/1.1\r\n\r\n", 400),
        (
            b"POST /clicks HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
            400,
        ),
        (
            b"POST /clicks HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
            400,
        ),
        (
            b"POST /clicks HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\
              Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (
            b"POST /clicks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
            400,
        ),
        (
            b"POST /clicks HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nContent-Length: 2\r\n\r\n{}",
            417,
        ),
    ];
    for (bytes, status) in table {
        let mut stream = TcpStream::connect(gateway.http).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(12)))
            .unwrap();
        stream.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer);
        let expected = format!("HTTP/1.1 {status} ");
        let shown = String::from_utf8_lossy(bytes);
        assert!(answer.starts_with(&expected), "{shown}\n{answer}");
    }
    gateway.post("/clicks", &event(1)).is(200);
    assert_eq!(stub.store().counts().len(), 1);
    gateway.stop();
}

#[test]
fn a_client_that_leaves_does_not_undo_its_request() {
    let stub = Stub::start();
    let gateway = scene(&stub, "");
    stub.always(crate::kit::Fault::Delay(Duration::from_millis(300)));
    for n in 0..20 {
        let body = event(n);
        let mut stream = TcpStream::connect(gateway.http).unwrap();
        let head = format!(
            "POST /clicks HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
    }
    crate::kit::eventually("all that arrived whole is delivered", || {
        stub.store().counts().len() == 20
    });
    gateway.stop();
    assert_eq!(stub.store().all().len(), 20);
}

#[test]
fn requests_in_a_pipeline_are_answered_in_order() {
    let stub = Stub::start();
    let gateway = scene(&stub, "");
    let mut stream = TcpStream::connect(gateway.http).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let mut sent = String::new();
    for n in 0..30 {
        let body = if n % 3 == 2 {
            "{}".to_owned()
        } else {
            event(n)
        };
        sent.push_str(&format!(
            "POST /clicks HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n{}\r\n{body}",
            body.len(),
            if n == 29 { "Connection: close\r\n" } else { "" }
        ));
    }
    stream.write_all(sent.as_bytes()).unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    let statuses: Vec<&str> = answers
        .split("HTTP/1.1 ")
        .skip(1)
        .filter_map(|answer| answer.get(..3))
        .collect();
    let expected: Vec<&str> = (0..30)
        .map(|n| if n % 3 == 2 { "400" } else { "200" })
        .collect();
    assert_eq!(statuses, expected);
    assert_eq!(stub.store().all().len(), 20);
    gateway.stop();
}
