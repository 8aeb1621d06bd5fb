//! A small room for Kinesis over a bare socket, right unless a bug is planted in it.

pub(crate) mod producer;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};
use sluicegate_contract::{
    Attempt, AttemptSink, Batch, Integration, Limits, Reason, ReasonKind, Receipt, Record, Value,
};
use sluicegate_testkit::conformance::{CALL_TIME, Opening, Service, Subject, payload};
use sluicegate_testkit::stub::Stub;

/// The bug that a toy room has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    None,
    TakesOneByteTooMany,
    WastesTheLimit,
    StatesTooManyRecords,
    StoredWhateverTheCount,
    SaysStoredForFailedEntries,
    WholeBatchAgain,
    AttemptsBackwards,
    SendsBackwards,
    DropsTheLast,
    SplitsTheBatch,
    TriesAgainItself,
    CutsThePayload,
    RefusesWhatIsThrottled,
    TriesTheInvalidForever,
    RefusesTheRecordForAccess,
    CertainAfterServerError,
    CertainAfterLostAnswer,
    StoredOnAnyStatus200,
    UncertainWhenNothingListens,
    NeverGivesUp,
    HasNoPatience,
}

/// A toy under test.
pub(crate) struct Toy(pub(crate) Bug);

impl Subject for Toy {
    fn name(&self) -> &'static str {
        "toy"
    }

    fn service(&self) -> Service {
        Service::Kinesis
    }

    fn open<'a>(&'a self, stub: &'a Stub) -> Opening<'a> {
        let address = stub.endpoint().replace("http://", "");
        let room: Arc<dyn Integration> = Arc::new(ToyRoom {
            address,
            bug: self.0,
        });
        Box::pin(std::future::ready(room))
    }

    fn record(&self, marker: u64, payload_bytes: usize) -> Record {
        Record::new([
            Value::Text(format!("{marker:07}").into()),
            Value::Bytes(payload(marker, payload_bytes)),
        ])
    }
}

struct ToyRoom {
    address: String,
    bug: Bug,
}

impl Integration for ToyRoom {
    fn limits(&self) -> Limits {
        Limits {
            records: if self.bug == Bug::StatesTooManyRecords {
                501
            } else {
                500
            },
            call_bytes: 5 << 20,
            record_bytes: 64 << 10,
            unique_keys: false,
            concurrent_calls: 1,
        }
    }

    fn weigh(&self, record: &Record) -> Result<usize, Reason> {
        let weight = record.bytes();
        let most = match self.bug {
            Bug::TakesOneByteTooMany => self.limits().record_bytes + 1,
            Bug::WastesTheLimit => self.limits().record_bytes / 2,
            _ => self.limits().record_bytes,
        };
        if weight > most {
            return Err(Reason::from(ReasonKind::TooLarge));
        }
        Ok(weight)
    }

    fn submit(&self, batch: Batch, mut sink: AttemptSink) {
        let (address, bug) = (self.address.clone(), self.bug);
        tokio::task::spawn_blocking(move || {
            let halves = match bug {
                Bug::SplitsTheBatch => batch.len().div_ceil(2).max(1),
                _ => batch.len(),
            };
            let mut attempts = Vec::new();
            for part in batch.records().chunks(halves) {
                attempts.extend(attempt(&address, part, bug));
            }
            for (index, attempt) in attempts.into_iter().enumerate() {
                sink.report(index, attempt);
            }
        });
    }
}

/// One call, judged.
fn attempt(address: &str, records: &[Record], bug: Bug) -> Vec<Attempt> {
    let body = body(records, bug);
    let mut answer = call(address, &body, bug);
    if bug == Bug::TriesAgainItself && !matches!(answer, Ok((200, _))) {
        answer = call(address, &body, bug);
    }
    let all = |attempt: Attempt| vec![attempt; records.len()];
    match answer {
        Err(Lost::NotConnected) => {
            let certain = bug != Bug::UncertainWhenNothingListens;
            all(again(certain, ReasonKind::ConnectionFailed))
        }
        Err(Lost::Answer) => all(again(
            bug == Bug::CertainAfterLostAnswer,
            ReasonKind::AnswerLost,
        )),
        Ok((200, _)) if bug == Bug::StoredOnAnyStatus200 => all(Attempt::Stored(Receipt::Nothing)),
        Ok((200, answer)) => confirmed(&answer, records.len(), bug)
            .unwrap_or_else(|| all(again(false, ReasonKind::AnswerUnreadable))),
        Ok((status, answer)) => all(refused(status, &answer, bug)),
    }
}

