//! One event to one binding's record.

use bytestring::ByteString;
use sluicegate_contract::{Name, Record, Value};

use super::MapError;
use super::fields::{FieldPlan, FieldValue};
use super::found::Found;
use super::frame::{Fault, Frame};
use super::plan::BindingPlan;
use super::template::Template;
use super::trouble::Trouble;
use crate::split::CaptureKind;

/// Renders the record of a binding; `None` where its `when` is false.
pub(super) fn render(frame: &Frame<'_>, binding: &BindingPlan) -> Result<Option<Record>, MapError> {
    let refusal = |field: &str, (trouble, expression): Fault<'_>| {
        trouble.refusal(&binding.name, field, expression, frame.event.index)
    };
    if let Some(when) = &binding.when {
        let holds = condition_holds(frame, when).map_err(|fault| refusal("`when`", fault))?;
        if !holds {
            return Ok(None);
        }
    }
    let mut record = Record::default();
    for field in &binding.fields {
        let value = render_field(frame, field).map_err(|fault| refusal(field.name, fault))?;
        record.push(value);
    }
    Ok(Some(record))
}

pub(super) fn condition_holds<'t>(
    frame: &Frame<'_>,
    when: &'t Template,
) -> Result<bool, Fault<'t>> {
    let found = frame.template(when)?;
    found.boolean().ok_or_else(|| {
        let what = format!("it must be true or false, and is {}", found.describe());
        (Trouble::unusable(what), when.shown())
    })
}

fn render_field<'t>(frame: &Frame<'_>, field: &'t FieldPlan) -> Result<Value, Fault<'t>> {
    let value = match &field.value {
        FieldValue::Absent => Value::Absent,
        FieldValue::Choice(word) => Value::Choice(*word),
        FieldValue::Text {
            value,
            characters_min,
            characters_max,
        } => match text(frame, value)? {
            Some(text) => {
                check_length(&text, *characters_min, *characters_max)
                    .map_err(|trouble| (trouble, value.shown()))?;
                Value::Text(text)
            }
            None => Value::Absent,
        },
        FieldValue::Payload(value) => {
            let found = frame.template(value)?;
            found.payload().map_or(Value::Absent, Value::Bytes)
        }
        FieldValue::Integer { value, min, max } => integer(frame, value, *min, *max)?,
        FieldValue::PayloadOrNull(value) => {
            let found = frame.template(value)?;
            let payload = (!found.is_null()).then(|| found.payload()).flatten();
            payload.map_or(Value::Absent, Value::Bytes)
        }
        FieldValue::PayloadMap(entries) => {
            let mut map = Vec::with_capacity(entries.len());
            for (name, value) in entries {
                if let Some(payload) = frame.template(value)?.payload() {
                    map.push((Name::clone(name), Value::Bytes(payload)));
                }
            }
            Value::Map(map)
        }
        FieldValue::AttributeMap(entries) => attributes(frame, entries)?,
        FieldValue::TextMap(entries) => {
            let mut map = Vec::with_capacity(entries.len());
            for (name, value) in entries {
                if let Some(text) = text(frame, value)? {
                    map.push((Name::clone(name), Value::Text(text)));
                }
            }
            Value::Map(map)
        }
        FieldValue::Item(value) => item(frame, value)?,
        FieldValue::Condition { text, values } => {
            let mut bound = Vec::with_capacity(values.len());
            for value in values {
                match item_value(frame, value)? {
                    Value::Absent => {
                        return Err((Trouble::unusable("it is absent"), value.shown()));
                    }
                    value => bound.push(value),
                }
            }
            Value::Expression {
                text: Name::clone(text),
                values: bound,
            }
        }
    };
    if field.required && value.is_absent() {
        let what = "the field is required, and the expression gives nothing";
        return Err((Trouble::unusable(what), shown(&field.value)));
    }
    Ok(value)
}

