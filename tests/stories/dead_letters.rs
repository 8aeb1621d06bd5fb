//! Dead letters: what nobody will deliver, and of which nobody was told that it should send it
//! again, is kept with the reason.

use serde_json::Value;

use crate::kit::{
    Fault, Gateway, Stub, aws, closed_port, event, eventually, gateway, kafka, letters, record_for,
    stub_target,
};

/// A Kinesis stream at which nobody listens.
fn dead(more: &str) -> String {
    format!(
        "kinesis: {{ stream: clicks, region: us-east-1, endpoint_url: 'http://127.0.0.1:{}' }}, \
         {more}",
        closed_port()
    )
}

const LOG: &str = "log: { dir: rejects }";

fn kept(gateway: &Gateway, target: &str) -> f64 {
    let label = format!("target=\"{target}\"");
    gateway.metric("sluicegate_dead_letters_total", &[&label])
}

/// Sends an event to an SNS target that refuses it, whose dead letter is this target.
fn refused_into(room: &str) -> (Gateway, String) {
    let stub = Stub::start();
    let gateway = gateway()
        .target(
            "alerts",
            &(stub_target(&stub, "sns") + ", dead_letter: rejects"),
        )
        .target("rejects", room)
        .route("POST /alerts", "alerts", record_for("sns"))
        .start();
    stub.always(Fault::SomeRefused(vec![0]));
    let answer = gateway.post("/alerts", &event(7)).is(422);
    assert_eq!(answer.code(), "record_refused");
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    eventually("the letter is kept", || kept(&gateway, "alerts") == 1.0);
    assert_eq!(gateway.status_of("alerts")["dead_letters"]["kept"], 1);
    let said = gateway.logged("dead_letter.kept").unwrap();
    assert_eq!(
        (&said["target"], &said["to"]),
        (&"alerts".into(), &"rejects".into())
    );
    (gateway, id)
}

#[test]
fn a_refused_record_is_kept_in_a_log() {
    let (gateway, id) = refused_into(LOG);
    let [letter] = &letters(&gateway.beside("rejects"))[..] else {
        panic!("one letter")
    };
    assert_eq!(letter.request_id(), id);
    assert_eq!(
        (&*letter.target, &*letter.route),
        ("alerts", "POST /alerts")
    );
    assert_eq!((&*letter.kind, &*letter.binding), ("sns", "alerts"));
    assert_eq!((&*letter.reason, letter.attempts), ("record_invalid", 1));
    let record: Value = serde_json::from_str(&letter.record_json()).unwrap();
    assert_eq!(record["message"], event(7));
    gateway.stop();
}

/// What is read back from a topic, a stream or a queue.
fn is_the_letter(found: &[String], id: &str) {
    let [found] = found else {
        panic!("one letter: {found:?}")
    };
    let letter: Value = serde_json::from_str(found).unwrap();
    assert_eq!(
        (&letter["request_id"], &letter["target"]),
        (&id.into(), &"alerts".into())
    );
    assert_eq!(
        (&letter["reason"], &letter["attempts"]),
        (&"record_invalid".into(), &1.into())
    );
    assert_eq!(letter["record"]["message"], event(7));
}

#[test]
fn a_refused_record_is_kept_in_kafka() {
    let Some(kafka) = kafka("a dead letter in Kafka") else {
        return;
    };
    let topic = kafka.topic(1);
    let (gateway, id) = refused_into(&topic.target());
    is_the_letter(&topic.read(), &id);
    gateway.stop();
}

#[test]
fn a_refused_record_is_kept_at_each_service_of_aws() {
    let Some(aws) = aws("a dead letter in AWS") else {
        return;
    };
    let (stream, topic, table) = (aws.stream(1), aws.topic(), aws.table());
    let (gateway, id) = refused_into(&stream.target());
    is_the_letter(&stream.read(), &id);
    gateway.stop();
    let (gateway, id) = refused_into(&topic.target());
    is_the_letter(&topic.read(1), &id);
    gateway.stop();
    let (gateway, id) = refused_into(&table.target());
    assert_eq!(table.texts("pk"), [format!("{id}/0")]);
    assert_eq!(table.texts("reason"), ["record_invalid"]);
    let record: Value = serde_json::from_str(&table.texts("record")[0]).unwrap();
    assert_eq!(record["message"], event(7));
    gateway.stop();
}

#[test]
fn what_was_given_up_and_nobody_was_told_of_is_kept() {
    let gateway = gateway()
        .target("gone", &dead("give_up: 1s, dead_letter: rejects"))
        .target("alive", "discard: {}")
        .target("rejects", LOG)
        .fan_out(
            "POST /best",
            &[
                "target: alive",
                &format!(
                    "target: gone, need: best_effort, record: {}",
                    record_for("kinesis")
                ),
            ],
            "",
        )
        .fan_out(
            "POST /none",
            &[&format!("target: gone, record: {}", record_for("kinesis"))],
            "reply: { after: none }",
        )
        .fan_out(
            "POST /late",
            &[&format!("target: gone, record: {}", record_for("kinesis"))],
            "reply: { within: 100ms }",
        )
        .start();
    gateway.post("/best", &event(1)).is(200);
    gateway.post("/none", &event(2)).is(202);
    gateway.post("/late", &event(3)).is(504);
    let found = || letters(&gateway.beside("rejects"));
    eventually("all three are kept", || found().len() == 3);
    let mut seen: Vec<_> = found()
        .iter()
        .map(|it| (it.route.to_string(), it.attempts > 0))
        .collect();
    seen.sort();
    let route = |name: &str| (name.to_owned(), true);
    assert_eq!(
        seen,
        [
            route("POST /best"),
            route("POST /late"),
            route("POST /none")
        ]
    );
    for letter in found() {
        assert!(
            ["connection_failed", "give_up"].contains(&&*letter.reason),
            "{letter:?}"
        );
    }
    gateway.stop();
}

