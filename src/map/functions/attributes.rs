//! Values that JSON does not have: sets, binary, and the time at which an item expires.

#![allow(
    clippy::needless_pass_by_value,
    reason = "the expression library gives arguments by value"
)]

use std::any::Any;
use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use cel::common::types::{
    CelBytes, CelDouble, CelInt, CelList, CelString, CelUInt, Type as CelType,
};
use cel::common::value::{CowVal, StaticVal, Val};
use cel::{ExecutionError, Value};
use sluicegate_contract::{Set, SetKind};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Code, Function, Native};
use crate::map::budget::spend;
use crate::map::types::Type;

/// A set as an expression's value. It can be handed on and compared, and nothing else.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::map) struct AttributeSet(pub(in crate::map) Set);

static SET_TYPE: CelType = CelType::new_unspecified_type("set");

impl Val for AttributeSet {
    fn get_type(&self) -> &CelType {
        &SET_TYPE
    }

    fn cel_type() -> &'static CelType {
        &SET_TYPE
    }

    fn equals(&self, other: &dyn Val) -> bool {
        other
            .downcast_ref::<Self>()
            .is_some_and(|other| other == self)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for AttributeSet {}

const fn set(
    name: &'static str,
    signature: &'static str,
    doc: &'static str,
    (example, result): (&'static str, &'static str),
    code: Native,
) -> Function {
    Function {
        name,
        signature,
        doc,
        example,
        result,
        global: &[1],
        member: &[],
        takes: &[&[Type::List]],
        returns: Type::Set,
        code: Code::Here(code),
    }
}

pub(super) const FUNCTIONS: &[Function] = &[
    set(
        "string_set",
        "string_set(list) → set",
        "A set of the texts of a list, each once: DynamoDB's SS. Where it is no attribute's value \
         it is an array. DynamoDB has no empty sets.",
        ("string_set(event.tags)", r#"["a","b"]"#),
        string_set,
    ),
    set(
        "number_set",
        "number_set(list) → set",
        "A set of the numbers of a list: DynamoDB's NS. A text that is a number keeps all of its \
         38 digits.",
        ("number_set([1, 2.5, '3', 1])", "[1,2.5,3]"),
        number_set,
    ),
    set(
        "binary_set",
        "binary_set(list) → set",
        "A set of bytes, each member of the list bytes or a text in base64: DynamoDB's BS.",
        ("binary_set(['QWRh'])", r#"["QWRh"]"#),
        binary_set,
    ),
    Function {
        name: "binary",
        signature: "binary(text or bytes) → bytes",
        doc: "The bytes of a base64 text; bytes as they are. In an item they are DynamoDB's B.",
        example: "binary('QWRh')",
        result: "Ada",
        global: &[1],
        member: &[],
        takes: &[&[Type::Text, Type::Bytes]],
        returns: Type::Bytes,
        code: Code::Here(binary),
    },
    Function {
        name: "ttl",
        signature: "ttl([time,] duration) → int",
        doc: "When something expires, in seconds since 1970, as DynamoDB's time to live wants it: \
              so long (`90s`, `30m`, `12h`, `30d`, `2w`) after the request arrived, or after a \
              time, which is a text in RFC 3339, milliseconds since 1970 or a timestamp.",
        example: "ttl('30d')",
        result: "1769915045",
        global: &[1, 2],
        member: &[],
        takes: &[&[Type::Text, Type::Int, Type::Time], &[Type::Text]],
        returns: Type::Int,
        code: Code::Here(ttl),
    },
];

type Given<'b, 'v> = Vec<CowVal<'b, 'v>>;
type Answer<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;

fn string_set<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    set_of("string_set", SetKind::Text, &given, |member| {
        let text = member.downcast_ref::<CelString<'_>>()?;
        Some(Bytes::copy_from_slice(text.inner().as_bytes()))
    })
}

fn number_set<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    set_of("number_set", SetKind::Number, &given, |member| {
        let text = if let Some(integer) = member.downcast_ref::<CelInt>() {
            integer.inner().to_string()
        } else if let Some(integer) = member.downcast_ref::<CelUInt>() {
            integer.inner().to_string()
        } else if let Some(double) = member.downcast_ref::<CelDouble>() {
            double
                .inner()
                .is_finite()
                .then(|| double.inner().to_string())?
        } else {
            let text = member.downcast_ref::<CelString<'_>>()?.inner();
            crate::split::number_kind(text.as_bytes())?;
            text.to_owned()
        };
        Some(Bytes::from(text))
    })
}

fn binary_set<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    set_of("binary_set", SetKind::Binary, &given, octets)
}

