//! How records leave the spool otherwise than delivered, and what a file's tests say of it.

use crate::kit::{
    Fault, Stub, event, eventually, gateway, letters, record_for, sluicegate, stub_target,
};

#[test]
fn what_a_target_refuses_for_good_goes_from_the_spool_to_the_dead_letter() {
    let (folder, stub) = (tempfile::tempdir().unwrap(), Stub::start());
    let (spool, rejects) = (folder.path().join("spool"), folder.path().join("rejects"));
    let to = format!("target: clicks, record: {}", record_for("kinesis"));
    let gateway = gateway()
        .top(&format!("spool: {{ dir: '{}' }}\n", spool.display()))
        .target(
            "clicks",
            &(stub_target(&stub, "kinesis") + ", dead_letter: rejects"),
        )
        .target(
            "rejects",
            &format!("log: {{ dir: '{}' }}", rejects.display()),
        )
        .fan_out(
            "POST /clicks",
            &[&to],
            "name: clicks\nreply: { after: spooled }",
        )
        .start();
    stub.always(Fault::Invalid);
    let answer = gateway.post("/clicks", &event(1)).is(202);
    eventually("the dead letter has it", || !letters(&rejects).is_empty());
    eventually("the spool has let it go", || {
        gateway.metric("sluicegate_spool_backlog_entries", &["clicks"]) == 0.0
    });
    let letter = letters(&rejects).remove(0);
    assert_eq!((&*letter.route, &*letter.target), ("clicks", "clicks"));
    assert_eq!(&*letter.reason, "record_invalid");
    let id = uuid::Uuid::from_u128(letter.request)
        .hyphenated()
        .to_string();
    assert_eq!(answer.json()["id"], id.as_str());
    assert!(gateway.logged("spool.refused").is_some());
    stub.always(Fault::None);
    gateway.post("/clicks", &event(2)).is(202);
    eventually("others go on", || stub.store().counts().get(&2) == Some(&1));
    assert_eq!(letters(&rejects).len(), 1);
    gateway.stop();
}

/// A counter, of which a second try would make two.
const ADD: &str = "target: orders, record: { update: { key: { pk: '${event.id}' }, \
                   set: { raw: '${json(event)}' }, add: { puts: 1 } } }";

#[test]
fn an_addition_whose_answer_was_lost_is_not_done_twice() {
    let (folder, stub) = (tempfile::tempdir().unwrap(), Stub::start());
    let (spool, rejects) = (folder.path().join("spool"), folder.path().join("rejects"));
    let gateway = gateway()
        .top(&format!("spool: {{ dir: '{}' }}\n", spool.display()))
        .target(
            "orders",
            &(stub_target(&stub, "dynamodb") + ", dead_letter: rejects"),
        )
        .target(
            "rejects",
            &format!("log: {{ dir: '{}' }}", rejects.display()),
        )
        .fan_out("POST /spooled", &[ADD], "reply: { after: spooled }")
        .fan_out("POST /else", &[ADD], "reply: { else: spooled }")
        .start();
    stub.next(Fault::ResetAfter);
    gateway.post("/spooled", &event(1)).is(202);
    eventually("the dead letter has it", || !letters(&rejects).is_empty());
    assert_eq!(&*letters(&rejects)[0].target, "orders");
    let left = |how: &str| gateway.metric("sluicegate_spool_records_total", &["orders", how]);
    eventually("the spool has let it go", || left("uncertain") == 1.0);
    // Its client can be told, where it waits for the target: nobody knows.
    stub.next(Fault::ResetAfter);
    gateway.post("/else", &event(2)).is(504);
    // What was surely not stored is no such matter.
    stub.next(Fault::Throttled);
    gateway.post("/spooled", &event(3)).is(202);
    eventually("the third is delivered", || {
        stub.store().counts().contains_key(&3)
    });
    let counts = stub.store().counts();
    assert!(counts.values().all(|times| *times == 1), "{counts:?}");
    assert_eq!(counts.len(), 3);
    assert_eq!((left("again"), letters(&rejects).len()), (0.0, 1));
    gateway.stop();
}

const TESTED: &str = "sluicegate: 1
spool: { dir: spool }
defaults: { auth: none }
targets: { clicks: { discard: {} }, more: { discard: {} } }
routes:
  - route: POST /spooled
    to: [ { target: clicks, need: best_effort } ]
    reply: { after: spooled }
    tests:
      - name: it is on disk
        request: { body: { id: 1 } }
        expect: { status: 202, body: { ack: spooled, accepted: 1 }, headers: { Sluicegate-Outcome: all } }
      - name: there is no room
        request: { body: { id: 1 } }
        given: { spool: full }
        expect: { status: 507, body: { code: spool_full }, headers: { Sluicegate-Outcome: none } }
      - name: its disk fails
        request: { body: { id: 1 } }
        given: { spool: unavailable }
        expect: { status: 503, body: { code: spool_unavailable } }
  - route: POST /else
    to: [ { target: clicks }, { target: more } ]
    reply: { else: spooled, status: 201 }
    tests:
      - name: confirmed
        request: { body: { id: 1 } }
        expect: { status: 201, body: { ack: confirmed } }
      - name: one of two cannot be reached
        request: { body: { id: 1 } }
        given: { more: unavailable }
        expect: { status: 202, body: { ack: spooled } }
      - name: the answer is lost
        request: { body: { id: 1 } }
        given: { clicks: lost, more: blocked }
        expect: { status: 202, body: { ack: spooled } }
      - name: refused for good
        request: { body: { id: 1 } }
        given: { clicks: refused, more: refused }
        expect: { status: 422 }
      - name: and the spool is full
        request: { body: { id: 1 } }
        given: { clicks: unavailable, more: unavailable, spool: full }
        expect: { status: 503, body: { code: not_stored } }
";

#[test]
fn the_tests_of_a_file_rehearse_the_spool_and_touch_none() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tested.yaml");
    std::fs::write(&file, TESTED).unwrap();
    let tested = sluicegate().arg("test").arg(&file).output().unwrap();
    let said = String::from_utf8_lossy(&tested.stdout).into_owned()
        + &String::from_utf8_lossy(&tested.stderr);
    assert!(tested.status.success(), "{said}");
    assert!(!folder.path().join("spool").exists(), "nothing was opened");
}

#[test]
fn a_demo_has_a_spool_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("demo.yaml");
    let text = "sluicegate: 1
spool: { dir: spool }
defaults: { auth: none }
targets: { audit: { kafka: { bootstrap_servers: 'localhost:9092', topic: audit } } }
routes:
  - route: POST /events
    to: [ { target: audit, record: { key: '${event.id}', value: '${event}' } } ]
    reply: { after: spooled }
    tests:
      - name: an event lands by way of the disk
        request: { body: { id: e1 } }
        expect: { status: 202, records: { audit: { key: e1 } } }
";
    std::fs::write(&file, text).unwrap();
    let shown = sluicegate()
        .args(["sandbox", "--demo"])
        .arg(&file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&shown.stdout).into_owned()
        + &String::from_utf8_lossy(&shown.stderr);
    assert!(shown.status.success(), "{said}");
    assert!(!folder.path().join("spool").exists(), "{said}");
}
