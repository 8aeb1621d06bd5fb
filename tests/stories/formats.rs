//! Events in forms other than JSON, from the request to the record in Apache Kafka.

use crate::kit::{Answer, Client, Gateway, Request, gateway, kafka};

const STRUCTURED: &str = "application/cloudevents+json";
const BATCHED: &str = "application/cloudevents-batch+json";
const FORM: &str = "application/x-www-form-urlencoded";

fn post(client: &mut Client, target: &str, fields: &[(&str, &str)], body: &str) -> Answer {
    client.send(&Request {
        method: "POST",
        target,
        fields,
        body: body.as_bytes(),
    })
}

fn cloud_event(id: &str, data: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"/tests","type":"t","subject":"s","data":{data}}}"#
    )
}

#[test]
fn cloud_events_arrive_as_their_data_with_their_attributes_beside_it() {
    let Some(kafka) = kafka("cloud_events_arrive_as_their_data") else {
        return;
    };
    let topic = kafka.topic(1);
    let record = "{ key: '${ce.id}', \
                    value: '{\"id\":\"${ce.id}\",\"of\":\"${ce.?subject.orValue(\"-\")}\",\"n\":${event.n}}' }";
    let to = |record: &str| format!("target: topic, record: {record}");
    let (attributes, data) = (to(record), to("{ value: '${event}' }"));
    let accept = "accept: { formats: [ json, cloudevents ] }";
    let gateway = gateway()
        .target("topic", &topic.target())
        .fan_out("POST /attributes", &[&attributes], accept)
        .fan_out("POST /data", &[&data], accept)
        .start();
    let client = &mut gateway.client();
    let structured = [("Content-Type", STRUCTURED)];
    let first = cloud_event("e1", "{\"n\":1}");
    post(client, "/attributes", &structured, &first).is(200);
    let data = "{ \"n\" : 1.50,\n \"é\":\"\\u00e9\" }";
    post(client, "/data", &structured, &cloud_event("e2", data)).is(200);
    let batch = format!(
        "[{},{}]",
        cloud_event("e3", "{\"n\":3}"),
        cloud_event("e4", "{\"n\":4}")
    );
    post(client, "/attributes", &[("Content-Type", BATCHED)], &batch).is(200);
    let binary = [
        ("Content-Type", "application/json"),
        ("ce-specversion", "1.0"),
        ("ce-id", "e%2D5"),
        ("ce-source", "/tests"),
        ("ce-type", "t"),
    ];
    post(client, "/attributes", &binary, "{\"n\":5}").is(200);
    let bytes = [
        ("Content-Type", "text/csv"),
        binary[1],
        binary[2],
        binary[3],
        binary[4],
    ];
    post(client, "/data", &bytes, "a,b\n").is(200);
    let encoded = cloud_event("e6", "0").replace("\"data\":0", "\"data_base64\":\"eyJuIjo2fQ==\"");
    post(client, "/attributes", &structured, &encoded).is(200);

    assert_eq!(
        topic.read(),
        [
            r#"{"id":"e1","of":"s","n":1}"#,
            data,
            r#"{"id":"e3","of":"s","n":3}"#,
            r#"{"id":"e4","of":"s","n":4}"#,
            r#"{"id":"e-5","of":"-","n":5}"#,
            "a,b\n",
            r#"{"id":"e6","of":"s","n":6}"#,
        ]
    );
    gateway.stop();
}

#[test]
fn what_is_no_cloud_event_is_refused_and_named() {
    let gateway = plain_gateway();
    let client = &mut gateway.client();
    let structured = [("Content-Type", STRUCTURED)];
    let refused = post(
        client,
        "/attributes",
        &[("Content-Type", "application/json")],
        "{\"n\":7}",
    );
    assert!(refused.is(400).text().contains("ce.id"));
    let broken = cloud_event("", "{\"n\":8}");
    let refused = post(client, "/attributes", &structured, &broken).is(400);
    assert_eq!(refused.code(), "cloudevent_invalid");
    assert!(refused.text().contains("`id`"), "{}", refused.text());
    gateway.stop();
}

#[test]
fn a_sender_of_cloud_events_may_ask_before_it_delivers() {
    let gateway = plain_gateway();
    let client = &mut gateway.client();
    let mut ask = |target, origin| {
        client.send(&Request {
            method: "OPTIONS",
            target,
            fields: &[
                ("WebHook-Request-Origin", origin),
                ("WebHook-Request-Rate", "120"),
            ],
            body: b"",
        })
    };
    let answer = ask("/events", "eventemitter.example.com").is(200);
    assert_eq!(
        answer.field("webhook-allowed-origin"),
        Some("eventemitter.example.com")
    );
    assert_eq!(answer.field("webhook-allowed-rate"), Some("*"));
    assert_eq!(answer.field("allow"), Some("POST"));
    assert_eq!(
        ask("/events", "<script>").field("webhook-allowed-origin"),
        Some("*")
    );
    assert_eq!(ask("/forms", "a.example.com").status, 405);
    gateway.stop();
}

