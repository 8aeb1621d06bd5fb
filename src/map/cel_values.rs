//! JSON to the expression language's values and back.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use bytestring::ByteString;
use cel::Value;
use cel::common::types::{
    CelBool, CelBytes, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelOptional,
    CelString, CelUInt,
};
use cel::common::value::Val;

use super::found::{Found, write_json_string};
use super::functions::AttributeSet;
use super::trouble::Trouble;
use crate::split::{CaptureKind, string_end, unescape};

/// The value of a JSON text that passed the scan, which also bounds its nesting. Strings without
/// escapes are borrowed.
pub(super) fn from_json<'j>(json: &'j [u8]) -> Result<Box<dyn Val + 'j>, Trouble> {
    Reader { json, at: 0 }.value()
}

struct Reader<'j> {
    json: &'j [u8],
    at: usize,
}

impl<'j> Reader<'j> {
    fn value(&mut self) -> Result<Box<dyn Val + 'j>, Trouble> {
        match self.peek() {
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'"') => Ok(Box::new(self.string())),
            Some(b't') => Ok(self.word("true", CelBool::from(true))),
            Some(b'f') => Ok(self.word("false", CelBool::from(false))),
            Some(b'n') => Ok(self.word("null", CelNull)),
            _ => self.number(),
        }
    }

    fn object(&mut self) -> Result<Box<dyn Val + 'j>, Trouble> {
        let mut entries: HashMap<CelMapKey<'j>, Box<dyn Val + 'j>> = HashMap::new();
        self.at += 1;
        while self.peek() == Some(b'"') {
            let name = CelMapKey::String(self.string());
            let _colon = self.peek();
            self.at += 1;
            let value = self.value()?;
            if entries.insert(name, value).is_some() {
                return Err(Trouble::Duplicate);
            }
            self.comma();
        }
        self.at += 1;
        Ok(Box::new(CelMap::from(entries)))
    }

    fn array(&mut self) -> Result<Box<dyn Val + 'j>, Trouble> {
        let mut elements = Vec::new();
        self.at += 1;
        while !matches!(self.peek(), Some(b']') | None) {
            elements.push(self.value()?);
            self.comma();
        }
        self.at += 1;
        Ok(Box::new(CelList::from(elements)))
    }

    fn string(&mut self) -> CelString<'j> {
        let start = self.at + 1;
        let (end, escaped) = match string_end(self.json, self.at) {
            Ok(string) => (string.end, string.escaped),
            Err(_) => (self.json.len(), false),
        };
        self.at = end;
        let inner = self.json.get(start..end.saturating_sub(1));
        let inner = inner.unwrap_or_default();
        if escaped {
            let text = String::from_utf8_lossy(&unescape(inner)).into_owned();
            return CelString::from(text);
        }
        CelString::from(std::str::from_utf8(inner).unwrap_or_default())
    }

    fn word(&mut self, word: &str, value: impl Val + 'j) -> Box<dyn Val + 'j> {
        self.at += word.len();
        Box::new(value)
    }

    fn number(&mut self) -> Result<Box<dyn Val + 'j>, Trouble> {
        let rest = self.json.get(self.at..).unwrap_or_default();
        let is_number = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let length = rest.iter().position(|byte| !is_number(byte));
        let text = rest.get(..length.unwrap_or(rest.len())).unwrap_or_default();
        // At least one, so that no text can make the reader stand still.
        self.at += text.len().max(1);
        let text = std::str::from_utf8(text).unwrap_or_default();
        let is_integer = !text.contains(['.', 'e', 'E']);
        if is_integer {
            return Ok(Box::new(CelInt::from(integer(text)?)));
        }
        Ok(Box::new(CelDouble::from(decimal(text)?)))
    }

    fn comma(&mut self) {
        if self.peek() == Some(b',') {
            self.at += 1;
        }
    }

    fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.json.get(self.at) {
            self.at += 1;
        }
        self.json.get(self.at).copied()
    }
}

/// The number of a JSON number without point and exponent.
pub(super) fn integer(text: &str) -> Result<i64, Trouble> {
    text.parse().map_err(|_| {
        Trouble::unusable(
            "a whole number outside of 64 bits cannot be computed with (a plain path passes it on \
             as it is)",
        )
    })
}

/// The number of a JSON number with a point or an exponent.
pub(super) fn decimal(text: &str) -> Result<f64, Trouble> {
    match text.parse::<f64>() {
        Ok(double) if double.is_finite() => Ok(double),
        _ => Err(Trouble::unusable(
            "a number too large for a double cannot be computed with (a plain path passes it on \
             as it is)",
        )),
    }
}

