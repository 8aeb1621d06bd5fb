//! Targets that are down, wrong or missing: they cost their own queue only, and somebody is told
//! what to mend.

use std::time::{Duration, Instant};

use crate::kit::{
    Fault, Gateway, Stub, aws, closed_port, event, eventually, gateway, kafka, record_for,
    stub_target, unique,
};

fn dead_kinesis() -> String {
    format!(
        "kinesis: {{ stream: clicks, region: us-east-1, endpoint_url: 'http://127.0.0.1:{}' }}, \
         give_up: 1s",
        closed_port()
    )
}

/// The last error that `/status` shows of a target.
fn last_error(gateway: &Gateway, target: &str) -> String {
    gateway.status_of(target)["last_error"]["error"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn a_dead_target_costs_its_own_queue_only() {
    let stub = Stub::start();
    let gateway = gateway()
        .target("dead", &dead_kinesis())
        .target("alive", &stub_target(&stub, "sns"))
        .route("POST /dead", "dead", record_for("kinesis"))
        .route("POST /alive", "alive", record_for("sns"))
        .start();
    std::thread::scope(|scope| {
        let dead = scope.spawn(|| {
            let mut client = gateway.client();
            let statuses = (0..5).map(|n| client.post("/dead", &event(n)).status);
            statuses.collect::<Vec<_>>()
        });
        let mut client = gateway.client();
        for n in 0..200 {
            let start = Instant::now();
            client.post("/alive", &event(n)).is(200);
            assert!(
                start.elapsed() < Duration::from_secs(1),
                "{:?}",
                start.elapsed()
            );
        }
        for status in dead.join().unwrap() {
            assert!([503, 504].contains(&status), "{status}");
        }
    });
    assert_eq!(stub.store().counts().len(), 200);
    assert_eq!(
        gateway.page("/health/ready").status,
        200,
        "a down target is no reason to leave"
    );
    gateway.stop();
}

#[test]
fn a_dead_best_effort_target_neither_delays_nor_fails_the_reply() {
    let stub = Stub::start();
    let gateway = gateway()
        .target("dead", &dead_kinesis())
        .target("alive", &stub_target(&stub, "sns"))
        .fan_out(
            "POST /events",
            &[
                &format!("target: alive, record: {}", record_for("sns")),
                &format!(
                    "target: dead, need: best_effort, record: {}",
                    record_for("kinesis")
                ),
            ],
            "",
        )
        .start();
    let mut client = gateway.client();
    let start = Instant::now();
    for n in 0..50 {
        client.post("/events", &event(n)).is(200);
    }
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    eventually("what was lost is counted", || {
        gateway.metric("sluicegate_best_effort_lost_total", &["dead"]) >= 50.0
    });
    gateway.stop();
}

#[test]
fn a_target_that_comes_back_takes_records_again() {
    let stub = Stub::start();
    let gateway = gateway()
        .target("alerts", &(stub_target(&stub, "sns") + ", give_up: 1s"))
        .route("POST /alerts", "alerts", record_for("sns"))
        .start();
    stub.always(Fault::ServerError(503));
    let mut n = 0;
    eventually("the target is seen to be down", || {
        n += 1;
        let answer = gateway.post("/alerts", &event(n));
        assert!([503, 504].contains(&answer.status), "{}", answer.text());
        gateway.status_of("alerts")["state"] == "down"
    });
    stub.always(Fault::None);
    eventually("the target takes records again", || {
        n += 1;
        gateway.post("/alerts", &event(n)).status == 200
    });
    assert_eq!(gateway.status_of("alerts")["state"], "up");
    assert!(gateway.logged("target.down").is_some() && gateway.logged("target.up").is_some());
    gateway.stop();
}

#[test]
fn what_blocks_a_target_is_named_and_nothing_is_stored() {
    for (fault, word) in [
        (Fault::AccessDenied, "access_denied"),
        (Fault::ExpiredToken, "authentication_failed"),
        (Fault::Missing, "target_missing"),
    ] {
        for kind in ["kinesis", "dynamodb", "sns"] {
            let stub = Stub::start();
            let gateway = gateway()
                .target("stuck", &(stub_target(&stub, kind) + ", give_up: 2s"))
                .route("POST /events", "stuck", record_for(kind))
                .start();
            stub.always(fault.clone());
            let answer = gateway.post("/events", &event(1)).is(503);
            assert_eq!(answer.code(), "target_blocked", "{kind}: {}", answer.text());
            assert!(answer.field("retry-after").is_some());
            assert_eq!(answer.field("sluicegate-outcome"), Some("none"));
            let said = last_error(&gateway, "stuck");
            assert!(said.contains(word), "{kind} at {fault:?}: {said}");
            assert_eq!(gateway.status_of("stuck")["state"], "blocked");
            assert_eq!(stub.store().all().len(), 0);
            stub.always(Fault::None);
            eventually("it is probed and comes back by itself", || {
                gateway.post("/events", &event(2)).status == 200
            });
            gateway.stop();
        }
    }
}

#[test]
fn a_missing_table_is_named() {
    let Some(aws) = aws("a_missing_table_is_named") else {
        return;
    };
    let name = unique("nowhere");
    let room = aws.table().target();
    let table = room
        .split("table: ")
        .nth(1)
        .unwrap()
        .split(',')
        .next()
        .unwrap();
    let gateway = gateway()
        .target("orders", &(room.replace(table, &name) + ", give_up: 2s"))
        .route("POST /orders", "orders", record_for("dynamodb"))
        .start();
    let answer = gateway.post("/orders", &event(1)).is(503);
    assert_eq!(answer.code(), "target_blocked");
    let said = last_error(&gateway, "orders");
    assert!(
        said.contains("target_missing") && said.contains(&name),
        "{said}"
    );
    gateway.stop();
}

#[test]
fn a_closed_port_is_named() {
    let gateway = gateway()
        .target("clicks", &dead_kinesis())
        .route("POST /clicks", "clicks", record_for("kinesis"))
        .start();
    let answer = gateway.post("/clicks", &event(1)).is(503);
    assert_eq!(
        answer.field("sluicegate-outcome"),
        Some("none"),
        "{}",
        answer.text()
    );
    let said = last_error(&gateway, "clicks");
    assert!(
        said.contains("connection_failed") && said.contains("127.0.0.1"),
        "{said}"
    );
    gateway.stop();
}

#[test]
fn a_missing_topic_is_named() {
    let Some(kafka) = kafka("a_missing_topic_is_named") else {
        return;
    };
    let name = unique("nowhere");
    let room = format!(
        "kafka: {{ bootstrap_servers: '{}', topic: {name} }}, give_up: 5s",
        kafka.servers
    );
    let gateway = gateway()
        .target("audit", &room)
        .route("POST /audit", "audit", record_for("kafka"))
        .start();
    eventually("the missing topic shows", || {
        let said = last_error(&gateway, "audit");
        said.contains("target_missing") && said.contains(&name)
    });
    let answer = gateway.post("/audit", &event(1)).is(503);
    assert_eq!(answer.code(), "target_blocked", "{}", answer.text());
    gateway.stop();
}

#[test]
fn a_wrong_kafka_password_shows_as_one_at_once() {
    let story = "a_wrong_kafka_password_shows_as_one_at_once";
    let named = |name: &str| sluicegate_testkit::backend(name, story);
    let (Some(servers), Some(user), Some(password)) = (
        named("SLUICEGATE_TEST_KAFKA_SASL"),
        named("SLUICEGATE_TEST_KAFKA_USER"),
        named("SLUICEGATE_TEST_KAFKA_PASSWORD"),
    ) else {
        return;
    };
    let Some(kafka) = kafka(story) else { return };
    let topic = kafka.topic(1);
    for mechanism in ["PLAIN", "SCRAM-SHA-256"] {
        let room = format!(
            "kafka: {{ bootstrap_servers: '{servers}', topic: {}, properties: {{ \
             security.protocol: sasl_plaintext, sasl.mechanism: {mechanism}, \
             sasl.username: '{user}', sasl.password: '${{env.KAFKA_PASSWORD}}' }} }}, give_up: 5s",
            topic.name
        );
        let open = |password: &str| {
            gateway()
                .target("audit", &room)
                .route("POST /audit", "audit", record_for("kafka"))
                .env("KAFKA_PASSWORD", password)
                .start()
        };
        let wrong = open("not-the-password");
        let start = Instant::now();
        eventually("the authentication error shows", || {
            last_error(&wrong, "audit").contains("authentication_failed")
        });
        assert!(
            start.elapsed() < Duration::from_secs(3),
            "{:?}",
            start.elapsed()
        );
        let answer = wrong.post("/audit", &event(1)).is(503);
        assert_eq!(answer.code(), "target_blocked", "{}", answer.text());
        for told in [
            wrong.log(),
            wrong.page("/config").text(),
            wrong.page("/status").text(),
        ] {
            assert!(
                !told.contains("not-the-password"),
                "a secret is told: {told}"
            );
        }
        wrong.stop();

        let right = open(&password);
        right.post("/audit", &event(1)).is(200);
        right.stop();
    }
}
