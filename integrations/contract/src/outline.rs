//! What a file says of a record before there is an event.

use crate::{Name, Value};

/// What a mapping says of one value: enough for a room to refuse, when the file is loaded, what
/// could never be sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Outline {
    /// Nothing: the record will not have it.
    Unset,
    /// It is computed from the event.
    Computed,
    /// It is this, whatever the event.
    Fixed(Value),
    /// It has these names, in the order of the file.
    Map(Vec<(Name, Self)>),
}

impl Outline {
    /// True where the mapping says something.
    #[must_use]
    pub fn is_set(&self) -> bool {
        !matches!(self, Self::Unset)
    }

    /// What is said of this name; `None` where it is not written or this is no written map.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries
                .iter()
                .find(|(known, _)| &**known == name)
                .map(|(_, outline)| outline),
            _ => None,
        }
    }

    /// The text that it is, whatever the event.
    #[must_use]
    pub fn fixed_text(&self) -> Option<&str> {
        match self {
            Self::Fixed(value) => value.as_text(),
            _ => None,
        }
    }
}

/// What is wrong with a mapping, as a room sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingFault {
    /// The field at fault.
    pub field: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

impl MappingFault {
    /// A fault of this field.
    pub fn new(field: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            field,
            message: message.into(),
            help: help.into(),
        }
    }
}
