//! The Kafka room passes the suite that every producer passes.

use std::sync::Arc;
use std::time::Duration;

use sluicegate_contract::{Producer, Record, TargetWatch, Value};
use sluicegate_kafka::{Bounds, Connection, ConnectionSettings, Properties, Settings};
use sluicegate_testkit::conformance::payload;
use sluicegate_testkit::conformance::producer::{Ears, ProducerSubject, run};

const QUEUE_BYTES: u64 = 64 << 20;

struct Kafka;

impl ProducerSubject for Kafka {
    fn name(&self) -> &'static str {
        "kafka"
    }

    fn open(
        &self,
        servers: &str,
        topic: &str,
        give_up: Duration,
        ears: Arc<Ears>,
    ) -> Arc<dyn Producer> {
        let connection = ConnectionSettings {
            bootstrap_servers: servers.to_owned(),
            properties: Properties::default(),
        };
        let settings = Settings {
            connection: Some("cluster".to_owned()),
            bootstrap_servers: None,
            topic: Some(topic.to_owned()),
            topics: Vec::new(),
            properties: Properties::default(),
            limits: Default::default(),
        };
        let bounds = Bounds {
            give_up,
            queue_bytes: QUEUE_BYTES,
            record_bytes: settings.record_bytes(),
        };
        let connection =
            Connection::open(&connection, bounds, ears.clone()).expect("the settings can work");
        connection.target(&settings, &(ears as Arc<dyn TargetWatch>))
    }

    fn record(&self, marker: u64, payload_bytes: usize) -> Record {
        Record::new([Value::Absent, Value::Bytes(payload(marker, payload_bytes))])
    }
}

#[test]
fn kafka_conforms() {
    run(&Kafka);
}
