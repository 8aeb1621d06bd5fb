//! What is kept of a record that nobody will deliver any more.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use sluicegate_contract::stored::{self, DecodeError};
use sluicegate_contract::{Field, Kind, Reason, Record, Value};
use uuid::Uuid;

/// Bytes that a letter takes beside its record, about: names, reason and detail.
const OVERHEAD_BYTES: usize = 512;

/// A record that nobody will deliver any more, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// When it ended.
    pub time: SystemTime,
    /// The id of its request, as answered.
    pub request: u128,
    /// The name of its route.
    pub route: Arc<str>,
    /// The name of its target.
    pub target: Arc<str>,
    /// The kind of its target's room: that of the fields of its record.
    pub kind: Arc<str>,
    /// The name of its binding.
    pub binding: Arc<str>,
    /// The place of its event in its request.
    pub event: u32,
    /// Its own place among the records of its request.
    pub number: u32,
    /// Why it ended: the code of a [`Reason`].
    pub reason: Arc<str>,
    /// What was said about it.
    pub detail: Option<Arc<str>>,
    /// How often it was sent; 0 where that is not known.
    pub attempts: u32,
    /// The record, in its stored form.
    pub record: Bytes,
}

const TEXT: Kind = Kind::Text {
    characters_min: 0,
    characters_max: usize::MAX,
};
const NUMBER: Kind = Kind::Integer {
    min: 0,
    max: i64::MAX,
};

const fn field(name: &'static str, kind: Kind, doc: &'static str) -> Field {
    Field {
        name,
        kind,
        required: false,
        default: None,
        doc,
    }
}

/// The fields of a letter's stored form.
pub const LETTER_FIELDS: &[Field] = &[
    field("time", NUMBER, "When it ended: milliseconds since 1970."),
    field("request", TEXT, "The id of its request, as answered."),
    field("route", TEXT, "The name of its route."),
    field("target", TEXT, "The name of its target."),
    field("kind", TEXT, "The kind of its target."),
    field("binding", TEXT, "The name of its binding."),
    field("event", NUMBER, "The place of its event in its request."),
    field(
        "number",
        NUMBER,
        "Its place among the records of its request.",
    ),
    field("reason", TEXT, "The code of the reason."),
    field("detail", TEXT, "What was said about it."),
    field("attempts", NUMBER, "How often it was sent; 0: not known."),
    field("record", Kind::Payload, "The record, in its stored form."),
];

impl Letter {
    /// The same letter, with why and after how many tries its record ended.
    #[must_use]
    pub fn because(mut self, reason: &Reason) -> Self {
        self.reason = reason.kind().code().into();
        self.detail = reason.detail().map(Arc::from);
        self.attempts = reason.attempts();
        self
    }

    /// The id of its request as people see it.
    #[must_use]
    pub fn request_id(&self) -> String {
        Uuid::from_u128(self.request).hyphenated().to_string()
    }

    /// Bytes that it takes in memory, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.record.len() + self.detail.as_ref().map_or(0, |said| said.len()) + OVERHEAD_BYTES
    }

    /// Its stored form.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let text = |text: &str| Value::Text(text.into());
        let number = |number: u32| Value::Integer(number.into());
        let record = Record::new([
            Value::Integer(milliseconds(self.time)),
            text(&self.request_id()),
            text(&self.route),
            text(&self.target),
            text(&self.kind),
            text(&self.binding),
            number(self.event),
            number(self.number),
            text(&self.reason),
            self.detail.as_deref().map_or(Value::Absent, text),
            number(self.attempts),
            Value::Bytes(self.record.clone()),
        ]);
        let mut out = Vec::with_capacity(self.bytes());
        stored::encode(&record, LETTER_FIELDS, &mut out);
        out.into()
    }

    /// Reads a stored letter.
    ///
    /// # Errors
    /// Why these bytes are none.
    pub fn decode(bytes: &Bytes) -> Result<Self, DecodeError> {
        let record = stored::decode(bytes, LETTER_FIELDS)?;
        let text = |place: usize| Arc::from(record.value(place).as_text().unwrap_or_default());
        let number = |place: usize| match record.value(place) {
            Value::Integer(number) => u32::try_from(*number).unwrap_or(0),
            _ => 0,
        };
        let time = match record.value(0) {
            Value::Integer(number) => u64::try_from(*number).unwrap_or(0),
            _ => 0,
        };
        let request = record.value(1).as_text().unwrap_or_default();
        let request = Uuid::try_parse(request)
            .map_err(|_| DecodeError::Damaged("a dead letter without a request's id".to_owned()))?;
        let kept = record.value(11).as_bytes().cloned();
        Ok(Self {
            time: UNIX_EPOCH + Duration::from_millis(time),
            request: request.as_u128(),
            route: text(2),
            target: text(3),
            kind: text(4),
            binding: text(5),
            event: number(6),
            number: number(7),
            reason: text(8),
            detail: record.value(9).as_text().map(Arc::from),
            attempts: number(10),
            record: kept.ok_or_else(|| {
                DecodeError::Damaged("a dead letter without its record".to_owned())
            })?,
        })
    }
}

/// Milliseconds since 1970; 0 for what lies before.
pub(super) fn milliseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
pub(crate) mod tests {
    use sluicegate_contract::ReasonKind;

    use super::*;

    /// A letter about a record of a room with the field `value`.
    pub(crate) fn letter(value: Value) -> Letter {
        let fields = [field("value", Kind::Payload, "")];
        let mut record = Vec::new();
        stored::encode(&Record::new([value]), &fields, &mut record);
        Letter {
            time: UNIX_EPOCH + Duration::from_millis(1_790_000_000_123),
            request: 0x0190_0000_0000_7000_8000_0000_0000_0001,
            route: "POST /orders".into(),
            target: "orders".into(),
            kind: "kafka".into(),
            binding: "orders".into(),
            event: 2,
            number: 5,
            reason: "".into(),
            detail: None,
            attempts: 0,
            record: record.into(),
        }
        .because(&Reason::new(ReasonKind::Invalid, "no such \"partition\"").after_attempts(3))
    }

    #[test]
    fn a_letter_comes_back_as_it_was() {
        for letter in [
            letter(Value::Bytes(Bytes::from_static(b"{\"id\":1}"))),
            Letter {
                detail: None,
                attempts: 0,
                ..letter(Value::Absent)
            },
        ] {
            let stored = letter.encode();
            assert_eq!(Letter::decode(&stored).unwrap(), letter);
        }
    }

    #[test]
    fn what_is_no_letter_is_said() {
        for bytes in [
            &b""[..],
            b"\xa0",
            b"\xa1\x65value\x41a",
            b"\xa1\x66record\x41a",
        ] {
            assert!(
                Letter::decode(&Bytes::copy_from_slice(bytes)).is_err(),
                "{bytes:?}"
            );
        }
    }
}