fn body(records: &[Record], bug: Bug) -> String {
    let mut entries: Vec<Json> = records
        .iter()
        .map(|record| {
            let mut data = &record.value(1).as_bytes().unwrap()[..];
            if bug == Bug::CutsThePayload {
                data = &data[..data.len() - 1];
            }
            json!({ "PartitionKey": record.value(0).as_text(), "Data": STANDARD.encode(data) })
        })
        .collect();
    match bug {
        Bug::SendsBackwards => entries.reverse(),
        Bug::DropsTheLast if entries.len() > 1 => drop(entries.pop()),
        _ => {}
    }
    json!({ "StreamName": "toys", "Records": entries }).to_string()
}

fn confirmed(answer: &[u8], count: usize, bug: Bug) -> Option<Vec<Attempt>> {
    let answer: Json = serde_json::from_slice(answer).ok()?;
    let results = answer["Records"].as_array()?;
    if bug == Bug::WholeBatchAgain && answer["FailedRecordCount"] != 0 {
        return Some(vec![again(true, ReasonKind::Throttled); count]);
    }
    let mut attempts: Vec<Attempt> = results
        .iter()
        .map(|result| match result["ErrorCode"].as_str() {
            Some(_) if bug == Bug::SaysStoredForFailedEntries => Attempt::Stored(Receipt::Nothing),
            Some("ProvisionedThroughputExceededException") => again(true, ReasonKind::Throttled),
            Some(_) => again(true, ReasonKind::Unavailable),
            None => Attempt::Stored(Receipt::Nothing),
        })
        .collect();
    if bug == Bug::AttemptsBackwards {
        attempts.reverse();
    }
    Some(attempts)
}

fn refused(status: u16, answer: &[u8], bug: Bug) -> Attempt {
    let answer: Json = serde_json::from_slice(answer).unwrap_or_default();
    let kind = answer["__type"].as_str().unwrap_or_default();
    let blocked = |reason: ReasonKind| match bug {
        Bug::RefusesTheRecordForAccess => Attempt::Refused(reason.into()),
        _ => Attempt::Blocked(reason.into()),
    };
    match kind {
        _ if bug == Bug::StoredWhateverTheCount => Attempt::Stored(Receipt::Nothing),
        "ProvisionedThroughputExceededException" if bug == Bug::RefusesWhatIsThrottled => {
            Attempt::Refused(ReasonKind::Throttled.into())
        }
        "ProvisionedThroughputExceededException" => again(true, ReasonKind::Throttled),
        "ValidationException" if bug == Bug::TriesTheInvalidForever => {
            again(true, ReasonKind::Invalid)
        }
        "ValidationException" => Attempt::Refused(ReasonKind::Invalid.into()),
        "AccessDeniedException" => blocked(ReasonKind::AccessDenied),
        "ExpiredTokenException" => blocked(ReasonKind::AuthenticationFailed),
        "ResourceNotFoundException" => blocked(ReasonKind::TargetMissing),
        _ if status >= 500 => again(bug == Bug::CertainAfterServerError, ReasonKind::Unavailable),
        _ => again(false, ReasonKind::AnswerUnreadable),
    }
}

fn again(certain: bool, reason: ReasonKind) -> Attempt {
    Attempt::Again {
        certain,
        after: None,
        reason: reason.into(),
    }
}

/// Why there is no answer.
enum Lost {
    NotConnected,
    Answer,
}

fn call(address: &str, body: &str, bug: Bug) -> Result<(u16, Vec<u8>), Lost> {
    let patience = match bug {
        Bug::NeverGivesUp => Duration::from_secs(12),
        Bug::HasNoPatience => Duration::from_millis(100),
        _ => CALL_TIME,
    };
    let end = Instant::now() + patience;
    let mut stream = TcpStream::connect(address).map_err(|_| Lost::NotConnected)?;
    let head = format!(
        "POST / HTTP/1.1\r\nHost: stub\r\nX-Amz-Target: Kinesis_20131202.PutRecords\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream
        .write_all(&[head.as_bytes(), body.as_bytes()].concat())
        .map_err(|_| Lost::Answer)?;
    let mut held = Vec::new();
    loop {
        if let Some(answer) = whole(&held) {
            return Ok(answer);
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Lost::Answer);
        }
        stream.set_read_timeout(Some(left)).unwrap();
        let mut piece = [0; 4096];
        match stream.read(&mut piece) {
            Ok(count) if count > 0 => held.extend_from_slice(&piece[..count]),
            _ => return Err(Lost::Answer),
        }
    }
}

/// Status and body, once both are there.
fn whole(held: &[u8]) -> Option<(u16, Vec<u8>)> {
    let end = held.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&held[..end]).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length: usize = head
        .split("Content-Length: ")
        .nth(1)?
        .split("\r\n")
        .next()?
        .parse()
        .ok()?;
    Some((status, held.get(end..end + length)?.to_vec()))
}
