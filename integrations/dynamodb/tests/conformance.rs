//! The DynamoDB room passes the suite that every room passes, against the scripted stub: with the
//! table's key from the file, and with a key that it has to learn.

#[path = "../../aws/tests/support/stubbed.rs"]
mod stubbed;

use sluicegate_contract::{Record, Value};
use sluicegate_dynamodb::{KeyAttributes, KeyType, Settings, open};
use sluicegate_testkit::conformance::{self, Opening, Service, Subject, payload};
use sluicegate_testkit::stub::Stub;
use stubbed::{CALL_TIME, hallway};

struct DynamoDb {
    key: Option<KeyAttributes>,
}

impl Subject for DynamoDb {
    fn name(&self) -> &'static str {
        "dynamodb"
    }

    fn service(&self) -> Service {
        Service::DynamoDb
    }

    fn open<'a>(&'a self, stub: &'a Stub) -> Opening<'a> {
        let settings = Settings {
            table: "orders".to_owned(),
            key: self.key.clone(),
            region: Some("eu-west-1".to_owned()),
            endpoint_url: Some(stub.endpoint()),
            ..Settings::default()
        };
        Box::pin(async move { open("orders", &settings, &hallway()) })
    }

    fn call_time(&self) -> std::time::Duration {
        CALL_TIME
    }

    fn record(&self, marker: u64, payload_bytes: usize) -> Record {
        let text = |value: String| Value::Text(value.into());
        let payload = String::from_utf8_lossy(&payload(marker, payload_bytes)).into_owned();
        Record::new([Value::Map(vec![
            ("pk".into(), text(format!("key-{marker:07}"))),
            ("data".into(), text(payload)),
            ("n".into(), Value::Json("12.50".to_owned().into())),
        ])])
    }
}

#[test]
fn dynamodb_conforms_with_a_declared_key() {
    conformance::run(&DynamoDb {
        key: Some(KeyAttributes(vec![("pk".to_owned(), KeyType::S)])),
    });
}

#[test]
fn dynamodb_conforms_with_a_learned_key() {
    conformance::run(&DynamoDb { key: None });
}