fn set_of<'b, 'v>(
    name: &str,
    kind: SetKind,
    given: &[CowVal<'_, '_>],
    member: impl Fn(&dyn Val) -> Option<Bytes>,
) -> Answer<'b, 'v> {
    let failed = |what: String| ExecutionError::function_error(name, what);
    let Some(list) = given.first().and_then(|v| v.downcast_ref::<CelList<'_>>()) else {
        return Err(failed("a list is needed".to_owned()));
    };
    let needed = match kind {
        SetKind::Text => "text",
        SetKind::Number => "a number",
        SetKind::Binary => "bytes or base64",
    };
    let (mut members, mut seen) = (Vec::new(), HashSet::new());
    for (place, element) in list.inner().iter().enumerate() {
        let found = member(element.as_ref())
            .ok_or_else(|| failed(format!("element {place} is not {needed}")))?;
        spend(found.len() + 32)?;
        if seen.insert(found.clone()) {
            members.push(found);
        }
    }
    let members = members.into();
    Ok(CowVal::owned(AttributeSet(Set { kind, members })))
}

fn binary<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let value = given.first().and_then(|value| octets(value.as_ref()));
    let failed = || ExecutionError::function_error("binary", "bytes or base64 are needed");
    let bytes = value.ok_or_else(failed)?;
    spend(bytes.len())?;
    Ok(CowVal::owned(CelBytes::from(bytes.to_vec())))
}

fn octets(value: &dyn Val) -> Option<Bytes> {
    if let Some(bytes) = value.downcast_ref::<CelBytes<'_>>() {
        return Some(Bytes::copy_from_slice(bytes.inner()));
    }
    let text = value.downcast_ref::<CelString<'_>>()?;
    STANDARD.decode(text.inner()).ok().map(Bytes::from)
}

fn ttl<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let failed = |what: &str| ExecutionError::function_error("ttl", what);
    let [from, span] = given.as_slice() else {
        return Err(failed("a duration is needed"));
    };
    let from = seconds_of(from.as_ref())
        .ok_or_else(|| failed("the time is not RFC 3339, milliseconds or a timestamp"))?;
    let span = span.downcast_ref::<CelString<'_>>();
    let span = span
        .and_then(|text| duration(text.inner()))
        .ok_or_else(|| failed("the duration is not one such as `90s`, `12h` or `30d`"))?;
    let at = from
        .checked_add(span)
        .ok_or_else(|| failed("the time is too far away"))?;
    Ok(CowVal::owned(CelInt::from(at)))
}

/// A time in seconds since 1970.
fn seconds_of(value: &dyn Val) -> Option<i64> {
    if let Some(milliseconds) = value.downcast_ref::<CelInt>() {
        return Some(milliseconds.inner().div_euclid(1000));
    }
    if let Some(text) = value.downcast_ref::<CelString<'_>>() {
        let time = OffsetDateTime::parse(text.inner(), &Rfc3339).ok()?;
        return Some(time.unix_timestamp());
    }
    match Value::try_from(value) {
        Ok(Value::Timestamp(time)) => Some(time.timestamp()),
        _ => None,
    }
}

/// `90s`, `30m`, `12h`, `30d`, `2w` in seconds.
fn duration(text: &str) -> Option<i64> {
    let unit = text.chars().last()?;
    let seconds: u32 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return None,
    };
    let number: u32 = text.strip_suffix(unit)?.parse().ok()?;
    Some(i64::from(number) * i64::from(seconds))
}