#[test]
fn best_effort_records_that_find_no_room_are_kept() {
    let gateway = gateway()
        .target(
            "gone",
            &dead("give_up: 1h, queue_bytes: 64KiB, dead_letter: rejects"),
        )
        .target("alive", "discard: {}")
        .target("rejects", LOG)
        .fan_out(
            "POST /best",
            &[
                "target: alive",
                &format!(
                    "target: gone, need: best_effort, record: {}",
                    record_for("kinesis")
                ),
            ],
            "",
        )
        .start();
    let mut client = gateway.client();
    for n in 0..500 {
        client.post("/best", &event(n)).is(200);
    }
    let lost = || gateway.metric("sluicegate_best_effort_lost_total", &["gone"]);
    assert!(lost() > 100.0, "{}", lost());
    eventually("each of them is kept", || kept(&gateway, "gone") >= lost());
    let found = letters(&gateway.beside("rejects"));
    assert!(
        found
            .iter()
            .all(|it| &*it.binding == "gone" && it.number >= 1)
    );
    gateway.signal("-KILL");
}

#[test]
fn what_its_client_was_told_of_is_no_dead_letter() {
    let stub = Stub::start();
    let table = stub_target(&stub, "dynamodb") + ", dead_letter: rejects, give_up: 1s";
    let gateway = gateway()
        .target("orders", &table)
        .target("rejects", LOG)
        .route("POST /orders", "orders", record_for("dynamodb"))
        .start();
    stub.always(Fault::ServerError(503));
    let status = gateway.post("/orders", &event(1)).status;
    assert!([502, 503, 504].contains(&status), "{status}");
    stub.always(Fault::AccessDenied);
    eventually("a blocked target is told", || {
        gateway.post("/orders", &event(2)).status == 503
            && gateway.status_of("orders")["state"] == "blocked"
    });
    assert_eq!(kept(&gateway, "orders"), 0.0);
    assert!(letters(&gateway.beside("rejects")).is_empty());
    gateway.stop();
}

#[test]
fn a_condition_that_does_not_hold_is_an_answer() {
    let Some(aws) = aws("a condition that does not hold") else {
        return;
    };
    let table = aws.table();
    let record = "{ put: { pk: '${event.id}' }, condition: attribute_not_exists(pk) }";
    let gateway = gateway()
        .target("orders", &(table.target() + ", dead_letter: rejects"))
        .target("rejects", LOG)
        .route("POST /orders", "orders", record)
        .start();
    gateway.post("/orders", &event(1)).is(200);
    gateway.post("/orders", &event(1)).is(409);
    assert_eq!(kept(&gateway, "orders"), 0.0);
    gateway.stop();
}

#[test]
fn the_routes_dead_letter_stands_over_its_targets() {
    let stub = Stub::start();
    let gateway = gateway()
        .target(
            "alerts",
            &(stub_target(&stub, "sns") + ", dead_letter: all"),
        )
        .target("all", "log: { dir: all }")
        .target("special", "log: { dir: special }")
        .route("POST /a", "alerts", record_for("sns"))
        .fan_out(
            "POST /b",
            &[&format!("target: alerts, record: {}", record_for("sns"))],
            "reply: { dead_letter: special }",
        )
        .start();
    stub.always(Fault::SomeRefused(vec![0]));
    gateway.post("/a", &event(1)).is(422);
    gateway.post("/b", &event(2)).is(422);
    eventually("both are kept", || kept(&gateway, "alerts") == 2.0);
    let routes = |directory: &str| -> Vec<String> {
        let found = letters(&gateway.beside(directory));
        found.iter().map(|it| it.route.to_string()).collect()
    };
    assert_eq!(
        (routes("all"), routes("special")),
        (vec!["POST /a".into()], vec!["POST /b".into()])
    );
    gateway.stop();
}

#[test]
fn a_dead_letter_of_a_dead_letter_is_counted_and_gone() {
    let stub = Stub::start();
    let room = stub_target(&stub, "sns");
    let gateway = gateway()
        .target("alerts", &format!("{room}, dead_letter: rejects"))
        .target("rejects", &format!("{room}, dead_letter: last"))
        .target("last", "log: { dir: last }")
        .route("POST /alerts", "alerts", record_for("sns"))
        .start();
    stub.always(Fault::SomeRefused(vec![0]));
    gateway.post("/alerts", &event(1)).is(422);
    let lost = || gateway.metric("sluicegate_dead_letters_lost_total", &["target=\"alerts\""]);
    eventually("it is counted", || lost() == 1.0);
    assert_eq!(gateway.status_of("alerts")["dead_letters"]["lost"], 1);
    let said = gateway.logged("dead_letter.lost").unwrap();
    assert!(
        said["why"].as_str().unwrap().contains("record_invalid"),
        "{said}"
    );
    assert!(letters(&gateway.beside("last")).is_empty());
    gateway.stop();
}
