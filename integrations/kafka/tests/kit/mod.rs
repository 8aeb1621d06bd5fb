//! What the stories of the Kafka room share: a gateway's ears, and a reader of topics.

#![allow(dead_code, reason = "each story uses its part")]
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Headers;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use sluicegate_contract::{
    Outcome, OutcomeSink, Producer, Reason, ReasonKind, Record, RecordId, TargetState, TargetWatch,
    Value,
};
use sluicegate_kafka::{Bounds, Connection, ConnectionSettings, Properties, Settings, Topic};

/// How long a story waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Outcomes and states as they came.
#[derive(Default)]
pub(crate) struct Ears {
    heard: Mutex<Heard>,
    news: Condvar,
}

#[derive(Default)]
struct Heard {
    outcomes: HashMap<u64, Outcome>,
    twice: Vec<u64>,
    states: Vec<(TargetState, Option<Reason>)>,
}

impl OutcomeSink for Ears {
    fn outcome(&self, id: RecordId, outcome: Outcome) {
        let mut heard = self.heard.lock().unwrap();
        if heard.outcomes.insert(id.0, outcome).is_some() {
            heard.twice.push(id.0);
        }
        self.news.notify_all();
    }
}

impl TargetWatch for Ears {
    fn state(&self, state: TargetState, reason: Option<Reason>) {
        self.heard.lock().unwrap().states.push((state, reason));
        self.news.notify_all();
    }
}

impl Ears {
    fn wait<T>(&self, what: &str, mut look: impl FnMut(&Heard) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        let mut heard = self.heard.lock().unwrap();
        loop {
            assert_eq!(heard.twice, [0; 0], "outcomes that came twice");
            if let Some(found) = look(&heard) {
                return found;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "{what}: not within {PATIENCE:?}; states {:?}",
                heard.states
            );
            heard = self.news.wait_timeout(heard, left).unwrap().0;
        }
    }

    /// The outcomes of these records, once all are there.
    pub(crate) fn outcomes(&self, ids: std::ops::Range<u64>) -> Vec<Outcome> {
        self.wait("outcomes", |heard| {
            ids.clone()
                .map(|id| heard.outcomes.get(&id).cloned())
                .collect()
        })
    }

    /// Waits until the target was told this state and this kind of reason; gives the reason.
    pub(crate) fn state(&self, state: TargetState, kind: Option<ReasonKind>) -> Option<Reason> {
        self.wait(&format!("{state:?} {kind:?}"), |heard| {
            let last = heard.states.last()?;
            let same = last.0 == state && last.1.as_ref().map(Reason::kind) == kind;
            same.then(|| last.1.clone())
        })
    }
}

/// A target as the gateway opens it.
pub(crate) struct Target {
    pub(crate) ears: Arc<Ears>,
    pub(crate) topic: Arc<Topic>,
}

/// How a story opens its target.
pub(crate) struct Opening {
    pub(crate) servers: String,
    pub(crate) topic: &'static str,
    pub(crate) properties: Properties,
    pub(crate) give_up: Duration,
    pub(crate) queue_bytes: u64,
    pub(crate) record_bytes: Option<u64>,
}

pub(crate) fn on(servers: &str, topic: &'static str) -> Opening {
    Opening {
        servers: servers.to_owned(),
        topic,
        properties: Properties::default(),
        give_up: Duration::from_secs(20),
        queue_bytes: 64 << 20,
        record_bytes: None,
    }
}

impl Opening {
    pub(crate) fn open(self) -> Target {
        let connection = ConnectionSettings {
            bootstrap_servers: self.servers.clone(),
            properties: self.properties.clone(),
        };
        connection.validate().unwrap();
        let mut settings: Settings =
            serde_json::from_value(serde_json::json!({ "topic": self.topic, "connection": "c" }))
                .unwrap();
        settings.limits.record_bytes = self.record_bytes.map(sluicegate_contract::ByteSize);
        settings.validate().unwrap();
        let bounds = Bounds {
            give_up: self.give_up,
            queue_bytes: self.queue_bytes,
            record_bytes: settings.record_bytes(),
        };
        let ears = Arc::new(Ears::default());
        let connection = Connection::open(&connection, bounds, ears.clone()).unwrap();
        let topic = connection.target(&settings, &(ears.clone() as Arc<dyn TargetWatch>));
        Target { ears, topic }
    }
}

