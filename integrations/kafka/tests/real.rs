//! The Kafka room against Apache Kafka itself, where one is given:
//!
//! * `SLUICEGATE_TEST_KAFKA`: its bootstrap servers.
//! * `SLUICEGATE_TEST_KAFKA_SASL`: those of a SASL_PLAINTEXT listener that takes PLAIN, user
//!   `gate`, password `open`.

#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use sluicegate_contract::{
    Outcome, Producer, Reason, ReasonKind, Record, RecordId, TargetState, Value,
};

mod kit;
use kit::{assert_exactly, on, read_all, text};

/// The servers that a variable names; says loudly where there are none.
fn servers(variable: &str) -> Option<String> {
    let servers = std::env::var(variable)
        .ok()
        .filter(|servers| !servers.is_empty());
    if servers.is_none() {
        println!("SKIPPED: {variable} is not set, so the room was not tried on Apache Kafka");
    }
    servers
}

/// A new topic. Its name is leaked: a test makes a few.
fn new_topic(servers: &str, partitions: i32, settings: &[(&str, &str)]) -> &'static str {
    let nanoseconds = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let name = format!(
        "kafka-room-{}-{}",
        std::process::id(),
        nanoseconds.as_nanos()
    );
    let name: &'static str = name.leak();
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .create()
        .unwrap();
    let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    for (name, value) in settings {
        topic = topic.set(name, value);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let made = runtime
        .block_on(admin.create_topics([&topic], &AdminOptions::new()))
        .unwrap();
    assert!(made.iter().all(Result::is_ok), "{made:?}");
    name
}

#[test]
fn ten_thousand_keyed_records_arrive_once_and_in_order() {
    let Some(servers) = servers("SLUICEGATE_TEST_KAFKA") else {
        return;
    };
    let topic = new_topic(&servers, 4, &[]);
    let target = on(&servers, topic).open();
    target.produce(0..10_000);
    assert!(
        target
            .ears
            .outcomes(0..10_000)
            .iter()
            .all(Outcome::is_delivered)
    );
    let found = read_all(&servers, topic);
    assert_exactly(&found, 0..10_000);
    let partitions: BTreeSet<_> = found.iter().map(|found| found.partition).collect();
    assert!(partitions.len() > 1, "keys spread over {partitions:?} only");
}

#[test]
fn partition_timestamp_and_headers_arrive() {
    let Some(servers) = servers("SLUICEGATE_TEST_KAFKA") else {
        return;
    };
    let topic = new_topic(&servers, 4, &[]);
    let target = on(&servers, topic).open();
    let headers = Value::Map(vec![
        ("trace".into(), text("t-1")),
        ("empty".into(), text("")),
    ]);
    let (place, time) = (Value::Integer(2), Value::Integer(1_700_000_000_123));
    let record = Record::new([text("k"), text("v"), headers, place, time]);
    target.topic.produce(&record, RecordId(0)).unwrap();
    assert!(target.ears.outcomes(0..1)[0].is_delivered());
    let found = read_all(&servers, topic).remove(0);
    assert_eq!(
        (found.partition, found.timestamp),
        (2, Some(1_700_000_000_123))
    );
    let expected = [("trace", "t-1"), ("empty", "")];
    assert_eq!(
        found.headers,
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
}

#[test]
fn a_topic_that_is_not_there_is_said_and_taken_up_once_it_is_made() {
    let Some(servers) = servers("SLUICEGATE_TEST_KAFKA") else {
        return;
    };
    let target = on(&servers, "kafka-room-never-made").open();
    let said = target
        .ears
        .state(TargetState::Blocked, Some(ReasonKind::TargetMissing))
        .unwrap();
    assert!(
        said.detail().unwrap().contains("kafka-room-never-made"),
        "{said}"
    );
    let start = Instant::now();
    let kind = match target.topic.produce(&kit::record(0), RecordId(0)) {
        Err(said) => said.kind(),
        Ok(_) => {
            let outcome = target.ears.outcomes(0..1).remove(0);
            assert!(
                matches!(outcome, Outcome::GaveUp { certain: true, .. }),
                "{outcome:?}"
            );
            outcome.reason().map(Reason::kind).unwrap()
        }
    };
    assert_eq!(kind, ReasonKind::TargetMissing);
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "it took {:?}",
        start.elapsed()
    );
}

#[test]
fn only_the_record_that_the_broker_finds_too_large_is_refused() {
    let Some(servers) = servers("SLUICEGATE_TEST_KAFKA") else {
        return;
    };
    let topic = new_topic(&servers, 1, &[("max.message.bytes", "20000")]);
    let target = on(&servers, topic).open();
    // One request of 24 records, of which one is more than the topic takes, and all together too.
    for id in 0..24 {
        let bytes = if id == 11 { 30_000 } else { 1000 };
        let value = Value::Bytes(vec![b'x'; bytes].into());
        target
            .topic
            .produce(&Record::new([Value::Absent, value]), RecordId(id))
            .unwrap();
    }
    for (id, outcome) in target.ears.outcomes(0..24).iter().enumerate() {
        if id == 11 {
            assert!(matches!(outcome, Outcome::Refused(_)), "{outcome:?}");
            assert_eq!(
                outcome.reason().map(Reason::kind),
                Some(ReasonKind::TooLarge)
            );
        } else {
            assert!(outcome.is_delivered(), "record {id}: {outcome:?}");
        }
    }
    assert_eq!(read_all(&servers, topic).len(), 23);
}

#[test]
fn a_wrong_password_is_an_authentication_error_within_a_second_or_so() {
    let Some(servers) = servers("SLUICEGATE_TEST_KAFKA_SASL") else {
        return;
    };
    let with_password = |password: &str| {
        let mut opening = on(&servers, "kafka-room-sasl");
        opening.properties = [
            ("security.protocol", "SASL_PLAINTEXT"),
            ("sasl.mechanism", "PLAIN"),
            ("sasl.username", "gate"),
            ("sasl.password", password),
        ]
        .into_iter()
        .collect();
        opening.open()
    };
    let start = Instant::now();
    let wrong = with_password("shut");
    // What came before it was known ends too, surely not stored, long before `give_up`.
    wrong.produce(0..10);
    let kind = ReasonKind::AuthenticationFailed;
    let said = wrong.ears.state(TargetState::Blocked, Some(kind)).unwrap();
    let known = start.elapsed();
    assert!(
        said.detail().unwrap().contains("Authentication failed"),
        "{said}"
    );
    assert!(!format!("{said:?}").contains("shut"), "{said:?}");
    for outcome in wrong.ears.outcomes(0..10) {
        assert!(
            matches!(outcome, Outcome::GaveUp { certain: true, .. }),
            "{outcome:?}"
        );
        assert_eq!(
            outcome.reason().map(Reason::kind),
            Some(kind),
            "{outcome:?}"
        );
    }
    println!("a wrong password was known after {known:?}");
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "ended after {:?}",
        start.elapsed()
    );

    let right = with_password("open");
    right
        .ears
        .state(TargetState::Blocked, Some(ReasonKind::TargetMissing));
}
