//! A record: what one event becomes for one target.

use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use smallvec::SmallVec;

use crate::Set;

/// The name of an entry in a [`Value::Map`]: shared with the compiled mapping, never copied.
pub type Name = Arc<str>;

/// Tells one record in flight from all others of this process. Opaque to rooms: given with the
/// record, given back with its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RecordId(pub u64);

/// One value of a record.
///
/// `Text`, `Bytes` and `Json` are usually slices of the request's body: cloning one counts a
/// reference and copies nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// The mapping sets nothing here.
    #[default]
    Absent,
    /// Text.
    Text(ByteString),
    /// Bytes, sent as they are.
    Bytes(Bytes),
    /// A JSON value, as received: the text is valid JSON and is not decoded.
    Json(Bytes),
    /// A whole number.
    Integer(i64),
    /// The index of a word in the field's [`crate::Kind::Choice`].
    Choice(u8),
    /// A set.
    Set(Set),
    /// Named values, in the order of the mapping.
    Map(Vec<(Name, Self)>),
    /// An expression with its bound values: `:p0` in the text stands for `values[0]`, and so on.
    Expression {
        /// The text with its placeholders.
        text: Name,
        /// The values of `:p0`, `:p1`, ….
        values: Vec<Self>,
    },
}

impl Value {
    /// Bytes of payload that this value holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Absent | Self::Choice(_) => 0,
            Self::Integer(_) => 8,
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) | Self::Json(bytes) => bytes.len(),
            Self::Set(set) => set.bytes(),
            Self::Map(entries) => entries.iter().map(|(name, v)| name.len() + v.bytes()).sum(),
            Self::Expression { text, values } => {
                text.len() + values.iter().map(Self::bytes).sum::<usize>()
            }
        }
    }

    /// The text, where this is text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The bytes of a text, bytes or JSON value.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&Bytes> {
        match self {
            Self::Text(text) => Some(text.as_bytes()),
            Self::Bytes(bytes) | Self::Json(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// True where the mapping set nothing.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

/// Text from bytes that are known to be UTF-8; `None` if they are not.
#[must_use]
pub fn text(bytes: Bytes) -> Option<ByteString> {
    ByteString::try_from(bytes).ok()
}

/// Values held in the record itself, without an allocation. No room has more fields than this.
const INLINE_VALUES: usize = 6;

/// One event as one target gets it: a value for each of the room's fields, in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    values: SmallVec<[Value; INLINE_VALUES]>,
}

impl Record {
    /// A record of these values, which stand in the order of the room's fields.
    pub fn new(values: impl IntoIterator<Item = Value>) -> Self {
        Self {
            values: values.into_iter().collect(),
        }
    }

    /// Adds the next field's value.
    pub fn push(&mut self, value: Value) {
        self.values.push(value);
    }

    /// The value of the field at this place in the room's list. A field beyond the end is absent.
    #[must_use]
    pub fn value(&self, field: usize) -> &Value {
        const ABSENT: &Value = &Value::Absent;
        self.values.get(field).unwrap_or(ABSENT)
    }

    /// Takes the value of a field out, leaving it absent.
    pub fn take(&mut self, field: usize) -> Value {
        self.values
            .get_mut(field)
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// All values, in the order of the room's fields.
    #[must_use]
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// All values, to be changed in place.
    pub fn values_mut(&mut self) -> &mut [Value] {
        &mut self.values
    }

    /// Bytes of payload in all values.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.values.iter().map(Value::bytes).sum()
    }
}
