//! Each field of the rooms, from a request to what the service holds.

use serde_json::{Value, json};

use crate::kit::{Aws, Fault, Gateway, Stub, aws, gateway, kafka, roto, stub_target};

const UPDATE: &str = "target: table, record: { update: { key: { pk: '${event.id}' }, \
                      set: { status: '${event.status}', version: '${event.from + 1}' } }, \
                      condition: 'version = ${event.from}' }";
const COUNT: &str = "target: table, record: { update: { key: { pk: '${event.id}' }, \
                     set_if_absent: { created: '${now()}' }, \
                     add: { count: 1, tags: '${string_set([event.tag])}' } }, returning: new }";
const DELETE: &str = "target: table, record: { delete: { pk: '${event.id}' }, \
                      condition: attribute_exists(pk), returning: old }";

/// A table with a route for each way to write.
fn routes(table: &str) -> Gateway {
    gateway()
        .target("table", table)
        .route("POST /put", "table", "{ put: '${event}' }")
        .fan_out("POST /update", &[UPDATE], "")
        .fan_out("POST /count", &[COUNT], "reply: { receipts: true }")
        .fan_out("POST /delete", &[DELETE], "reply: { receipts: true }")
        .route("POST /forget", "table", "{ delete: { pk: '${event.id}' } }")
        .start()
}

fn put(version: u64) -> String {
    json!({ "pk": "a", "status": "new", "version": version }).to_string()
}

fn change(from: u64, status: &str) -> String {
    json!({ "id": "a", "from": from, "status": status }).to_string()
}

/// The item that the stub holds, in DynamoDB's JSON.
fn held(stub: &Stub) -> Value {
    let store = stub.store();
    let last = store.all().last().expect("something is stored");
    serde_json::from_slice(&last.entry.payload).unwrap()
}

fn calls(stub: &Stub, operation: &str) -> usize {
    let calls = stub.calls();
    calls
        .iter()
        .filter(|call| call.operation == operation)
        .count()
}

/// What a receipt gives back.
fn attributes(answer: &Value) -> Value {
    answer["events"][0]["targets"][0]["attributes"].clone()
}

fn on_emulators(story: &str, tell: impl Fn(&Aws)) {
    for emulator in [aws(story), roto(story)].into_iter().flatten() {
        tell(&emulator);
    }
}

