//! A table's key, and what of an item it is.

use std::borrow::Cow;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use sluicegate_contract::{Reason, Value};

use crate::item::{invalid, item};
use crate::json::{Reader, Token};
use crate::number::Number;
use crate::settings::{KeyAttributes, KeyType};

/// Bytes of a partition key, and of a sort key.
const KEY_BYTES_MAX: [usize; 2] = [2048, 1024];

/// The key attributes of a table, the partition key first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeySchema(Vec<(String, KeyType)>);

impl From<&KeyAttributes> for KeySchema {
    fn from(KeyAttributes(key): &KeyAttributes) -> Self {
        Self(key.clone())
    }
}

impl KeySchema {
    /// A key of these attributes; `None` where there are not one or two.
    pub(crate) fn new(attributes: Vec<(String, KeyType)>) -> Option<Self> {
        (1..=KEY_BYTES_MAX.len())
            .contains(&attributes.len())
            .then_some(Self(attributes))
    }

    /// Checks that an item has the key: each attribute there, of its type, not empty, not too long.
    ///
    /// # Errors
    /// `Invalid`, naming the attribute.
    pub(crate) fn check(&self, put: &Value) -> Result<(), Reason> {
        for ((name, key_type), bytes_max) in self.0.iter().zip(KEY_BYTES_MAX) {
            let part = part(put, name)
                .ok_or_else(|| invalid(format!("the key attribute `{name}` is missing")))?;
            if part.key_type() != Some(*key_type) {
                let (expected, given) = (key_type.describe(), part.describe());
                let detail = format!("the key attribute `{name}` must be {expected}, not {given}");
                return Err(invalid(detail));
            }
            let bytes = part.bytes();
            if bytes == 0 {
                return Err(invalid(format!("the key attribute `{name}` is empty")));
            }
            if bytes > bytes_max {
                let detail = format!(
                    "the key attribute `{name}` has {bytes} bytes; {bytes_max} are the most"
                );
                return Err(invalid(detail));
            }
        }
        Ok(())
    }

    /// As [`Self::check`], for what must be the key and nothing else.
    ///
    /// # Errors
    /// `Invalid`, naming the attribute.
    pub(crate) fn check_only(&self, key: &Value) -> Result<(), Reason> {
        self.check(key)?;
        let stranger = names(key)?.into_iter().find(|name| !self.has(name));
        match stranger {
            Some(name) => {
                let name: String = name.chars().take(64).collect();
                let detail = format!("`{}` is not of the key {self}", name.escape_debug());
                Err(invalid(detail))
            }
            None => Ok(()),
        }
    }

    /// True for the name of a key attribute.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// The key attributes' names, the partition key's first.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// A hash of the item's key; `None` where it has none.
    pub(crate) fn hash(&self, put: &Value) -> Option<u64> {
        let mut hasher = DefaultHasher::new();
        for (name, _) in &self.0 {
            part(put, name)?.hash(&mut hasher);
        }
        Some(hasher.finish())
    }
}

impl fmt::Display for KeySchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{ ")?;
        for (place, (name, key_type)) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{name}: {key_type:?}")?;
        }
        f.write_str(" }")
    }
}

impl KeyType {
    fn describe(self) -> &'static str {
        match self {
            Self::S => "a string (S)",
            Self::N => "a number (N)",
            Self::B => "binary (B)",
        }
    }
}

/// A hash of a whole item, as far as it is known without the table's key.
pub(crate) fn hash_whole(put: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    hash_value(put, &mut hasher);
    hasher.finish()
}

fn hash_value(value: &Value, hasher: &mut DefaultHasher) {
    match value {
        Value::Map(entries) => {
            for (name, value) in entries {
                name.hash(hasher);
                hash_value(value, hasher);
            }
        }
        Value::Integer(number) => number.hash(hasher),
        Value::Set(set) => set.members.hash(hasher),
        other => other.as_bytes().hash(hasher),
    }
}

/// The names of a map's entries.
fn names(map: &Value) -> Result<Vec<String>, Reason> {
    match map {
        Value::Map(entries) => {
            let there = entries.iter().filter(|(_, value)| !value.is_absent());
            Ok(there.map(|(name, _)| name.to_string()).collect())
        }
        other => Ok(item(other)?.into_keys().collect()),
    }
}

/// One key attribute of an item.
enum Part<'v> {
    Text(Cow<'v, str>),
    Number(String),
    Bytes(&'v [u8]),
    /// Of a type that no key may have.
    Other,
}

impl Part<'_> {
    fn key_type(&self) -> Option<KeyType> {
        match self {
            Self::Text(_) => Some(KeyType::S),
            Self::Number(_) => Some(KeyType::N),
            Self::Bytes(_) => Some(KeyType::B),
            Self::Other => None,
        }
    }

    fn describe(&self) -> &'static str {
        self.key_type().map_or("of another type", KeyType::describe)
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Number(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::Other => 0,
        }
    }
}