/// A text, number or boolean as text; `None` where it is absent.
fn text<'t>(frame: &Frame<'_>, value: &'t Template) -> Result<Option<ByteString>, Fault<'t>> {
    let found = frame.template(value)?;
    match found.text() {
        Some(text) => Ok(Some(text)),
        None if found == Found::Absent => Ok(None),
        None => {
            let given = match &found {
                Found::Bytes(_) => "bytes that are not UTF-8",
                other => other.describe(),
            };
            let what = format!("text is needed, and it is {given}");
            Err((Trouble::unusable(what), value.shown()))
        }
    }
}

fn check_length(text: &str, least: usize, most: usize) -> Result<(), Trouble> {
    // A character takes a byte at least, so that most texts need not be counted.
    if text.len() <= most && least <= usize::from(!text.is_empty()) {
        return Ok(());
    }
    let characters = text.chars().count();
    if (least..=most).contains(&characters) {
        return Ok(());
    }
    Err(Trouble::unusable(format!(
        "it has {characters} characters, and must have {least} to {most}"
    )))
}

fn integer<'t>(
    frame: &Frame<'_>,
    value: &'t Template,
    min: i64,
    max: i64,
) -> Result<Value, Fault<'t>> {
    let found = frame.template(value)?;
    if found == Found::Absent {
        return Ok(Value::Absent);
    }
    match found.integer() {
        Some(integer) if (min..=max).contains(&integer) => Ok(Value::Integer(integer)),
        Some(_) => {
            let what = format!("it must be from {min} to {max}");
            Err((Trouble::unusable(what), value.shown()))
        }
        None => {
            let given = found.describe();
            let what = format!("a whole number of 64 bits is needed, and it is {given}");
            Err((Trouble::unusable(what), value.shown()))
        }
    }
}

/// Names and values that keep their types.
fn attributes<'t>(frame: &Frame<'_>, entries: &'t [(Name, Template)]) -> Result<Value, Fault<'t>> {
    let mut map = Vec::with_capacity(entries.len());
    for (name, template) in entries {
        let value = match frame.template(template)? {
            Found::Absent => continue,
            Found::Bytes(bytes) => Value::Bytes(bytes),
            Found::Json(json, CaptureKind::Integer | CaptureKind::Decimal | CaptureKind::Array) => {
                Value::Json(json)
            }
            found => match found.text() {
                Some(text) => Value::Text(text),
                None => {
                    let what = format!(
                        "`{name}` must be text, a number, a list or bytes, and is {}",
                        found.describe()
                    );
                    return Err((Trouble::unusable(what), template.shown()));
                }
            },
        };
        map.push((Name::clone(name), value));
    }
    Ok(Value::Map(map))
}

/// Names and values, or one object of the event.
fn item<'t>(frame: &Frame<'_>, value: &'t Template) -> Result<Value, Fault<'t>> {
    match item_value(frame, value)? {
        Value::Absent => Ok(Value::Absent),
        map @ Value::Map(_) => Ok(map),
        Value::Json(json) if json.first() == Some(&b'{') => Ok(Value::Json(json)),
        _ => Err((Trouble::unusable("it is not an object"), value.shown())),
    }
}

fn item_value<'t>(frame: &Frame<'_>, value: &'t Template) -> Result<Value, Fault<'t>> {
    if let Template::Map(entries) = value {
        let mut map = Vec::with_capacity(entries.len());
        for (name, value) in entries {
            match item_value(frame, value)? {
                Value::Absent => {}
                value => map.push((Name::clone(name), value)),
            }
        }
        return Ok(Value::Map(map));
    }
    Ok(match frame.template(value)? {
        Found::Absent => Value::Absent,
        Found::Json(json, _) => Value::Json(json),
        Found::Text(text) => Value::Text(text),
        Found::Bytes(bytes) => Value::Bytes(bytes),
        Found::Set(set) => Value::Set(set),
    })
}

fn shown(value: &FieldValue) -> &str {
    match value {
        FieldValue::Text { value, .. }
        | FieldValue::Integer { value, .. }
        | FieldValue::Payload(value)
        | FieldValue::PayloadOrNull(value)
        | FieldValue::Item(value) => value.shown(),
        _ => "what the file says",
    }
}
