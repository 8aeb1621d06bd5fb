//! Answers as their route shapes them, and as their callers prefer them.

use serde_json::json;

use crate::kit::{Answer, Gateway, Request, aws, gateway, kafka, roto};

/// Sends one JSON event with these fields.
fn send(gateway: &Gateway, target: &str, fields: &[(&str, &str)], body: &str) -> Answer {
    let json = [("Content-Type", "application/json")];
    gateway.client().send(&Request {
        method: "POST",
        target,
        fields: &[&json, fields].concat(),
        body: body.as_bytes(),
    })
}

#[test]
fn what_a_table_gives_back_stands_in_the_answer() {
    let story = "what_a_table_gives_back_stands_in_the_answer";
    for emulator in [aws(story), roto(story)].into_iter().flatten() {
        let binding = "target: table, record: { update: { key: { pk: '${event.id}' }, \
                       add: { count: 1 } }, returning: new }";
        let reply = "reply: { status: 201, headers: { X-Count: \"${results.table.?attributes.count\
                     .orValue(0)}\" }, body: { id: '${event.id}', \
                     count: \"${results.table.?attributes.count.orValue(0)}\" } }";
        let gateway = gateway()
            .target("table", &emulator.table().target())
            .fan_out("POST /count", &[binding], reply)
            .start();
        gateway.post("/count", r#"{"id":"a"}"#).is(201);
        let answer = gateway.post("/count", r#"{"id":"a"}"#).is(201);
        assert_eq!(answer.json(), json!({ "id": "a", "count": 2 }));
        assert_eq!(answer.field("x-count"), Some("2"));
        assert_eq!(answer.field("sluicegate-outcome"), Some("all"));
        gateway.stop();
    }
}

#[test]
fn where_a_record_lies_in_kafka_can_be_told() {
    let Some(kafka) = kafka("where_a_record_lies_in_kafka_can_be_told") else {
        return;
    };
    let topic = kafka.topic(1);
    let reply = "reply: { headers: { Location: '/topic/${results.topic.partition}/\
                 ${results.topic.offset}' }, body: '' }";
    let gateway = gateway()
        .target("topic", &topic.target())
        .fan_out(
            "POST /events",
            &["target: topic, record: { value: '${event}' }"],
            reply,
        )
        .start();
    for offset in 0..3 {
        let answer = gateway.post("/events", "{}").is(200);
        let place = format!("/topic/0/{offset}");
        assert_eq!(answer.field("location"), Some(place.as_str()));
        assert_eq!(answer.text(), "");
    }
    assert_eq!(topic.read().len(), 3);
    gateway.stop();
}

/// A route whose answer is made of what the client says.
fn mirror() -> Gateway {
    let reply = "reply: { status: '${event.status}', headers: { X-Said: '${event.said}' }, \
                 body: { said: '${event.said}' }, \
                 refusal: { status: '${error.status}', headers: { X-Code: '${error.code}' }, \
                 body: { wrong: '${error.detail}' } } }";
    gateway()
        .target("all", "discard: {}")
        .fan_out("POST /mirror", &["target: all"], reply)
        .start()
}

#[test]
fn a_value_cannot_split_an_answer_or_make_it_lie() {
    let gateway = mirror();
    let said = |status: i64, said: &str| json!({ "status": status, "said": said }).to_string();
    let good = gateway.post("/mirror", &said(201, "hello")).is(201);
    assert_eq!(good.field("x-said"), Some("hello"));
    let hostile = [
        said(201, "a\r\nX-Injected: yes"),
        said(201, "a\nb"),
        said(201, "a\u{0}b"),
        said(404, "a refusal of what was stored"),
        said(503, "come again"),
        said(99, "no status"),
        said(100_000, "no status"),
        said(-1, "no status"),
    ];
    for body in &hostile {
        // It was delivered, and that is what the plain answer says.
        let answer = gateway.post("/mirror", body).is(200);
        assert_eq!(answer.field("x-injected"), None, "{body}");
        assert_eq!(answer.field("x-said"), None, "{body}");
        assert_eq!(answer.json()["ack"], "confirmed", "{body}");
    }
    let unshaped = gateway.metric("sluicegate_reply_unshaped_total", &["POST /mirror"]);
    assert_eq!(unshaped, hostile.len() as f64);
    assert!(gateway.logged("reply.unshaped").is_some());
    gateway.stop();
}

#[test]
fn refusals_are_shaped_and_stay_refusals() {
    let gateway = mirror();
    let answer = gateway.post("/mirror", "{").is(400);
    assert_eq!(answer.field("x-code"), Some("json_invalid"));
    assert_eq!(answer.field("sluicegate-outcome"), Some("none"));
    assert!(answer.json()["wrong"].is_string(), "{}", answer.text());
    let answer = send(&gateway, "/mirror", &[("Content-Encoding", "lzma")], "{}").is(415);
    assert_eq!(answer.field("x-code"), Some("encoding_unsupported"));
    gateway.stop();
}

#[test]
fn callers_say_how_much_they_want_to_hear() {
    let gateway = gateway()
        .target("all", "discard: {}")
        .fan_out("POST /events", &["target: all"], "")
        .start();
    let prefers = |preference: &str| send(&gateway, "/events", &[("Prefer", preference)], "{}");
    let least = prefers("return=minimal").is(200);
    assert_eq!(least.text(), "");
    assert_eq!(least.field("preference-applied"), Some("return=minimal"));
    assert_eq!(least.field("sluicegate-outcome"), Some("all"));
    let most = prefers("return=representation").is(200);
    assert!(most.json()["events"].is_array(), "{}", most.text());
    // Of a preference that stands twice the first holds, and what is unknown means nothing.
    let first = prefers("x=\"return=representation\", return=minimal, return=representation");
    assert_eq!(first.is(200).text(), "");
    gateway.stop();
}
