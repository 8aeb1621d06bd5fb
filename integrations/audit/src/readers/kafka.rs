//! A topic from its beginning to its high watermarks, by `assign()`: no group, no commit.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

use super::{KafkaSource, QUIET_MAX, take_json};
use crate::history::History;
use crate::holding::Holding;

const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);
/// How the names of properties begin that say how a cluster is reached.
const OF_A_CONNECTION: &[&str] = &[
    "security.",
    "sasl.",
    "ssl.",
    "enable.ssl",
    "client.id",
    "broker.",
];

pub(crate) struct KafkaReader {
    source: KafkaSource,
    consumer: BaseConsumer,
    /// The next offset of each partition.
    next: BTreeMap<i32, i64>,
}

impl KafkaReader {
    pub(crate) fn open(source: KafkaSource) -> Result<Self, String> {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &source.servers)
            // It is asked for and never used: without a commit or a subscription there is no group.
            .set("group.id", "sluicegate-audit")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "earliest")
            .set_log_level(RDKafkaLogLevel::Critical);
        for (name, value) in &source.properties {
            if OF_A_CONNECTION.iter().any(|start| name.starts_with(start)) {
                config.set(name, value);
            }
        }
        let consumer = config
            .create()
            .map_err(|error| format!("Kafka's client cannot start: {error}"))?;
        Ok(Self {
            source,
            consumer,
            next: BTreeMap::new(),
        })
    }

    pub(crate) fn read(&mut self, history: &History, holding: &mut Holding) -> Result<(), String> {
        let mut highs = self.watermarks()?;
        highs.retain(|partition, high| self.next.get(partition).is_none_or(|next| next < high));
        if highs.is_empty() {
            return Ok(());
        }
        let mut from = TopicPartitionList::new();
        for partition in highs.keys() {
            let offset = Offset::Offset(self.next.get(partition).copied().unwrap_or_default());
            from.add_partition_offset(&self.source.topic, *partition, offset)
                .map_err(|error| self.said(&error))?;
        }
        self.consumer
            .assign(&from)
            .map_err(|error| self.said(&error))?;
        let mut moved = Instant::now();
        while !highs.is_empty() {
            match self.consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => {
                    let (partition, offset) = (message.partition(), message.offset());
                    let stream = u32::try_from(partition).unwrap_or_default();
                    let value = message.payload().unwrap_or_default();
                    take_json(history, holding, &self.source.place, value, stream);
                    self.next.insert(partition, offset + 1);
                    if highs
                        .get(&partition)
                        .is_some_and(|high| offset + 1 >= *high)
                    {
                        highs.remove(&partition);
                    }
                    moved = Instant::now();
                }
                // The last offsets of a partition need not hold a record.
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    if let Some(high) = highs.remove(&partition) {
                        self.next.insert(partition, high);
                    }
                }
                Some(Err(error)) if moved.elapsed() > ANSWER_TIME_MAX => {
                    return Err(self.said(&error));
                }
                Some(Err(_)) | None => {}
            }
            if moved.elapsed() > QUIET_MAX {
                return Err(format!(
                    "Kafka's topic {} gave nothing for {QUIET_MAX:?} although there is more",
                    self.source.topic
                ));
            }
        }
        let nothing = TopicPartitionList::new();
        self.consumer
            .assign(&nothing)
            .map_err(|error| self.said(&error))
    }

    /// The high watermark of each partition. Where a partition's first record is not its record 0
    /// any more, reading begins at the first that is left.
    fn watermarks(&mut self) -> Result<BTreeMap<i32, i64>, String> {
        let topic = &self.source.topic;
        let metadata = self
            .consumer
            .fetch_metadata(Some(topic), ANSWER_TIME_MAX)
            .map_err(|error| self.said(&error))?;
        let known = metadata.topics().iter().find(|known| known.name() == topic);
        let partitions = known.map(|known| known.partitions()).unwrap_or_default();
        if partitions.is_empty() {
            return Err(format!("Kafka has no topic {topic}"));
        }
        let mut highs = BTreeMap::new();
        for partition in partitions {
            let id = partition.id();
            let (low, high) = self
                .consumer
                .fetch_watermarks(topic, id, ANSWER_TIME_MAX)
                .map_err(|error| self.said(&error))?;
            let next = self.next.entry(id).or_insert(low);
            *next = (*next).max(low);
            highs.insert(id, high);
        }
        Ok(highs)
    }

    fn said(&self, error: &KafkaError) -> String {
        format!("Kafka's topic {}: {error}", self.source.topic)
    }
}