#[test]
fn counters_and_sets_add_up_and_come_back() {
    on_emulators("counters_and_sets_add_up_and_come_back", |aws| {
        let gateway = routes(&aws.table().target());
        let count = |tag: &str| {
            let body = json!({ "id": "a", "tag": tag }).to_string();
            attributes(&gateway.post("/count", &body).is(200).json())
        };
        count("x");
        let first = count("x");
        let last = count("y");
        assert_eq!(last["count"], 3, "{last}");
        assert_eq!(last["created"], first["created"]);
        let mut tags = last["tags"].as_array().unwrap().clone();
        tags.sort_by_key(ToString::to_string);
        assert_eq!(tags, ["x", "y"]);
        let gone = gateway.post("/delete", r#"{"id":"a"}"#).is(200).json();
        assert_eq!(attributes(&gone)["count"], 3, "{gone}");
        gateway.post("/delete", r#"{"id":"a"}"#).is(409);
        gateway.stop();
    });
}

#[test]
fn a_condition_lets_one_of_two_updates_through() {
    on_emulators("a_condition_lets_one_of_two_updates_through", |aws| {
        let gateway = routes(&aws.table().target());
        gateway.post("/put", &put(1)).is(200);
        gateway.post("/update", &change(1, "paid")).is(200);
        let answer = gateway.post("/update", &change(1, "lost")).is(409);
        assert_eq!(answer.code(), "conflict");
        gateway.post("/update", &change(2, "sent")).is(200);
        gateway.post("/forget", r#"{"id":"a"}"#).is(200);
        gateway.post("/update", &change(3, "late")).is(409);
        gateway.stop();
    });
}

#[test]
fn an_update_whose_answer_was_lost_is_no_conflict_with_itself() {
    let stub = Stub::start();
    let gateway = routes(&stub_target(&stub, "dynamodb"));
    gateway.post("/put", &put(1)).is(200);
    stub.next(Fault::ResetAfter);
    gateway.post("/update", &change(1, "paid")).is(200);
    assert_eq!(calls(&stub, "UpdateItem"), 2);
    assert_eq!(held(&stub)["status"]["S"], "paid");
    gateway.stop();
}

#[test]
fn what_cannot_be_decided_after_a_lost_answer_is_unconfirmed() {
    let stub = Stub::start();
    let gateway = routes(&stub_target(&stub, "dynamodb"));
    gateway.post("/put", &put(7)).is(200);
    // Not stored, but nobody knows; and the item that is there is another's.
    stub.next(Fault::ServerError(500));
    let answer = gateway.post("/update", &change(1, "paid")).is(504);
    assert_eq!(answer.code(), "unconfirmed");
    assert_eq!(answer.field("sluicegate-outcome"), Some("unknown"));
    gateway.post("/update", &change(1, "paid")).is(409);
    assert_eq!(held(&stub)["version"]["N"], "7");
    gateway.stop();
}

#[test]
fn a_counter_whose_answer_was_lost_is_not_counted_twice() {
    let stub = Stub::start();
    let gateway = routes(&stub_target(&stub, "dynamodb"));
    stub.next(Fault::ResetAfter);
    gateway.post("/count", r#"{"id":"a","tag":"x"}"#).is(504);
    assert_eq!(calls(&stub, "UpdateItem"), 1);
    assert_eq!(held(&stub)["count"]["N"], "1");
    gateway.stop();
}

#[test]
fn a_delete_whose_answer_was_lost_is_done_where_nothing_is_left() {
    let stub = Stub::start();
    let gateway = routes(&stub_target(&stub, "dynamodb"));
    gateway.post("/put", &put(1)).is(200);
    stub.next(Fault::ResetAfter);
    let answer = gateway.post("/delete", r#"{"id":"a"}"#).is(200).json();
    assert_eq!(calls(&stub, "DeleteItem"), 2);
    let target = &answer["events"][0]["targets"][0];
    assert_eq!(
        target["attributes_omitted"], true,
        "what was there cannot be told: {answer}"
    );
    assert!(held(&stub).is_null());
    gateway.stop();
}

#[test]
fn writes_of_one_key_stay_in_order_whatever_they_are() {
    let stub = Stub::start();
    let gateway = gateway()
        .target("table", &stub_target(&stub, "dynamodb"))
        .fan_out(
            "POST /all",
            &[
                "target: table, as: put, record: { put: { pk: '${event.id}', n: 0 } }",
                "target: table, as: set, record: { update: { key: { pk: '${event.id}' }, \
                 set: { n: 1 } } }",
                "target: table, as: gone, record: { delete: { pk: '${event.id}' } }",
                "target: table, as: again, record: { put: { pk: '${event.id}', n: 2 } }",
            ],
            "accept: { formats: [json-array] }",
        )
        .start();
    let events: Vec<Value> = (0..20).map(|n| json!({ "id": format!("k{n}") })).collect();
    gateway.post("/all", &json!(events).to_string()).is(200);
    let store = stub.store();
    for n in 0..20 {
        let key = format!("k{n}\"");
        let writes = store
            .all()
            .iter()
            .filter(|stored| stored.entry.key.contains(&key));
        let values: Vec<Value> = writes
            .map(|stored| serde_json::from_slice::<Value>(&stored.entry.payload).unwrap())
            .map(|item| item["n"]["N"].clone())
            .collect();
        assert_eq!(
            values,
            [json!("0"), json!("1"), Value::Null, json!("2")],
            "{key}"
        );
    }
    gateway.stop();
}

#[test]
fn a_fifo_topic_gets_each_group_in_order() {
    let stub = Stub::start();
    let topic = format!(
        "sns: {{ topic_arn: 'arn:aws:sns:us-east-1:123456789012:orders.fifo', endpoint_url: '{}' }}",
        stub.endpoint()
    );
    let record = "{ message: '${event.n}', group: '${event.g}', deduplication_id: 'd-${event.n}' }";
    let binding = format!("target: topic, record: {record}");
    let gateway = gateway()
        .target("topic", &topic)
        .fan_out(
            "POST /orders",
            &[&binding],
            "accept: { formats: [json-array] }",
        )
        .start();
    // An entry that fails must not be overtaken by the next of its group.
    stub.next(Fault::SomeThrottled(vec![0]));
    let events: Vec<Value> = (0..24)
        .map(|n| json!({ "n": n, "g": format!("g{}", n % 3) }))
        .collect();
    gateway.post("/orders", &json!(events).to_string()).is(200);
    let store = stub.store();
    for group in 0..3_u64 {
        let of =
            |stored: &&sluicegate_testkit::stub::Stored| stored.entry.key == format!("g{group}");
        let sent: Vec<u64> = store
            .all()
            .iter()
            .filter(of)
            .map(|stored| {
                String::from_utf8_lossy(&stored.entry.payload)
                    .parse()
                    .unwrap()
            })
            .collect();
        let expected: Vec<u64> = (0..24).filter(|n| n % 3 == group).collect();
        assert_eq!(sent, expected, "group {group}");
    }
    gateway.stop();
}

#[test]
fn records_choose_among_declared_topics_and_null_is_a_tombstone() {
    let Some(kafka) = kafka("records_choose_among_declared_topics_and_null_is_a_tombstone") else {
        return;
    };
    let (orders, users) = (kafka.topic(1), kafka.topic(1));
    let target = format!(
        "kafka: {{ bootstrap_servers: '{}', topics: [{}, {}] }}",
        kafka.servers, orders.name, users.name
    );
    let gateway = gateway()
        .target("changes", &target)
        .route(
            "POST /changes",
            "changes",
            "{ topic: '${event.to}', key: '${event.?key}', value: '${event.row}' }",
        )
        .start();
    let post = |to: &str, key: Option<&str>, row: Value| {
        let mut event = json!({ "to": to, "row": row });
        if let Some(key) = key {
            event["key"] = json!(key);
        }
        gateway.post("/changes", &event.to_string())
    };
    post(&orders.name, Some("o1"), json!({ "a": 1 })).is(200);
    post(&users.name, Some("u1"), json!("Ada")).is(200);
    post(&orders.name, Some("o1"), Value::Null).is(200);
    assert_eq!(orders.read(), [r#"{"a":1}"#, ""]);
    assert_eq!(users.read(), ["Ada"]);
    let answer = post("secrets", Some("k"), json!(1)).is(422);
    assert_eq!(answer.code(), "mapping_failed");
    assert!(answer.text().contains("`secrets`"), "{}", answer.text());
    let answer = post(&orders.name, None, Value::Null).is(422);
    assert!(
        answer.text().contains("without a value"),
        "{}",
        answer.text()
    );
    gateway.stop();
}
