//! What an expression gives for one event.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use bytestring::ByteString;
use sluicegate_contract::{Set, SetKind};

use crate::split::{CaptureKind, unescape};

/// A value on its way into a record.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Found {
    /// An optional value that is not there.
    Absent,
    /// A JSON value, as received or as made by an expression.
    Json(Bytes, CaptureKind),
    /// Text.
    Text(ByteString),
    /// Bytes that are no JSON value.
    Bytes(Bytes),
    /// A set, which is an array wherever it is not an attribute's value.
    Set(Set),
}

impl Found {
    /// A word for it in messages.
    pub(super) fn describe(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::Set(_) => "a set",
            Self::Json(_, kind) => match kind {
                CaptureKind::Object => "an object",
                CaptureKind::Array => "an array",
                CaptureKind::PlainString | CaptureKind::EscapedString => "text",
                CaptureKind::Integer | CaptureKind::Decimal => "a number",
                CaptureKind::True | CaptureKind::False => "a boolean",
                CaptureKind::Null => "null",
            },
        }
    }

    /// A string's text; a number or boolean as it was written; bytes that are UTF-8.
    pub(super) fn text(&self) -> Option<ByteString> {
        match self {
            Self::Absent | Self::Set(_) => None,
            Self::Text(text) => Some(text.clone()),
            Self::Bytes(bytes) => ByteString::try_from(bytes.clone()).ok(),
            Self::Json(json, kind) => match kind {
                CaptureKind::PlainString | CaptureKind::EscapedString => {
                    ByteString::try_from(string_bytes(json, *kind)).ok()
                }
                CaptureKind::Object | CaptureKind::Array | CaptureKind::Null => None,
                _ => ByteString::try_from(json.clone()).ok(),
            },
        }
    }

    /// What is sent as a payload: JSON as received, a string as its text.
    pub(super) fn payload(&self) -> Option<Bytes> {
        match self {
            Self::Absent => None,
            Self::Text(text) => Some(text.as_bytes().clone()),
            Self::Bytes(bytes) => Some(bytes.clone()),
            Self::Set(set) => Some(set_json(set)),
            Self::Json(json, kind) => Some(string_bytes(json, *kind)),
        }
    }

    /// Adds it to a JSON text. `false` where it has no JSON form.
    pub(super) fn write_json(&self, out: &mut Vec<u8>) -> bool {
        match self {
            Self::Json(json, _) => out.extend_from_slice(json),
            Self::Text(text) => write_json_string(text, out),
            Self::Set(set) => out.extend_from_slice(&set_json(set)),
            Self::Absent | Self::Bytes(_) => return false,
        }
        true
    }

    /// True for JSON's null.
    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Json(_, CaptureKind::Null))
    }

    /// The boolean, if it is one.
    pub(super) fn boolean(&self) -> Option<bool> {
        match self {
            Self::Json(_, CaptureKind::True) => Some(true),
            Self::Json(_, CaptureKind::False) => Some(false),
            _ => None,
        }
    }

    /// The integer, if it is one that fits 64 bits.
    pub(super) fn integer(&self) -> Option<i64> {
        match self {
            Self::Json(json, CaptureKind::Integer) => std::str::from_utf8(json).ok()?.parse().ok(),
            _ => None,
        }
    }

    /// `true` or `false`.
    pub(super) fn from_boolean(value: bool) -> Self {
        if value {
            Self::Json(Bytes::from_static(b"true"), CaptureKind::True)
        } else {
            Self::Json(Bytes::from_static(b"false"), CaptureKind::False)
        }
    }

    /// An integer.
    pub(super) fn from_integer(value: impl itoa::Integer) -> Self {
        let text = itoa::Buffer::new().format(value).as_bytes().to_vec();
        Self::Json(Bytes::from(text), CaptureKind::Integer)
    }

    /// A JSON number, with a zero behind the point where it is whole. `None` where JSON has none.
    pub(super) fn from_double(value: f64) -> Option<Self> {
        let text = Bytes::from(format!("{value:?}"));
        value
            .is_finite()
            .then_some(Self::Json(text, CaptureKind::Decimal))
    }

    /// A JSON text that is known to be one, without white space around it.
    pub(super) fn from_json(json: Bytes) -> Self {
        let kind = match json.first() {
            Some(b'{') => CaptureKind::Object,
            Some(b'[') => CaptureKind::Array,
            Some(b'"') => CaptureKind::EscapedString,
            Some(b't') => CaptureKind::True,
            Some(b'f') => CaptureKind::False,
            Some(b'n') | None => CaptureKind::Null,
            Some(_) if json.iter().any(|byte| b".eE".contains(byte)) => CaptureKind::Decimal,
            Some(_) => CaptureKind::Integer,
        };
        Self::Json(json, kind)
    }

    /// `null`.
    pub(super) fn null() -> Self {
        Self::Json(Bytes::from_static(b"null"), CaptureKind::Null)
    }
}

/// A set as a JSON array.
fn set_json(set: &Set) -> Bytes {
    let mut out = vec![b'['];
    for (index, member) in set.members.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        match set.kind {
            SetKind::Number => out.extend_from_slice(member),
            SetKind::Text => write_json_string(&String::from_utf8_lossy(member), &mut out),
            SetKind::Binary => write_json_string(&STANDARD.encode(member), &mut out),
        }
    }
    out.push(b']');
    Bytes::from(out)
}

/// The bytes of a JSON value; of a string those between its quotes, escapes resolved.
fn string_bytes(json: &Bytes, kind: CaptureKind) -> Bytes {
    let inner = 1..json.len().saturating_sub(1).max(1);
    match kind {
        CaptureKind::PlainString if json.len() >= 2 => json.slice(inner),
        CaptureKind::EscapedString => {
            let inner = json.get(inner).unwrap_or_default();
            Bytes::from(unescape(inner).into_owned())
        }
        _ => json.clone(),
    }
}

/// Adds a JSON string.
pub(super) fn write_json_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for character in text.chars() {
        match character {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            control if control < ' ' => {
                out.extend_from_slice(format!("\\u{:04x}", u32::from(control)).as_bytes());
            }
            other => out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_become_json_that_reads_back() {
        for text in ["", "plain", "a\"b\\c\n\r\t\u{1}\u{1f}é😀/\u{7f}"] {
            let mut out = Vec::new();
            write_json_string(text, &mut out);
            assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }
}
