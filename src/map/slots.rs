//! Slots: what a mapping reads of a request, found once when the file is loaded.

use super::found::Found;
use super::functions::patterns::Pattern;
use super::names::{Let, LetValue};
use super::plan::LetPlan;
use super::types::{Shape, Type};
use crate::split::PathId;

/// Something that a mapping reads.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Slot {
    /// As the file has it, for messages.
    pub(super) shown: Box<str>,
    pub(super) read: Read,
    /// True where its absence is no fault.
    pub(super) optional: bool,
}

/// Where a slot's value comes from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Read {
    /// The whole event.
    Event,
    /// A path into the event.
    Field(Field),
    /// Whether a path into the event is there.
    HasField(Field),
    /// The text of a path into the event, as received.
    FieldText(Field),
    /// The text of the whole event, as received.
    EventText,
    Body,
    Path(usize),
    Query(Box<str>),
    HasQuery(Box<str>),
    Header(Box<str>),
    HasHeader(Box<str>),
    Method,
    RequestPath,
    Id,
    Time,
    Millis,
    SourceIp,
    AuthName,
    AuthLabel(Box<str>),
    HasAuthLabel(Box<str>),
    /// A random id; each call in a route has its own number.
    Uuid(u32),
    /// What an answer is given, by its number, with what is known of its type.
    Given(usize, Type),
    /// A `let` that is computed.
    Let(usize),
    /// A `let` that is written down.
    Fixed(Found),
    /// A regular expression that is written down.
    Pattern(Pattern),
}

/// A path into the event.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) path: PathId,
    /// What must be there even where the path is optional: `event.a` of `event.a.?b`.
    pub(super) needed: Option<(PathId, Box<str>)>,
}

impl Slot {
    /// What is known of its value.
    pub(super) fn shape(&self, lets: &[Let]) -> Shape {
        let kind = self.kind(lets);
        if self.optional {
            let inner = if kind == Type::Optional {
                Type::Any
            } else {
                kind
            };
            return Shape::of(Type::Optional, inner.into());
        }
        let mut shape = Shape::from(kind);
        shape.path = !matches!(self.read, Read::Let(_));
        shape
    }

    /// What is known of the type of its value, where that is there.
    pub(super) fn kind(&self, lets: &[Let]) -> Type {
        match &self.read {
            Read::Event | Read::Field(_) => Type::Any,
            Read::HasField(_) | Read::HasQuery(_) | Read::HasHeader(_) | Read::HasAuthLabel(_) => {
                Type::Bool
            }
            Read::Given(_, kind) => *kind,
            Read::Body => Type::Bytes,
            Read::Millis => Type::Int,
            Read::Let(index) => {
                let computed = |known: &&Let| matches!(known.value, LetValue::Computed(other) if other == *index);
                lets.iter()
                    .find(computed)
                    .map_or(Type::Any, |known| known.kind)
            }
            Read::Fixed(found) => found.kind(),
            _ => Type::Text,
        }
    }
}

impl Read {
    /// Whether it can be read before the body is there. `computed` says it of computed `let`s.
    /// A request has its id, from which `uuid()` is made, when it has arrived whole.
    pub(super) fn is_of_head(&self, computed: &[LetPlan]) -> bool {
        match self {
            Self::Event
            | Self::Field(_)
            | Self::HasField(_)
            | Self::FieldText(_)
            | Self::EventText
            | Self::Body
            | Self::Id
            | Self::Uuid(_) => false,
            Self::Let(index) => computed.get(*index).is_some_and(|known| known.is_of_head),
            _ => true,
        }
    }
}

impl Found {
    /// What is known of a value that is written down.
    pub(super) fn kind(&self) -> Type {
        match self.describe() {
            "text" => Type::Text,
            "an object" => Type::Map,
            "an array" => Type::List,
            "a boolean" => Type::Bool,
            "null" => Type::Null,
            "bytes" => Type::Bytes,
            "a number" if self.integer().is_some() => Type::Int,
            "a number" => Type::Double,
            _ => Type::Any,
        }
    }
}