impl Target {
    /// Hands in records with these ids; value and key are functions of the id.
    pub(crate) fn produce(&self, ids: std::ops::Range<u64>) {
        for id in ids {
            self.topic.produce(&record(id), RecordId(id)).unwrap();
        }
    }
}

/// The record of an id: its key is one of 16.
pub(crate) fn record(id: u64) -> Record {
    Record::new([text(&key(id)), Value::Json(Bytes::from(value(id)))])
}

pub(crate) fn key(id: u64) -> String {
    format!("key-{}", id % 16)
}

pub(crate) fn value(id: u64) -> String {
    format!(r#"{{"id":{id},"twice":{}}}"#, id * 2)
}

pub(crate) fn text(text: &str) -> Value {
    Value::Text(text.into())
}

/// A record as a reader finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) partition: i32,
    pub(crate) key: Option<String>,
    pub(crate) value: Option<String>,
    pub(crate) timestamp: Option<i64>,
    pub(crate) headers: Vec<(String, String)>,
}

/// Reads a whole topic: by `assign` from the beginning to the high watermark.
pub(crate) fn read_all(servers: &str, topic: &str) -> Vec<Found> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("group.id", "reader")
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap();
    let mut from = TopicPartitionList::new();
    let mut expected = 0;
    for partition in metadata.topics()[0].partitions() {
        let (low, high) = consumer
            .fetch_watermarks(topic, partition.id(), PATIENCE)
            .unwrap();
        expected += usize::try_from(high - low).unwrap();
        from.add_partition_offset(topic, partition.id(), Offset::Beginning)
            .unwrap();
    }
    consumer.assign(&from).unwrap();
    let end = Instant::now() + PATIENCE;
    let mut found = Vec::new();
    while found.len() < expected {
        assert!(
            Instant::now() < end,
            "read {} of {expected} records",
            found.len()
        );
        if let Some(message) = consumer.poll(Duration::from_millis(100)) {
            let message = message.unwrap();
            let owned = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let headers = message.headers().map(|headers| {
                let entry = |h: rdkafka::message::Header<'_, &[u8]>| {
                    (h.key.to_owned(), owned(h.value.unwrap_or_default()))
                };
                headers.iter().map(entry).collect()
            });
            found.push(Found {
                partition: message.partition(),
                key: message.key().map(owned),
                value: message.payload().map(owned),
                timestamp: message.timestamp().to_millis(),
                headers: headers.unwrap_or_default(),
            });
        }
    }
    found
}

/// Asserts that exactly the records of these ids are in the topic, each once, each key in order.
pub(crate) fn assert_exactly(found: &[Found], ids: std::ops::Range<u64>) {
    let mut values: Vec<_> = found
        .iter()
        .map(|found| found.value.clone().unwrap())
        .collect();
    let mut expected: Vec<_> = ids.clone().map(value).collect();
    values.sort();
    expected.sort();
    assert_eq!(values.len(), expected.len(), "records lost or twice");
    assert!(values == expected, "payloads differ");
    for key in (0..16).map(key) {
        let of_key = |found: &&Found| found.key.as_deref() == Some(&key);
        let seen: Vec<_> = found
            .iter()
            .filter(of_key)
            .map(|found| found.value.clone())
            .collect();
        let sent: Vec<_> = ids
            .clone()
            .filter(|id| self::key(*id) == key)
            .map(|id| Some(value(id)))
            .collect();
        assert!(seen == sent, "order of {key}");
    }
}
