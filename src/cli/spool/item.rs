//! What stands in a log, one item for each record: those of a spooled request, what a mapping made
//! for a target `log`, dead letters. Fields are read by their names, without the rooms they are
//! for: what a later or an earlier version stored can be looked at all the same.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use bytestring::ByteString;
use serde_json::{Map, Value as Json, json};
use sluicegate_appendlog::Stored;
use sluicegate_contract::{SetKind, Value, stored};
use uuid::Uuid;

use super::words::when;
use crate::idempotency::KEY_KIND;
use crate::rooms::MARK_LETTER;
use crate::spool::entry;

/// What a log was asked for to see whether its disk works.
const PROBE: u8 = 0;
/// Fields that are the key of a record, in the rooms that have one.
const KEYS: [&str; 4] = ["key", "partition_key", "group", "explicit_hash_key"];
/// Fields with an item, whose members may be its key.
const ITEMS: [&str; 3] = ["key", "put", "delete"];

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// Of a spooled request, on its way to its target.
    Spooled,
    /// Made for a target `log`.
    Record,
    /// Nobody will deliver it any more.
    Letter,
    /// Of the window of idempotency keys: for the gateway alone.
    Key,
    /// None of these: of another use of logs, or of a later version.
    Other,
}

impl What {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Spooled => "spooled",
            Self::Record => "record",
            Self::Letter => "dead_letter",
            Self::Key => "idempotency_key",
            Self::Other => "other",
        }
    }
}

/// One record of a log. What is not known is empty or `None`.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) what: What,
    /// Of the entry in its log.
    pub(super) sequence: u64,
    pub(super) time: SystemTime,
    pub(super) request: String,
    pub(super) route: String,
    pub(super) target: String,
    /// The kind of its target.
    pub(super) kind: String,
    pub(super) binding: String,
    /// The places of its event and of itself in its request.
    pub(super) event: Option<u64>,
    pub(super) number: Option<u64>,
    pub(super) reason: Option<String>,
    pub(super) detail: Option<String>,
    pub(super) attempts: Option<u64>,
    /// The record's fields by their names.
    pub(super) fields: Vec<(ByteString, Value)>,
    /// Why its bytes are no record.
    pub(super) unreadable: Option<String>,
    /// Bytes of the stored record.
    pub(super) bytes: usize,
}

/// The records of an entry.
pub(super) fn items(stored: &Stored) -> Vec<Item> {
    match (stored.kind, stored.payload.first()) {
        (PROBE, _) => Vec::new(),
        (MARK_LETTER, _) => vec![letter(stored)],
        (KEY_KIND, _) => vec![Item::new(What::Key, stored)],
        // CBOR: an array is a spool's entry, a map a record by its fields.
        (_, Some(0x80..=0x9f)) => spooled(stored),
        (_, Some(0xa0..=0xbf)) => {
            let mut item = Item::new(What::Record, stored);
            item.read(&stored.payload);
            vec![item]
        }
        _ => vec![Item::new(What::Other, stored)],
    }
}

fn spooled(stored: &Stored) -> Vec<Item> {
    let request = match entry::decode(&stored.payload) {
        Ok(request) => request,
        Err(error) => {
            let mut item = Item::new(What::Other, stored);
            item.unreadable = Some(error);
            return vec![item];
        }
    };
    let id = Uuid::from_u128(request.id).hyphenated().to_string();
    let records = request.records.into_iter().map(|record| {
        let mut item = Item::new(What::Spooled, stored);
        item.request.clone_from(&id);
        item.route = request.route.to_string();
        item.target = record.target.to_string();
        item.kind = record.room.to_string();
        item.binding = record.binding.to_string();
        item.event = Some(record.event.into());
        item.number = Some(record.number.into());
        item.read(&record.stored);
        item
    });
    records.collect()
}

/// A dead letter says about its record what its own fields say.
fn letter(stored: &Stored) -> Item {
    let mut item = Item::new(What::Letter, stored);
    item.read(&stored.payload);
    let mut said: BTreeMap<String, Value> = std::mem::take(&mut item.fields)
        .into_iter()
        .map(|(name, value)| (name.to_string(), value))
        .collect();
    let mut text = |name: &str| {
        said.remove(name)
            .and_then(|it| it.as_text().map(str::to_owned))
    };
    item.request = text("request").unwrap_or_default();
    item.route = text("route").unwrap_or_default();
    item.target = text("target").unwrap_or_default();
    item.kind = text("kind").unwrap_or_default();
    item.binding = text("binding").unwrap_or_default();
    item.reason = text("reason").filter(|reason| !reason.is_empty());
    item.detail = text("detail");
    let number = |name: &str| match said.get(name) {
        Some(Value::Integer(number)) => u64::try_from(*number).ok(),
        _ => None,
    };
    item.event = number("event");
    item.number = number("number");
    item.attempts = number("attempts").filter(|attempts| *attempts > 0);
    if let Some(ended) = number("time") {
        item.time = UNIX_EPOCH + Duration::from_millis(ended);
    }
    if let Some(record) = said.get("record").and_then(Value::as_bytes) {
        item.read(record);
    }
    item
}

