//! What a file may say of a Kafka connection and of a Kafka target.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_contract::{ByteSize, Reason, Record};

use crate::Properties;

/// Bytes of a record by default: Kafka's own limit of a batch, less what a batch of one record
/// takes beside key, value and headers.
const RECORD_BYTES_DEFAULT: u64 = (1 << 20) - BATCH_OVERHEAD_BYTES;
/// Bytes that a batch of one record takes at most beside key, value and headers.
pub(crate) const BATCH_OVERHEAD_BYTES: u64 = 512;
/// librdkafka's own bound of a message.
const RECORD_BYTES_MAX: u64 = 1_000_000_000 - BATCH_OVERHEAD_BYTES;
/// librdkafka's own bound of `message.timeout.ms`.
pub(crate) const GIVE_UP_MAX: Duration = Duration::from_millis(i32::MAX as u64);
/// Topics of one target.
const TOPICS_MAX: usize = 64;
/// Characters of a topic's name, as Kafka says.
const TOPIC_CHARACTERS_MAX: usize = 249;

/// A cluster, and how to reach it: one producer, shared by all targets that name it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectionSettings {
    /// Brokers to start from: `host:port`, separated by commas.
    pub bootstrap_servers: String,
    /// librdkafka's properties: `security.protocol`, `sasl.*`, `ssl.*`, `compression.type`, ….
    #[serde(default)]
    pub properties: Properties,
}

/// A Kafka target: one topic.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// A connection of the file's `connections`. Stands instead of `bootstrap_servers`.
    #[serde(default)]
    pub connection: Option<String>,
    /// Brokers to start from: `host:port`, separated by commas.
    #[serde(default)]
    pub bootstrap_servers: Option<String>,
    /// The topic. It must exist: the gateway creates none. Either this or `topics`.
    #[serde(default)]
    pub topic: Option<String>,
    /// Topics of which each record names one by its field `topic`. They must exist: one that does
    /// not blocks the target.
    #[serde(default)]
    pub topics: Vec<String>,
    /// librdkafka's properties, beside `bootstrap_servers`.
    #[serde(default)]
    pub properties: Properties,
    /// What the topic takes, where it is not Kafka's default.
    #[serde(default)]
    pub limits: RecordLimits,
}

/// What a topic takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordLimits {
    /// Bytes of a record's key, value and headers together. Default: 1 MiB less 512 bytes, which
    /// is what Kafka's default of `max.message.bytes` takes. Larger events are refused with 413.
    #[serde(default)]
    pub record_bytes: Option<ByteSize>,
}

impl ConnectionSettings {
    /// Checks what can be known without a broker.
    ///
    /// # Errors
    /// The key at fault, and what to write there.
    pub fn validate(&self) -> Result<(), (&'static str, String)> {
        let servers = self.bootstrap_servers.as_str();
        validate_servers(servers).map_err(|said| ("bootstrap_servers", said))?;
        self.properties
            .validate()
            .map_err(|said| ("properties", said))
    }
}

impl Settings {
    /// Checks what can be known without a broker.
    ///
    /// # Errors
    /// The key at fault, and what to write there.
    pub fn validate(&self) -> Result<(), (&'static str, String)> {
        match (&self.topic, self.topics.as_slice()) {
            (Some(topic), []) => validate_topic(topic).map_err(|said| ("topic", said))?,
            (Some(_), _) => {
                let said = "stands beside `topic`: write one of the two".to_owned();
                return Err(("topics", said));
            }
            (None, []) => {
                let said = "is missing: write `topic: …`, or `topics: […]` of which each record \
                            names one";
                return Err(("topic", said.to_owned()));
            }
            (None, topics) => validate_topics(topics).map_err(|said| ("topics", said))?,
        }
        match (&self.connection, self.own_connection()) {
            (Some(_), Some(_)) => {
                let said = "stands beside `connection`: write one of the two".to_owned();
                return Err(("bootstrap_servers", said));
            }
            (Some(_), None) if !self.properties.is_empty() => {
                let said = "belongs to the connection: write it there".to_owned();
                return Err(("properties", said));
            }
            (None, None) => {
                let said = "is missing: write `bootstrap_servers: host:9092`, or `connection: …` \
                            with a name of `connections`";
                return Err(("bootstrap_servers", said.to_owned()));
            }
            (Some(_), None) => {}
            (None, Some(own)) => own.validate()?,
        }
        let bytes = self.record_bytes() as u64;
        if !(1..=RECORD_BYTES_MAX).contains(&bytes) {
            let said = format!("`record_bytes` must be from 1 to {RECORD_BYTES_MAX}");
            return Err(("limits", said));
        }
        Ok(())
    }

    /// The connection that is written at the target itself, if it is.
    #[must_use]
    pub fn own_connection(&self) -> Option<ConnectionSettings> {
        let bootstrap_servers = self.bootstrap_servers.clone()?;
        Some(ConnectionSettings {
            bootstrap_servers,
            properties: self.properties.clone(),
        })
    }

    /// The topics of this target: one, or those that its records choose from.
    pub fn all_topics(&self) -> impl Iterator<Item = &str> {
        let topics = self.topic.iter().chain(&self.topics);
        topics.map(String::as_str)
    }

