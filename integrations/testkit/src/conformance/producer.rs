//! The suite for rooms of the second door, on librdkafka's mock cluster.
//!
//! The room is its own batcher and retry loop, so the checks ask for outcomes, not attempts: one
//! for each record that was taken, true to what a reader then finds in the topic.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey as Api, RDKafkaRespErr as Answer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use sluicegate_contract::{
    Outcome, OutcomeSink, Producer, Reason, ReasonKind, Receipt, Record, RecordId, TargetState,
    TargetWatch,
};

use super::limits::largest_that;
use super::trial::ensure;

/// The time after which a record must be given up, where a check does not need longer.
pub const GIVE_UP: Duration = Duration::from_secs(2);
/// A room whose broker is well has this long for its outcomes.
const PATIENCE: Duration = Duration::from_secs(20);
const TOPIC: &str = "conformance";
const PARTITIONS: i32 = 3;

/// A room of the second door under test.
pub trait ProducerSubject: Sync {
    /// The room's name, for messages.
    fn name(&self) -> &'static str;

    /// Opens the room for a topic of the cluster at `servers`; records are given up after
    /// `give_up`. Outcomes and states go to `ears`.
    fn open(
        &self,
        servers: &str,
        topic: &str,
        give_up: Duration,
        ears: Arc<Ears>,
    ) -> Arc<dyn Producer>;

    /// A valid record whose value is `payload(marker, payload_bytes)`, see [`super::payload`].
    fn record(&self, marker: u64, payload_bytes: usize) -> Record;
}

/// A check: what is wrong with the room, if anything.
pub type Check = fn(&dyn ProducerSubject) -> Result<(), String>;

/// All checks, by name.
pub const CHECKS: &[(&str, Check)] = &[
    (
        "records_hold_what_the_topic_takes",
        records_hold_what_the_topic_takes,
    ),
    (
        "every_record_has_one_true_outcome",
        every_record_has_one_true_outcome,
    ),
    (
        "passing_errors_store_nothing_twice",
        passing_errors_store_nothing_twice,
    ),
    ("a_refused_record_is_refused", a_refused_record_is_refused),
    (
        "a_closed_topic_judges_no_record",
        a_closed_topic_judges_no_record,
    ),
    ("what_never_left_is_certain", what_never_left_is_certain),
    ("a_lost_answer_is_uncertain", a_lost_answer_is_uncertain),
    ("flush_waits_for_the_outcomes", flush_waits_for_the_outcomes),
];

/// Runs every check.
///
/// # Panics
/// Where a check fails; the message names all that do.
pub fn run(subject: &dyn ProducerSubject) {
    let checks = CHECKS
        .iter()
        .map(|(name, check)| (*name, || check(subject)));
    super::side_by_side(subject.name(), checks);
}

/// Hears what a room says, as the gateway would.
#[derive(Default)]
pub struct Ears {
    outcomes: Mutex<HashMap<u64, Vec<Outcome>>>,
    news: Condvar,
}

impl OutcomeSink for Ears {
    fn outcome(&self, id: RecordId, outcome: Outcome) {
        self.outcomes
            .lock()
            .unwrap()
            .entry(id.0)
            .or_default()
            .push(outcome);
        self.news.notify_all();
    }
}

impl TargetWatch for Ears {
    fn state(&self, _: TargetState, _: Option<Reason>) {}
}

impl Ears {
    /// The outcomes of the records 0 to `count`, once each has one.
    fn outcomes(&self, count: u64, within: Duration) -> Result<Vec<Outcome>, String> {
        let end = Instant::now() + within;
        let mut heard = self.outcomes.lock().unwrap();
        while (heard.len() as u64) < count {
            let left = end.saturating_duration_since(Instant::now());
            ensure(!left.is_zero(), || {
                format!(
                    "{} of {count} records have an outcome after {within:?}",
                    heard.len()
                )
            })?;
            heard = self.news.wait_timeout(heard, left).unwrap().0;
        }
        drop(heard);
        // A second outcome of a record comes right after the first, if it comes.
        std::thread::sleep(Duration::from_millis(50));
        let heard = self.outcomes.lock().unwrap();
        let one = |id: u64| match heard.get(&id).map(Vec::as_slice) {
            Some([outcome]) => Ok(outcome.clone()),
            Some(several) => Err(format!("record {id} has {} outcomes", several.len())),
            None => Err(format!("record {id} has no outcome")),
        };
        (0..count).map(one).collect()
    }
}

/// A room with its cluster.
struct Trial<'a> {
    subject: &'a dyn ProducerSubject,
    cluster: MockCluster<'static, DefaultProducerContext>,
    ears: Arc<Ears>,
    room: Arc<dyn Producer>,
}

