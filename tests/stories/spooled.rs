//! Events that are answered once they are on disk: they reach their targets whatever dies meanwhile.

use std::path::Path;

use sluicegate_testkit::marker;

use crate::kit::{
    Fault, Gateway, Opening, Stub, aws, event, eventually, exactly_once, gateway, kafka, ndjson,
    record_for, sluicegate, stub_target,
};

const SPOOLED: &str = "accept: { formats: [json, ndjson] }\nreply: { after: spooled }";

/// A gateway whose spool is in this folder.
fn spooling(dir: &Path) -> Opening {
    gateway().top(&format!("spool: {{ dir: '{}' }}\n", dir.display()))
}

/// What a stub's stream holds of these events: how often each.
fn times(stub: &Stub, numbers: std::ops::Range<u64>) -> Vec<usize> {
    let counts = stub.store().counts();
    numbers
        .map(|n| counts.get(&n).copied().unwrap_or(0))
        .collect()
}

fn clicks(dir: &Path, stub: &Stub) -> Gateway {
    let to = format!("target: clicks, record: {}", record_for("kinesis"));
    spooling(dir)
        .target("clicks", &(stub_target(stub, "kinesis") + ", give_up: 1s"))
        .fan_out("POST /clicks", &[&to], SPOOLED)
        .start()
}

#[test]
fn what_is_answered_202_is_on_disk_and_reaches_every_target() {
    let story = "what_is_answered_202_is_on_disk_and_reaches_every_target";
    let (Some(kafka), Some(aws)) = (kafka(story), aws(story)) else {
        return;
    };
    let (audit, stream, table) = (kafka.topic(2), aws.stream(2), aws.table());
    let folder = tempfile::tempdir().unwrap();
    let gateway = spooling(&folder.path().join("spool"))
        .target("audit", &audit.target())
        .target("clicks", &stream.target())
        .target("orders", &table.target())
        .fan_out(
            "POST /events",
            &[
                "target: audit, record: { key: '${event.user}', value: '${event}' }",
                "target: clicks, record: { partition_key: '${event.id}', data: '${event}' }",
                "target: orders, record: { put: { pk: '${event.id}', raw: '${json(event)}' } }",
            ],
            SPOOLED,
        )
        .start();
    let mut client = gateway.client();
    for n in 0..20 {
        let answer = client.post("/events", &event(n)).is(202);
        assert_eq!(answer.field("sluicegate-outcome"), Some("all"));
        assert_eq!(answer.json()["ack"], "spooled");
    }
    let rest = ndjson(20..200);
    let answer = client
        .post_as("application/x-ndjson", "/events", rest.as_bytes())
        .is(202);
    assert_eq!(answer.json()["accepted"], 180);
    eventually("all have arrived", || {
        let counts = [audit.read().len(), stream.read().len(), table.read().len()];
        counts.iter().all(|count| *count >= 200)
    });
    exactly_once("Kafka", &audit.read(), 0..200);
    exactly_once("Kinesis", &stream.read(), 0..200);
    exactly_once("DynamoDB", &table.read(), 0..200);
    gateway.stop();
}

#[test]
fn a_killed_gateway_goes_on_where_it_was() {
    let (folder, stub) = (tempfile::tempdir().unwrap(), Stub::start());
    let first = clicks(folder.path(), &stub);
    stub.always(Fault::ServerError(503));
    let mut client = first.client();
    for n in 0..50 {
        client.post("/clicks", &event(n)).is(202);
    }
    first.kill();
    assert!(stub.store().counts().is_empty());
    stub.always(Fault::None);
    let second = clicks(folder.path(), &stub);
    assert!(second.logged("spool.recovered").is_some());
    eventually("all that was answered is delivered", || {
        times(&stub, 0..50).iter().all(|times| *times > 0)
    });
    second.stop();
    let third = clicks(folder.path(), &stub);
    third.post("/clicks", &event(50)).is(202);
    eventually("the last one is delivered", || times(&stub, 50..51) == [1]);
    assert_eq!(times(&stub, 0..50), [1; 50], "{}", marker(0));
    third.stop();
}

#[test]
fn a_target_that_is_down_for_a_while_gets_all_of_it_once_in_the_end() {
    let (folder, stub) = (tempfile::tempdir().unwrap(), Stub::start());
    let gateway = clicks(folder.path(), &stub);
    stub.always(Fault::ServerError(503));
    let mut client = gateway.client();
    for n in 0..100 {
        client.post("/clicks", &event(n)).is(202);
    }
    eventually("the target is seen to be down", || {
        gateway.status_of("clicks")["state"] == "down"
    });
    let status = gateway.page("/status").is(200).json();
    let lane = &status["spool"]["targets"][0];
    assert_eq!(
        (lane["target"].as_str(), &lane["orphaned"]),
        (Some("clicks"), &false.into())
    );
    assert!(
        lane["backlog"]["entries"].as_u64().unwrap() >= 90,
        "{status:#}"
    );
    assert!(gateway.metric("sluicegate_spool_bytes", &[]) > 0.0);
    assert!(gateway.metric("sluicegate_spool_oldest_seconds", &[]) > 0.0);
    assert!(gateway.metric("sluicegate_fsync_seconds_count", &[]) > 0.0);
    assert_eq!(gateway.metric("sluicegate_fsync_errors_total", &[]), 0.0);
    stub.always(Fault::None);
    eventually("nothing waits any more", || {
        gateway.metric("sluicegate_spool_backlog_entries", &["clicks"]) == 0.0
    });
    assert_eq!(times(&stub, 0..100), [1; 100]);
    assert_eq!(gateway.metric("sluicegate_spool_oldest_seconds", &[]), 0.0);
    gateway.stop();
}

