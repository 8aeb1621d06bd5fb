//! `sluicegate audit` as its user meets it: a route of a file, a saved history, a client's own log.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use crate::kit::{Gateway, aws, event, gateway, kafka, run};

fn audit(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let words = [&["audit"], arguments].concat();
    let Output {
        status,
        stdout,
        stderr,
    } = run(folder, &words, Duration::from_secs(120));
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn a_route_of_a_file_is_audited_and_read_back_again() {
    let story = "a_route_of_a_file_is_audited_and_read_back_again";
    let (Some(kafka), Some(aws)) = (kafka(story), aws(story)) else {
        return;
    };
    let (topic, table, alerts) = (kafka.topic(2), aws.table(), aws.topic());
    let gateway = gateway()
        .target("trail", &topic.target())
        .target("orders", &table.target())
        .target("alerts", &alerts.target())
        .target("nothing", "discard: {}")
        .target("kept", "log: { dir: kept }")
        .fan_out(
            "POST /orders",
            &[
                "target: trail, record: { key: '${event.user}', value: '${event}' }",
                "target: orders, record: { put: { pk: '${event.order}', raw: '${json(event)}' } }",
                "target: alerts, record: { message: '${event}' }",
                "target: nothing",
                "target: kept",
            ],
            "",
        )
        .start();
    let folder = tempfile::tempdir().unwrap();
    a_route_passes(&gateway, folder.path());
    // The same history against one target that is named by hand.
    let kafka = format!("{}/{},ordered,exclusive", kafka.servers, topic.name);
    let again = [
        "--history",
        "run.ndjson",
        "--without",
        "fresh",
        "--kafka",
        &kafka,
        "--json",
    ];
    let (code, said, told) = audit(folder.path(), &again);
    assert_eq!(code, Some(0), "{said}\n{told}");
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["good"], true);
    assert_eq!(said["acknowledged"], 101, "the fresh event was saved too");
    assert_eq!(said["rules"][5]["verdict"], "not asked");

    // What nobody sent is found, and the exit code says so.
    let strange = event(1).replace("\"user\"", "\"order\":\"x\",\"user\"");
    gateway.post("/orders", &strange).is(200);
    let (code, said, _) = audit(folder.path(), &again);
    assert_eq!(code, Some(1), "{said}");
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["rules"][1]["verdict"], "violated", "{said:#}");

    a_clients_own_log_is_judged(kafka.split('/').next().unwrap(), &topic.name, folder.path());
    gateway.stop();
}

/// All seven rules hold at a route of a file, and its history is saved.
fn a_route_passes(gateway: &Gateway, folder: &Path) {
    let (file, url) = (gateway.file(), format!("http://{}", gateway.http));
    let route = [file.to_str().unwrap(), "POST /orders", "--url", &url];
    let shape = ["--event", r#"{"order":"{id}","user":"{key}","n":{seq}}"#];
    let sends = ["--rate", "100/s", "--time", "1s", "--save", "run.ndjson"];
    let words = [&route[..], &shape, &sends].concat();
    let (code, said, told) = audit(folder, &words);
    assert_eq!(code, Some(0), "{said}\n{told}");
    assert_eq!(said.matches(" passed ").count(), 7, "{said}");
    assert!(said.contains("all that was asked holds"), "{said}");
    assert!(told.contains("`nothing` is left out"), "{told}");
    assert!(told.contains("100 × 200"), "{told}");
}

fn a_clients_own_log_is_judged(servers: &str, topic: &str, folder: &Path) {
    // A client's own log: an event that it takes for acknowledged is not there.
    let log = "{\"id\":\"o1\",\"outcome\":\"ok\"}\n{\"id\":\"o2\",\"outcome\":\"failed\"}\n";
    std::fs::write(folder.join("own.ndjson"), log).unwrap();
    let own = format!("{}/{},id=order", servers, topic);
    let words = [
        "--history",
        "own.ndjson",
        "--without",
        "fresh",
        "--kafka",
        &own,
    ];
    let (code, said, told) = audit(folder, &words);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("o1 is not in kafka"), "{said}");
    assert!(said.contains("3  void"), "no payload is in the log: {said}");
    assert!(told.contains("hold all of it after 5s"), "{told}");
}

/// Arguments, the exit code, and a part of what is said.
const MISUSES: &[(&[&str], i32, &str)] = &[
    (&[], 2, "or --url"),
    (&["a.yaml"], 2, "REQUEST"),
    (&["a.yaml", "orders"], 2, "is no request"),
    (
        &["a.yaml", "POST /orders", "--kafka", "a:1/t"],
        2,
        "cannot be used with",
    ),
    (
        &["a.yaml", "POST /orders"],
        1,
        "no target of the route can be read back",
    ),
    (&["b.yaml", "POST /orders"], 1, "shape them with --event"),
    (
        &["a.yaml", "POST /nowhere"],
        1,
        "would not take the audit's events",
    ),
    (&["--url", "http://127.0.0.1:1/x"], 2, "no target is named"),
    (
        &["--url", "http://127.0.0.1:1/x", "--log", "nodir"],
        1,
        "there is no log in `nodir`",
    ),
    (
        &["--url", "https://a/x", "--kafka", "a:1/t"],
        2,
        "must begin with http://",
    ),
    (
        &["--url", "http://a/x", "--kafka", "t"],
        2,
        "BROKER:PORT/TOPIC",
    ),
    (
        &["--url", "http://a/x", "--event", "{}"],
        2,
        "no string that is the id",
    ),
    (
        &["--url", "http://a/x", "--rate", "900000/s", "--time", "1h"],
        2,
        "lower --rate",
    ),
    (
        &["--url", "http://a/x", "--without", "losses"],
        2,
        "possible values: lost",
    ),
    (
        &["--history", "none.ndjson", "--kafka", "a:1/t"],
        1,
        "none.ndjson",
    ),
    (
        &["--history", "a.yaml", "--kafka", "a:1/t"],
        1,
        "a.yaml: line 1",
    ),
    (
        &["--history", "a.yaml", "--url", "http://a/x"],
        2,
        "say with --save",
    ),
];

#[test]
fn an_audit_that_cannot_be_run_says_what_to_write() {
    let folder = tempfile::tempdir().unwrap();
    let file = "sluicegate: 1\ntargets: { t: { discard: {} } }\ndefaults: { auth: none }\n\
                routes:\n  - { route: POST /orders, to: [ { target: t } ] }\n";
    std::fs::write(folder.path().join("a.yaml"), file).unwrap();
    let lacking = file.replace(
        "{ target: t }",
        "{ target: t, record: { data: '${event.no}' } }",
    );
    std::fs::write(folder.path().join("b.yaml"), lacking).unwrap();
    for (words, code, said) in MISUSES {
        let (ended, out, told) = audit(folder.path(), words);
        assert_eq!(ended, Some(*code), "{words:?}: {out}{told}");
        assert!(told.contains(*said), "{words:?}: {told}");
    }
}
