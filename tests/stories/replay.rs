//! `sluicegate spool replay`: what stands in a log is sent again, as it was stored.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use crate::kit::{
    Fault, Gateway, PATIENCE, Stub, event, eventually, exactly_once, gateway, kafka, letters,
    ndjson, record_for, run, sluicegate, stub_target,
};

/// Runs `spool replay` on a log beside the gateway's file, with that file.
fn replay(gateway: &Gateway, log: &str, more: &[&str]) -> (i32, String) {
    let folder = gateway.beside("");
    let arguments = [&["spool", "replay", log, "--file", "gateway.yaml"], more].concat();
    told(run(&folder, &arguments, PATIENCE * 2))
}

fn told(output: Output) -> (i32, String) {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let said = text(output.stdout) + &text(output.stderr);
    (output.status.code().unwrap_or(-1), said)
}

/// A gateway whose SNS target has refused these events into a log.
fn with_letters(stub: &Stub, numbers: std::ops::Range<u64>) -> Gateway {
    let gateway = gateway()
        .target(
            "alerts",
            &(stub_target(stub, "sns") + ", dead_letter: rejects, give_up: 2s"),
        )
        .target("rejects", "log: { dir: rejects }")
        .target("clicks", &stub_target(stub, "kinesis"))
        .route("POST /alerts", "alerts", record_for("sns"))
        .route("POST /clicks", "clicks", record_for("kinesis"))
        .start();
    stub.always(Fault::SomeRefused((0..10).collect()));
    let count = numbers.clone().count();
    for n in numbers {
        gateway.post("/alerts", &event(n)).is(422);
    }
    let directory = gateway.beside("rejects");
    eventually("all are kept", || letters(&directory).len() == count);
    gateway
}

#[test]
fn dead_letters_go_to_their_own_target_while_the_gateway_runs() {
    let stub = Stub::start();
    let gateway = with_letters(&stub, 0..3);
    let (code, said) = replay(&gateway, "rejects", &["--dry-run"]);
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("3 records to send\n  3 to alerts (sns)"),
        "{said}"
    );
    assert!(stub.store().all().is_empty(), "nothing is sent");
    let (code, said) = replay(&gateway, "rejects", &[]);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains(": refused by alerts: record_invalid") && said.contains("entry "),
        "{said}"
    );
    assert!(
        said.contains("0 delivered, 3 refused, 0 given up"),
        "{said}"
    );
    stub.always(Fault::None);
    let (code, said) = replay(&gateway, "rejects", &[]);
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("3 delivered, 0 refused, 0 given up"),
        "{said}"
    );
    let stored = stub.store();
    assert_eq!(stored.counts().len(), 3);
    assert_eq!(
        letters(&gateway.beside("rejects")).len(),
        3,
        "nothing leaves the log"
    );
    gateway.stop();
}

#[test]
fn a_selection_is_what_is_sent() {
    let stub = Stub::start();
    let gateway = with_letters(&stub, 0..6);
    stub.always(Fault::None);
    for (more, sent) in [
        (&["--from", "4"][..], "2 delivered"),
        (&["--from", "1", "--before", "2"][..], "1 delivered"),
        (
            &["--reason", "record_invalid", "--before", "1"][..],
            "1 delivered",
        ),
        (&["--reason", "give_up"][..], "0 records to send"),
        (&["--target", "alerts", "--since", "1h"][..], "6 delivered"),
        (&["--target", "clicks"][..], "0 records to send"),
        (&["--until", "1h"][..], "0 records to send"),
    ] {
        let (code, said) = replay(&gateway, "rejects", more);
        assert_eq!(code, 0, "{more:?}: {said}");
        assert!(said.contains(sent), "{more:?}: {said}");
    }
    gateway.stop();
}

#[test]
fn what_does_not_fit_is_said_before_anything_is_sent() {
    let stub = Stub::start();
    let gateway = with_letters(&stub, 0..2);
    stub.always(Fault::None);
    for (more, word) in [
        (
            &["--to", "clicks"][..],
            "does not fit the target `clicks` (kinesis)",
        ),
        (&["--to", "nobody"][..], "the files have no target `nobody`"),
        (
            &["--to", "rejects"][..],
            "does not fit the target `rejects` (log)",
        ),
    ] {
        let (code, said) = replay(&gateway, "rejects", more);
        assert_eq!(code, 1, "{more:?}: {said}");
        assert!(
            said.contains(word) && said.contains("nothing is sent"),
            "{said}"
        );
        assert!(said.contains("2 records from 0 on"), "{said}");
    }
    assert!(stub.store().all().is_empty());
    gateway.stop();
}

