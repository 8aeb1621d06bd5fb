//! Logs: read from their directories, as `sluicegate spool` reads them.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use serde_json::{Map, Value as Json, json};
use sluicegate_contract::{Value, stored};
use sluicegate_log::Tail;

use crate::values::text;
use crate::watcher::{Landed, Words};

/// Records that are read at once.
const RECORDS_PER_LOOK: usize = 500;
/// Between two looks at one log: each reads the whole of it.
const LOOK_PAUSE: Duration = Duration::from_millis(50);

/// Reads one log.
pub(crate) struct Reader {
    place: usize,
    tail: Tail,
    looked: Option<Instant>,
}

impl Reader {
    pub(crate) fn new(place: usize, directory: &Path) -> Self {
        Self {
            place,
            tail: Tail::new(directory, 0),
            looked: None,
        }
    }

    pub(crate) fn round(&mut self, words: &Words) -> usize {
        let early = |looked: Instant| looked.elapsed() < LOOK_PAUSE;
        if self.looked.is_some_and(early) {
            return 0;
        }
        let read = self.tail.read(RECORDS_PER_LOOK).unwrap_or_default();
        self.looked = Some(Instant::now());
        for stored in &read {
            let content = content(&stored.payload);
            words.landed(Landed {
                time: SystemTime::now(),
                place: self.place,
                took: stored.time.elapsed().unwrap_or_default(),
                key: content.get("key").and_then(Json::as_str).map(str::to_owned),
                bytes: stored.payload.len(),
                content: Json::Object(content),
            });
        }
        read.len()
    }
}

/// The fields of a record or dead letter. The record in a letter is stored as records are.
fn content(payload: &Bytes) -> Map<String, Json> {
    let parts = stored::names_and_values(payload).unwrap_or_default();
    let shown = |(name, value): (bytestring::ByteString, Value)| {
        let shown = match &value {
            Value::Bytes(bytes) if &*name == "record" => Json::Object(content(bytes)),
            value => shown(value),
        };
        (name.to_string(), shown)
    };
    parts.into_iter().map(shown).collect()
}

fn shown(value: &Value) -> Json {
    match value {
        Value::Absent | Value::Choice(_) => Json::Null,
        Value::Text(text) => json!(&**text),
        Value::Bytes(bytes) => json!(text(bytes)),
        Value::Json(json) => serde_json::from_slice(json).unwrap_or_default(),
        Value::Integer(number) => json!(number),
        Value::Set(set) => set
            .members
            .iter()
            .map(|member| json!(text(member)))
            .collect(),
        Value::Map(entries) => {
            let entries = entries.iter();
            Json::Object(
                entries
                    .map(|(name, value)| (name.to_string(), shown(value)))
                    .collect(),
            )
        }
        Value::Expression { text, values } => {
            json!({ "text": &**text, "values": values.iter().map(shown).collect::<Vec<_>>() })
        }
    }
}