/// A gateway whose route waits for its target, and spools what is not confirmed.
fn or_else(dir: &Path, stub: &Stub, target: &str, reply: &str) -> Gateway {
    let to = format!("target: clicks, record: {}", record_for("kinesis"));
    let more =
        format!("accept: {{ formats: [json, ndjson] }}\nreply: {{ else: spooled, {reply} }}");
    spooling(dir)
        .target(
            "clicks",
            &format!("{}, {target}", stub_target(stub, "kinesis")),
        )
        .fan_out("POST /clicks", &[&to], &more)
        .start()
}

#[test]
fn what_is_given_up_is_spooled_and_answered_so() {
    let (folder, stub) = (tempfile::tempdir().unwrap(), Stub::start());
    let gateway = or_else(folder.path(), &stub, "give_up: 1s", "within: 20s");
    let confirmed = gateway.post("/clicks", &event(0)).is(200);
    assert_eq!(confirmed.json()["ack"], "confirmed");
    stub.always(Fault::ServerError(503));
    // The first are given up; once the target is known to be down, nobody waits for it.
    for n in 1..6 {
        let answer = gateway.post("/clicks", &event(n)).is(202);
        assert_eq!(answer.json()["ack"], "spooled");
        assert_eq!(answer.field("sluicegate-outcome"), Some("all"));
    }
    stub.always(Fault::None);
    eventually("all have arrived", || times(&stub, 0..6) == [1; 6]);
    gateway.stop();
}

#[test]
fn a_target_that_takes_too_long_does_not_get_it_twice() {
    let (folder, stub) = (tempfile::tempdir().unwrap(), Stub::start());
    let gateway = or_else(folder.path(), &stub, "give_up: 30s", "within: 300ms");
    stub.next(Fault::Delay(std::time::Duration::from_secs(3)));
    let answer = gateway.post("/clicks", &event(0)).is(202);
    assert_eq!(answer.json()["ack"], "spooled");
    eventually("the spool hears of its delivery", || {
        gateway.metric("sluicegate_late_total", &["clicks"]) == 1.0
            && gateway.metric("sluicegate_spool_backlog_entries", &["clicks"]) == 0.0
    });
    gateway.post("/clicks", &event(1)).is(200);
    assert_eq!(times(&stub, 0..2), [1, 1]);
    gateway.stop();
}

#[test]
fn what_finds_the_queue_full_is_spooled() {
    let (folder, stub) = (tempfile::tempdir().unwrap(), Stub::start());
    let gateway = or_else(folder.path(), &stub, "queue_bytes: 64KiB", "within: 20s");
    stub.always(Fault::Delay(std::time::Duration::from_millis(400)));
    let address = gateway.http;
    let posting: Vec<_> = (0..10)
        .map(|n| {
            std::thread::spawn(move || {
                let lines = ndjson(n * 100..(n + 1) * 100);
                let mut client = crate::kit::Client::to(address);
                let answer = client.post_as("application/x-ndjson", "/clicks", lines.as_bytes());
                (
                    answer.status,
                    answer.json()["ack"].as_str().map(str::to_owned),
                )
            })
        })
        .collect();
    let answers: Vec<_> = posting.into_iter().map(|it| it.join().unwrap()).collect();
    assert!(
        answers
            .iter()
            .all(|(status, _)| [200, 202].contains(status)),
        "{answers:?}"
    );
    let spooled = answers.iter().filter(|(status, _)| *status == 202);
    assert!(spooled.count() > 0, "{answers:?}");
    stub.always(Fault::None);
    eventually("all have arrived", || times(&stub, 0..1000) == [1; 1000]);
    gateway.stop();
}

#[test]
fn a_refusal_is_an_answer_and_is_not_spooled() {
    let (folder, stub) = (tempfile::tempdir().unwrap(), Stub::start());
    let gateway = or_else(folder.path(), &stub, "give_up: 1s", "within: 20s");
    stub.always(Fault::Invalid);
    gateway.post("/clicks", &event(0)).is(422);
    assert_eq!(
        gateway.metric("sluicegate_spool_records_total", &["clicks"]),
        0.0
    );
    gateway.stop();
}

