//! How a rendered record is stored: what was stored is what is delivered, whatever the mapping says
//! by then.
//!
//! A record is a CBOR map of the names of its fields to their values, so that it can be read by a
//! later version whose room has other fields, and by any tool that reads CBOR. A word of a
//! [`Kind::Choice`] is stored as the word. An absent field is left out.
//!
//! | value | stored as |
//! |---|---|
//! | `Absent` (inside of a map) | null |
//! | `Text`, `Bytes`, `Integer` | text, bytes, integer |
//! | `Json` | bytes with tag 262 (embedded JSON) |
//! | `Map` | a map, in its order |
//! | `Choice` | `["choice", word]` |
//! | `Set` | `["set", kind, [members as bytes]]` |
//! | `Expression` | `["expression", text, [values]]` |

use std::convert::Infallible;
use std::fmt;

use bytes::Bytes;
use bytestring::ByteString;
use minicbor::data::{Tag, Type};
use minicbor::{Decoder, Encoder};

use crate::{Field, Kind, Name, Record, Set, SetKind, Value, text};

/// Embedded JSON, as registered for CBOR.
const JSON_TAG: Tag = Tag::new(262);

/// Values that stand in one another, at most. A room's deepest (a section of an update) has three;
/// the bound keeps what is damaged from exhausting the stack.
const DEPTH_MAX: usize = 8;

/// What stands first in an array that is a value.
const CHOICE: &str = "choice";
const SET: &str = "set";
const EXPRESSION: &str = "expression";

/// Why stored bytes are no record of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// They are no stored record at all.
    Damaged(String),
    /// The room has no such field (any more).
    UnknownField(String),
    /// The room's field has no such word (any more).
    UnknownWord {
        /// The field.
        field: &'static str,
        /// The word.
        word: String,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(what) => write!(f, "the stored record cannot be read: {what}"),
            Self::UnknownField(field) => write!(
                f,
                "the stored record has the field `{field}`, which this kind of target does not have"
            ),
            Self::UnknownWord { field, word } => write!(
                f,
                "the stored record has `{word}` as its `{field}`, which this kind of target does \
                 not know"
            ),
        }
    }
}

impl std::error::Error for DecodeError {}

impl From<minicbor::decode::Error> for DecodeError {
    fn from(error: minicbor::decode::Error) -> Self {
        Self::Damaged(error.to_string())
    }
}

/// Adds the stored form of a record of the room that has these fields.
pub fn encode(record: &Record, fields: &[Field], out: &mut Vec<u8>) {
    let written = write_record(record, fields, &mut Encoder::new(out));
    debug_assert!(written.is_ok(), "a vector takes all that is written");
}

/// Reads a record back for the room that has these fields. Its values are slices of `stored`.
///
/// # Errors
/// Why it is no record of that room.
pub fn decode(stored: &Bytes, fields: &[Field]) -> Result<Record, DecodeError> {
    let mut values = vec![Value::Absent; fields.len()];
    for (name, part) in read_record(stored)? {
        let known = fields.iter().position(|field| *field.name == *name);
        let Some((place, field)) = known.and_then(|at| Some((at, fields.get(at)?))) else {
            return Err(DecodeError::UnknownField(name.to_string()));
        };
        if let Some(value) = values.get_mut(place) {
            *value = part.into_value(field)?;
        }
    }
    Ok(Record::new(values))
}

/// The names and values of a stored record, for people, whatever room it was for. A word of a
/// choice is text.
///
/// # Errors
/// They are no stored record.
pub fn names_and_values(stored: &Bytes) -> Result<Vec<(ByteString, Value)>, DecodeError> {
    let shown = |(name, part)| match part {
        Part::Value(value) => (name, value),
        Part::Word(word) => (name, Value::Text(word)),
    };
    Ok(read_record(stored)?.into_iter().map(shown).collect())
}

type Written = Result<(), minicbor::encode::Error<Infallible>>;
type Output<'v> = Encoder<&'v mut Vec<u8>>;

fn write_record(record: &Record, fields: &[Field], out: &mut Output<'_>) -> Written {
    let set = || {
        let pairs = fields.iter().zip(record.values());
        pairs.filter(|(_, value)| !value.is_absent())
    };
    out.map(set().count() as u64)?;
    for (field, value) in set() {
        out.str(field.name)?;
        match (value, field.kind) {
            (Value::Choice(index), Kind::Choice(words)) => {
                let word = words.get(usize::from(*index)).copied().unwrap_or_default();
                out.array(2)?.str(CHOICE)?.str(word)?;
            }
            _ => write_value(value, out)?,
        }
    }
    Ok(())
}

fn write_value(value: &Value, out: &mut Output<'_>) -> Written {
    match value {
        // A choice stands only as a whole field, where its words are known.
        Value::Absent | Value::Choice(_) => out.null()?.ok(),
        Value::Text(text) => out.str(text)?.ok(),
        Value::Bytes(bytes) => out.bytes(bytes)?.ok(),
        Value::Json(json) => out.tag(JSON_TAG)?.bytes(json)?.ok(),
        Value::Integer(number) => out.i64(*number)?.ok(),
        Value::Set(set) => {
            out.array(3)?.str(SET)?.str(set.kind.word())?;
            out.array(set.members.len() as u64)?;
            for member in &*set.members {
                out.bytes(member)?;
            }
            Ok(())
        }
        Value::Map(entries) => {
            out.map(entries.len() as u64)?;
            for (name, value) in entries {
                out.str(name)?;
                write_value(value, out)?;
            }
            Ok(())
        }
        Value::Expression { text, values } => {
            out.array(3)?.str(EXPRESSION)?.str(text)?;
            out.array(values.len() as u64)?;
            for value in values {
                write_value(value, out)?;
            }
            Ok(())
        }
    }
}