    /// Bytes of a record of this target, as its open room would weigh it, without a producer.
    ///
    /// # Errors
    /// Why this record can never be sent, naming the limit.
    pub fn weigh(&self, record: &Record) -> Result<usize, Reason> {
        let topics: Vec<_> = self.all_topics().map(Arc::from).collect();
        crate::topic::weigh(&topics, self.record_bytes(), record)
    }

    /// Bytes that a record's key, value and headers may have together.
    #[must_use]
    pub fn record_bytes(&self) -> usize {
        let bytes = self
            .limits
            .record_bytes
            .map_or(RECORD_BYTES_DEFAULT, |size| size.0);
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }
}

fn validate_topics(topics: &[String]) -> Result<(), String> {
    if topics.len() > TOPICS_MAX {
        return Err(format!("a target has at most {TOPICS_MAX} topics"));
    }
    for (place, topic) in topics.iter().enumerate() {
        validate_topic(topic).map_err(|said| format!("`{topic}` {said}"))?;
        if topics.iter().take(place).any(|earlier| earlier == topic) {
            return Err(format!("`{topic}` stands twice"));
        }
    }
    Ok(())
}

fn validate_topic(topic: &str) -> Result<(), String> {
    let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if topic.is_empty() || topic.len() > TOPIC_CHARACTERS_MAX || matches!(topic, "." | "..") {
        return Err(format!(
            "must have from 1 to {TOPIC_CHARACTERS_MAX} characters, and not be a dot"
        ));
    }
    match topic.chars().find(|c| !letter(*c)) {
        Some(c) => Err(format!(
            "holds {c:?}: a topic's name has letters, digits, `.`, `_` and `-` only"
        )),
        None => Ok(()),
    }
}

fn validate_servers(servers: &str) -> Result<(), String> {
    for server in servers.split(',').map(str::trim) {
        let address = server
            .rsplit_once("://")
            .map_or(server, |(_, address)| address);
        let (host, port) = match address.rsplit_once(':') {
            // The colons of a bare IPv6 address are not a port's.
            Some((host, port)) if !address.ends_with(']') => (host, Some(port)),
            _ => (address, None),
        };
        let port_is_good = port.is_none_or(|port| matches!(port.parse::<u16>(), Ok(1..)));
        if host.is_empty() || host.contains(char::is_whitespace) || !port_is_good {
            return Err(format!(
                "`{server}` is not a broker: write for example `kafka-1:9092`"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Settings {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_target_says_its_topic_and_one_way_to_it() {
        for (json, fault) in [
            (r#"{"topic":"a","bootstrap_servers":"h:9092"}"#, None),
            (r#"{"topic":"a","connection":"c"}"#, None),
            (r#"{"topic":"a","bootstrap_servers":"[::1]:9092, b"}"#, None),
            (r#"{"topic":"a"}"#, Some("bootstrap_servers")),
            (
                r#"{"topic":"a","bootstrap_servers":""}"#,
                Some("bootstrap_servers"),
            ),
            (
                r#"{"topic":"a","bootstrap_servers":"h:0"}"#,
                Some("bootstrap_servers"),
            ),
            (
                r#"{"topic":"a","bootstrap_servers":"h:http"}"#,
                Some("bootstrap_servers"),
            ),
            (
                r#"{"topic":"a","bootstrap_servers":"h:1,,g"}"#,
                Some("bootstrap_servers"),
            ),
            (
                r#"{"topic":"a","connection":"c","bootstrap_servers":"h"}"#,
                Some("bootstrap_servers"),
            ),
            (
                r#"{"topic":"a","connection":"c","properties":{"linger.ms":1}}"#,
                Some("properties"),
            ),
            (
                r#"{"topic":"a","bootstrap_servers":"h","properties":{"acks":1}}"#,
                Some("properties"),
            ),
            (r#"{"topics":["a","b"],"connection":"c"}"#, None),
            (r#"{"connection":"c"}"#, Some("topic")),
            (
                r#"{"topic":"a","topics":["b"],"connection":"c"}"#,
                Some("topics"),
            ),
            (r#"{"topics":["a","a"],"connection":"c"}"#, Some("topics")),
            (r#"{"topics":["a b"],"connection":"c"}"#, Some("topics")),
            (r#"{"topic":"","connection":"c"}"#, Some("topic")),
            (r#"{"topic":"..","connection":"c"}"#, Some("topic")),
            (r#"{"topic":"a b","connection":"c"}"#, Some("topic")),
            (
                r#"{"topic":"a","connection":"c","limits":{"record_bytes":0}}"#,
                Some("limits"),
            ),
            (
                r#"{"topic":"a","connection":"c","limits":{"record_bytes":"2GiB"}}"#,
                Some("limits"),
            ),
        ] {
            let said = read(json).validate().err();
            assert_eq!(
                said.as_ref().map(|(key, _)| *key),
                fault,
                "{json}: {said:?}"
            );
        }
        assert!(serde_json::from_str::<Settings>(r#"{"topic":"a","acks":1}"#).is_err());
    }
}
