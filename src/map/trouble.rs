//! Why a value of an event could not be used, and the words in which the client reads it.

use super::MapError;
use crate::error::{Code, Refusal};

/// Why a value could not be had. Never holds a payload: names only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The path that this names is not there.
    Missing(Box<str>),
    /// The value is not what can be used, as this says.
    Unusable(Box<str>),
    /// A name occurs twice in an object that an expression reads.
    Duplicate,
    /// A fault of ours or of the expression library.
    Internal(&'static str),
}

impl Trouble {
    pub(super) fn unusable(what: impl Into<Box<str>>) -> Self {
        Self::Unusable(what.into())
    }

    /// The refusal of an expression outside of records; `key` is where it stands.
    pub(super) fn refusal_outside(&self, key: &str, expression: &str) -> MapError {
        let (code, what): (_, &str) = match self {
            Self::Missing(path) => {
                let detail = format!("{path} is missing: `{key}` needs it");
                return Box::new(Refusal::new(Code::FieldMissing, detail));
            }
            Self::Unusable(what) => (Code::MappingFailed, what),
            Self::Duplicate => (Code::DuplicateField, "a name occurs twice in an object"),
            Self::Internal(what) => (Code::Internal, what),
        };
        let detail = format!("`{key}` cannot be judged: {expression}: {what}");
        Box::new(Refusal::new(code, detail))
    }

    /// The refusal for the client. `expression` is the text as the file has it.
    pub(super) fn refusal(
        &self,
        binding: &str,
        field: &str,
        expression: &str,
        event: usize,
    ) -> MapError {
        let (code, detail) = match self {
            Self::Missing(path) => (
                Code::FieldMissing,
                format!("{path} is missing: `{binding}` needs it for {field}"),
            ),
            Self::Unusable(what) => (
                Code::MappingFailed,
                format!("`{binding}` cannot set {field} from {expression}: {what}"),
            ),
            Self::Duplicate => (
                Code::DuplicateField,
                format!(
                    "a name occurs twice in an object that `{binding}` reads for {field}: \
                     {expression}"
                ),
            ),
            Self::Internal(what) => (
                Code::Internal,
                format!("`{binding}` could not set {field}: {what}"),
            ),
        };
        Box::new(Refusal::new(code, detail).of_event(event))
    }
}