impl<'a> Trial<'a> {
    fn new(subject: &'a dyn ProducerSubject, give_up: Duration) -> Self {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic(TOPIC, PARTITIONS, 1).unwrap();
        let ears = Arc::new(Ears::default());
        let room = subject.open(
            &cluster.bootstrap_servers(),
            TOPIC,
            give_up,
            Arc::clone(&ears),
        );
        Self {
            subject,
            cluster,
            ears,
            room,
        }
    }

    /// Hands in the records 0 to `count` with small payloads.
    fn produce(&self, count: u64) -> Result<(), String> {
        (0..count).try_for_each(|marker| self.hand_in(&self.subject.record(marker, 100), marker))
    }

    /// Hands in one record. An outcome that is said at once is heard like any other.
    fn hand_in(&self, record: &Record, marker: u64) -> Result<(), String> {
        let id = RecordId(marker);
        let known = self.room.produce(record, id);
        let known = known.map_err(|reason| format!("record {marker} was not taken: {reason}"))?;
        if let Some(outcome) = known {
            self.ears.outcome(id, outcome);
        }
        Ok(())
    }

    /// Markers in the topic with partition, offset and payload, as a reader finds them.
    fn read(&self) -> Vec<(u64, i32, i64, Vec<u8>)> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", self.cluster.bootstrap_servers())
            .set("group.id", "conformance")
            .create()
            .unwrap();
        let mut from = TopicPartitionList::new();
        let mut expected = 0;
        for partition in 0..PARTITIONS {
            let (low, high) = consumer
                .fetch_watermarks(TOPIC, partition, PATIENCE)
                .unwrap();
            expected += high - low;
            from.add_partition_offset(TOPIC, partition, Offset::Beginning)
                .unwrap();
        }
        consumer.assign(&from).unwrap();
        let mut found = Vec::new();
        let end = Instant::now() + PATIENCE;
        while (found.len() as i64) < expected && Instant::now() < end {
            let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) else {
                continue;
            };
            let payload = message.payload().unwrap_or_default().to_vec();
            let marker = crate::marker_in(&payload).unwrap_or(u64::MAX);
            found.push((marker, message.partition(), message.offset(), payload));
        }
        found.sort_unstable();
        found
    }
}

/// The largest record that `weigh` accepts is delivered and one byte more is refused.
///
/// # Errors
/// What is wrong with the room.
pub fn records_hold_what_the_topic_takes(subject: &dyn ProducerSubject) -> Result<(), String> {
    const SEARCHED_BYTES_MAX: usize = 4 << 20;
    let trial = Trial::new(subject, PATIENCE);
    let weigh = |bytes: usize| trial.room.weigh(&subject.record(0, bytes));
    let largest = largest_that(|bytes| weigh(bytes).is_ok(), SEARCHED_BYTES_MAX)
        .ok_or("no record fits, or all do: `weigh` does not look at the bytes")?;
    ensure(weigh(largest).is_ok_and(|weight| weight >= largest), || {
        format!("a payload of {largest} bytes weighs less than its bytes")
    })?;
    let kind = weigh(largest + 1).err().map(|reason| reason.kind());
    ensure(kind == Some(ReasonKind::TooLarge), || {
        format!("a byte too many is {kind:?}")
    })?;
    trial.hand_in(&subject.record(0, largest), 0)?;
    let outcomes = trial.ears.outcomes(1, PATIENCE)?;
    ensure(outcomes[0].is_delivered(), || {
        format!("the largest record is {:?}", outcomes[0])
    })
}

/// Each record has exactly one outcome, and where it says "delivered" the record stands, once,
/// with its payload.
///
/// # Errors
/// What is wrong with the room.
pub fn every_record_has_one_true_outcome(subject: &dyn ProducerSubject) -> Result<(), String> {
    const COUNT: u64 = 500;
    let trial = Trial::new(subject, PATIENCE);
    trial.produce(COUNT)?;
    let outcomes = trial.ears.outcomes(COUNT, PATIENCE)?;
    let found = trial.read();
    ensure(found.len() as u64 == COUNT, || {
        format!("{} of {COUNT} records stand", found.len())
    })?;
    for ((marker, partition, offset, payload), outcome) in found.iter().zip(&outcomes) {
        let place = Receipt::Position {
            partition: *partition,
            offset: *offset,
        };
        ensure(*outcome == Outcome::Delivered(place), || {
            format!("record {marker} stands at {partition}/{offset} and is {outcome:?}")
        })?;
        ensure(payload[..] == super::payload(*marker, 100), || {
            format!("record {marker} lost its payload")
        })?;
    }
    Ok(())
}

