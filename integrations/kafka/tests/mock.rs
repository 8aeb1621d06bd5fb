//! The Kafka room against librdkafka's own cluster in this process: delivery, order, a full
//! queue, brokers that go and come, refusals, a producer that dies.

#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::time::{Duration, Instant};

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey as Api, RDKafkaRespErr as Answer};
use sluicegate_contract::{
    Outcome, Producer, Reason, ReasonKind, Receipt, Record, RecordId, TargetState, Value,
};

mod kit;
use kit::{assert_exactly, on, read_all, record, text};

const TOPIC: &str = "audit";

fn cluster(partitions: i32) -> (MockCluster<'static, DefaultProducerContext>, String) {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic(TOPIC, partitions, 1).unwrap();
    let servers = cluster.bootstrap_servers();
    (cluster, servers)
}

fn reason(outcome: &Outcome) -> ReasonKind {
    outcome.reason().map(Reason::kind).unwrap()
}

#[test]
fn records_arrive_once_in_order_of_their_keys_and_say_where() {
    let (_cluster, servers) = cluster(4);
    let target = on(&servers, TOPIC).open();
    target.produce(0..5000);
    let outcomes = target.ears.outcomes(0..5000);
    let mut places: Vec<_> = outcomes
        .iter()
        .map(|outcome| match outcome {
            Outcome::Delivered(Receipt::Position { partition, offset }) => (*partition, *offset),
            other => panic!("{other:?}"),
        })
        .collect();
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), 5000, "each record has a place of its own");
    assert_exactly(&read_all(&servers, TOPIC), 0..5000);
}

#[test]
fn every_field_arrives() {
    let (_cluster, servers) = cluster(4);
    let target = on(&servers, TOPIC).open();
    let headers = vec![
        ("a".into(), text("1")),
        ("gone".into(), Value::Absent),
        ("b".into(), text("")),
    ];
    let full = [
        text("k"),
        Value::Json("[1, 2]".into()),
        Value::Map(headers),
        Value::Integer(3),
        Value::Integer(1_700_000_000_123),
    ];
    target
        .topic
        .produce(&Record::new(full), RecordId(0))
        .unwrap();
    target
        .topic
        .produce(&Record::default(), RecordId(1))
        .unwrap();
    target.ears.outcomes(0..2);
    let found = read_all(&servers, TOPIC);
    let full = found.iter().find(|found| found.key.is_some()).unwrap();
    let names: Vec<_> = full
        .headers
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    assert_eq!(
        (full.partition, full.timestamp),
        (3, Some(1_700_000_000_123))
    );
    assert_eq!(
        (full.value.as_deref(), names),
        (Some("[1, 2]"), vec![("a", "1"), ("b", "")])
    );
    assert!(
        found
            .iter()
            .any(|found| found.key.is_none() && found.value.is_none()),
        "a tombstone"
    );
}

