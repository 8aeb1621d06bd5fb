//! Runs a program for one event: slots are converted when the program asks for them, each once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use cel::common::types::{CelBool, CelBytes, CelInt, CelOptional, CelString};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use cel::{Context, ExecutionError, Value};

use super::cel_values::{from_json, to_found};
use super::expression::Program;
use super::found::Found;
use super::frame::Frame;
use super::functions::{self, AttributeSet, Code};
use super::slots::{Read, Slot};
use super::trouble::{Trouble, operator};
use super::{budget, chain};

/// Evaluates a program. It can neither run without end nor take the process with it: its work is
/// paid from a budget, and a panic of the library ends this evaluation only.
pub(super) fn evaluate(frame: &Frame<'_>, program: &Program) -> Result<Found, Trouble> {
    let Some(environment) = functions::environment() else {
        return Err(Trouble::Internal("the functions contradict each other"));
    };
    let resolver = Resolver {
        frame,
        slots: &program.slots,
        values: program.slots.iter().map(|_| OnceLock::new()).collect(),
    };
    let mut context = Context::with_env(Arc::clone(environment));
    context.set_variable_resolver(&resolver);
    // A `let` is evaluated while the expression that names it is.
    let outer = budget::left();
    budget::fill();
    let result = catch_unwind(AssertUnwindSafe(|| {
        match Value::resolve_val(&program.tree, &context) {
            Ok(value) => to_found(value.as_ref()),
            Err(error) => Err(resolver.trouble(&error)),
        }
    }));
    budget::resume(outer);
    result.unwrap_or(Err(Trouble::Internal("the expression library failed")))
}

/// A slot's value for the library, or why it has none.
type Converted<'f> = Result<Box<dyn Val + 'f>, Trouble>;

struct Resolver<'f, 'e> {
    frame: &'f Frame<'e>,
    slots: &'f [usize],
    values: Box<[OnceLock<Converted<'f>>]>,
}

impl VariableResolver for Resolver<'_, '_> {
    fn resolve<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        let value = self.value(name)?.as_ref().ok()?;
        Some(CowVal::Borrowed(value.as_ref()))
    }
}

impl<'f, 'e> Resolver<'f, 'e> {
    /// The value of `@0`, `@1`, …; nothing for names that the library makes itself.
    fn value(&self, name: &str) -> Option<&Converted<'f>> {
        let local: usize = name.strip_prefix('@')?.parse().ok()?;
        let cell = self.values.get(local)?;
        let slot = self.slots.get(local)?;
        Some(cell.get_or_init(|| self.convert(*slot)))
    }

    fn convert(&self, slot: usize) -> Converted<'f> {
        let Some(slot) = self.frame.plan.slots.get(slot) else {
            return Err(Trouble::Internal("a slot is not there"));
        };
        let value = present(self.frame, slot)?;
        if slot.optional {
            let optional = value.map_or_else(CelOptional::none, CelOptional::of);
            return Ok(Box::new(optional));
        }
        value.ok_or_else(|| Trouble::Missing(slot.shown.clone()))
    }

    /// What an error means for the client.
    fn trouble(&self, error: &ExecutionError) -> Trouble {
        if let ExecutionError::UndeclaredReference(name) = error
            && let Some(Err(trouble)) = self.value(name)
        {
            return trouble.clone();
        }
        trouble_of(error)
    }
}

