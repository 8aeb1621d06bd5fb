//! What a client sees: each status of the contract, made on purpose.

use std::time::Duration;

use crate::kit::{
    Fault, Gateway, Request, Stub, event, eventually, gateway, record_for, stub_target,
};

struct Scene {
    stub: Stub,
    other: Stub,
    gateway: Gateway,
}

/// One gateway with a route for each way to answer.
fn scene() -> Scene {
    let (stub, other) = (Stub::start(), Stub::start());
    let to = |kind: &str| format!("target: {kind}, record: {}", record_for(kind));
    let once = "target: dynamodb, record: { put: { pk: '${event.id}' }, \
                condition: attribute_not_exists(pk) }";
    let accepted = "target: dynamodb, record: { put: { pk: '${event.id}' }, \
                    condition: attribute_not_exists(pk), on_false: accept }";
    let gateway = gateway()
        .target(
            "kinesis",
            &(stub_target(&stub, "kinesis") + ", give_up: 1s"),
        )
        .target("sns", &(stub_target(&other, "sns") + ", give_up: 1s"))
        .target("dynamodb", &stub_target(&stub, "dynamodb"))
        .fan_out(
            "POST /required",
            &[&to("kinesis")],
            "accept: { formats: [json, json-array], event_bytes: 100KiB, events: 3 }\n\
             reply: { within: 500ms }",
        )
        .fan_out("POST /none", &[&to("kinesis")], "reply: { after: none }")
        .fan_out(
            "POST /any",
            &[&to("kinesis"), &to("sns")],
            "reply: { after: any, within: 5s }",
        )
        .fan_out("POST /both", &[&to("kinesis"), &to("sns")], "")
        .fan_out("POST /once", &[once], "")
        .fan_out("POST /accepted", &[accepted], "")
        .fan_out(
            "POST /vip",
            &[&format!(
                "target: sns, when: \"${{event.user == 'u1'}}\", record: {}",
                record_for("sns")
            )],
            "",
        )
        .fan_out(
            "POST /vip-or-not",
            &[&format!(
                "target: sns, when: \"${{event.user == 'u1'}}\", record: {}",
                record_for("sns")
            )],
            "unmatched: accept",
        )
        .start();
    Scene {
        stub,
        other,
        gateway,
    }
}

#[test]
fn confirmed_is_200_and_accepted_is_202() {
    let Scene {
        gateway,
        stub,
        other,
    } = scene();
    let answer = gateway.post("/required", &event(1)).is(200);
    assert_eq!(answer.field("content-type"), Some("application/json"));
    assert_eq!(answer.json()["ack"], "confirmed");
    let answer = gateway.post("/none", &event(2)).is(202);
    assert_eq!(answer.json()["ack"], "memory");
    other.always(Fault::Throttled);
    gateway.post("/any", &event(3)).is(200);
    assert_eq!((stub.store().times(3), other.store().times(3)), (1, 0));
    gateway.stop();
}

#[test]
fn a_mixed_batch_is_its_worst_event_or_207() {
    let Scene { gateway, stub, .. } = scene();
    let body = format!("[{}, {{\"user\":\"no id\"}}, {}]", event(1), event(2));
    let answer = gateway.post("/required", &body).is(400);
    assert_eq!(answer.code(), "field_missing");
    assert_eq!(answer.field("sluicegate-outcome"), Some("some"));
    let problem = answer.json();
    assert_eq!(
        (&problem["accepted"], &problem["event"]),
        (&2.into(), &1.into())
    );
    assert!(
        problem["detail"].as_str().unwrap().contains("id"),
        "{problem}"
    );

    let fields = [
        ("Content-Type", "application/json"),
        ("Prefer", "handling=lenient"),
    ];
    let body = body
        .replace("0000001", "0000003")
        .replace("0000002", "0000004");
    let request = Request {
        method: "POST",
        target: "/required",
        fields: &fields,
        body: body.as_bytes(),
    };
    let answer = gateway.client().send(&request).is(207);
    let events = answer.json()["events"].clone();
    let outcomes: Vec<_> = (0..3).map(|n| events[n]["outcome"].clone()).collect();
    assert_eq!(outcomes, ["all", "none", "all"]);
    assert_eq!(stub.store().counts().len(), 4);
    gateway.stop();
}

/// A request that is wrong, and what must be said of it.
struct Wrong {
    method: &'static str,
    target: &'static str,
    kind: &'static str,
    body: &'static str,
    status: u16,
    code: &'static str,
    named: &'static str,
}

/// A JSON body that `/required` refuses.
const fn json(body: &'static str, status: u16, code: &'static str, named: &'static str) -> Wrong {
    let (method, target, kind) = ("POST", "/required", "application/json");
    Wrong {
        method,
        target,
        kind,
        body,
        status,
        code,
        named,
    }
}

