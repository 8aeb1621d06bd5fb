//! One quiet thread per connection: looks after a cluster in trouble, replaces a dead producer,
//! and sends again what must go another way. It sleeps while all is well.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam::channel::{Receiver, RecvTimeoutError};
use rdkafka::Message;
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::message::OwnedMessage;
use rdkafka::producer::{BaseRecord, Producer as _, PurgeConfig};
use sluicegate_contract::{Outcome, Reason, ReasonKind, RecordId};

use crate::connection::Producers;
use crate::events::{Care, Way};
use crate::judge::{Failed, Persisted, denied, judge, missing};
use crate::reports::Sender;

/// Between two looks at a cluster in trouble.
const LOOK_PAUSE: Duration = Duration::from_secs(1);
/// How long a cluster has for an answer about a topic.
const LOOK_TIME_MAX: Duration = Duration::from_secs(1);
/// How long the reports of a dead producer are waited for.
const RETIRE_TIME_MAX: Duration = Duration::from_secs(30);

/// Works until the connection closes.
pub(crate) fn run(producers: &Arc<Producers>, work: &Receiver<Care>) {
    loop {
        let next = if producers.shared.health.needs_attention() {
            work.recv_timeout(LOOK_PAUSE)
        } else {
            work.recv().map_err(|_| RecvTimeoutError::Disconnected)
        };
        match next {
            Ok(Care::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            Ok(Care::Again(message, id, way)) => send_again(producers, &message, id, way),
            Ok(Care::Look) | Err(RecvTimeoutError::Timeout) => {
                producers.shared.look_is_due.store(false, Ordering::Relaxed);
                replace_if_dead(producers);
                look(producers);
            }
        }
    }
}

/// Asks the cluster about the topics that are not known to be well. An answer, whatever it says,
/// shows that the cluster is there and lets us in.
fn look(producers: &Producers) {
    let health = &producers.shared.health;
    let producer = producers.current.load_full();
    for topic in health.topics_to_look_at() {
        let Ok(metadata) = producer
            .client()
            .fetch_metadata(Some(&topic), LOOK_TIME_MAX)
        else {
            // Wrong credentials do not get better by waiting: what waits ends now, surely not
            // stored, and its callers learn why.
            if health.is_cluster_blocked() {
                producer.purge(PurgeConfig::default().queue());
            }
            return;
        };
        health.cluster_up();
        let error = metadata
            .topics()
            .iter()
            .find(|known| known.name() == &*topic);
        match error.and_then(|known| known.error()).map(Code::from) {
            None => health.topic_up(&topic),
            Some(Code::UnknownTopicOrPartition | Code::UnknownTopic) => {
                health.topic_blocked(&topic, &missing(&topic));
            }
            Some(Code::TopicAuthorizationFailed) => health.topic_blocked(&topic, &denied(&topic)),
            // A topic without a leader is on its way: records wait for it.
            Some(_) => {}
        }
    }
}

/// Puts a new producer in the place of one that said that it is dead. Records that come from now
/// on go to the new one; those that the old one holds get their reports, and what is surely not
/// stored comes back here as [`Care::Again`].
fn replace_if_dead(producers: &Producers) {
    let dead = producers.current.load_full();
    let Some((code, said)) = dead.client().fatal_error() else {
        return;
    };
    tracing::warn!(target: "kafka", said, "a producer died and is replaced");
    let health = &producers.shared.health;
    if is_denied(code) {
        let said = format!("{said}: grant the user WRITE on its topics");
        health.cluster_blocked(ReasonKind::AccessDenied, &said);
    }
    match producers.make() {
        Ok(new) => producers.current.store(Arc::new(new)),
        // Tried again at the next look.
        Err(reason) => return health.cluster_down(&reason.to_string()),
    }
    retire(dead);
}

/// Waits for the reports of a dead producer, then drops it: on a thread of its own, since both
/// take time. A core that still holds it must not be the one that drops it.
fn retire(dead: Arc<Sender>) {
    let retired = std::thread::Builder::new()
        .name("kafka-retire".into())
        .spawn(move || {
            let _ = dead.flush(RETIRE_TIME_MAX);
            while Arc::strong_count(&dead) > 1 {
                std::thread::sleep(Duration::from_millis(10));
            }
        });
    if let Err(error) = retired {
        tracing::warn!(target: "kafka", %error, "no thread to wait for a dead producer");
    }
}

fn send_again(producers: &Producers, message: &OwnedMessage, id: RecordId, way: Way) {
    let sent = match way {
        Way::Alone => producers
            .alone()
            .and_then(|alone| produce(alone, message, id)),
        Way::NewProducer => {
            replace_if_dead(producers);
            let producer = producers.current.load_full();
            match producers.shared.health.trouble() {
                Some(reason) if producers.shared.health.is_cluster_blocked() => Err(reason),
                _ => {
                    let context = producer.client().context();
                    context.took_over.store(true, Ordering::Relaxed);
                    produce(&producer, message, id)
                }
            }
        }
    };
    if let Err(reason) = sent {
        let outcome = Outcome::GaveUp {
            certain: true,
            reason,
        };
        producers.shared.outcomes.outcome(id, outcome);
    }
}

/// Hands the record to this producer as it came.
fn produce(producer: &Sender, message: &OwnedMessage, id: RecordId) -> Result<(), Reason> {
    let record = BaseRecord::<[u8], [u8], usize> {
        topic: message.topic(),
        // The partition that the first producer chose: the key chooses the same one again.
        partition: Some(message.partition()).filter(|partition| *partition >= 0),
        payload: message.payload(),
        key: message.key(),
        timestamp: message.timestamp().to_millis(),
        headers: message.headers().cloned(),
        delivery_opaque: id.0 as usize,
    };
    producer.send(record).map_err(|(error, _)| {
        let code = error.rdkafka_error_code().unwrap_or(Code::Unknown);
        let failed = Failed {
            topic: message.topic(),
            partition: message.partition(),
            bytes: message.payload().map_or(0, <[u8]>::len),
        };
        let verdict = judge(code, Persisted::No, failed, None);
        let reason = verdict.outcome.reason().cloned();
        reason.unwrap_or_else(|| Reason::from(ReasonKind::Unavailable))
    })
}

fn is_denied(code: Code) -> bool {
    matches!(
        code,
        Code::ClusterAuthorizationFailed | Code::TopicAuthorizationFailed
    )
}