#[test]
fn a_full_queue_is_said_at_once() {
    let (cluster, servers) = cluster(1);
    cluster.broker_down(1).unwrap();
    let mut opening = on(&servers, TOPIC);
    opening.queue_bytes = 10 * 1024;
    let target = opening.open();
    let start = Instant::now();
    let refused = (0..1000).find_map(|id| target.topic.produce(&record(id), RecordId(id)).err());
    assert_eq!(refused.unwrap().kind(), ReasonKind::QueueFull);
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_cluster_that_is_down_is_said_and_what_waited_arrives_when_it_is_back() {
    let (cluster, servers) = cluster(4);
    cluster.broker_down(1).unwrap();
    let target = on(&servers, TOPIC).open();
    target.produce(0..100);
    let down = target
        .ears
        .state(TargetState::Down, Some(ReasonKind::ConnectionFailed))
        .unwrap();
    assert!(down.detail().unwrap().contains(&servers), "{down}");
    cluster.broker_up(1).unwrap();
    assert!(
        target
            .ears
            .outcomes(0..100)
            .iter()
            .all(Outcome::is_delivered)
    );
    target.ears.state(TargetState::Up, None);
    assert_exactly(&read_all(&servers, TOPIC), 0..100);
}

#[test]
fn what_was_never_sent_is_given_up_as_surely_not_stored() {
    let (cluster, servers) = cluster(1);
    cluster.broker_down(1).unwrap();
    let mut opening = on(&servers, TOPIC);
    opening.give_up = Duration::from_millis(800);
    let target = opening.open();
    target.produce(0..3);
    for outcome in target.ears.outcomes(0..3) {
        assert!(
            matches!(outcome, Outcome::GaveUp { certain: true, .. }),
            "{outcome:?}"
        );
    }
}

#[test]
fn passing_errors_of_a_broker_are_tried_again_and_store_nothing_twice() {
    let (cluster, servers) = cluster(4);
    let target = on(&servers, TOPIC).open();
    let answers = [
        Answer::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        Answer::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        Answer::RD_KAFKA_RESP_ERR__TRANSPORT,
    ];
    cluster.request_errors(Api::Produce, &answers);
    target.produce(0..500);
    assert!(
        target
            .ears
            .outcomes(0..500)
            .iter()
            .all(Outcome::is_delivered)
    );
    assert_exactly(&read_all(&servers, TOPIC), 0..500);
}

#[test]
fn a_topic_that_may_not_be_written_is_blocked_and_judges_no_record() {
    let (cluster, servers) = cluster(1);
    let target = on(&servers, TOPIC).open();
    cluster.request_errors(
        Api::Produce,
        &[Answer::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED],
    );
    target.produce(0..1);
    let outcome = target.ears.outcomes(0..1).remove(0);
    assert!(
        matches!(outcome, Outcome::GaveUp { certain: true, .. }),
        "{outcome:?}"
    );
    assert_eq!(reason(&outcome), ReasonKind::AccessDenied);
    // The cluster shows the topic again, so the target is tried again by itself.
    target.ears.state(TargetState::Up, None);
    let end = Instant::now() + kit::PATIENCE;
    while target.topic.produce(&record(1), RecordId(1)).is_err() {
        assert!(Instant::now() < end, "the topic stays closed");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(target.ears.outcomes(1..2)[0].is_delivered());
}

#[test]
fn a_topic_that_does_not_exist_is_known_before_a_record_comes() {
    let (cluster, servers) = cluster(1);
    cluster
        .topic_error(TOPIC, Answer::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        .unwrap();
    let target = on(&servers, TOPIC).open();
    let said = target
        .ears
        .state(TargetState::Blocked, Some(ReasonKind::TargetMissing))
        .unwrap();
    assert!(said.detail().unwrap().contains(TOPIC), "{said}");
    match target.topic.produce(&record(0), RecordId(0)) {
        Err(said) => assert_eq!(said.kind(), ReasonKind::TargetMissing),
        Ok(_) => {
            let outcome = target.ears.outcomes(0..1).remove(0);
            assert_eq!(reason(&outcome), ReasonKind::TargetMissing, "{outcome:?}");
        }
    }
    cluster
        .topic_error(TOPIC, Answer::RD_KAFKA_RESP_ERR_NO_ERROR)
        .unwrap();
    target.ears.state(TargetState::Up, None);
    target.produce(1..2);
    assert!(target.ears.outcomes(1..2)[0].is_delivered());
}

#[test]
fn a_record_over_the_limit_is_refused_before_it_is_sent() {
    let (_cluster, servers) = cluster(1);
    let mut opening = on(&servers, TOPIC);
    opening.record_bytes = Some(1000);
    let target = opening.open();
    for (bytes, fits) in [(999, true), (1000, true), (1001, false)] {
        let record = Record::new([Value::Absent, Value::Bytes(vec![b'x'; bytes].into())]);
        match target.topic.weigh(&record) {
            Ok(weight) => assert!(fits && weight >= bytes),
            Err(said) => {
                assert!(!fits && said.kind() == ReasonKind::TooLarge);
                let detail = said.detail().unwrap();
                assert!(
                    detail.contains(TOPIC) && detail.contains("1000 bytes"),
                    "{detail}"
                );
            }
        }
    }
    let nul = Value::Map(vec![("a\0b".into(), text("x"))]);
    let record = Record::new([Value::Absent, Value::Absent, nul]);
    assert_eq!(
        target.topic.weigh(&record).unwrap_err().kind(),
        ReasonKind::Invalid
    );
}

#[test]
fn a_partition_that_is_not_there_refuses_its_record_only() {
    let (_cluster, servers) = cluster(2);
    let target = on(&servers, TOPIC).open();
    let astray = Record::new([Value::Absent, text("x"), Value::Absent, Value::Integer(7)]);
    let refused = target.topic.produce(&astray, RecordId(1000));
    target.produce(0..10);
    assert!(
        target
            .ears
            .outcomes(0..10)
            .iter()
            .all(Outcome::is_delivered)
    );
    let kind = match refused {
        Err(said) => said.kind(),
        Ok(_) => {
            let outcome = target.ears.outcomes(1000..1001).remove(0);
            assert!(matches!(outcome, Outcome::Refused(_)), "{outcome:?}");
            reason(&outcome)
        }
    };
    assert_eq!(kind, ReasonKind::Invalid);
}

#[test]
fn a_request_refused_as_too_large_judges_none_of_its_records() {
    let (cluster, servers) = cluster(1);
    let target = on(&servers, TOPIC).open();
    let too_large = Answer::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
    // The request of all 24 is refused, and of those that then travel alone the first one.
    cluster.request_errors(Api::Produce, &[too_large, too_large]);
    target.produce(0..24);
    let outcomes = target.ears.outcomes(0..24);
    let refused = |outcome: &&Outcome| matches!(outcome, Outcome::Refused(_));
    let delivered = outcomes
        .iter()
        .filter(|outcome| outcome.is_delivered())
        .count();
    assert_eq!(
        (outcomes.iter().filter(refused).count(), delivered),
        (1, 23),
        "{outcomes:?}"
    );
    assert_eq!(read_all(&servers, TOPIC).len(), 23);
}

#[test]
fn a_producer_that_dies_is_replaced_and_loses_nothing_that_waited() {
    let (cluster, servers) = cluster(1);
    let target = on(&servers, TOPIC).open();
    target.produce(0..10);
    target.ears.outcomes(0..10);
    // A gap in the sequence that no retry explains: librdkafka calls this fatal.
    let gap = Answer::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
    cluster.request_errors(Api::Produce, &[gap]);
    let mut id = 10;
    let end = Instant::now() + Duration::from_secs(3);
    while Instant::now() < end {
        // Between its death and its successor a producer takes nothing, and says so.
        match target.topic.produce(&record(id), RecordId(id)) {
            Ok(_) => id += 1,
            Err(said) => assert_eq!(said.kind(), ReasonKind::Unavailable),
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    let outcomes = target.ears.outcomes(10..id);
    let lost: Vec<_> = outcomes
        .iter()
        .filter(|outcome| !outcome.is_delivered())
        .collect();
    // Only the request that died on its way may be in doubt.
    assert!(
        lost.iter()
            .all(|o| matches!(o, Outcome::GaveUp { certain: false, .. })),
        "{lost:?}"
    );
    assert!(
        lost.len() < 50,
        "{} of {} in doubt",
        lost.len(),
        outcomes.len()
    );
    assert!(outcomes.last().unwrap().is_delivered());
}

#[test]
fn a_producer_without_the_right_to_write_is_blocked_and_comes_back_when_it_has_it() {
    let (cluster, servers) = cluster(1);
    let denied = Answer::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
    cluster.request_errors(Api::InitProducerId, &[denied, denied]);
    let target = on(&servers, TOPIC).open();
    let said = target
        .ears
        .state(TargetState::Blocked, Some(ReasonKind::AccessDenied))
        .unwrap();
    assert!(said.detail().unwrap().contains("WRITE"), "{said}");
    target.ears.state(TargetState::Up, None);
    let end = Instant::now() + kit::PATIENCE;
    for id in 0.. {
        assert!(Instant::now() < end, "stays blocked");
        if target.topic.produce(&record(id), RecordId(id)).is_ok()
            && target.ears.outcomes(id..id + 1)[0].is_delivered()
        {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn closing_ends_what_waits_with_an_outcome_each() {
    let (cluster, servers) = cluster(1);
    cluster.broker_down(1).unwrap();
    let target = on(&servers, TOPIC).open();
    target.produce(0..100);
    target.topic.flush(Duration::from_millis(100));
    let ears = target.ears.clone();
    drop(target);
    for outcome in ears.outcomes(0..100) {
        assert!(
            matches!(outcome, Outcome::GaveUp { certain: true, .. }),
            "{outcome:?}"
        );
    }
}
