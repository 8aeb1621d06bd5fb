//! librdkafka's properties: which a file may set, which the promise of delivery fixes and why.

use std::collections::BTreeMap;
use std::fmt;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

/// librdkafka's properties by name, as `CONFIGURATION.md` of librdkafka 2.12 lists them. Numbers
/// and booleans are taken as they are written.
///
/// Values may be passwords: they show in no [`fmt::Debug`].
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Properties(BTreeMap<String, String>);

impl Properties {
    /// True if none is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The value of one of these names.
    pub(crate) fn any_of(&self, names: &[&str]) -> Option<&str> {
        let name = names.iter().find(|name| self.0.contains_key(**name))?;
        self.0.get(*name).map(String::as_str)
    }

    /// Checks what can be known without a broker.
    ///
    /// # Errors
    /// What is wrong and what to write instead; holds no value that may be secret.
    pub fn validate(&self) -> Result<(), String> {
        for (name, value) in self.iter() {
            if let Some(fixed) = FIXED.iter().find(|fixed| fixed.names.contains(&name)) {
                let why = fixed.why;
                return Err(format!(
                    "`{name}` cannot be set: {why}; write nothing there"
                ));
            }
            if name.ends_with("_cb") || name == "opaque" || name == "default_topic_conf" {
                return Err(format!("`{name}` is not for files: it takes program code"));
            }
            ask_librdkafka(name, value)?;
        }
        if let Some(value) = self.any_of(IN_FLIGHT)
            && !matches!(value.trim().parse::<u32>(), Ok(1..=5))
        {
            return Err(format!(
                "`{}` must be from 1 to 5: with more, a retry could store a record twice",
                IN_FLIGHT[0]
            ));
        }
        self.validate_sasl()
    }

    /// SASL without a mechanism would be Kerberos, which is not built in.
    fn validate_sasl(&self) -> Result<(), String> {
        let protocol = self.any_of(&["security.protocol"]).unwrap_or("plaintext");
        if !protocol.to_ascii_lowercase().starts_with("sasl") {
            return Ok(());
        }
        match self.any_of(&["sasl.mechanism", "sasl.mechanisms"]) {
            Some(mechanism) if !mechanism.eq_ignore_ascii_case("GSSAPI") => Ok(()),
            _ => Err(format!(
                "`security.protocol: {protocol}` needs `sasl.mechanism`: PLAIN, SCRAM-SHA-256, \
                 SCRAM-SHA-512 or OAUTHBEARER (GSSAPI is not built in)"
            )),
        }
    }
}

const IN_FLIGHT: &[&str] = &["max.in.flight.requests.per.connection", "max.in.flight"];

/// Properties that a file may not set, and why.
struct Fixed {
    names: &'static [&'static str],
    why: &'static str,
}

const FIXED: &[Fixed] = &[
    Fixed {
        names: &["acks", "request.required.acks"],
        why: "a 200 means that all in-sync replicas have the record, so it is always `all`",
    },
    Fixed {
        names: &["enable.idempotence"],
        why: "without it a retry could store a record twice, so it is always on",
    },
    Fixed {
        names: &["enable.gapless.guarantee"],
        why: "it would turn one refused record into a failure of the whole producer",
    },
    Fixed {
        names: &["message.timeout.ms", "delivery.timeout.ms"],
        why: "it is the target's `give_up`: write that",
    },
    Fixed {
        names: &["retries", "message.send.max.retries"],
        why: "a record is tried until the target's `give_up`: write that",
    },
    Fixed {
        names: &[
            "delivery.report.only.error",
            "enabled_events",
            "produce.offset.report",
        ],
        why: "replies wait for the report of every record",
    },
    Fixed {
        names: &["queuing.strategy", "msg_order_cmp"],
        why: "records of one key stay in the order in which they came",
    },
    Fixed {
        names: &["transactional.id", "transaction.timeout.ms"],
        why: "each record is confirmed by itself, in no transaction",
    },
    Fixed {
        names: &["bootstrap.servers", "metadata.broker.list"],
        why: "write `bootstrap_servers` beside `properties`",
    },
    Fixed {
        names: &["message.max.bytes"],
        why: "write `limits: { record_bytes: … }` at the target",
    },
    Fixed {
        names: &["queue.buffering.max.kbytes", "queue.buffering.max.messages"],
        why: "the target's queue is bounded in bytes before librdkafka's: write the target's \
              `queue_bytes`",
    },
    Fixed {
        names: &["statistics.interval.ms", "log.queue", "log_level"],
        why: "the gateway reads these itself to know whether a broker is there",
    },
];