/// What an expression's value is for a record.
pub(super) fn to_found(value: &dyn Val) -> Result<Found, Trouble> {
    if let Some(text) = value.downcast_ref::<CelString<'_>>() {
        return Ok(Found::Text(ByteString::from(text.inner())));
    }
    if let Some(bytes) = value.downcast_ref::<CelBytes<'_>>() {
        return Ok(Found::Bytes(Bytes::copy_from_slice(bytes.inner())));
    }
    if let Some(optional) = value.downcast_ref::<CelOptional<'_>>() {
        return optional.option().map_or(Ok(Found::Absent), to_found);
    }
    if let Some(boolean) = value.downcast_ref::<CelBool>() {
        return Ok(Found::from_boolean(*boolean.inner()));
    }
    if let Some(integer) = value.downcast_ref::<CelInt>() {
        return Ok(Found::from_integer(*integer.inner()));
    }
    if let Some(integer) = value.downcast_ref::<CelUInt>() {
        return Ok(Found::from_integer(*integer.inner()));
    }
    if let Some(double) = value.downcast_ref::<CelDouble>() {
        let infinite = "an infinite or undefined number has no JSON form";
        return Found::from_double(*double.inner()).ok_or(Trouble::unusable(infinite));
    }
    if value.downcast_ref::<CelNull>().is_some() {
        return Ok(Found::null());
    }
    if let Some(AttributeSet(set)) = value.downcast_ref::<AttributeSet>() {
        return Ok(Found::Set(set.clone()));
    }
    if let Some(list) = value.downcast_ref::<CelList<'_>>() {
        let mut out = Vec::new();
        write_list(list, &mut out)?;
        return Ok(Found::Json(Bytes::from(out), CaptureKind::Array));
    }
    if let Some(map) = value.downcast_ref::<CelMap<'_>>() {
        let mut out = Vec::new();
        write_map(map, &mut out)?;
        return Ok(Found::Json(Bytes::from(out), CaptureKind::Object));
    }
    other_to_found(value)
}

fn other_to_found(value: &dyn Val) -> Result<Found, Trouble> {
    match Value::try_from(value) {
        Ok(Value::Timestamp(time)) => Ok(Found::Text(ByteString::from(time.to_rfc3339()))),
        Ok(Value::Duration(duration)) => {
            let seconds = format!("{}s", duration.num_milliseconds() as f64 / 1000.0);
            Ok(Found::Text(ByteString::from(seconds)))
        }
        _ => Err(Trouble::unusable("a type is not a value that can be sent")),
    }
}

fn write_list(list: &CelList<'_>, out: &mut Vec<u8>) -> Result<(), Trouble> {
    out.push(b'[');
    for (index, element) in list.inner().iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_value(element.as_ref(), out)?;
    }
    out.push(b']');
    Ok(())
}

/// Writes a map in the order of its names: the language's maps have no order of their own, and the
/// same event must give the same bytes.
fn write_map(map: &CelMap<'_>, out: &mut Vec<u8>) -> Result<(), Trouble> {
    let mut entries: BTreeMap<String, &dyn Val> = BTreeMap::new();
    for (key, value) in map.inner() {
        let name = match key {
            CelMapKey::String(text) => text.inner().to_owned(),
            CelMapKey::Int(integer) => integer.inner().to_string(),
            CelMapKey::UInt(integer) => integer.inner().to_string(),
            CelMapKey::Bool(boolean) => boolean.inner().to_string(),
        };
        if entries.insert(name, value.as_ref()).is_some() {
            return Err(Trouble::unusable("two keys of a map have the same text"));
        }
    }
    out.push(b'{');
    for (index, (name, value)) in entries.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_json_string(&name, out);
        out.push(b':');
        write_value(value, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn write_value(value: &dyn Val, out: &mut Vec<u8>) -> Result<(), Trouble> {
    if let Some(list) = value.downcast_ref::<CelList<'_>>() {
        return write_list(list, out);
    }
    if let Some(map) = value.downcast_ref::<CelMap<'_>>() {
        return write_map(map, out);
    }
    match to_found(value)? {
        Found::Bytes(_) => Err(Trouble::unusable("bytes have no JSON form: use base64(…)")),
        Found::Set(_) => Err(Trouble::unusable(
            "a set stands by itself, as the whole value of an attribute",
        )),
        Found::Absent => Err(Trouble::unusable("an absent value inside a list or map")),
        found => {
            found.write_json(out);
            Ok(())
        }
    }
}

/// A map's keys in their order.
pub(super) fn sorted_keys<'v>(map: &CelMap<'v>) -> CelList<'v> {
    let mut keys: Vec<&CelMapKey<'v>> = map.inner().keys().collect();
    keys.sort();
    let keys = keys.into_iter().map(|key| match key {
        CelMapKey::String(text) => Box::new(text.clone()) as Box<dyn Val + 'v>,
        CelMapKey::Int(integer) => Box::new(*integer),
        CelMapKey::UInt(integer) => Box::new(*integer),
        CelMapKey::Bool(boolean) => Box::new(*boolean),
    });
    CelList::from(keys.collect::<Vec<_>>())
}

/// Bytes that a value holds, counted until they pass `most`.
pub(super) fn weight(value: &dyn Val, most: usize) -> usize {
    if let Some(text) = value.downcast_ref::<CelString<'_>>() {
        return text.inner().len() + 8;
    }
    if let Some(bytes) = value.downcast_ref::<CelBytes<'_>>() {
        return bytes.inner().len() + 8;
    }
    if let Some(AttributeSet(set)) = value.downcast_ref::<AttributeSet>() {
        return set.bytes() + 8;
    }
    let mut sum = 8;
    if let Some(list) = value.downcast_ref::<CelList<'_>>() {
        for element in list.inner() {
            if sum > most {
                break;
            }
            sum += weight(element.as_ref(), most - sum);
        }
    } else if let Some(map) = value.downcast_ref::<CelMap<'_>>() {
        for value in map.inner().values() {
            if sum > most {
                break;
            }
            sum += 32 + weight(value.as_ref(), most.saturating_sub(sum));
        }
    } else if let Some(inner) = value
        .downcast_ref::<CelOptional<'_>>()
        .and_then(CelOptional::option)
    {
        sum += weight(inner, most);
    }
    sum
}
