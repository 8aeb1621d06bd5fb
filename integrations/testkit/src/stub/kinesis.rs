//! Kinesis: PutRecords in the JSON 1.1 protocol.

use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::fault::{Names, Refusal};
use super::server::{Answer, Request, html};
use super::store::State;
use super::{Call, Entry, Fault};

/// The service's own limits: entries of a call, bytes of a call, bytes of a record with its key,
/// characters of a partition key.
const RECORDS_MAX: usize = 500;
const CALL_BYTES_MAX: usize = 10 << 20;
const RECORD_BYTES_MAX: usize = 10 << 20;
const KEY_CHARACTERS_MAX: usize = 256;

const NAMES: Names = Names {
    throttled: "ProvisionedThroughputExceededException",
    throttled_status: 400,
    internal: "InternalFailure",
    invalid: "ValidationException",
    denied: "AccessDeniedException",
    denied_status: 400,
    expired: "ExpiredTokenException",
    missing: "ResourceNotFoundException",
    missing_status: 400,
};

pub(super) fn answer(request: &Request, state: &mut State) -> Answer {
    if !request.target.ends_with(".PutRecords") {
        return refused(
            &Refusal::new(400, "UnknownOperationException", &request.target),
            Fault::None,
        );
    }
    let Some((stream, entries)) = parse(&request.body) else {
        return refused(
            &Refusal::new(400, "SerializationException", "unreadable"),
            Fault::None,
        );
    };
    let fault = state.arrive(Call {
        operation: "PutRecords",
        target: stream.clone(),
        entries: entries.clone(),
        bytes: request.body.len(),
        at: Instant::now(),
    });
    if let Fault::Html(status) = fault {
        return html(status);
    }
    if let Some(problem) = problem(&entries, state, &fault) {
        return refused(
            &Refusal::new(400, "ValidationException", problem),
            Fault::None,
        );
    }
    state.apply(&stream, &entries, &fault);
    if let Some(refusal) = fault.refusal(&NAMES) {
        return refused(&refusal, fault);
    }
    let first = state.stored.len();
    let results: Vec<Value> = (0..entries.len())
        .map(|place| result(&fault, place, first))
        .collect();
    let failed = (0..entries.len())
        .filter(|&place| !fault.stores(place))
        .count();
    Answer {
        status: 200,
        content_type: "application/x-amz-json-1.1",
        body: json!({ "FailedRecordCount": failed, "Records": results }).to_string(),
        fault,
    }
}

fn parse(body: &[u8]) -> Option<(String, Vec<Entry>)> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let name = body["StreamName"].as_str().or_else(|| {
        let arn = body["StreamARN"].as_str()?;
        arn.rsplit('/').next()
    })?;
    let entry = |record: &Value| {
        let payload = STANDARD.decode(record["Data"].as_str()?).ok()?;
        Some(Entry {
            marker: crate::marker_in(&payload),
            payload: Bytes::from(payload),
            key: record["PartitionKey"].as_str()?.to_owned(),
        })
    };
    let entries: Option<Vec<_>> = body["Records"].as_array()?.iter().map(entry).collect();
    Some((name.to_owned(), entries?))
}

/// Why the service would refuse the whole call as invalid.
fn problem(entries: &[Entry], state: &State, fault: &Fault) -> Option<&'static str> {
    let bytes = |entry: &Entry| entry.payload.len() + entry.key.len();
    if entries.is_empty() || entries.len() > RECORDS_MAX {
        return Some("Member must have length between 1 and 500");
    }
    if entries.iter().map(bytes).sum::<usize>() > CALL_BYTES_MAX {
        return Some("The call is larger than 10 MiB");
    }
    if entries.iter().any(|entry| bytes(entry) > RECORD_BYTES_MAX) {
        return Some("A record is larger than the stream takes");
    }
    let characters = |entry: &Entry| entry.key.chars().count();
    if entries
        .iter()
        .any(|entry| !(1..=KEY_CHARACTERS_MAX).contains(&characters(entry)))
    {
        return Some("A partition key must have 1 to 256 characters");
    }
    if state.poisoned(entries).is_some() || matches!(fault, Fault::SomeRefused(_)) {
        return Some("A record of the call is invalid");
    }
    None
}

fn result(fault: &Fault, place: usize, first: usize) -> Value {
    if fault.stores(place) {
        let sequence = format!("{:056}", first + place);
        return json!({ "SequenceNumber": sequence, "ShardId": "shardId-000000000000" });
    }
    let code = match fault {
        Fault::SomeFailed(_) => "InternalFailure",
        _ => "ProvisionedThroughputExceededException",
    };
    json!({ "ErrorCode": code, "ErrorMessage": "as the script says" })
}

fn refused(refusal: &Refusal, fault: Fault) -> Answer {
    Answer {
        status: refusal.status,
        content_type: "application/x-amz-json-1.1",
        body: json!({ "__type": refusal.code, "message": refusal.message }).to_string(),
        fault,
    }
}