/// What is set where the file says nothing. Each has its reason.
const DEFAULTS: &[(&str, &str)] = &[
    // Fractions are allowed; 0 sends keyed records one by one, 5 (librdkafka's) costs two thirds
    // of the throughput at 64 connections.
    ("linger.ms", "0.5"),
    // Group commit: what arrives while a request is under way goes together with the next. With
    // five in flight, keyed records travel in many small requests: half again to twice the CPU.
    ("max.in.flight.requests.per.connection", "1"),
    // A topic that does not exist is said after a second, not after thirty.
    ("topic.metadata.propagation.max.ms", "1000"),
    // A broker that stopped answering is left for another well within a target's `give_up`.
    ("socket.timeout.ms", "5000"),
    ("socket.connection.setup.timeout.ms", "5000"),
    ("socket.keepalive.enable", "true"),
    ("socket.nagle.disable", "true"),
    ("reconnect.backoff.ms", "100"),
    ("reconnect.backoff.max.ms", "1000"),
    // As Java's client does, so that all producers of a topic agree where a key lives. Records
    // without a key stay on one partition for a batch.
    ("partitioner", "murmur2_random"),
    ("client.id", "sluicegate"),
];

/// librdkafka's own setting of the producer: defaults, then the file's, then what is fixed.
pub(crate) fn client_config(bootstrap_servers: &str, properties: &Properties) -> ClientConfig {
    let mut config = ClientConfig::new();
    for (name, value) in DEFAULTS {
        config.set(*name, *value);
    }
    if let Some(in_flight) = properties.any_of(IN_FLIGHT) {
        config.set(IN_FLIGHT[0], in_flight);
    }
    for (name, value) in properties
        .iter()
        .filter(|(name, _)| !IN_FLIGHT.contains(name))
    {
        if matches!(name, "queue.buffering.max.ms") {
            config.remove("linger.ms");
        }
        config.set(name, value);
    }
    config
        .set("bootstrap.servers", bootstrap_servers)
        .set("acks", "all")
        .set("enable.idempotence", "true")
        // A producer would have brokers create a topic whose name is misspelt.
        .set("allow.auto.create.topics", "false")
        .set("enable.gapless.guarantee", "false")
        .set("delivery.report.only.error", "false")
        .set("statistics.interval.ms", "1000");
    config
}

/// Has librdkafka judge one property. Nothing is opened: only the text is parsed.
fn ask_librdkafka(name: &str, value: &str) -> Result<(), String> {
    let said = ClientConfig::new().set(name, value).create_native_config();
    match said {
        Ok(_) => Ok(()),
        // librdkafka's text may quote the value, which may be a password.
        Err(KafkaError::ClientConfig(_, text, name, _)) if is_secret(&name) => {
            let text = text.split('"').next().unwrap_or_default().trim();
            Err(format!("`{name}`: {text}"))
        }
        Err(KafkaError::ClientConfig(_, text, name, _)) => Err(format!("`{name}`: {text}")),
        Err(_) => Err(format!("`{name}`: holds a NUL character")),
    }
}