/// Errors that pass are tried again by the room, and nothing stands twice.
///
/// # Errors
/// What is wrong with the room.
pub fn passing_errors_store_nothing_twice(subject: &dyn ProducerSubject) -> Result<(), String> {
    let trial = Trial::new(subject, PATIENCE);
    let passing = [
        Answer::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        Answer::RD_KAFKA_RESP_ERR__TRANSPORT,
        Answer::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
    ];
    trial.cluster.request_errors(Api::Produce, &passing);
    trial.produce(200)?;
    let outcomes = trial.ears.outcomes(200, PATIENCE)?;
    let other = outcomes.iter().find(|outcome| !outcome.is_delivered());
    ensure(other.is_none(), || {
        format!("after errors that pass, one is {other:?}")
    })?;
    let markers: Vec<u64> = trial.read().iter().map(|found| found.0).collect();
    ensure(markers.iter().copied().eq(0..200), || {
        format!("the topic holds {markers:?}")
    })
}

/// A record that the broker refuses for good, alone in its request, is refused and stands nowhere.
///
/// # Errors
/// What is wrong with the room.
pub fn a_refused_record_is_refused(subject: &dyn ProducerSubject) -> Result<(), String> {
    let trial = Trial::new(subject, PATIENCE);
    // A room may send it once more, alone, before it believes this.
    let refusal = Answer::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
    trial
        .cluster
        .request_errors(Api::Produce, &[refusal, refusal]);
    trial.produce(1)?;
    let outcomes = trial.ears.outcomes(1, PATIENCE)?;
    ensure(matches!(outcomes[0], Outcome::Refused(_)), || {
        format!("a record that the broker refused is {:?}", outcomes[0])
    })?;
    ensure(trial.read().is_empty(), || {
        "a refused record stands".to_owned()
    })
}

/// Where the topic may not be written, no record is refused: it is given up, certainly not stored,
/// or not taken at all.
///
/// # Errors
/// What is wrong with the room.
pub fn a_closed_topic_judges_no_record(subject: &dyn ProducerSubject) -> Result<(), String> {
    let trial = Trial::new(subject, PATIENCE);
    let closed = [Answer::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED; 3];
    trial.cluster.request_errors(Api::Produce, &closed);
    trial.produce(1)?;
    let outcomes = trial.ears.outcomes(1, PATIENCE)?;
    let right = matches!(&outcomes[0], Outcome::GaveUp { certain: true, reason }
        if reason.kind() == ReasonKind::AccessDenied);
    ensure(right, || {
        format!("where the topic is closed a record is {:?}", outcomes[0])
    })
}

/// With no broker there, taking records never blocks, and what never left is certainly not stored.
///
/// # Errors
/// What is wrong with the room.
pub fn what_never_left_is_certain(subject: &dyn ProducerSubject) -> Result<(), String> {
    let trial = Trial::new(subject, GIVE_UP);
    trial.cluster.broker_down(1).unwrap();
    let start = Instant::now();
    trial.produce(50)?;
    ensure(start.elapsed() < GIVE_UP / 4, || {
        format!("50 records took {:?}", start.elapsed())
    })?;
    for outcome in trial.ears.outcomes(50, GIVE_UP * 5)? {
        ensure(
            matches!(outcome, Outcome::GaveUp { certain: true, .. }),
            || format!("with no broker a record is {outcome:?}"),
        )?;
    }
    Ok(())
}

/// A record whose answer does not come in time may stand: it is given up as uncertain.
///
/// # Errors
/// What is wrong with the room.
pub fn a_lost_answer_is_uncertain(subject: &dyn ProducerSubject) -> Result<(), String> {
    let trial = Trial::new(subject, GIVE_UP);
    // The first record brings the connection up; it is not judged.
    trial.produce(1)?;
    trial.ears.outcomes(1, PATIENCE)?;
    trial
        .cluster
        .broker_round_trip_time(1, GIVE_UP * 2)
        .unwrap();
    trial.hand_in(&subject.record(1, 100), 1)?;
    let outcome = &trial.ears.outcomes(2, GIVE_UP * 5)?[1];
    ensure(
        matches!(outcome, Outcome::GaveUp { certain: false, .. }),
        || format!("a record whose answer was lost is {outcome:?}"),
    )
}

/// When `flush` returns, everything that was taken has its outcome.
///
/// # Errors
/// What is wrong with the room.
pub fn flush_waits_for_the_outcomes(subject: &dyn ProducerSubject) -> Result<(), String> {
    let trial = Trial::new(subject, PATIENCE);
    trial
        .cluster
        .broker_round_trip_time(1, Duration::from_millis(300))
        .unwrap();
    trial.produce(100)?;
    trial.room.flush(PATIENCE);
    let heard = trial.ears.outcomes.lock().unwrap().len();
    ensure(heard == 100, || {
        format!("{heard} of 100 outcomes are there after a flush")
    })
}