#[test]
fn a_full_spool_says_so_at_once_and_takes_more_when_there_is_room_again() {
    let (folder, stub) = (tempfile::tempdir().unwrap(), Stub::start());
    let to = format!("target: clicks, record: {}", record_for("kinesis"));
    let gateway = gateway()
        .top(&format!(
            "spool: {{ dir: '{}', max_bytes: 1MiB }}\n",
            folder.path().display()
        ))
        .target("clicks", &(stub_target(&stub, "kinesis") + ", give_up: 1s"))
        .fan_out("POST /clicks", &[&to], SPOOLED)
        .start();
    stub.always(Fault::ServerError(503));
    let mut client = gateway.client();
    let (mut stored, mut full) = (0, None);
    while full.is_none() {
        let lines = ndjson(stored..stored + 100);
        let answer = client.post_as("application/x-ndjson", "/clicks", lines.as_bytes());
        match answer.status {
            202 => stored += 100,
            _ => full = Some(answer),
        }
        assert!(stored < 20_000, "1 MiB holds {stored} events");
    }
    let full = full.unwrap().is(507);
    assert_eq!(full.json()["code"], "spool_full");
    assert_eq!(full.field("sluicegate-outcome"), Some("none"));
    assert!(full.field("retry-after").is_some());
    gateway.page("/health/ready").is(200);
    stub.always(Fault::None);
    eventually("it takes events again", || {
        let answer = gateway.post("/clicks", &event(stored));
        assert!([202, 507].contains(&answer.status), "{}", answer.text());
        answer.status == 202
    });
    eventually("all that was answered is delivered", || {
        times(&stub, 0..stored + 1).iter().all(|times| *times > 0)
    });
    let counts = stub.store().counts();
    assert!(
        counts.keys().all(|n| *n <= stored),
        "nothing that was refused came"
    );
    gateway.stop();
}

#[test]
fn a_target_that_left_the_file_keeps_its_backlog_and_is_named() {
    let (folder, stub) = (tempfile::tempdir().unwrap(), Stub::start());
    stub.always(Fault::ServerError(503));
    let first = clicks(folder.path(), &stub);
    for n in 0..5 {
        first.post("/clicks", &event(n)).is(202);
    }
    first.kill();
    stub.always(Fault::None);
    let to = format!("target: others, record: {}", record_for("sns"));
    let second = spooling(folder.path())
        .target("others", &stub_target(&stub, "sns"))
        .fan_out("POST /others", &[&to], SPOOLED)
        .start();
    let orphaned = second
        .logged("spool.orphaned")
        .expect("a log line names it");
    assert_eq!(orphaned["orphan"], "clicks");
    second.post("/others", &event(100)).is(202);
    eventually("others get theirs", || times(&stub, 100..101) == [1]);
    let status = second.page("/status").is(200).json();
    let lanes = status["spool"]["targets"].as_array().unwrap().clone();
    let clicks_lane = lanes
        .iter()
        .find(|lane| lane["target"] == "clicks")
        .unwrap();
    assert_eq!(clicks_lane["orphaned"], true);
    assert!(
        clicks_lane["backlog"]["entries"].as_u64().unwrap() >= 5,
        "{status:#}"
    );
    assert_eq!(times(&stub, 0..5), [0; 5]);
    second.stop();
    let third = clicks(folder.path(), &stub);
    eventually("it is back, and gets them", || times(&stub, 0..5) == [1; 5]);
    third.stop();
}

#[test]
fn a_backlog_comes_at_its_rate_beside_live_traffic() {
    let (folder, stub) = (tempfile::tempdir().unwrap(), Stub::start());
    stub.always(Fault::ServerError(503));
    let first = clicks(folder.path(), &stub);
    let lines = ndjson(0..100);
    first
        .client()
        .post_as("application/x-ndjson", "/clicks", lines.as_bytes())
        .is(202);
    first.kill();
    stub.always(Fault::None);
    let to = format!("target: clicks, record: {}", record_for("kinesis"));
    let began = std::time::Instant::now();
    let second = gateway()
        .top(&format!(
            "spool: {{ dir: '{}', rate: 50/s }}\n",
            folder.path().display()
        ))
        .target("clicks", &stub_target(&stub, "kinesis"))
        .fan_out("POST /clicks", &[&to], "reply: { else: spooled }")
        .start();
    second.post("/clicks", &event(1000)).is(200);
    eventually("all have arrived", || times(&stub, 0..100) == [1; 100]);
    let took = began.elapsed();
    assert!(
        took.as_secs_f64() > 1.5,
        "100 records at 50 a second took {took:?}"
    );
    second.stop();
}

#[test]
fn a_directory_is_held_by_one_gateway() {
    let (folder, stub) = (tempfile::tempdir().unwrap(), Stub::start());
    let first = clicks(folder.path(), &stub);
    let file = folder.path().join("second.yaml");
    let text = format!(
        "sluicegate: 1\nspool: {{ dir: '{}' }}\ntargets: {{ nothing: {{ discard: {{}} }} }}\n\
         defaults: {{ auth: none }}\nroutes: [ {{ route: POST /a, to: [ {{ target: nothing }} ], \
         reply: {{ after: spooled }} }} ]\n",
        folder.path().display()
    );
    std::fs::write(&file, text).unwrap();
    let second = sluicegate()
        .arg("serve")
        .arg(&file)
        .args(["--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(
        !second.status.success() && said.contains("held by another process"),
        "{said}"
    );
    first.stop();
}
