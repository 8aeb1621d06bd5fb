//! The Kinesis room passes the suite that every room passes, against the scripted stub.

#[path = "../../aws/tests/support/stubbed.rs"]
mod stubbed;

use sluicegate_contract::{Record, Value};
use sluicegate_kinesis::{Settings, open};
use sluicegate_testkit::conformance::{self, Opening, Service, Subject, payload};
use sluicegate_testkit::stub::Stub;
use stubbed::{CALL_TIME, hallway};

struct Kinesis;

impl Subject for Kinesis {
    fn name(&self) -> &'static str {
        "kinesis"
    }

    fn service(&self) -> Service {
        Service::Kinesis
    }

    fn open<'a>(&'a self, stub: &'a Stub) -> Opening<'a> {
        let settings = Settings {
            stream: Some("clicks".to_owned()),
            region: Some("eu-west-1".to_owned()),
            endpoint_url: Some(stub.endpoint()),
            ..Settings::default()
        };
        Box::pin(async move { open("clicks", &settings, &hallway()) })
    }

    fn call_time(&self) -> std::time::Duration {
        CALL_TIME
    }

    fn record(&self, marker: u64, payload_bytes: usize) -> Record {
        let key = Value::Text(format!("key-{marker}").into());
        Record::new([key, Value::Bytes(payload(marker, payload_bytes))])
    }
}

#[test]
fn kinesis_conforms() {
    conformance::run(&Kinesis);
}