impl Item {
    fn new(what: What, stored: &Stored) -> Self {
        Self {
            what,
            sequence: stored.sequence,
            time: stored.time,
            request: String::new(),
            route: String::new(),
            target: String::new(),
            kind: String::new(),
            binding: String::new(),
            event: None,
            number: None,
            reason: None,
            detail: None,
            attempts: None,
            fields: Vec::new(),
            unreadable: None,
            bytes: stored.payload.len(),
        }
    }

    fn read(&mut self, record: &Bytes) {
        self.bytes = record.len();
        match stored::names_and_values(record) {
            Ok(fields) => self.fields = fields,
            Err(error) => self.unreadable = Some(error.to_string()),
        }
    }

    /// The name of the cursor that passes it once it is settled.
    pub(super) fn cursor(&self) -> String {
        format!("{}:{}", self.target, self.kind)
    }

    /// The key, as far as there is one.
    pub(super) fn key(&self) -> Option<String> {
        let value = |wanted: &&str| {
            let mut fields = self.fields.iter();
            fields.find(|(name, _)| **name == **wanted).map(|it| &it.1)
        };
        let shown = |value: &Value| match value {
            Value::Text(text) => text.to_string(),
            value => json_of(value).to_string(),
        };
        KEYS.iter().find_map(value).map(shown)
    }

    /// Whether this is its key, or a member of the key or item that it writes.
    pub(super) fn has_key(&self, wanted: &str) -> bool {
        let is = |value: &Value| match value {
            Value::Text(text) => **text == *wanted,
            Value::Bytes(bytes) | Value::Json(bytes) => bytes == wanted.as_bytes(),
            Value::Integer(number) => number.to_string() == wanted,
            _ => false,
        };
        self.fields.iter().any(|(name, value)| match value {
            Value::Map(members) if ITEMS.contains(&&**name) => {
                members.iter().any(|(_, value)| is(value))
            }
            value => KEYS.contains(&&**name) && is(value),
        })
    }

    /// The record alone.
    pub(super) fn record(&self) -> Json {
        let fields = self.fields.iter();
        fields
            .filter(|(_, value)| !value.is_absent())
            .map(|(name, value)| (name.to_string(), json_of(value)))
            .collect::<Map<_, _>>()
            .into()
    }

    /// All that is known, for programs.
    pub(super) fn json(&self, waiting: Option<bool>) -> Json {
        let mut json = json!({
            "sequence": self.sequence,
            "time": when(self.time),
            "what": self.what.word(),
            "bytes": self.bytes,
        });
        let texts = [
            ("request", &self.request),
            ("route", &self.route),
            ("target", &self.target),
            ("kind", &self.kind),
            ("binding", &self.binding),
        ];
        for (name, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
            json[name] = Json::from(text.as_str());
        }
        let numbers = [
            ("event", self.event),
            ("number", self.number),
            ("attempts", self.attempts),
        ];
        for (name, number) in numbers {
            if let Some(number) = number {
                json[name] = Json::from(number);
            }
        }
        let said = [
            ("reason", &self.reason),
            ("detail", &self.detail),
            ("unreadable", &self.unreadable),
        ];
        for (name, text) in said {
            if let Some(text) = text {
                json[name] = Json::from(text.as_str());
            }
        }
        if let Some(waiting) = waiting {
            json["waiting"] = Json::from(waiting);
        }
        if !self.fields.is_empty() {
            json["record"] = self.record();
        }
        json
    }
}

/// A value as JSON: bytes as text, or as `{"base64": …}` where they are none.
fn json_of(value: &Value) -> Json {
    let bytes_of = |bytes: &[u8]| match std::str::from_utf8(bytes) {
        Ok(text) => Json::from(text),
        Err(_) => json!({ "base64": STANDARD.encode(bytes) }),
    };
    match value {
        Value::Absent => Json::Null,
        Value::Text(text) => Json::from(text.to_string()),
        Value::Bytes(bytes) => bytes_of(bytes),
        Value::Json(bytes) => serde_json::from_slice(bytes).unwrap_or_else(|_| bytes_of(bytes)),
        Value::Integer(number) => Json::from(*number),
        Value::Choice(place) => Json::from(*place),
        Value::Set(set) => {
            let member = |member: &Bytes| match set.kind {
                SetKind::Number => {
                    serde_json::from_slice(member).unwrap_or_else(|_| bytes_of(member))
                }
                SetKind::Text | SetKind::Binary => bytes_of(member),
            };
            set.members.iter().map(member).collect()
        }
        Value::Map(members) => members
            .iter()
            .map(|(name, value)| (name.to_string(), json_of(value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Expression { text, values } => json!({
            "expression": text.to_string(),
            "values": values.iter().map(json_of).collect::<Vec<_>>(),
        }),
    }
}
