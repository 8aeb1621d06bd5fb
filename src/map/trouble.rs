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

    /// An operator or function, by the library's name, that there is not for values of these types.
    pub(super) fn overload(function: &str, types: &[&str]) -> Self {
        let types: Vec<&str> = types.iter().map(|name| plain_type(name)).collect();
        let (function, types) = (operator(function), types.join(" and "));
        Self::unusable(format!("`{function}` cannot be done with {types}"))
    }

    pub(super) fn not_boolean(given: &str) -> Self {
        Self::unusable(format!("a boolean is needed, not {}", plain_type(given)))
    }

    pub(super) fn overflow() -> Self {
        Self::unusable("a number outside of 64 bits is the result")
    }

    pub(super) fn division_by_zero() -> Self {
        Self::unusable("a division by zero")
    }

    pub(super) fn exhausted() -> Self {
        Self::unusable("the expression touches more than it may for one event")
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

/// The library's name of an operator, as it is written.
pub(super) fn operator(name: &str) -> &str {
    match name.trim_matches('_') {
        "@sum" | "add" => "+",
        "sub" => "-",
        "mul" => "*",
        "div" => "/",
        "rem" => "%",
        "@in" => "in",
        "?_:" => "? :",
        "[_]" | "[?_]" => "[…]",
        "@loop" => "a loop",
        plain => plain,
    }
}

/// The library's name of a type, without the dress of its protocol.
fn plain_type(name: &str) -> &str {
    match name {
        "google.protobuf.Timestamp" => "timestamp",
        "google.protobuf.Duration" => "duration",
        "null_type" => "null",
        plain => plain,
    }
}