/// What is stored of one field.
enum Part {
    Value(Value),
    /// A word whose number only the room knows.
    Word(ByteString),
}

impl Part {
    fn into_value(self, field: &Field) -> Result<Value, DecodeError> {
        let word = match self {
            Self::Value(value) => return Ok(value),
            Self::Word(word) => word,
        };
        let words = match field.kind {
            Kind::Choice(words) => words,
            _ => &[],
        };
        let place = words.iter().position(|known| **known == *word);
        let place = place.and_then(|place| u8::try_from(place).ok());
        place
            .map(Value::Choice)
            .ok_or_else(|| DecodeError::UnknownWord {
                field: field.name,
                word: word.to_string(),
            })
    }
}

fn read_record(stored: &Bytes) -> Result<Vec<(ByteString, Part)>, DecodeError> {
    let mut input = Input {
        stored,
        decoder: Decoder::new(stored),
    };
    let count = input.length(Type::Map)?;
    let mut parts = Vec::new();
    for _ in 0..count {
        let name = input.text()?;
        parts.push((name, input.part()?));
    }
    if input.decoder.position() != stored.len() {
        return Err(damaged("something follows it"));
    }
    Ok(parts)
}

/// Reads values as slices of what is stored.
struct Input<'b> {
    stored: &'b Bytes,
    decoder: Decoder<'b>,
}

impl Input<'_> {
    fn part(&mut self) -> Result<Part, DecodeError> {
        if self.decoder.datatype()? == Type::Array {
            let before = self.decoder.position();
            if self.length(Type::Array)? == 2 && &*self.text()? == CHOICE {
                return Ok(Part::Word(self.text()?));
            }
            self.decoder.set_position(before);
        }
        Ok(Part::Value(self.value(0)?))
    }

    fn value(&mut self, depth: usize) -> Result<Value, DecodeError> {
        if depth > DEPTH_MAX {
            return Err(damaged("its values stand too deep in one another"));
        }
        match self.decoder.datatype()? {
            Type::Null => {
                self.decoder.null()?;
                Ok(Value::Absent)
            }
            Type::String => Ok(Value::Text(self.text()?)),
            Type::Bytes => Ok(Value::Bytes(self.bytes()?)),
            Type::Tag => {
                if self.decoder.tag()? != JSON_TAG {
                    return Err(damaged("a value has an unknown tag"));
                }
                let json = self.bytes()?;
                match text(json.clone()) {
                    Some(_) => Ok(Value::Json(json)),
                    None => Err(damaged("a JSON value is not UTF-8")),
                }
            }
            Type::Map => self.map(depth),
            Type::Array => self.array(depth),
            _ => Ok(Value::Integer(self.decoder.i64()?)),
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, DecodeError> {
        let count = self.length(Type::Map)?;
        let mut entries = Vec::new();
        for _ in 0..count {
            let name = Name::from(self.decoder.str()?);
            entries.push((name, self.value(depth + 1)?));
        }
        Ok(Value::Map(entries))
    }

    fn array(&mut self, depth: usize) -> Result<Value, DecodeError> {
        if self.length(Type::Array)? != 3 {
            return Err(damaged("an array is no value"));
        }
        match self.decoder.str()? {
            SET => {
                let word = self.decoder.str()?;
                let kind =
                    SetKind::of_word(word).ok_or_else(|| damaged("a set of unknown members"))?;
                let count = self.length(Type::Array)?;
                let members = (0..count)
                    .map(|_| self.bytes())
                    .collect::<Result<Vec<_>, _>>()?;
                Ok(Value::Set(Set {
                    kind,
                    members: members.into(),
                }))
            }
            EXPRESSION => {
                let text = Name::from(self.decoder.str()?);
                let count = self.length(Type::Array)?;
                let mut values = Vec::new();
                for _ in 0..count {
                    values.push(self.value(depth + 1)?);
                }
                Ok(Value::Expression { text, values })
            }
            _ => Err(damaged("an array is no value")),
        }
    }

    /// The length of a map or an array. Never what memory is reserved by: it may be damaged.
    fn length(&mut self, kind: Type) -> Result<u64, DecodeError> {
        let length = match kind {
            Type::Map => self.decoder.map()?,
            _ => self.decoder.array()?,
        };
        length.ok_or_else(|| damaged("a length is not written"))
    }

    fn bytes(&mut self) -> Result<Bytes, DecodeError> {
        let bytes = self.decoder.bytes()?;
        Ok(self.stored.slice_ref(bytes))
    }

    fn text(&mut self) -> Result<ByteString, DecodeError> {
        let read = self.decoder.str()?;
        let bytes = self.stored.slice_ref(read.as_bytes());
        text(bytes).ok_or_else(|| damaged("a text is not UTF-8"))
    }
}

fn damaged(what: &str) -> DecodeError {
    DecodeError::Damaged(what.to_owned())
}

#[cfg(test)]
#[path = "stored_tests.rs"]
mod tests;
