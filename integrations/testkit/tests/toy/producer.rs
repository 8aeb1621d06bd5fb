//! A small producer over librdkafka, right unless a bug is planted in it.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::bindings::{rd_kafka_message_status, rd_kafka_msg_status_t};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, DeliveryResult, Message};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, ClientContext};
use sluicegate_contract::{
    Outcome, OutcomeSink, Producer, Reason, ReasonKind, Receipt, Record, RecordId, Value,
};
use sluicegate_testkit::conformance::payload;
use sluicegate_testkit::conformance::producer::{Ears, ProducerSubject};

const RECORD_BYTES_MAX: usize = 100_000;

/// The bug that a toy producer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    None,
    TakesOneByteTooMany,
    DeliveredWhenQueued,
    ForgetsAnOutcome,
    SaysItTwice,
    SendsTwice,
    TriesNothingAgain,
    GivesUpWhatIsRefused,
    RefusesForAccess,
    UncertainAboutWhatNeverLeft,
    CertainWhenTheAnswerIsLost,
    WaitsForTheBroker,
    FlushesNothing,
}

/// A toy under test.
pub(crate) struct Toy(pub(crate) Bug);

impl ProducerSubject for Toy {
    fn name(&self) -> &'static str {
        "toy"
    }

    fn open(
        &self,
        servers: &str,
        topic: &str,
        give_up: Duration,
        ears: Arc<Ears>,
    ) -> Arc<dyn Producer> {
        let tries = if self.0 == Bug::TriesNothingAgain {
            "0"
        } else {
            "1000"
        };
        let producer = ClientConfig::new()
            .set("bootstrap.servers", servers)
            .set(
                "enable.idempotence",
                if tries == "0" { "false" } else { "true" },
            )
            .set("retries", tries)
            .set("message.timeout.ms", give_up.as_millis().to_string())
            .create_with_context(Reports {
                ears: Arc::clone(&ears),
                bug: self.0,
            })
            .unwrap();
        Arc::new(ToyProducer {
            producer,
            topic: topic.to_owned(),
            ears,
            bug: self.0,
        })
    }

    fn record(&self, marker: u64, payload_bytes: usize) -> Record {
        Record::new([Value::Bytes(payload(marker, payload_bytes))])
    }
}

struct ToyProducer {
    producer: ThreadedProducer<Reports>,
    topic: String,
    ears: Arc<Ears>,
    bug: Bug,
}

impl Producer for ToyProducer {
    fn weigh(&self, record: &Record) -> Result<usize, Reason> {
        let weight = record.bytes();
        let extra = usize::from(self.bug == Bug::TakesOneByteTooMany) * (8 << 20);
        if weight > RECORD_BYTES_MAX + extra {
            return Err(Reason::from(ReasonKind::TooLarge));
        }
        Ok(weight)
    }

    fn produce(&self, record: &Record, id: RecordId) -> Result<Option<Outcome>, Reason> {
        let times = if self.bug == Bug::SendsTwice { 2 } else { 1 };
        for time in 0..times {
            // The second one's report is nobody's.
            let id = if time == 0 { id.0 as usize } else { usize::MAX };
            let value = record.value(0).as_bytes().unwrap();
            let message = BaseRecord::<[u8], [u8], usize>::with_opaque_to(&self.topic, id);
            self.producer
                .send(message.payload(value))
                .map_err(|_| Reason::from(ReasonKind::QueueFull))?;
        }
        if self.bug == Bug::DeliveredWhenQueued {
            self.ears.outcome(id, Outcome::Delivered(Receipt::Nothing));
        }
        if self.bug == Bug::WaitsForTheBroker {
            let _ = self.producer.flush(Duration::from_millis(200));
        }
        Ok(None)
    }

    fn flush(&self, within: Duration) {
        if self.bug != Bug::FlushesNothing {
            let _ = self.producer.flush(within);
        }
    }
}

struct Reports {
    ears: Arc<Ears>,
    bug: Bug,
}

impl ClientContext for Reports {}

impl ProducerContext for Reports {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, id: usize) {
        if id == usize::MAX
            || self.bug == Bug::DeliveredWhenQueued
            || (self.bug == Bug::ForgetsAnOutcome && id == 17)
        {
            return;
        }
        let outcome = match result {
            Ok(message) => Outcome::Delivered(Receipt::Position {
                partition: message.partition(),
                offset: message.offset(),
            }),
            Err((error, message)) => judge(error, never_left(message), self.bug),
        };
        if self.bug == Bug::SaysItTwice {
            self.ears.outcome(RecordId(id as u64), outcome.clone());
        }
        self.ears.outcome(RecordId(id as u64), outcome);
    }
}

/// Whether librdkafka knows that the record was not stored.
#[allow(unsafe_code)] // The safe API does not say it.
fn never_left(message: &BorrowedMessage<'_>) -> bool {
    // SAFETY: the message is borrowed from librdkafka for as long as its report runs.
    let status = unsafe { rd_kafka_message_status(message.ptr()) };
    status == rd_kafka_msg_status_t::RD_KAFKA_MSG_STATUS_NOT_PERSISTED
}

fn judge(error: &KafkaError, never_left: bool, bug: Bug) -> Outcome {
    let gave_up = |certain: bool, reason: ReasonKind| Outcome::GaveUp {
        certain,
        reason: reason.into(),
    };
    match error.rdkafka_error_code() {
        Some(Code::MessageSizeTooLarge) if bug != Bug::GivesUpWhatIsRefused => {
            Outcome::Refused(ReasonKind::TooLarge.into())
        }
        Some(Code::TopicAuthorizationFailed) if bug == Bug::RefusesForAccess => {
            Outcome::Refused(ReasonKind::AccessDenied.into())
        }
        Some(Code::TopicAuthorizationFailed) => gave_up(true, ReasonKind::AccessDenied),
        _ if never_left => gave_up(bug != Bug::UncertainAboutWhatNeverLeft, ReasonKind::GiveUp),
        _ => gave_up(
            bug == Bug::CertainWhenTheAnswerIsLost,
            ReasonKind::AnswerLost,
        ),
    }
}