const WRONG: &[Wrong] = &[
    Wrong {
        target: "/nowhere",
        ..json("{}", 404, "route_not_found", "path")
    },
    Wrong {
        method: "GET",
        ..json("", 405, "method_not_allowed", "POST")
    },
    json("{}", 400, "field_missing", "event.id"),
    json("", 400, "body_empty", ""),
    json("[]", 400, "body_empty", ""),
    json("{\"id\":", 400, "json_invalid", ""),
    json(r#"{"id":"a","id":"b"}"#, 400, "duplicate_field", "id"),
    Wrong {
        kind: "text/csv",
        ..json("a,b", 415, "format_unsupported", "Content-Type")
    },
    json("[{},{},{},{}]", 413, "too_many_events", "3"),
    json(r#"{"id":{"a":1}}"#, 422, "mapping_failed", "id"),
    Wrong {
        target: "/vip",
        ..json(r#"{"id":"a","user":"u2"}"#, 422, "no_target", "")
    },
];

#[test]
fn what_is_wrong_with_a_request_is_a_4xx_that_names_it() {
    let Scene { gateway, stub, .. } = scene();
    let mut client = gateway.client();
    for Wrong {
        method,
        target,
        kind,
        body,
        status,
        code,
        named,
    } in WRONG
    {
        let fields = [("Content-Type", *kind)];
        let answer = client.send(&Request {
            method,
            target,
            fields: &fields,
            body: body.as_bytes(),
        });
        let (seen, shown) = ((answer.status, answer.code()), answer.text());
        assert_eq!(
            seen,
            (*status, (*code).to_owned()),
            "{method} {target} {body}: {shown}"
        );
        assert_eq!(
            answer.field("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(answer.field("sluicegate-outcome"), Some("none"));
        assert!(shown.contains(named), "{named} is not in: {shown}");
    }
    let large = format!(
        r#"{{"id":"event-0000001","pad":"{}"}}"#,
        "x".repeat(101 * 1024)
    );
    assert_eq!(
        client.post("/required", &large).is(413).code(),
        "event_too_large"
    );
    assert_eq!(stub.calls().len(), 0, "nothing was sent");
    gateway
        .post("/vip-or-not", r#"{"id":"a","user":"u2"}"#)
        .is(200);
    gateway.stop();
}

#[test]
fn a_405_lists_the_methods_that_are_there() {
    let Scene { gateway, .. } = scene();
    let answer = gateway.client().get("/required").is(405);
    assert!(
        answer.field("allow").unwrap().contains("POST"),
        "{:?}",
        answer.fields
    );
    gateway.stop();
}

#[test]
fn a_condition_that_does_not_hold_is_409_or_as_good_as_there() {
    let Scene { gateway, stub, .. } = scene();
    gateway.post("/once", &event(1)).is(200);
    let answer = gateway.post("/once", &event(1)).is(409);
    assert_eq!(answer.code(), "conflict");
    gateway.post("/accepted", &event(1)).is(200);
    gateway.post("/accepted", &event(2)).is(200);
    assert_eq!(stub.store().counts().len(), 2);
    gateway.stop();
}

#[test]
fn an_event_that_can_never_fit_is_413_and_names_target_and_limit() {
    let stub = Stub::start();
    let gateway = gateway()
        .target("alerts", &stub_target(&stub, "sns"))
        .fan_out(
            "POST /alerts",
            &[&format!("target: alerts, record: {}", record_for("sns"))],
            "accept: { event_bytes: 2MiB }",
        )
        .start();
    let body = format!(
        r#"{{"id":"event-0000001","pad":"{}"}}"#,
        "x".repeat(256 << 10)
    );
    let answer = gateway.post("/alerts", &body).is(413);
    assert_eq!(answer.code(), "record_too_large");
    assert!(answer.text().contains("alerts"), "{}", answer.text());
    assert_eq!(stub.calls().len(), 0);
    gateway.stop();
}

#[test]
fn partly_stored_is_502_certainly_not_is_503_and_unconfirmed_is_504() {
    let Scene {
        gateway,
        stub,
        other,
    } = scene();
    other.always(Fault::Throttled);
    let answer = gateway.post("/both", &event(1)).is(502);
    assert_eq!(
        (answer.code().as_str(), answer.field("sluicegate-outcome")),
        ("partly_stored", Some("some"))
    );
    assert_eq!((stub.store().times(1), other.store().times(1)), (1, 0));
    other.always(Fault::None);

    stub.always(Fault::Delay(Duration::from_secs(2)));
    let answer = gateway.post("/required", &event(3)).is(504);
    assert_eq!(
        (answer.code().as_str(), answer.field("sluicegate-outcome")),
        ("unconfirmed", Some("unknown"))
    );
    stub.always(Fault::None);
    assert_eq!(stub.store().times(3), 1, "a 504 may still arrive");
    eventually("what is confirmed after its answer is counted", || {
        gateway.metric("sluicegate_late_total", &["kinesis"]) == 1.0
    });
    gateway.stop();
}

#[test]
fn what_was_surely_not_stored_is_503() {
    let stub = Stub::start();
    let gateway = gateway()
        .target("sns", &(stub_target(&stub, "sns") + ", give_up: 1s"))
        .route("POST /alerts", "sns", record_for("sns"))
        .start();
    stub.always(Fault::Throttled);
    let answer = gateway.post("/alerts", &event(1)).is(503);
    assert_eq!(
        answer.field("sluicegate-outcome"),
        Some("none"),
        "{}",
        answer.text()
    );
    assert!(answer.field("retry-after").is_some());
    assert_eq!(stub.store().times(1), 0);
    gateway.stop();
}
