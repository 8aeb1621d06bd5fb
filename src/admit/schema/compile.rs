//! A schema as it is written to one that can judge, or what is wrong with it and where.

use jsonschema::error::ValidationErrorKind as Kind;
use jsonschema::{Draft, PatternOptions, ReferencingError, Retrieve, ValidationError};
use serde_json::Value;

use super::Schema;
use super::faults::detail;
use super::node::EventJson;
use super::tape::{Tape, Trouble};
use crate::limits::{SCHEMA_FAULTS_MAX, SCHEMA_PATTERN_BYTES_MAX};

/// Something that is wrong with a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaFault {
    /// Where: a JSON Pointer into the schema.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

impl Schema {
    /// Compiles a schema. `base` is the URI that its relative references start from (`$id` stands
    /// over it); what they name is asked of `retriever`, which decides what may be read.
    ///
    /// `$schema` chooses the draft, from 4 to 2020-12, which is the default. `format` is asserted
    /// in all of them; formats that are not known say nothing. Patterns run in linear time.
    ///
    /// # Errors
    /// What is wrong with it, several things at once where they can be told.
    pub fn compile(
        schema: &Value,
        base: &str,
        retriever: impl Retrieve + 'static,
    ) -> Result<Self, Vec<SchemaFault>> {
        let wrong = against_its_draft(schema);
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let patterns = PatternOptions::regex().size_limit(SCHEMA_PATTERN_BYTES_MAX);
        let validator = jsonschema::options_for::<EventJson>()
            .with_base_uri(base)
            .with_retriever(retriever)
            .with_pattern_options(patterns)
            .should_validate_formats(true)
            .build(schema)
            .map_err(|error| vec![fault(&error, schema)])?;
        Ok(Self { validator })
    }
}

/// All that its draft's own schema has against it. A draft that is not known is left to the
/// compiler, which names it.
fn against_its_draft(schema: &Value) -> Vec<SchemaFault> {
    if !matches!(schema, Value::Object(_) | Value::Bool(_)) {
        return vec![SchemaFault {
            pointer: String::new(),
            message: "a schema is an object".to_owned(),
            help: "write `{ \"type\": \"object\", … }`".to_owned(),
        }];
    }
    if Draft::default().detect(schema) == Draft::Unknown {
        return Vec::new();
    }
    let Ok(validator) = jsonschema::meta::validator_for(schema) else {
        return Vec::new();
    };
    let of_draft = |error: ValidationError<'_>| {
        let pointer = error.instance_path().as_str().to_owned();
        let help = "mend it as the schema's draft says; `$schema` chooses the draft, 2020-12 by \
                    default";
        let (message, help) = match (error.kind(), pointer.ends_with("/type")) {
            (Kind::AnyOf { .. }, true) => (
                format!("{} is not a type of JSON Schema", error.instance()),
                "types are object, array, string, number, integer, boolean, null, and lists of them",
            ),
            (kind, _) => (detail(kind), help),
        };
        SchemaFault {
            pointer,
            message,
            help: help.to_owned(),
        }
    };
    let errors = validator.iter_errors(schema);
    errors.take(SCHEMA_FAULTS_MAX).map(of_draft).collect()
}

fn fault(error: &ValidationError<'_>, schema: &Value) -> SchemaFault {
    let place = match error.instance_path().as_str() {
        "" => error.schema_path().as_str(),
        place => place,
    };
    match error.kind() {
        Kind::Format { format } if format == "regex" => {
            pattern_fault(place, error.instance().as_str().unwrap_or_default())
        }
        Kind::Referencing(error) => reference_fault(error, schema),
        kind => SchemaFault {
            pointer: place.to_owned(),
            message: detail(kind),
            help: "mend it as the schema's draft says".to_owned(),
        },
    }
}

fn pattern_fault(place: &str, pattern: &str) -> SchemaFault {
    let around = ["(?=", "(?!", "(?<=", "(?<!"];
    let back = |two: &[u8]| matches!(two, [b'\\', b'1'..=b'9' | b'k']);
    let backtracks =
        around.iter().any(|mark| pattern.contains(mark)) || pattern.as_bytes().windows(2).any(back);
    let (message, help) = if backtracks {
        (
            format!("the pattern `{pattern}` cannot run in linear time"),
            "write it without looking around (`(?=…)`, `(?!…)`) and without references back (`\\1`): \
             such patterns can be made to run for hours by one event",
        )
    } else {
        (
            format!("`{pattern}` is not a pattern, or one that is too large"),
            "mend the regular expression",
        )
    };
    SchemaFault {
        pointer: place.to_owned(),
        message,
        help: help.to_owned(),
    }
}

fn reference_fault(error: &ReferencingError, schema: &Value) -> SchemaFault {
    let (message, help, name) = match error {
        ReferencingError::Unretrievable { uri, source } => {
            let help = "a `$ref` names a part of the same schema (`#/$defs/name`) or a file in its \
                        folder (`common.json#/$defs/name`)";
            (source.to_string(), help, uri.as_str())
        }
        ReferencingError::PointerToNowhere { pointer } => (
            format!("a `$ref` leads to `{pointer}`, which is not there"),
            "mend the reference, or add what it names",
            pointer.as_str(),
        ),
        ReferencingError::NoSuchAnchor { anchor } => (
            format!("a `$ref` names the anchor `{anchor}`, which is not there"),
            "mend the reference, or add the anchor",
            anchor.as_str(),
        ),
        ReferencingError::UnknownSpecification { specification } => (
            format!("the draft `{specification}` is not known"),
            "`$schema` names draft 4, 6, 7, 2019-09 or 2020-12",
            "",
        ),
        other => (other.to_string(), "mend the reference", ""),
    };
    let mut pointer = String::new();
    if matches!(error, ReferencingError::UnknownSpecification { .. }) {
        pointer.push_str("/$schema");
    } else if !find_reference(schema, name, &mut pointer) {
        pointer.clear();
    }
    SchemaFault {
        pointer,
        message,
        help: help.to_owned(),
    }
}

/// Finds the first `$ref` that can mean this URI or pointer.
fn find_reference(schema: &Value, name: &str, pointer: &mut String) -> bool {
    let before = pointer.len();
    let step = |key: &str, value: &Value, pointer: &mut String| {
        pointer.push('/');
        pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
        let (file, fragment) = match value.as_str() {
            Some(text) if key.ends_with("ef") => text.split_once('#').unwrap_or((text, "")),
            _ => ("", ""),
        };
        let file = file.trim_start_matches("../").trim_start_matches("./");
        let is_it = (!file.is_empty() && name.ends_with(file))
            || (!fragment.is_empty() && name == fragment);
        if is_it || find_reference(value, name, pointer) {
            return true;
        }
        pointer.truncate(before);
        false
    };
    match schema {
        Value::Object(members) => members.iter().any(|(key, value)| step(key, value, pointer)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .any(|(index, value)| step(&index.to_string(), value, pointer)),
        _ => false,
    }
}

/// The byte at which the value of this pointer begins in the schema's text, if it is there.
#[must_use]
pub fn place_of(text: &str, pointer: &str) -> Option<usize> {
    let mut tape = Tape::default();
    let document = tape.read(text).ok()?;
    let mut node = document.root()?;
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        node = node.child(&step)?;
    }
    Some(node.start())
}

/// The byte of a name that occurs twice in one object of the schema's text, if there is one.
#[must_use]
pub fn duplicate_in(text: &str) -> Option<usize> {
    match Tape::default().read(text) {
        Err(Trouble::Duplicate(at)) => Some(at),
        _ => None,
    }
}
