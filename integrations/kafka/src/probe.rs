//! A look at a topic: whether its cluster lets us in, and whether the topic is there. Creates and
//! writes nothing.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::metadata::MetadataTopic;
use rdkafka::producer::{BaseProducer, DeliveryResult, Producer as _, ProducerContext};
use sluicegate_contract::Observation;

use crate::properties::client_config;
use crate::settings::ConnectionSettings;

/// How long one question may wait before what librdkafka said meanwhile is looked at.
const QUESTION_TIME: Duration = Duration::from_millis(500);
/// How long an idempotent producer has to be refused after the cluster let us in.
const REFUSAL_TIME: Duration = Duration::from_millis(300);

/// What is seen of the topic. Blocks, at most so long.
#[must_use]
pub fn probe(connection: &ConnectionSettings, topic: &str, within: Duration) -> Vec<Observation> {
    let end = Instant::now() + within;
    let servers = connection.bootstrap_servers.as_str();
    let config = client_config(servers, &connection.properties);
    let producer: BaseProducer<Ears> = match config.create_with_context(Ears::default()) {
        Ok(producer) => producer,
        Err(error) => {
            let remedy = "correct `properties`: librdkafka cannot start with them";
            return vec![Observation::wrong(error.to_string(), remedy)];
        }
    };
    let ears = producer.context();
    let metadata = loop {
        let time = QUESTION_TIME.min(end.saturating_duration_since(Instant::now()));
        let answer = producer.client().fetch_metadata(Some(topic), time);
        producer.poll(Duration::ZERO);
        match answer {
            Ok(metadata) => break metadata,
            Err(_) => {
                if let Some(said) = ears.refused() {
                    return vec![refused(servers, &said)];
                }
                if Instant::now() >= end {
                    return vec![unreachable(servers, ears)];
                }
            }
        }
    };
    let brokers = metadata.brokers().len();
    let mut seen = vec![Observation::good(format!(
        "{servers} lets us in ({brokers} broker{})",
        if brokers == 1 { "" } else { "s" }
    ))];
    let known = metadata.topics().iter().find(|known| known.name() == topic);
    seen.push(topic_of(topic, known));
    let settle = Instant::now() + REFUSAL_TIME;
    while Instant::now() < settle {
        producer.poll(Duration::from_millis(50));
    }
    seen.extend(ears.denied().map(|said| {
        let remedy = "grant the user WRITE on the topic, or IDEMPOTENT_WRITE on the cluster";
        Observation::wrong(
            format!("{servers} takes no records from us: {said}"),
            remedy,
        )
    }));
    seen
}

fn topic_of(topic: &str, known: Option<&MetadataTopic>) -> Observation {
    match known.map(|known| (known.error().map(Code::from), known.partitions().len())) {
        Some((None, partitions)) => {
            Observation::good(format!("topic `{topic}` is there: {partitions} partitions"))
        }
        Some((Some(Code::TopicAuthorizationFailed), _)) => Observation::wrong(
            format!("topic `{topic}` is not shown to this user"),
            "grant the user DESCRIBE and WRITE on the topic",
        ),
        Some((Some(Code::LeaderNotAvailable), _)) => Observation::doubtful(
            format!("topic `{topic}` has no leader yet"),
            "wait a moment: it is being made, or brokers are missing",
        ),
        Some((Some(Code::UnknownTopicOrPartition | Code::UnknownTopic), _)) | None => {
            Observation::wrong(
                format!("there is no topic `{topic}`"),
                "create it, or correct `topic`: the gateway creates none",
            )
        }
        Some((Some(code), _)) => Observation::wrong(
            format!("topic `{topic}`: {code}"),
            "look at the topic in the cluster",
        ),
    }
}

fn refused(servers: &str, said: &str) -> Observation {
    Observation::wrong(
        format!("{servers} does not let us in: {said}"),
        "correct `security.protocol`, `sasl.username`, `sasl.password` or the certificates in \
         `properties`",
    )
}

fn unreachable(servers: &str, ears: &Ears) -> Observation {
    let said = ears.last().unwrap_or_else(|| "no answer".to_owned());
    Observation::wrong(
        format!("{servers} cannot be reached: {said}"),
        "look at `bootstrap_servers`, the network, and whether the port speaks \
         `security.protocol`",
    )
}

/// Hears what librdkafka says beside its answers.
#[derive(Default)]
struct Ears(Mutex<Vec<(Option<Code>, String)>>);

impl Ears {
    fn find(&self, wanted: impl Fn(Code) -> bool) -> Option<String> {
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |(code, _): &&(Option<Code>, String)| code.is_some_and(&wanted);
        heard.iter().find(fits).map(|(_, said)| said.clone())
    }

    /// The cluster does not know us.
    fn refused(&self) -> Option<String> {
        self.find(|code| {
            matches!(
                code,
                Code::Authentication | Code::SaslAuthenticationFailed | Code::SSL
            )
        })
    }

    /// The cluster knows us and lets us not write.
    fn denied(&self) -> Option<String> {
        self.find(|code| {
            matches!(
                code,
                Code::ClusterAuthorizationFailed
                    | Code::TransactionalIdAuthorizationFailed
                    | Code::Fatal
            )
        })
    }

    fn last(&self) -> Option<String> {
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let cause = |(code, _): &&(Option<Code>, String)| *code != Some(Code::AllBrokersDown);
        let found = heard.iter().rev().find(cause).or(heard.last());
        found.map(|(_, said)| said.clone())
    }
}

impl ClientContext for Ears {
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}

    fn error(&self, error: KafkaError, said: &str) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A cluster that is down says so often: the first words and the latest are enough.
        if heard.len() > 64 {
            heard.remove(32);
        }
        heard.push((error.rdkafka_error_code(), said.to_owned()));
    }
}

impl ProducerContext for Ears {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}
