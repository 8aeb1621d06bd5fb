//! The target `log`: what was answered 200 stands on the disk.

use std::time::Duration;

use crate::kit::{
    PATIENCE, event, eventually, exactly_once, gateway, ndjson, record_for, run, values,
};

const RECEIPTS: &str = "reply: { receipts: true }";

#[test]
fn what_was_confirmed_is_in_the_log_once_and_as_it_came() {
    let gateway = gateway()
        .target("audit", "log: { dir: audit }")
        .fan_out("POST /events", &["target: audit"], RECEIPTS)
        .start();
    let body = ndjson(0..200);
    gateway
        .client()
        .post_as("application/x-ndjson", "/events", body.as_bytes())
        .is(200);
    let answer = gateway.post("/events", &event(200)).is(200).json();
    assert_eq!(
        answer["events"][0]["targets"][0]["sequence"], 200,
        "{answer}"
    );
    exactly_once("the log", &values(&gateway.beside("audit")), 0..201);
    assert_eq!(gateway.status_of("audit")["log"]["records"], 201);
    assert_eq!(gateway.metric("sluicegate_log_records", &["audit"]), 201.0);
    gateway.stop();
}

#[test]
fn the_log_survives_its_process() {
    let folder = tempfile::tempdir().unwrap();
    let room = format!(
        "log: {{ dir: '{}' }}",
        folder.path().join("audit").display()
    );
    let open = || {
        let gateway = gateway().target("audit", &room);
        gateway
            .route("POST /events", "audit", record_for("log"))
            .start()
    };
    for round in 0..3 {
        let gateway = open();
        let mut client = gateway.client();
        for n in round * 20..(round + 1) * 20 {
            client.post("/events", &event(n)).is(200);
        }
        gateway.signal("-KILL");
    }
    exactly_once("the log", &values(&folder.path().join("audit")), 0..60);
    open().stop();
}

#[test]
fn a_full_log_is_told_and_takes_records_again_with_more_room() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("audit");
    let open = |bytes: &str| {
        let room = format!(
            "log: {{ dir: '{}', max_bytes: {bytes} }}",
            directory.display()
        );
        let gateway = gateway().target("audit", &room);
        gateway
            .fan_out(
                "POST /events",
                &["target: audit"],
                "accept: { event_bytes: 1MiB }",
            )
            .start()
    };
    let small = open("1MiB");
    let large = format!("{{\"text\":\"{}\"}}", "x".repeat(100 << 10));
    let mut client = small.client();
    let statuses: Vec<u16> = (0..12)
        .map(|_| client.post("/events", &large).status)
        .collect();
    assert_eq!((statuses[0], statuses[11]), (200, 507), "{statuses:?}");
    let answer = small.post("/events", &large).is(507);
    assert_eq!(answer.code(), "log_full");
    assert!(answer.field("retry-after").is_some());
    assert_eq!(answer.field("sluicegate-outcome"), Some("none"));
    let confirmed = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!(values(&directory).len(), confirmed);
    assert_eq!(small.status_of("audit")["state"], "up", "full is not down");
    small.stop();
    let more = open("16MiB");
    more.post("/events", &large).is(200);
    more.stop();
}

#[test]
fn a_directory_has_one_gateway() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("audit");
    let room = format!("log: {{ dir: '{}' }}", directory.display());
    let held = gateway()
        .target("audit", &room)
        .route("POST /a", "audit", "{}")
        .start();
    let file = folder.path().join("other.yaml");
    let text = format!(
        "sluicegate: 1\ntargets:\n  audit: {{ {room} }}\ndefaults: {{ auth: none }}\n\
         routes: [ {{ route: POST /a, to: [ {{ target: audit }} ] }} ]\n"
    );
    std::fs::write(&file, text).unwrap();
    let addresses = ["--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let arguments = [&["serve", "other.yaml"], &addresses[..]].concat();
    let output = run(folder.path(), &arguments, PATIENCE);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{said}");
    assert!(
        said.contains("target `audit`") && said.contains("held by another process"),
        "{said}"
    );
    let look = run(
        folder.path(),
        &["check", "--connect", "other.yaml"],
        PATIENCE,
    );
    let said = String::from_utf8(look.stdout).unwrap();
    assert!(said.contains("is held by a process now"), "{said}");
    held.stop();
    let look = run(
        folder.path(),
        &["check", "--connect", "other.yaml"],
        PATIENCE,
    );
    assert!(look.status.success(), "{look:?}");
}

#[test]
fn records_go_by_age_only_where_it_is_said() {
    let gateway = gateway()
        .target(
            "audit",
            "log: { dir: audit, max_age: 1m, max_bytes: 64MiB }",
        )
        .route(
            "POST /events",
            "audit",
            "{ key: '${event.id}', headers: { n: '${event.n}' } }",
        )
        .start();
    gateway.post("/events", &event(1)).is(200);
    std::thread::sleep(Duration::from_millis(200));
    eventually("a young record stays", || {
        values(&gateway.beside("audit")) == [event(1)]
    });
    gateway.stop();
}
