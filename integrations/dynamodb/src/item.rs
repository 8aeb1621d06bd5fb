//! From a mapping's values to attribute values, and to the bytes that DynamoDB counts for them.
//!
//! One walk serves both: on a core an item is only measured and checked, on the lane it is made.

use std::borrow::Cow;
use std::collections::HashSet;

use aws_sdk_dynamodb::types::AttributeValue;
use sluicegate_contract::{Name, Reason, ReasonKind, Set, SetKind, Value};
use smallvec::SmallVec;

use crate::json::{NotJson, Reader, Token};
use crate::maker::{Make, Maker, Measure};
use crate::number::Number;

/// Levels of lists and maps within an attribute.
const DEPTH_MAX: usize = 32;

pub(crate) use crate::maker::Attributes;

/// The item of a `put`.
///
/// # Errors
/// `Invalid`, with the place, where the values make no item.
pub(crate) fn item(put: &Value) -> Result<Attributes, Reason> {
    match walk_item(&Make, put)? {
        AttributeValue::M(attributes) => Ok(attributes),
        _ => Err(invalid("it must be an object".to_owned())),
    }
}

/// One value, as it is bound in a condition.
///
/// # Errors
/// `Invalid`, with the place.
pub(crate) fn attribute(value: &Value) -> Result<AttributeValue, Reason> {
    walk(&Make, value, 0)
}

/// The bytes of an item.
///
/// # Errors
/// As [`item`].
pub(crate) fn measure(put: &Value) -> Result<usize, Reason> {
    let size = walk_item(&Measure, put)?;
    // An item is not itself a map: only the maps within it cost something of their own.
    Ok(size.of_item())
}

/// Checks one value, as it is bound in a condition.
///
/// # Errors
/// As [`attribute`].
pub(crate) fn check_value(value: &Value) -> Result<(), Reason> {
    walk(&Measure, value, 0).map(|_| ())
}

fn walk_item<M: Maker>(maker: &M, put: &Value) -> Result<M::Made, Reason> {
    match put {
        Value::Map(_) => walk(maker, put, 0),
        Value::Json(json) if json.trim_ascii_start().starts_with(b"{") => walk(maker, put, 0),
        _ => Err(invalid("it must be an object".to_owned())),
    }
}

fn walk<M: Maker>(maker: &M, value: &Value, depth: usize) -> Result<M::Made, Reason> {
    match value {
        Value::Text(text) => Ok(maker.text(Cow::Borrowed(text))),
        Value::Bytes(bytes) => Ok(maker.bytes(bytes)),
        Value::Integer(number) => walk_number(maker, &number.to_string()),
        Value::Json(json) => {
            let mut reader = Reader::new(json);
            let token = reader.token().map_err(|NotJson| not_json())?;
            let made = walk_json(maker, &mut reader, token, depth)?;
            if reader.is_done() {
                Ok(made)
            } else {
                Err(not_json())
            }
        }
        Value::Map(entries) => walk_map(maker, entries, depth),
        Value::Set(set) => walk_set(maker, set),
        Value::Absent | Value::Choice(_) | Value::Expression { .. } => {
            Err(invalid("a value is absent".to_owned()))
        }
    }
}

/// A set, each member once: numbers count by their value, as the service has it.
fn walk_set<M: Maker>(maker: &M, set: &Set) -> Result<M::Made, Reason> {
    if set.members.is_empty() {
        let detail = "an empty set, which DynamoDB does not have: leave the attribute out";
        return Err(invalid(detail.to_owned()));
    }
    let mut members = Vec::with_capacity(set.members.len());
    let mut seen = HashSet::with_capacity(set.members.len());
    for member in set.members.iter() {
        let identity = match set.kind {
            SetKind::Text | SetKind::Binary => Cow::Borrowed(&**member),
            SetKind::Number => {
                let text = std::str::from_utf8(member).unwrap_or_default();
                let number =
                    Number::read(text).map_err(|why| invalid(format!("a number {why}")))?;
                Cow::Owned(number.canonical().into_bytes())
            }
        };
        if seen.insert(identity) {
            members.push(member);
        }
    }
    Ok(maker.set(set.kind, &members))
}

/// A map of the mapping. What is absent is left out.
fn walk_map<M: Maker>(
    maker: &M,
    entries: &[(Name, Value)],
    depth: usize,
) -> Result<M::Made, Reason> {
    let depth = deeper(depth)?;
    let mut map = M::Map::default();
    let mut names = Names::default();
    for (name, value) in entries.iter().filter(|(_, value)| !value.is_absent()) {
        names.add(Cow::Borrowed(name))?;
        let made = walk(maker, value, depth).map_err(|reason| within(name, &reason))?;
        maker.insert(&mut map, name, made);
    }
    names.check()?;
    Ok(maker.map(map))
}

