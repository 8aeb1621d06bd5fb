//! What stands on the wire, byte for byte, and what the room makes of it through the real SDK.

#![allow(clippy::unwrap_used, reason = "tests may panic, their helpers as well")]

#[path = "../../aws/tests/support/stubbed.rs"]
mod stubbed;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use sluicegate_contract::{Attempt, AttemptSink, Batch, ReasonKind, Record, Value};
use sluicegate_kinesis::{Settings, open};
use stubbed::{CALL_TIME, hallway};

/// What the room says of one record when its call is answered with these bytes.
async fn attempt_at(answer: Vec<u8>) -> Attempt {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let settings = Settings {
        stream: Some("clicks".to_owned()),
        region: Some("eu-west-1".to_owned()),
        endpoint_url: Some(format!("http://{}", listener.local_addr().unwrap())),
        ..Settings::default()
    };
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read_request(&mut BufReader::new(&stream));
        // The room may hang up on an answer that is too long.
        let _ = stream.write_all(&answer);
    });
    let (report, attempts) = tokio::sync::oneshot::channel();
    let sink = AttemptSink::new(1, move |attempts| drop(report.send(attempts)));
    let values = [Value::Text("key".into()), Value::Text("data".into())];
    let batch = Batch::new(Arc::new(vec![Record::new(values)]));
    open("clicks", &settings, &hallway()).submit(batch, sink);
    let attempts = tokio::time::timeout(CALL_TIME * 2, attempts).await;
    let attempt = attempts.unwrap().unwrap().remove(0);
    server.join().unwrap();
    attempt
}

fn read_request(reader: &mut impl BufRead) {
    let (mut line, mut length) = (String::new(), 0);
    loop {
        line.clear();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    reader.read_exact(&mut vec![0; length]).unwrap();
}

fn answer(status: u16, fields: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} as said\r\ncontent-type: application/x-amz-json-1.1\r\n\
         content-length: {length}\r\n{fields}\r\n{body}"
    )
    .into_bytes()
}

const STORED: &str =
    r#"{"FailedRecordCount":0,"Records":[{"SequenceNumber":"7","ShardId":"shardId-0"}]}"#;

#[tokio::test]
async fn wrong_credentials_block_in_every_form_that_they_are_told_in() {
    for code in [
        "UnrecognizedClientException",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "com.amazon.coral.service#ExpiredTokenException",
    ] {
        let body = format!(r#"{{"__type":"{code}","message":"The token S3CRET is no good"}}"#);
        let Attempt::Blocked(reason) = attempt_at(answer(400, "", &body)).await else {
            panic!("{code} blocks");
        };
        assert_eq!(reason.kind(), ReasonKind::AuthenticationFailed);
        assert!(!reason.to_string().contains("S3CRET"), "{reason}");
    }
}

#[tokio::test]
async fn a_pause_that_is_asked_for_is_passed_on() {
    let body = r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#;
    let attempt = attempt_at(answer(400, "Retry-After: 2\r\n", body)).await;
    assert!(
        matches!(attempt, Attempt::Again { certain: true, after: Some(after), .. }
        if after == Duration::from_secs(2))
    );
}

#[tokio::test]
async fn an_answer_without_a_body_confirms_nothing() {
    assert!(matches!(
        attempt_at(answer(200, "", STORED)).await,
        Attempt::Stored(_)
    ));
    for body in ["", "{}", "null", r#"{"Records":[]}"#, r#"{"Records":[{}]}"#] {
        let attempt = attempt_at(answer(200, "", body)).await;
        assert!(
            matches!(&attempt, Attempt::Again { certain: false, reason, .. }
                if reason.kind() == ReasonKind::AnswerUnreadable),
            "{body}: {attempt:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_past_its_bound_is_not_read() {
    const PADDING_BYTES: usize = 40 << 20;
    let long = format!("{}{STORED}", " ".repeat(PADDING_BYTES));
    let attempt = attempt_at(answer(200, "", &long)).await;
    assert!(
        matches!(attempt, Attempt::Again { certain: false, .. }),
        "{attempt:?}"
    );
}
