//! The SNS room passes the suite that every room passes, against the scripted stub.

#[path = "../../aws/tests/support/stubbed.rs"]
mod stubbed;

use sluicegate_contract::{Record, Value};
use sluicegate_sns::{Settings, open};
use sluicegate_testkit::conformance::{self, Opening, Service, Subject, payload};
use sluicegate_testkit::stub::Stub;
use stubbed::{CALL_TIME, hallway};

struct Sns;

impl Subject for Sns {
    fn name(&self) -> &'static str {
        "sns"
    }

    fn service(&self) -> Service {
        Service::Sns
    }

    fn open<'a>(&'a self, stub: &'a Stub) -> Opening<'a> {
        let settings = Settings {
            topic_arn: "arn:aws:sns:eu-west-1:123456789012:alerts".to_owned(),
            endpoint_url: Some(stub.endpoint()),
            ..Settings::default()
        };
        Box::pin(async move { open("alerts", &settings, &hallway()) })
    }

    fn call_time(&self) -> std::time::Duration {
        CALL_TIME
    }

    fn record(&self, marker: u64, payload_bytes: usize) -> Record {
        Record::new([Value::Bytes(payload(marker, payload_bytes))])
    }
}

#[test]
fn sns_conforms() {
    conformance::run(&Sns);
}