/// The value of a slot; `None` where it is absent.
pub(super) fn present<'f>(
    frame: &'f Frame<'_>,
    slot: &'f Slot,
) -> Result<Option<Box<dyn Val + 'f>>, Trouble> {
    let value: Box<dyn Val + 'f> = match &slot.read {
        Read::Event => {
            let span = frame.event.span;
            let (start, end) = (span.start as usize, span.end as usize);
            let bytes = frame.event.body.get(start..end).unwrap_or_default();
            match span.kind {
                Some(_) => from_json(bytes)?,
                None => Box::new(CelBytes::from(bytes.to_vec())),
            }
        }
        Read::Field(field) => match frame.field(field, slot)? {
            Some(capture) => {
                let place = capture.start as usize..capture.end as usize;
                from_json(frame.event.body.get(place).unwrap_or_default())?
            }
            None => return Ok(None),
        },
        Read::HasField(field) => Box::new(CelBool::from(frame.has(field)?)),
        Read::HasQuery(name) => Box::new(CelBool::from(frame.query(name)?.is_some())),
        Read::HasHeader(name) => Box::new(CelBool::from(frame.header(name).is_some())),
        Read::HasAuthLabel(name) => Box::new(CelBool::from(frame.auth_label(name).is_some())),
        Read::Millis => Box::new(CelInt::from(frame.millis())),
        Read::Body => Box::new(CelBytes::from(frame.event.received.to_vec())),
        Read::Let(index) => return value_of(frame.computed(*index)?),
        Read::Given(number, _) => return value_of(frame.given(*number, slot)?),
        Read::Fixed(found) => return value_of(found),
        Read::Pattern(pattern) => Box::new(pattern.clone()),
        Read::EventText | Read::FieldText(_) => match frame.slot_of(slot)? {
            Found::Text(text) => Box::new(CelString::from(String::from(&*text))),
            _ => return Ok(None),
        },
        read => match frame.request_text(read)? {
            Some(text) => Box::new(CelString::from(String::from(&*text))),
            None => return Ok(None),
        },
    };
    Ok(Some(value))
}

/// What an error means for the client, without the values that the library puts into it.
pub(super) fn trouble_of(error: &ExecutionError) -> Trouble {
    match error {
        ExecutionError::UndeclaredReference(_) => {
            Trouble::Internal("the expression names what is not there")
        }
        ExecutionError::NoSuchKey(name) if chain::is_identifier(name) => {
            Trouble::Missing(format!("the field `{name}` of a value").into())
        }
        ExecutionError::NoSuchKey(_) => Trouble::Missing("a field of a value".into()),
        ExecutionError::IndexOutOfBounds(_) => Trouble::Missing("an element of a list".into()),
        ExecutionError::NoSuchOverload(overload) => {
            let types = overload.argument_types();
            let types: Vec<&str> = types.iter().map(String::as_str).collect();
            Trouble::overload(overload.function(), &types)
        }
        ExecutionError::UnsupportedBinaryOperator(name, left, right) => {
            Trouble::overload(name, &[type_name(left), type_name(right)])
        }
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            Trouble::division_by_zero()
        }
        ExecutionError::Overflow(..) => Trouble::overflow(),
        ExecutionError::UnexpectedType { got, want } if want == "bool" => Trouble::not_boolean(got),
        ExecutionError::FunctionError { function, message } => {
            let known = functions::find(function);
            let ours = known.is_some_and(|known| matches!(known.code, Code::Here(_)));
            if ours {
                return Trouble::unusable(format!("{function}: {message}"));
            }
            if function == budget::EXHAUSTED {
                return Trouble::exhausted();
            }
            Trouble::unusable(format!("`{}` cannot use its value", operator(function)))
        }
        _ => Trouble::unusable("a value is of a type that the expression cannot use"),
    }
}

/// The library's name of a value's type.
fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Int(_) => "int",
        Value::UInt(_) => "uint",
        Value::Float(_) => "double",
        Value::String(_) => "string",
        Value::Bytes(_) => "bytes",
        Value::Bool(_) => "bool",
        Value::Null => "null_type",
        Value::List(_) => "list",
        Value::Map(_) => "map",
        Value::Timestamp(_) => "google.protobuf.Timestamp",
        Value::Duration(_) => "google.protobuf.Duration",
        _ => "a value",
    }
}

/// A value that is written down or was computed.
fn value_of(found: &Found) -> Result<Option<Box<dyn Val + '_>>, Trouble> {
    Ok(Some(match found {
        Found::Absent => return Ok(None),
        Found::Json(json, _) => from_json(json)?,
        Found::Text(text) => Box::new(CelString::from(&**text)),
        Found::Bytes(bytes) => Box::new(CelBytes::from(bytes.to_vec())),
        Found::Set(set) => Box::new(AttributeSet(set.clone())),
    }))
}
