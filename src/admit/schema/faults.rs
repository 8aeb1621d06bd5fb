//! What the schema library found wrong, in words that show no value of an event.

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{JsonTypeSet, ValidationError};
use serde_json::Value;

use crate::error::Fault;

/// Bytes of a fault's detail. Names of members come from the event, and patterns may be long.
const DETAIL_BYTES_MAX: usize = 200;
/// Bytes of a fault's pointer.
const POINTER_BYTES_MAX: usize = 512;
/// Names or values that a detail lists.
const LISTED_MAX: usize = 5;
/// Bytes of each.
const LISTED_BYTES_MAX: usize = 40;

/// One fault of an event.
pub(super) fn fault(error: &ValidationError<'_>) -> Fault {
    let keyword = match error.kind() {
        Kind::FalseSchema => "false",
        kind => kind.keyword(),
    };
    Fault {
        pointer: cut(error.instance_path().as_str(), POINTER_BYTES_MAX).into(),
        keyword: keyword.into(),
        detail: detail(error.kind()).into(),
    }
}

/// What is expected, in a few words.
pub(super) fn detail(kind: &Kind) -> String {
    let text = match kind {
        Kind::Required { property } => format!("{} is missing", ticked(property)),
        Kind::Type { kind } => format!("must be {}", type_words(kind)),
        Kind::Enum { options } => match options.as_array() {
            Some(options) => format!("must be one of {}", listed(options.iter().map(shown))),
            None => "must be one of those listed".to_owned(),
        },
        Kind::Constant { expected_value } => format!("must be {}", shown(expected_value)),
        Kind::Minimum { limit } => format!("must be at least {limit}"),
        Kind::Maximum { limit } => format!("must be at most {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("must be more than {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("must be less than {limit}"),
        Kind::MultipleOf { multiple_of } => format!("must be a multiple of {multiple_of}"),
        Kind::MinLength { limit } => format!("must have at least {}", counted(*limit, "character")),
        Kind::MaxLength { limit } => format!("must have at most {}", counted(*limit, "character")),
        Kind::MinItems { limit } => format!("must have at least {}", counted(*limit, "element")),
        Kind::MaxItems { limit } => format!("must have at most {}", counted(*limit, "element")),
        Kind::MinProperties { limit } => {
            format!("must have at least {}", counted(*limit, "member"))
        }
        Kind::MaxProperties { limit } => format!("must have at most {}", counted(*limit, "member")),
        Kind::AdditionalItems { limit } => {
            format!("must have at most {}", counted(*limit as u64, "element"))
        }
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            let names = listed(unexpected.iter().map(|name| format!("`{}`", brief(name))));
            format!("must not have {names}")
        }
        Kind::UnevaluatedItems { .. } => "has elements that no schema is for".to_owned(),
        Kind::PropertyNames { error } => format!("each name {}", detail(error.kind())),
        Kind::Pattern { pattern } => format!("must match the pattern `{pattern}`"),
        Kind::Format { format } => format!("must be a `{format}`"),
        Kind::AnyOf { .. } => "must fit one of the schemas of `anyOf`; it fits none".to_owned(),
        Kind::OneOfNotValid { .. } => {
            "must fit exactly one of the schemas of `oneOf`; it fits none".to_owned()
        }
        Kind::OneOfMultipleValid { .. } => {
            "must fit exactly one of the schemas of `oneOf`; it fits more".to_owned()
        }
        Kind::Not { .. } => "must not fit the schema of `not`".to_owned(),
        Kind::Contains => "must have fitting elements, as `contains` says".to_owned(),
        Kind::UniqueItems => "must not have two equal elements".to_owned(),
        Kind::FalseSchema => "must not be there".to_owned(),
        Kind::ContentEncoding { content_encoding } => {
            format!("must be text in `{content_encoding}`")
        }
        Kind::ContentMediaType { content_media_type } => {
            format!("must be text of the type `{content_media_type}`")
        }
        Kind::Custom { message, .. } => message.clone(),
        other => format!("does not fit `{}`", other.keyword()),
    };
    cut(&text, DETAIL_BYTES_MAX)
}

fn type_words(kind: &TypeKind) -> String {
    let types = match kind {
        TypeKind::Single(kind) => JsonTypeSet::empty().insert(*kind),
        TypeKind::Multiple(types) => *types,
    };
    let words: Vec<&str> = types.iter().map(|kind| kind.as_str()).collect();
    words.join(" or ")
}

/// A name of the schema; `required` has it as a value.
fn ticked(name: &Value) -> String {
    format!("`{}`", brief(name.as_str().unwrap_or_default()))
}

/// A value of the schema.
fn shown(value: &Value) -> String {
    brief(&value.to_string())
}

fn brief(text: &str) -> String {
    cut(text, LISTED_BYTES_MAX)
}

fn listed(all: impl ExactSizeIterator<Item = String>) -> String {
    let more = all.len().saturating_sub(LISTED_MAX);
    let mut words: Vec<String> = all.take(LISTED_MAX).collect();
    if more > 0 {
        words.push(format!("{more} more"));
    }
    words.join(", ")
}

fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// Text of at most so many bytes, cut between characters.
fn cut(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let mut end = bytes_max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", text.get(..end).unwrap_or_default())
}