impl Hash for Part<'_> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        match self {
            Self::Text(text) => ('S', text).hash(hasher),
            Self::Number(text) => ('N', text).hash(hasher),
            Self::Bytes(bytes) => ('B', bytes).hash(hasher),
            Self::Other => 'O'.hash(hasher),
        }
    }
}

/// The attribute of this name, at the top of an item.
fn part<'v>(put: &'v Value, name: &str) -> Option<Part<'v>> {
    match put {
        Value::Map(entries) => {
            let (_, value) = entries.iter().find(|(entry, _)| &**entry == name)?;
            match value {
                Value::Absent => None,
                Value::Text(text) => Some(Part::Text(Cow::Borrowed(text))),
                Value::Bytes(bytes) => Some(Part::Bytes(bytes)),
                Value::Integer(number) => part_of_number(&number.to_string()),
                Value::Json(json) => part_of_json(Reader::new(json)),
                _ => Some(Part::Other),
            }
        }
        Value::Json(json) => {
            let mut reader = Reader::new(json);
            if reader.token().ok()? != Token::ObjectStart {
                return None;
            }
            loop {
                let Token::Text(found) = reader.token().ok()? else {
                    return None;
                };
                if !reader.take(b':') {
                    return None;
                }
                if found == name {
                    return part_of_json(reader);
                }
                reader.skip_value().ok()?;
                if !reader.take(b',') {
                    return None;
                }
            }
        }
        _ => None,
    }
}

fn part_of_json(mut reader: Reader<'_>) -> Option<Part<'_>> {
    match reader.token().ok()? {
        Token::Text(text) => Some(Part::Text(text)),
        Token::Number(text) => part_of_number(text),
        _ => Some(Part::Other),
    }
}

/// Numbers are one key whatever way they are written.
fn part_of_number<'v>(text: &str) -> Option<Part<'v>> {
    Some(Part::Number(Number::read(text).ok()?.canonical()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(key: &[(&str, KeyType)]) -> KeySchema {
        KeySchema(
            key.iter()
                .map(|(name, t)| ((*name).to_owned(), *t))
                .collect(),
        )
    }

    fn json(text: &str) -> Value {
        Value::Json(text.to_owned().into())
    }

    fn map(entries: Vec<(&str, Value)>) -> Value {
        Value::Map(
            entries
                .into_iter()
                .map(|(name, value)| (name.into(), value))
                .collect(),
        )
    }

    #[test]
    fn an_item_without_its_key_is_refused_with_the_attributes_name() {
        let schema = schema(&[("pk", KeyType::S), ("sk", KeyType::N)]);
        let long = format!(r#"{{"pk":"{}","sk":1}}"#, "k".repeat(2049));
        for (put, words) in [
            (r#"{"x":[{"pk":"no"}],"pk":"a","sk":1}"#, ""),
            (r#"{"pk":"a"}"#, "`sk` is missing"),
            (r#"{"sk":1,"x":{"pk":"a"}}"#, "`pk` is missing"),
            (r#"{"pk":"","sk":1}"#, "`pk` is empty"),
            (
                r#"{"pk":7,"sk":1}"#,
                "`pk` must be a string (S), not a number (N)",
            ),
            (
                r#"{"pk":null,"sk":1}"#,
                "`pk` must be a string (S), not of another type",
            ),
            (
                r#"{"pk":"a","sk":"1"}"#,
                "`sk` must be a number (N), not a string (S)",
            ),
            (long.as_str(), "`pk` has 2049 bytes"),
        ] {
            match schema.check(&json(put)) {
                Ok(()) => assert_eq!(words, "", "{put}"),
                Err(reason) => assert!(
                    !words.is_empty() && reason.detail().unwrap().contains(words),
                    "{reason} has {words}"
                ),
            }
        }
        let binary = self::schema(&[("pk", KeyType::B)]);
        let bytes = |bytes: &'static [u8]| map(vec![("pk", Value::Bytes(bytes.into()))]);
        assert!(binary.check(&bytes(b"\x00")).is_ok());
        assert!(binary.check(&bytes(b"")).is_err());
        assert!(schema.check(&map(vec![("pk", Value::Absent)])).is_err());
    }

    #[test]
    fn one_key_has_one_hash_however_it_is_written() {
        let schema = schema(&[("pk", KeyType::S), ("sk", KeyType::N)]);
        let whole = json(r#"{"v":1,"sk":10.0,"pk":"\u0061"}"#);
        let named = map(vec![
            ("pk", Value::Text("a".into())),
            ("sk", json("1e1")),
            ("v", json("2")),
        ]);
        assert!(schema.hash(&whole).is_some());
        assert_eq!(schema.hash(&whole), schema.hash(&named));
        let other = json(r#"{"sk":100,"pk":"a"}"#);
        assert_ne!(schema.hash(&whole), schema.hash(&other));
        assert_eq!(schema.hash(&json(r#"{"pk":"a"}"#)), None);
    }
}