fn plain_gateway() -> Gateway {
    gateway()
        .target("all", "discard: {}")
        .fan_out(
            "POST /events",
            &["target: all"],
            "accept: { formats: [ cloudevents ] }",
        )
        .fan_out(
            "POST /attributes",
            &["target: all, record: { data: '${ce.id}' }"],
            "accept: { formats: [ json, cloudevents ] }",
        )
        .fan_out(
            "POST /forms",
            &["target: all"],
            "accept: { formats: [ form ] }",
        )
        .start()
}

#[test]
fn forms_and_sequences_arrive_as_json() {
    let Some(kafka) = kafka("forms_and_sequences_arrive_as_json") else {
        return;
    };
    let topic = kafka.topic(1);
    let gateway = gateway()
        .target("topic", &topic.target())
        .fan_out(
            "POST /all",
            &["target: topic, record: { value: '${event}', key: '${event.id}' }"],
            "accept: { formats: [ json, form, json-seq ], text_plain: true }",
        )
        .start();
    let client = &mut gateway.client();
    post(
        client,
        "/all",
        &[("Content-Type", FORM)],
        "id=1&t=a+b&t=%C3%A9",
    )
    .is(200);
    let sequence = "\u{1e}{\"id\":2}\n\u{1e}{\"id\":3}\n";
    post(
        client,
        "/all",
        &[("Content-Type", "application/json-seq")],
        sequence,
    )
    .is(200);
    post(
        client,
        "/all",
        &[("Content-Type", "text/plain;charset=UTF-8")],
        "{\"id\":4}",
    )
    .is(200);
    let cut = post(
        client,
        "/all",
        &[("Content-Type", "application/json-seq")],
        "\u{1e}{\"id\":5}\n\u{1e}{\"id",
    );
    let problem = cut.is(400).json();
    assert_eq!(problem["event"], 1, "{problem}");
    let refused = post(client, "/all", &[("Content-Type", FORM)], "t=1").is(400);
    assert!(refused.text().contains("event.id"), "{}", refused.text());
    let refused = post(client, "/all", &[("Content-Type", "text/csv")], "1,2").is(415);
    for named in ["application/json", "x-www-form-urlencoded", "json-seq"] {
        assert!(
            refused.text().contains(named),
            "{named} is not in {}",
            refused.text()
        );
    }
    assert_eq!(
        topic.read(),
        [
            r#"{"id":"1","t":["a b","é"]}"#,
            r#"{"id":2}"#,
            r#"{"id":3}"#,
            r#"{"id":4}"#
        ]
    );
    gateway.stop();
}

#[test]
fn an_image_of_a_page_sends_an_event_and_shows_nothing() {
    let Some(kafka) = kafka("an_image_of_a_page_sends_an_event") else {
        return;
    };
    let topic = kafka.topic(1);
    let record = "target: topic, record: { value: '${event}', key: '${event.id}' }";
    let gateway = gateway()
        .target("topic", &topic.target())
        .fan_out(
            "GET /pixel/{site}",
            &[record],
            "accept: { formats: [ query ] }\nreply: { pixel: gif }",
        )
        .fan_out(
            "GET /silent",
            &[record],
            "accept: { formats: [ query ] }\nreply: { pixel: none }",
        )
        .start();
    let client = &mut gateway.client();
    let answer = client
        .get("/pixel/shop?id=1&page=a%20b&tag=x&tag=y")
        .is(200);
    assert_eq!(answer.field("content-type"), Some("image/gif"));
    assert_eq!(answer.field("cache-control"), Some("no-store"));
    assert_eq!(answer.field("sluicegate-outcome"), Some("all"));
    assert!(answer.body.len() == 43 && answer.body.starts_with(b"GIF89a"));
    let answer = client.get("/silent?id=2").is(204);
    assert_eq!(answer.field("cache-control"), Some("no-store"));
    assert!(answer.body.is_empty());
    // Errors keep their status, and a HEAD sends nothing.
    assert_eq!(client.get("/pixel/shop").is(400).code(), "field_missing");
    assert_eq!(
        client.get("/pixel/shop?id=%FF").is(400).code(),
        "form_invalid"
    );
    let method = "HEAD";
    let (target, fields, body) = ("/silent?id=3", &[][..], &b""[..]);
    let head = gateway.client().send_head(&Request {
        method,
        target,
        fields,
        body,
    });
    assert_eq!(head, 405);
    let first = r#"{"id":"1","page":"a b","tag":["x","y"]}"#;
    assert_eq!(topic.read(), [first, r#"{"id":"2"}"#]);
    gateway.stop();
}
