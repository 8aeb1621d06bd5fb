//! From a mapping's values to attribute values, and to the bytes that DynamoDB counts for them.
//!
//! One walk serves both: on a core an item is only measured and checked, on the lane it is made.

use std::borrow::Cow;
use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_types::Blob;
use sluicegate_contract::{Name, Reason, ReasonKind, Value};
use smallvec::SmallVec;

use crate::json::{NotJson, Reader, Token};
use crate::number::Number;

/// Levels of lists and maps within an attribute.
const DEPTH_MAX: usize = 32;

/// An item, or a value of an expression, as the SDK takes it.
pub(crate) type Attributes = HashMap<String, AttributeValue>;

/// The item of a `put`.
///
/// # Errors
/// `Invalid`, with the place, where the values make no item.
pub(crate) fn item(put: &Value) -> Result<Attributes, Reason> {
    match walk_item(&Make, put)? {
        AttributeValue::M(attributes) => Ok(attributes),
        _ => Err(invalid("put must be an object".to_owned())),
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
    Ok(size.bytes - size.container)
}

/// Checks one value, as it is bound in a condition.
///
/// # Errors
/// As [`attribute`].
pub(crate) fn check_value(value: &Value) -> Result<(), Reason> {
    walk(&Measure, value, 0).map(|_| ())
}

/// What a walk over values makes of them.
trait Maker {
    type Made;
    type List: Default;
    type Map: Default;
    fn text(&self, text: Cow<'_, str>) -> Self::Made;
    fn bytes(&self, bytes: &[u8]) -> Self::Made;
    fn number(&self, text: &str, number: &Number) -> Self::Made;
    fn bool(&self, value: bool) -> Self::Made;
    fn null(&self) -> Self::Made;
    fn push(&self, list: &mut Self::List, value: Self::Made);
    fn list(&self, list: Self::List) -> Self::Made;
    fn insert(&self, map: &mut Self::Map, name: &str, value: Self::Made);
    fn map(&self, map: Self::Map) -> Self::Made;
}

fn walk_item<M: Maker>(maker: &M, put: &Value) -> Result<M::Made, Reason> {
    match put {
        Value::Map(_) => walk(maker, put, 0),
        Value::Json(json) if json.trim_ascii_start().starts_with(b"{") => walk(maker, put, 0),
        _ => Err(invalid("put must be an object".to_owned())),
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
        Value::Absent | Value::Choice(_) | Value::Expression { .. } => {
            Err(invalid("a value is absent".to_owned()))
        }
    }
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

/// Makes attribute values.
struct Make;

impl Maker for Make {
    type Made = AttributeValue;
    type List = Vec<AttributeValue>;
    type Map = Attributes;

    fn text(&self, text: Cow<'_, str>) -> AttributeValue {
        AttributeValue::S(text.into_owned())
    }

    fn bytes(&self, bytes: &[u8]) -> AttributeValue {
        AttributeValue::B(Blob::new(bytes))
    }

    fn number(&self, text: &str, _: &Number) -> AttributeValue {
        AttributeValue::N(text.to_owned())
    }

    fn bool(&self, value: bool) -> AttributeValue {
        AttributeValue::Bool(value)
    }

    fn null(&self) -> AttributeValue {
        AttributeValue::Null(true)
    }

    fn push(&self, list: &mut Self::List, value: AttributeValue) {
        list.push(value);
    }

    fn list(&self, list: Self::List) -> AttributeValue {
        AttributeValue::L(list)
    }

    fn insert(&self, map: &mut Self::Map, name: &str, value: AttributeValue) {
        map.insert(name.to_owned(), value);
    }

    fn map(&self, map: Self::Map) -> AttributeValue {
        AttributeValue::M(map)
    }
}

/// Counts bytes as DynamoDB does for the limit of an item.
struct Measure;

/// What a list or map costs beside its elements, which cost one more each.
const CONTAINER_BYTES: usize = 3;

#[derive(Clone, Copy, Debug, Default)]
struct Size {
    /// Names and values, and what lists and maps cost.
    bytes: usize,
    /// What of it this list or map itself costs.
    container: usize,
}

impl Maker for Measure {
    type Made = Size;
    type List = Size;
    type Map = Size;

    fn text(&self, text: Cow<'_, str>) -> Size {
        Size::of(text.len())
    }

    fn bytes(&self, bytes: &[u8]) -> Size {
        Size::of(bytes.len())
    }

    fn number(&self, _: &str, number: &Number) -> Size {
        Size::of(number.bytes())
    }

    fn bool(&self, _: bool) -> Size {
        Size::of(1)
    }

    fn null(&self) -> Size {
        Size::of(1)
    }

    fn push(&self, list: &mut Size, value: Size) {
        list.bytes += value.bytes;
        list.container += 1;
    }

    fn list(&self, list: Size) -> Size {
        list.contained()
    }

    fn insert(&self, map: &mut Size, name: &str, value: Size) {
        map.bytes += name.len() + value.bytes;
        map.container += 1;
    }

    fn map(&self, map: Size) -> Size {
        map.contained()
    }
}

impl Size {
    fn of(bytes: usize) -> Self {
        Self {
            bytes,
            container: 0,
        }
    }

    /// With what the list or map around these elements costs.
    fn contained(self) -> Self {
        let container = self.container + CONTAINER_BYTES;
        Self {
            bytes: self.bytes + container,
            container,
        }
    }
}

#[cfg(test)]
#[path = "item_tests.rs"]
mod tests;