fn walk_json<M: Maker>(
    maker: &M,
    reader: &mut Reader<'_>,
    token: Token<'_>,
    depth: usize,
) -> Result<M::Made, Reason> {
    match token {
        Token::Text(text) => Ok(maker.text(text)),
        Token::Number(text) => walk_number(maker, text),
        Token::Bool(value) => Ok(maker.bool(value)),
        Token::Null => Ok(maker.null()),
        Token::ArrayStart => walk_array(maker, reader, deeper(depth)?),
        Token::ObjectStart => walk_object(maker, reader, deeper(depth)?),
        Token::ArrayEnd | Token::ObjectEnd => Err(not_json()),
    }
}

fn walk_array<M: Maker>(
    maker: &M,
    reader: &mut Reader<'_>,
    depth: usize,
) -> Result<M::Made, Reason> {
    let mut list = M::List::default();
    let mut token = reader.token().map_err(|NotJson| not_json())?;
    if token == Token::ArrayEnd {
        return Ok(maker.list(list));
    }
    loop {
        let made = walk_json(maker, reader, token, depth)?;
        maker.push(&mut list, made);
        if !reader.take(b',') {
            break;
        }
        token = reader.token().map_err(|NotJson| not_json())?;
    }
    if reader.take(b']') {
        Ok(maker.list(list))
    } else {
        Err(not_json())
    }
}

fn walk_object<M: Maker>(
    maker: &M,
    reader: &mut Reader<'_>,
    depth: usize,
) -> Result<M::Made, Reason> {
    let mut map = M::Map::default();
    let mut names = Names::default();
    let mut token = reader.token().map_err(|NotJson| not_json())?;
    if token == Token::ObjectEnd {
        return Ok(maker.map(map));
    }
    loop {
        let Token::Text(name) = token else {
            return Err(not_json());
        };
        if !reader.take(b':') {
            return Err(not_json());
        }
        let first = reader.token().map_err(|NotJson| not_json())?;
        let made =
            walk_json(maker, reader, first, depth).map_err(|reason| within(&name, &reason))?;
        maker.insert(&mut map, &name, made);
        names.add(name)?;
        if !reader.take(b',') {
            break;
        }
        token = reader.token().map_err(|NotJson| not_json())?;
    }
    names.check()?;
    if reader.take(b'}') {
        Ok(maker.map(map))
    } else {
        Err(not_json())
    }
}

fn walk_number<M: Maker>(maker: &M, text: &str) -> Result<M::Made, Reason> {
    let number = Number::read(text).map_err(|why| invalid(format!("a number {why}")))?;
    Ok(maker.number(text, &number))
}

fn deeper(depth: usize) -> Result<usize, Reason> {
    if depth > DEPTH_MAX {
        let detail = format!("nested deeper than the {DEPTH_MAX} levels that DynamoDB takes");
        return Err(invalid(detail));
    }
    Ok(depth + 1)
}

/// The names of one map: each once.
#[derive(Default)]
struct Names<'j>(SmallVec<[Cow<'j, str>; 16]>);

impl<'j> Names<'j> {
    fn add(&mut self, name: Cow<'j, str>) -> Result<(), Reason> {
        if name.is_empty() {
            return Err(invalid("an attribute has an empty name".to_owned()));
        }
        self.0.push(name);
        Ok(())
    }

    fn check(mut self) -> Result<(), Reason> {
        self.0.sort_unstable();
        let twice = self
            .0
            .windows(2)
            .any(|pair| matches!(pair, [a, b] if a == b));
        if twice {
            return Err(invalid("a name stands twice in one object".to_owned()));
        }
        Ok(())
    }
}

fn within(name: &str, reason: &Reason) -> Reason {
    /// Names come from outside: what is quoted of them is bounded.
    const CHARACTERS_MAX: usize = 64;
    let name: String = name
        .chars()
        .filter(|character| !character.is_control())
        .take(CHARACTERS_MAX)
        .collect();
    let detail = reason.detail().unwrap_or_default();
    // The outermost name says enough of the place.
    let detail = match detail
        .strip_prefix('`')
        .and_then(|rest| rest.split_once("`: "))
    {
        Some((_, innermost)) => innermost,
        None => detail,
    };
    Reason::new(reason.kind(), format!("`{name}`: {detail}"))
}

fn not_json() -> Reason {
    invalid("not JSON".to_owned())
}

pub(crate) fn invalid(detail: String) -> Reason {
    Reason::new(ReasonKind::Invalid, detail)
}

#[cfg(test)]
#[path = "item_tests.rs"]
mod tests;
