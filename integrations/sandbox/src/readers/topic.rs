//! Kafka: a consumer that is assigned all partitions from their beginning.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Headers};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use serde_json::{Map, Value as Json, json};

use super::since;
use crate::Trouble;
use crate::values::text;
use crate::watcher::{Landed, Words};

/// Records of one round.
const RECORDS_PER_ROUND: usize = 500;
/// Records between two looks whether the oldest went.
const RECORDS_PER_LOOK: u64 = 5000;
/// How long the look may take.
const LOOK_TIME_MAX: Duration = Duration::from_millis(200);

/// Reads all Kafka topics.
pub(crate) struct Reader {
    consumer: BaseConsumer,
    places: HashMap<String, usize>,
    read: u64,
}

impl Reader {
    pub(crate) fn new(
        servers: &str,
        topics: Vec<(usize, String, Vec<i32>)>,
    ) -> Result<Self, Trouble> {
        let no_consumer = |error| Trouble::new("no Kafka consumer", &error);
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", servers)
            .set("group.id", "sandbox")
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "earliest")
            // The cluster answers a fetch without records after this long.
            .set("fetch.wait.max.ms", "20")
            .set("queued.max.messages.kbytes", "16384")
            .create()
            .map_err(no_consumer)?;
        let mut from = TopicPartitionList::new();
        let mut places = HashMap::new();
        for (place, name, partitions) in topics {
            for partition in partitions {
                from.add_partition_offset(&name, partition, Offset::Beginning)
                    .map_err(no_consumer)?;
            }
            places.insert(name, place);
        }
        consumer.assign(&from).map_err(no_consumer)?;
        Ok(Self {
            consumer,
            places,
            read: 0,
        })
    }

    pub(crate) fn round(&mut self, words: &Words) -> usize {
        let mut found = 0;
        while found < RECORDS_PER_ROUND {
            let Some(Ok(message)) = self.consumer.poll(Duration::ZERO) else {
                break;
            };
            let Some(place) = self.places.get(message.topic()).copied() else {
                continue;
            };
            found += 1;
            self.read += 1;
            words.landed(landed(place, &message));
            // The cluster lets the oldest go by itself and says nothing of it.
            if self.read.is_multiple_of(RECORDS_PER_LOOK) {
                let (topic, partition) = (message.topic(), message.partition());
                let marks = self
                    .consumer
                    .fetch_watermarks(topic, partition, LOOK_TIME_MAX);
                if marks.is_ok_and(|(low, _)| low > 0) {
                    words.full("Kafka", place);
                }
            }
        }
        found
    }
}

fn landed(place: usize, message: &BorrowedMessage<'_>) -> Landed {
    let key = message.key().map(text);
    let mut content = json!({ "partition": message.partition() });
    if let Some(key) = &key {
        content["key"] = Json::from(key.clone());
    }
    if let Some(value) = message.payload() {
        content["value"] = Json::from(text(value));
    }
    if let Some(headers) = message.headers() {
        let entry = |header: rdkafka::message::Header<'_, &[u8]>| {
            (
                header.key.to_owned(),
                Json::from(text(header.value.unwrap_or_default())),
            )
        };
        content["headers"] = Json::Object(headers.iter().map(entry).collect::<Map<_, _>>());
    }
    let sent = message.timestamp().to_millis();
    if let Some(sent) = sent {
        content["timestamp"] = Json::from(sent);
    }
    Landed {
        time: SystemTime::now(),
        place,
        took: since(sent.unwrap_or(i64::MAX)),
        key,
        bytes: message.payload_len(),
        content,
    }
}
