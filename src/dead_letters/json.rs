//! A letter as JSON, for consumers of the topic, stream or table that it is sent to.
//!
//! Bytes of a record stand as text where they are UTF-8, exactly as they would have been sent, and
//! as `{"base64": …}` where they are not.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sluicegate_contract::{Value, stored};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Letter;

impl Letter {
    /// The whole letter as one JSON object.
    #[must_use]
    pub fn json(&self) -> String {
        let mut out = String::with_capacity(self.bytes() + self.record.len() / 4);
        out.push('{');
        // The version of this form.
        member("dead_letter", &mut out);
        out.push('1');
        text_member("time", &self.rfc3339(), &mut out);
        text_member("request_id", &self.request_id(), &mut out);
        for (name, value) in [
            ("route", &self.route),
            ("target", &self.target),
            ("kind", &self.kind),
            ("binding", &self.binding),
            ("reason", &self.reason),
        ] {
            text_member(name, value, &mut out);
        }
        if let Some(detail) = &self.detail {
            text_member("detail", detail, &mut out);
        }
        for (name, number) in [
            ("attempts", self.attempts),
            ("event", self.event),
            ("number", self.number),
        ] {
            member(name, &mut out);
            out.push_str(itoa::Buffer::new().format(number));
        }
        member("record", &mut out);
        out.push_str(&self.record_json());
        out.push('}');
        out
    }

    /// Its record as one JSON object, by the names of the room's fields.
    #[must_use]
    pub fn record_json(&self) -> String {
        let mut out = String::from("{");
        for (name, value) in stored::names_and_values(&self.record).unwrap_or_default() {
            member(&name, &mut out);
            write(&value, &mut out);
        }
        out.push('}');
        out
    }

    /// When its record ended, as RFC 3339.
    #[must_use]
    pub fn rfc3339(&self) -> String {
        let written = OffsetDateTime::from(self.time).format(&Rfc3339);
        written.unwrap_or_default()
    }
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Absent | Value::Choice(_) => out.push_str("null"),
        Value::Text(text) => quote(text, out),
        Value::Bytes(bytes) => write_bytes(bytes, out),
        Value::Integer(number) => out.push_str(itoa::Buffer::new().format(*number)),
        // Its digits are kept as they came: a JSON library would round some.
        Value::Json(json) => match std::str::from_utf8(json) {
            Ok(json) => out.push_str(json),
            Err(_) => out.push_str("null"),
        },
        Value::Set(set) => list(set.members.iter(), out, |member, out| {
            write_bytes(member, out)
        }),
        Value::Map(entries) => {
            out.push('{');
            for (name, value) in entries {
                member(name, out);
                write(value, out);
            }
            out.push('}');
        }
        Value::Expression { text, values } => {
            out.push('{');
            text_member("text", text, out);
            member("values", out);
            list(values.iter(), out, write);
            out.push('}');
        }
    }
}

fn write_bytes(bytes: &[u8], out: &mut String) {
    match std::str::from_utf8(bytes) {
        Ok(text) => quote(text, out),
        Err(_) => {
            out.push('{');
            text_member("base64", &STANDARD.encode(bytes), out);
            out.push('}');
        }
    }
}

fn list<T>(items: impl Iterator<Item = T>, out: &mut String, each: impl Fn(T, &mut String)) {
    out.push('[');
    for (place, item) in items.enumerate() {
        if place > 0 {
            out.push(',');
        }
        each(item, out);
    }
    out.push(']');
}

fn text_member(name: &str, text: &str, out: &mut String) {
    member(name, out);
    quote(text, out);
}

/// The name of the next member.
fn member(name: &str, out: &mut String) {
    if !out.ends_with('{') {
        out.push(',');
    }
    quote(name, out);
    out.push(':');
}

fn quote(text: &str, out: &mut String) {
    // Text into memory: there is nothing that can fail.
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::{Value as Json, json};
    use sluicegate_contract::{Name, Set, SetKind};

    use super::super::letter::tests::letter;
    use super::*;

    #[test]
    fn a_letter_says_all_that_is_known_of_its_record() {
        let event = Bytes::from_static(b"{\"id\": 1}");
        let read: Json = serde_json::from_str(&letter(Value::Bytes(event)).json()).unwrap();
        let wanted = json!({
            "dead_letter": 1,
            "time": "2026-09-21T14:13:20.123Z",
            "request_id": "01900000-0000-7000-8000-000000000001",
            "route": "POST /orders",
            "target": "orders",
            "kind": "kafka",
            "binding": "orders",
            "reason": "record_invalid",
            "detail": "no such \"partition\"",
            "attempts": 3,
            "event": 2,
            "number": 5,
            "record": { "value": "{\"id\": 1}" },
        });
        assert_eq!(read, wanted);
    }

    #[test]
    fn every_kind_of_value_is_json() {
        let bytes = |bytes: &'static [u8]| Bytes::from_static(bytes);
        let set = Set {
            kind: SetKind::Text,
            members: [bytes(b"a"), bytes(b"b")].into(),
        };
        for (value, wanted) in [
            (Value::Text("a\"b\n".into()), json!("a\"b\n")),
            (Value::Bytes(bytes(b"\xff\0")), json!({ "base64": "/wA=" })),
            (Value::Integer(-7), json!(-7)),
            (Value::Json(bytes(b"[1,{}]")), json!([1, {}])),
            (Value::Set(set), json!(["a", "b"])),
            (
                Value::Map(vec![
                    (Name::from("a"), Value::Map(Vec::new())),
                    (Name::from("{"), Value::Absent),
                ]),
                json!({ "a": {}, "{": null }),
            ),
            (
                Value::Expression {
                    text: "a = :p0".into(),
                    values: vec![Value::Integer(1), Value::Absent],
                },
                json!({ "text": "a = :p0", "values": [1, null] }),
            ),
        ] {
            let written = letter(value).record_json();
            let read: Json = serde_json::from_str(&written).expect(&written);
            assert_eq!(read, json!({ "value": wanted }));
        }
        let exact = letter(Value::Json(bytes(b"12345678901234567890.10"))).record_json();
        assert_eq!(exact, "{\"value\":12345678901234567890.10}");
    }
}
