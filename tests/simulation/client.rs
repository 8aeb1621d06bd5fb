//! Clients: events whose payload is a function of their number, requests, and answers as they are
//! read from the wire.

use bytes::Bytes;
use serde_json::Value as Json;
use sluicegate_contract::Record;

/// The keys that events have.
const KEYS: u64 = 12;

/// The whole event of a number.
pub(crate) fn payload(event: u64) -> Bytes {
    let pad = "x".repeat((event * 37 % 400) as usize);
    format!(
        r#"{{"n":{event},"key":"k{}","pad":"{pad}"}}"#,
        key_of(event)
    )
    .into()
}

pub(crate) fn key_of(event: u64) -> u64 {
    (event.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) % KEYS
}

/// An event that targets refuse for good.
pub(crate) fn is_poison(event: u64) -> bool {
    event % 53 == 17
}

/// The number of the event that a record was made of.
pub(crate) fn number_of(record: &Record) -> u64 {
    let data = record.value(1).as_bytes().unwrap();
    let digits = &data[br#"{"n":"#.len()..];
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
}

/// A request with these events, as it is sent.
pub(crate) fn request(path: &str, events: &[u64]) -> (Vec<u8>, Bytes) {
    let bodies: Vec<String> = events
        .iter()
        .map(|event| String::from_utf8(payload(*event).to_vec()).unwrap())
        .collect();
    let body = match bodies.as_slice() {
        [one] => one.clone(),
        many => format!("[{}]", many.join(",")),
    };
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n\
         Prefer: return=representation, handling=lenient\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    (head.into_bytes(), body.into())
}

/// What an answer says of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// As the route promises.
    pub(crate) ok: bool,
    /// `all`, `some`, `none`, `unknown`.
    pub(crate) stored: String,
    /// What it says of targets, by their names.
    pub(crate) targets: Vec<(String, String)>,
}

/// Reads an answer to a request of so many events.
pub(crate) fn read(answer: &[u8], events: usize) -> Result<(u16, Vec<Said>), String> {
    let text = std::str::from_utf8(answer).map_err(|_| "an answer is not text")?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or("an answer has no end")?;
    let status = head
        .get(9..12)
        .and_then(|digits| digits.parse::<u16>().ok());
    let status = status.ok_or("an answer has no status")?;
    let whole = head
        .lines()
        .find_map(|line| line.strip_prefix("Sluicegate-Outcome: "))
        .unwrap_or("unknown");
    let json: Json = serde_json::from_str(body).map_err(|error| format!("{error}: {body}"))?;
    let Some(list) = json["events"].as_array() else {
        let said = Said {
            ok: status < 300,
            stored: whole.to_owned(),
            targets: Vec::new(),
        };
        return Ok((status, vec![said; events]));
    };
    if list.len() != events {
        return Err(format!("{events} events were answered as {}", list.len()));
    }
    let word = |json: &Json| json.as_str().unwrap_or_default().to_owned();
    let said = |event: &Json| Said {
        ok: event["code"].is_null(),
        stored: word(&event["outcome"]),
        targets: event["targets"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|target| (word(&target["target"]), word(&target["outcome"])))
            .collect(),
    };
    let all: Vec<Said> = list.iter().map(said).collect();
    if status < 300 && status != 207 && !all.iter().all(|said| said.ok) {
        return Err(format!("status {status} for what was not all done: {body}"));
    }
    Ok((status, all))
}
