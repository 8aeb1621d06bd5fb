//! What librdkafka's thread says: reports on records, errors, statistics. The one place where its
//! thread meets ours, so nothing here waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam::channel::Sender;
use rdkafka::bindings::{rd_kafka_message_status, rd_kafka_msg_status_t};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, OwnedMessage};
use rdkafka::producer::{DeliveryResult, ProducerContext};
use rdkafka::{ClientContext, Message, Statistics};
use sluicegate_contract::{Outcome, OutcomeSink, ReasonKind, Receipt, RecordId};

use crate::health::Health;
use crate::judge::{Failed, Persisted, judge};
use crate::reports::Gather;

/// What all producers of one connection share.
pub(crate) struct Shared {
    pub(crate) outcomes: Arc<dyn OutcomeSink>,
    pub(crate) health: Health,
    /// To the caretaker. Unbounded, since nobody here may wait; it holds at most what librdkafka's
    /// queue held, which is bounded in bytes, one call to look and one to stop.
    pub(crate) care: Sender<Care>,
    /// True while a call to look is in the queue: a cluster that is down brings many errors a
    /// second, and one look answers them all.
    pub(crate) look_is_due: AtomicBool,
}

impl Shared {
    /// Has the caretaker look at the cluster and the topics.
    pub(crate) fn look(&self) {
        if !self.look_is_due.swap(true, Ordering::Relaxed) {
            // The caretaker is gone only while the connection closes.
            let _ = self.care.send(Care::Look);
        }
    }
}

/// Work for the caretaker.
pub(crate) enum Care {
    /// Something went wrong or is new: look at the cluster and the topics.
    Look,
    /// A record that must go another way. It is surely not stored.
    Again(Box<OwnedMessage>, RecordId, Way),
    /// The connection closes.
    Stop,
}

/// Another way for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Through the producer that replaced a dead one.
    NewProducer,
    /// In a request of its own, since a request of several was refused as too large.
    Alone,
}

/// The ears of one producer.
pub(crate) struct Events {
    shared: Arc<Shared>,
    gather: Gather,
    /// True for the producer that sends records one by one: its word is final.
    alone: bool,
    /// It took over records of a dead producer. What it cannot send is given up, so that no
    /// record goes from one dying producer to the next for ever.
    pub(crate) took_over: AtomicBool,
}

impl Events {
    pub(crate) fn new(shared: Arc<Shared>, alone: bool) -> Self {
        Self {
            gather: Gather::new(Arc::clone(&shared.outcomes)),
            shared,
            alone,
            took_over: AtomicBool::new(false),
        }
    }

    /// Where its outcomes go.
    pub(crate) fn gather(&self) -> &Gather {
        &self.gather
    }

    /// The record goes on instead of ending here, where that is safe and of use.
    fn another_way(&self, code: Code, persisted: Persisted) -> Option<Way> {
        if persisted != Persisted::No || self.alone {
            return None;
        }
        match code {
            // A broker refuses a whole request of several records: that judges none of them.
            Code::MessageSizeTooLarge | Code::MessageBatchTooLarge => Some(Way::Alone),
            // A dying producer empties its queue. (So do we where credentials are wrong, and when
            // closing: then the caretaker ends the record, or is not there to take it.)
            Code::PurgeQueue | Code::Fatal => {
                let first = !self.took_over.load(Ordering::Relaxed);
                first.then_some(Way::NewProducer)
            }
            _ => None,
        }
    }

    fn failed(&self, error: &KafkaError, message: &BorrowedMessage<'_>, id: RecordId) {
        let code = error.rdkafka_error_code().unwrap_or(Code::Unknown);
        let persisted = match code {
            // What was cut off on its way out may have arrived.
            Code::PurgeInflight => Persisted::Possibly,
            _ => persisted(message),
        };
        if persisted == Persisted::Yes {
            return self
                .gather
                .outcome(id, Outcome::Delivered(Receipt::Nothing));
        }
        if let Some(way) = self.another_way(code, persisted) {
            let care = Care::Again(Box::new(message.detach()), id, way);
            if self.shared.care.send(care).is_ok() {
                return;
            }
        }
        let failed = Failed {
            topic: message.topic(),
            partition: message.partition(),
            bytes: message.key_len() + message.payload_len(),
        };
        let trouble = self.shared.health.trouble();
        let verdict = judge(code, persisted, failed, trouble.as_ref());
        if let Some(reason) = verdict.outcome.reason().filter(|_| verdict.blocks_topic) {
            self.shared.health.topic_blocked(failed.topic, reason);
            self.shared.look();
        }
        self.gather.outcome(id, verdict.outcome);
    }
}

impl ProducerContext for Events {
    /// The gateway's [`RecordId`].
    type DeliveryOpaque = usize;

    fn delivery(&self, report: &DeliveryResult<'_>, id: usize) {
        let id = RecordId(id as u64);
        match report {
            Ok(message) => {
                self.shared.health.delivered(message.topic());
                let receipt = Receipt::Position {
                    partition: message.partition(),
                    offset: message.offset(),
                };
                self.gather.outcome(id, Outcome::Delivered(receipt));
            }
            Err((error, message)) => self.failed(error, message, id),
        }
    }
}

impl ClientContext for Events {
    fn error(&self, error: KafkaError, said: &str) {
        let health = &self.shared.health;
        match error.rdkafka_error_code() {
            Some(Code::AllBrokersDown) => health.cluster_down(said),
            Some(Code::Authentication | Code::SaslAuthenticationFailed | Code::SSL) => {
                health.cluster_blocked(ReasonKind::AuthenticationFailed, said);
            }
            // One broker's failure; or the producer's death, of which an event does not say that
            // it is one: the caretaker asks.
            _ => health.broker_failed(said),
        }
        self.shared.look();
    }

    fn stats_raw(&self, statistics: &[u8]) {
        // Once a second, and only read while somebody waits for a broker to come back.
        if self.shared.health.trouble().is_none() {
            return;
        }
        if let Ok(statistics) = serde_json::from_slice(statistics) {
            self.stats(statistics);
        }
    }

    fn stats(&self, statistics: Statistics) {
        let up = |state: &str| matches!(state, "UP" | "UPDATE");
        if statistics.brokers.values().any(|broker| up(&broker.state)) {
            self.shared.health.cluster_up();
        }
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, said: &str) {
        // What matters comes as an event too and is logged once, as a transition of the target.
        tracing::debug!(target: "librdkafka", ?level, facility, said);
    }
}

/// What librdkafka knows of where a record is: the only honest answer after a lost answer.
#[allow(
    unsafe_code,
    reason = "the crate's safe interface does not offer the status"
)]
fn persisted(message: &BorrowedMessage<'_>) -> Persisted {
    // SAFETY: the pointer is the message of a delivery report, which lives as long as `message`
    // (it holds the report's event); the call only reads a field of it.
    match unsafe { rd_kafka_message_status(message.ptr()) } {
        rd_kafka_msg_status_t::RD_KAFKA_MSG_STATUS_NOT_PERSISTED => Persisted::No,
        rd_kafka_msg_status_t::RD_KAFKA_MSG_STATUS_POSSIBLY_PERSISTED => Persisted::Possibly,
        rd_kafka_msg_status_t::RD_KAFKA_MSG_STATUS_PERSISTED => Persisted::Yes,
    }
}
