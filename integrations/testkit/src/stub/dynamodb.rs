//! DynamoDB: BatchWriteItem, PutItem and DescribeTable in the JSON 1.0 protocol.

use std::collections::HashSet;
use std::time::Instant;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::fault::{Names, Refusal};
use super::server::{Answer, Request, html};
use super::store::State;
use super::{Call, Entry, Fault};

/// The service's own limits: items of a call, bytes of an item.
const ITEMS_MAX: usize = 25;
const ITEM_BYTES_MAX: usize = 400 << 10;

const NAMES: Names = Names {
    throttled: "ProvisionedThroughputExceededException",
    throttled_status: 400,
    internal: "InternalServerError",
    invalid: "ValidationException",
    denied: "AccessDeniedException",
    denied_status: 400,
    expired: "ExpiredTokenException",
    missing: "ResourceNotFoundException",
    missing_status: 400,
};

pub(super) fn answer(request: &Request, state: &mut State) -> Answer {
    let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
        return refused(
            &Refusal::new(400, "SerializationException", "unreadable"),
            Fault::None,
        );
    };
    match request.target.rsplit('.').next() {
        Some("BatchWriteItem") => batch_write(&body, request.body.len(), state),
        Some("PutItem") => put(&body, request.body.len(), state),
        Some("DescribeTable") => describe(&body, state),
        _ => refused(
            &Refusal::new(400, "UnknownOperationException", &request.target),
            Fault::None,
        ),
    }
}

fn batch_write(body: &Value, bytes: usize, state: &mut State) -> Answer {
    let Some((table, requests)) = body["RequestItems"]
        .as_object()
        .and_then(|map| map.iter().next())
    else {
        return invalid("RequestItems is required");
    };
    let requests = requests.as_array().cloned().unwrap_or_default();
    let items = requests
        .iter()
        .map(|request| &request["PutRequest"]["Item"]);
    let entries: Vec<Entry> = items.map(|item| entry(item, &keys(state, table))).collect();
    let fault = arrive("BatchWriteItem", table, &entries, bytes, state);
    if let Fault::Html(status) = fault {
        return html(status);
    }
    if entries.is_empty() || entries.len() > ITEMS_MAX {
        return invalid("Member must have length less than or equal to 25");
    }
    let unique: HashSet<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
    if unique.len() < entries.len() {
        return invalid("Provided list of item keys contains duplicates");
    }
    if let Some(answer) = refuse_or_store(table, &entries, &fault, state) {
        return answer;
    }
    // The service answers in an order of its own: backwards, so that no room relies on places.
    let left: Vec<Value> = (0..requests.len())
        .rev()
        .filter(|&place| !fault.stores(place))
        .map(|place| json!({ "PutRequest": { "Item": backwards(&requests[place]["PutRequest"]["Item"]) } }))
        .collect();
    let mut unprocessed = Map::new();
    if !left.is_empty() {
        unprocessed.insert(table.clone(), Value::Array(left));
    }
    answered(&json!({ "UnprocessedItems": unprocessed }), fault)
}