#[test]
fn records_of_a_log_go_to_kafka_byte_for_byte() {
    let Some(kafka) = kafka("a log that is sent to Kafka") else {
        return;
    };
    let topic = kafka.topic(2);
    let gateway = gateway()
        .target("audit", "log: { dir: audit }")
        .target("orders", &topic.target())
        .route("POST /audit", "audit", record_for("log"))
        .route("POST /orders", "orders", record_for("kafka"))
        .start();
    let body = ndjson(0..500);
    let answer = gateway
        .client()
        .post_as("application/x-ndjson", "/audit", body.as_bytes());
    answer.is(200);
    let (code, said) = replay(&gateway, "audit", &[]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("say with --to where it goes"), "{said}");
    let (code, said) = replay(&gateway, "audit", &["--to", "audit"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("`audit` is the log that is read"), "{said}");
    let (code, said) = replay(&gateway, "audit", &["--to", "orders"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("500 delivered"), "{said}");
    exactly_once("Kafka", &topic.read(), 0..500);
    gateway.stop();
}

#[test]
fn a_replay_that_is_given_up_says_how_to_go_on() {
    let stub = Stub::start();
    let gateway = with_letters(&stub, 0..3);
    stub.always(Fault::ServerError(503));
    let (code, said) = replay(&gateway, "rejects", &["--from", "1", "--rate", "1/s"]);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("given up") && said.contains("go on with --from 1"),
        "{said}"
    );
    stub.always(Fault::None);
    let (code, said) = replay(&gateway, "rejects", &["--from", "1"]);
    assert_eq!((code, said.contains("2 delivered")), (0, true), "{said}");
    gateway.stop();
}

#[test]
fn an_interrupted_replay_says_up_to_where_it_came() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = gateway()
        .target("audit", "log: { dir: audit }")
        .route("POST /audit", "audit", record_for("log"))
        .start();
    let body = ndjson(0..300);
    gateway
        .client()
        .post_as("application/x-ndjson", "/audit", body.as_bytes())
        .is(200);
    let file = gateway.beside("copy.yaml");
    let target = format!(
        "log: {{ dir: '{}' }}",
        folder.path().join("again").display()
    );
    let text = format!("sluicegate: 1\ntargets:\n  copy: {{ {target} }}\n");
    std::fs::write(&file, text).unwrap();
    let audit = gateway.beside("audit");
    let arguments = |from: &str| {
        let mut command = sluicegate();
        command
            .args(["spool", "replay"])
            .arg(&audit)
            .arg("--file")
            .arg(&file);
        command.args(["--to", "copy", "--rate", "100/s", "--from", from]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let again = folder.path().join("again");
    let child = arguments("0").spawn().unwrap();
    let end = Instant::now() + PATIENCE;
    while stored(&again) < 30 {
        assert!(Instant::now() < end, "{} are sent", stored(&again));
        std::thread::sleep(Duration::from_millis(20));
    }
    let sent = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
    let (code, said) = told(child.wait_with_output().unwrap());
    assert_eq!(code, 1, "{said}");
    let (_, from) = said.trim_end().rsplit_once("--from ").expect(&said);
    let at: usize = from.parse().expect(&said);
    assert!(
        said.contains("interrupted") && (30..300).contains(&at),
        "{said}"
    );
    assert_eq!(
        stored(&again),
        at,
        "all before it are there, and none behind it"
    );
    let (code, said) = told(arguments(from).output().unwrap());
    assert_eq!(code, 0, "{said}");
    exactly_once("the copy", &crate::kit::values(&again), 0..300);
    gateway.signal("-KILL");
}

fn stored(directory: &Path) -> usize {
    match directory.is_dir() {
        true => crate::kit::values(directory).len(),
        false => 0,
    }
}
