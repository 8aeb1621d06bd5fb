//! DynamoDB: BatchWriteItem, PutItem, UpdateItem, DeleteItem and DescribeTable in the JSON 1.0
//! protocol.

use std::collections::HashSet;
use std::time::Instant;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::fault::{Names, Refusal};
use super::server::{Answer, Request, html};
use super::store::State;
use super::{Call, Entry, Fault, expression};

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
        Some("PutItem") => single(&body, "PutItem", request.body.len(), state),
        Some("UpdateItem") => single(&body, "UpdateItem", request.body.len(), state),
        Some("DeleteItem") => single(&body, "DeleteItem", request.body.len(), state),
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
    let keys = keys(state, table);
    let made = |request: &Value| match &request["DeleteRequest"]["Key"] {
        Value::Null => entry(&request["PutRequest"]["Item"], &keys),
        key => gone(key, &keys),
    };
    let entries: Vec<Entry> = requests.iter().map(made).collect();
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
        .map(|place| match &requests[place]["DeleteRequest"]["Key"] {
            Value::Null => {
                let item = backwards(&requests[place]["PutRequest"]["Item"]);
                json!({ "PutRequest": { "Item": item } })
            }
            key => json!({ "DeleteRequest": { "Key": backwards(key) } }),
        })
        .collect();
    let mut unprocessed = Map::new();
    if !left.is_empty() {
        unprocessed.insert(table.clone(), Value::Array(left));
    }
    answered(&json!({ "UnprocessedItems": unprocessed }), fault)
}

/// A write of one item.
fn single(body: &Value, operation: &'static str, bytes: usize, state: &mut State) -> Answer {
    let table = body["TableName"].as_str().unwrap_or_default().to_owned();
    let keys = keys(state, &table);
    let named = match operation {
        "PutItem" => &body["Item"],
        _ => &body["Key"],
    };
    let there = there(state, &table, &entry(named, &keys).key);
    let written = match operation {
        "PutItem" => entry(named, &keys),
        "UpdateItem" => entry(&expression::updated(body, there.as_ref()), &keys),
        _ => gone(named, &keys),
    };
    let entries = [written];
    let fault = arrive(operation, &table, &entries, bytes, state);
    if let Fault::Html(status) = fault {
        return html(status);
    }
    if fault.stores(0) && !expression::holds(body, there.as_ref()) {
        let mut answer = json!({
            "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
            "message": "The conditional request failed",
        });
        if let (Some("ALL_OLD"), Some(there)) =
            (body["ReturnValuesOnConditionCheckFailure"].as_str(), there)
        {
            answer["Item"] = there;
        }
        return Answer {
            status: 400,
            ..answered(&answer, fault)
        };
    }
    // A write of one item has no partial failure: the whole call is throttled.
    let whole = match fault {
        Fault::SomeThrottled(ref places) if places.contains(&0) => Fault::Throttled,
        Fault::SomeFailed(ref places) if places.contains(&0) => Fault::ServerError(500),
        fault => fault,
    };
    let returned = match body["ReturnValues"].as_str() {
        Some("ALL_OLD") => there,
        Some("ALL_NEW") => serde_json::from_slice(&entries[0].payload).ok(),
        _ => None,
    };
    let answer = match returned {
        Some(attributes) => json!({ "Attributes": attributes }),
        None => json!({}),
    };
    refuse_or_store(&table, &entries, &whole, state).unwrap_or_else(|| answered(&answer, whole))
}

/// The item that a table has under this key.
fn there(state: &State, table: &str, key: &str) -> Option<Value> {
    let same = |stored: &&super::Stored| stored.target == table && stored.entry.key == key;
    let last = state.stored.iter().rev().find(same)?;
    serde_json::from_slice(&last.entry.payload)
        .ok()
        .filter(|item: &Value| !item.is_null())
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

/// What is stored of an item that was deleted: null under its key.
fn gone(key: &Value, keys: &[String]) -> Entry {
    Entry {
        payload: Bytes::from_static(b"null"),
        ..entry(key, keys)
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
