//! The kit through which the stories speak: the real program on free ports, a bare HTTP client,
//! and readers that ask each backend itself what it holds.

mod audit;
mod aws;
mod check;
mod client;
mod disk;
mod gateway;
mod kafka;
mod log;
mod program;

use std::time::{Duration, Instant};

pub(crate) use audit::{Stream as Load, audited};
pub(crate) use aws::{Aws, aws, roto};
pub(crate) use check::{event, exactly_once, ndjson};
pub(crate) use client::{Answer, Client, Request, flood};
pub(crate) use disk::SmallDisk;
pub(crate) use gateway::{Gateway, Opening, gateway};
pub(crate) use kafka::{kafka, own_broker};
pub(crate) use log::{letters, values};
pub(crate) use program::{run, sluicegate};
pub(crate) use sluicegate_testkit::stub::{Fault, Stub};

/// How long a story waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A name that no other test and no other run uses.
pub(crate) fn unique(word: &str) -> String {
    format!("{word}-{}", uuid::Uuid::new_v4().simple())
}

/// Waits until something holds.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A port of the loopback on which nobody listens.
pub(crate) fn closed_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// The YAML of a Kinesis, DynamoDB or SNS target that the scripted stub plays.
pub(crate) fn stub_target(stub: &Stub, kind: &str) -> String {
    let room = match kind {
        "kinesis" => "kinesis: { stream: clicks, ",
        "dynamodb" => "dynamodb: { table: orders, key: { pk: S }, ",
        "sns" => "sns: { topic_arn: 'arn:aws:sns:us-east-1:123456789012:alerts', ",
        other => panic!("the stub does not play {other}"),
    };
    format!(
        "{room} region: us-east-1, endpoint_url: '{}' }}",
        stub.endpoint()
    )
}

/// The record that the stories map for each kind of target.
pub(crate) fn record_for(kind: &str) -> &'static str {
    match kind {
        "kinesis" => "{ partition_key: '${event.id}', data: '${event}' }",
        "dynamodb" => "{ put: { pk: '${event.id}', raw: '${json(event)}' } }",
        "sns" => "{ message: '${event}' }",
        "log" => "{ key: '${event.id}', value: '${event}' }",
        "kafka" => "{ key: '${event.id}', value: '${event}' }",
        other => panic!("no record is known for {other}"),
    }
}