fn put(body: &Value, bytes: usize, state: &mut State) -> Answer {
    let table = body["TableName"].as_str().unwrap_or_default().to_owned();
    let entries = [entry(&body["Item"], &keys(state, &table))];
    let fault = arrive("PutItem", &table, &entries, bytes, state);
    if let Fault::Html(status) = fault {
        return html(status);
    }
    let condition = body["ConditionExpression"].as_str().unwrap_or_default();
    // The one condition that the stub understands; any other is taken to hold.
    if condition.starts_with("attribute_not_exists") && fault.stores(0) {
        let same =
            |stored: &&super::Stored| stored.target == table && stored.entry.key == entries[0].key;
        if let Some(there) = state.stored.iter().rev().find(same) {
            let mut answer = json!({
                "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
                "message": "The conditional request failed",
            });
            if body["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD" {
                answer["Item"] = serde_json::from_slice(&there.entry.payload).unwrap_or_default();
            }
            return Answer {
                status: 400,
                ..answered(&answer, fault)
            };
        }
    }
    // A put of one item has no partial failure: the whole call is throttled.
    let whole = match fault {
        Fault::SomeThrottled(ref places) if places.contains(&0) => Fault::Throttled,
        Fault::SomeFailed(ref places) if places.contains(&0) => Fault::ServerError(500),
        fault => fault,
    };
    refuse_or_store(&table, &entries, &whole, state).unwrap_or_else(|| answered(&json!({}), whole))
}

fn describe(body: &Value, state: &State) -> Answer {
    let table = body["TableName"].as_str().unwrap_or_default();
    let missing = state.always == Fault::Missing;
    if let Some(refusal) = Fault::Missing.refusal(&NAMES).filter(|_| missing) {
        return refused(&refusal, Fault::None);
    }
    let keys = keys(state, table);
    let types: Vec<Value> = keys
        .iter()
        .map(|name| json!({ "AttributeName": name, "AttributeType": "S" }))
        .collect();
    let schema: Vec<Value> = keys
        .iter()
        .zip(["HASH", "RANGE"])
        .map(|(name, kind)| json!({ "AttributeName": name, "KeyType": kind }))
        .collect();
    let table = json!({ "Table": {
        "TableName": table, "TableStatus": "ACTIVE", "AttributeDefinitions": types, "KeySchema": schema,
    }});
    answered(&table, Fault::None)
}

fn arrive(
    operation: &'static str,
    table: &str,
    entries: &[Entry],
    bytes: usize,
    state: &mut State,
) -> Fault {
    state.arrive(Call {
        operation,
        target: table.to_owned(),
        entries: entries.to_vec(),
        bytes,
        at: Instant::now(),
    })
}

/// Stores what the fault does not spoil; the answer where the whole call is refused.
fn refuse_or_store(
    table: &str,
    entries: &[Entry],
    fault: &Fault,
    state: &mut State,
) -> Option<Answer> {
    if entries
        .iter()
        .any(|entry| entry.payload.len() > ITEM_BYTES_MAX + entry.payload.len() / 4)
    {
        // Counted generously, since the JSON form is longer than what the service counts.
        return Some(invalid("Item size has exceeded the maximum allowed size"));
    }
    if state.poisoned(entries).is_some() || matches!(fault, Fault::SomeRefused(_)) {
        return Some(invalid("One or more parameter values were invalid"));
    }
    state.apply(table, entries, fault);
    let refusal = fault.refusal(&NAMES)?;
    Some(refused(&refusal, fault.clone()))
}

fn keys(state: &State, table: &str) -> Vec<String> {
    state
        .tables
        .get(table)
        .cloned()
        .unwrap_or_else(|| vec!["pk".to_owned()])
}

fn entry(item: &Value, keys: &[String]) -> Entry {
    let text = item.to_string();
    let key: Vec<&Value> = keys.iter().map(|key| &item[key.as_str()]).collect();
    Entry {
        marker: crate::marker_in(text.as_bytes()),
        key: json!(key).to_string(),
        payload: Bytes::from(text),
    }
}

/// The same object with its members in another order.
fn backwards(item: &Value) -> Value {
    let members = item.as_object().into_iter().flatten().rev();
    Value::Object(
        members
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    )
}

fn invalid(message: &str) -> Answer {
    refused(
        &Refusal::new(400, "ValidationException", message),
        Fault::None,
    )
}

fn answered(body: &Value, fault: Fault) -> Answer {
    Answer {
        status: 200,
        content_type: "application/x-amz-json-1.0",
        body: body.to_string(),
        fault,
    }
}

fn refused(refusal: &Refusal, fault: Fault) -> Answer {
    let body = json!({
        "__type": format!("com.amazonaws.dynamodb.v20120810#{}", refusal.code),
        "message": refusal.message,
    });
    Answer {
        status: refusal.status,
        ..answered(&body, fault)
    }
}