/// True where a value must not be shown.
fn is_secret(name: &str) -> bool {
    [
        "password",
        "secret",
        "key.pem",
        "ssl_key",
        "passphrase",
        "oauthbearer.config",
    ]
    .iter()
    .any(|part| name.contains(part))
        || name.ends_with("private.key.pem")
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |(name, value)| (name, if is_secret(name) { "***" } else { value });
        f.debug_map().entries(self.iter().map(shown)).finish()
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Properties {
    fn from_iter<T: IntoIterator<Item = (N, V)>>(entries: T) -> Self {
        let entries = entries.into_iter();
        Self(
            entries
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}

impl<'de> Deserialize<'de> for Properties {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = BTreeMap::<String, Scalar>::deserialize(deserializer)?;
        Ok(written
            .into_iter()
            .map(|(name, value)| (name, value.0))
            .collect())
    }
}

impl JsonSchema for Properties {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "KafkaProperties".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "librdkafka's properties by name. Those on which the promise of \
                            delivery rests (acks, idempotence, timeouts, reports) cannot be set.",
            "additionalProperties": { "type": ["string", "number", "boolean"] }
        })
    }
}

/// A text, number or boolean, as text.
struct Scalar(String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AsText;
        impl Visitor<'_> for AsText {
            type Value = Scalar;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text, a number or a boolean")
            }
            fn visit_bool<E: Error>(self, value: bool) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string()))
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string()))
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string()))
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string()))
            }
            fn visit_str<E: Error>(self, value: &str) -> Result<Scalar, E> {
                Ok(Scalar(value.to_owned()))
            }
        }
        deserializer.deserialize_any(AsText)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said_of(entries: &[(&str, &str)]) -> Result<(), String> {
        entries.iter().copied().collect::<Properties>().validate()
    }

    #[test]
    fn what_the_promise_rests_on_is_refused_with_its_reason() {
        for (name, why) in [
            ("acks", "all in-sync replicas"),
            ("request.required.acks", "all in-sync replicas"),
            ("enable.idempotence", "twice"),
            ("message.timeout.ms", "give_up"),
            ("delivery.timeout.ms", "give_up"),
            ("retries", "give_up"),
            ("delivery.report.only.error", "every record"),
            ("bootstrap.servers", "bootstrap_servers"),
            ("dr_msg_cb", "program code"),
        ] {
            let said = said_of(&[(name, "1")]).unwrap_err();
            assert!(said.contains(name) && said.contains(why), "{said}");
        }
    }

    #[test]
    fn librdkafka_itself_says_what_it_does_not_know() {
        let said = said_of(&[("compresion.type", "lz4")]).unwrap_err();
        assert!(said.contains("No such configuration property"), "{said}");
        let said = said_of(&[("compression.type", "lz5")]).unwrap_err();
        assert!(said.contains("Invalid value"), "{said}");
        let said = said_of(&[("max.in.flight", "6")]).unwrap_err();
        assert!(said.contains("from 1 to 5"), "{said}");
        let said = said_of(&[("security.protocol", "SASL_SSL")]).unwrap_err();
        assert!(said.contains("sasl.mechanism"), "{said}");
        let good = [
            ("compression.type", "lz4"),
            ("linger.ms", "5"),
            ("max.in.flight", "5"),
        ];
        assert_eq!(said_of(&good), Ok(()));
    }

    #[test]
    fn every_default_is_a_property_of_librdkafka() {
        let written: Properties = [("queue.buffering.max.ms", "1")].into_iter().collect();
        for properties in [Properties::default(), written] {
            let config = client_config("127.0.0.1:9092", &properties);
            assert!(config.create_native_config().is_ok());
        }
    }

    #[test]
    fn numbers_are_taken_as_written_and_passwords_never_shown() {
        let text = r#"{"linger.ms": 0.5, "batch.size": 1000, "socket.keepalive.enable": true,
                       "sasl.password": "hunter2", "ssl.key.pem": "-----BEGIN hunter2"}"#;
        let properties: Properties = serde_json::from_str(text).unwrap();
        assert_eq!(properties.any_of(&["linger.ms"]), Some("0.5"));
        assert_eq!(
            properties.any_of(&["socket.keepalive.enable"]),
            Some("true")
        );
        let shown = format!("{properties:?}");
        assert!(
            shown.contains("0.5") && !shown.contains("hunter2"),
            "{shown}"
        );
    }
}
