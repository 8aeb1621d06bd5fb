//! What functions are given, taken apart; and what they give, paid for.

use cel::ExecutionError;
use cel::common::types::{CelBytes, CelInt, CelList, CelMap, CelString};
use cel::common::value::{CowVal, Val};

use super::{Code, Function, Native};
use crate::limits::EVALUATION_BYTES_MAX;
use crate::map::budget::spend;
use crate::map::cel_values::weight;
use crate::map::types::Type;

/// The arguments of a function; of a member, what it is called on comes first.
pub(super) type Given<'b, 'v> = Vec<CowVal<'b, 'v>>;
/// What a function gives.
pub(super) type Answer<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;
/// How many arguments a function takes as `name(…)` and as `value.name(…)`.
pub(super) type Counts = (&'static [usize], &'static [usize]);

/// One of our own functions.
pub(super) const fn ours(
    (name, signature): (&'static str, &'static str),
    doc: &'static str,
    (example, result): (&'static str, &'static str),
    (global, member): Counts,
    takes: &'static [&'static [Type]],
    returns: Type,
    code: Native,
) -> Function {
    Function {
        name,
        signature,
        doc,
        example,
        result,
        global,
        member,
        takes,
        returns,
        code: Code::Here(code),
    }
}

pub(super) fn text<'g>(
    name: &str,
    given: &'g [CowVal<'_, '_>],
    index: usize,
) -> Result<&'g str, ExecutionError> {
    let value = given.get(index);
    let found = value.and_then(|value| value.downcast_ref::<CelString<'_>>());
    found
        .map(CelString::inner)
        .ok_or_else(|| wrong(name, "text", value))
}

pub(super) fn number(
    name: &str,
    given: &[CowVal<'_, '_>],
    index: usize,
) -> Result<i64, ExecutionError> {
    let value = given.get(index);
    let found = value.and_then(|value| value.downcast_ref::<CelInt>());
    let found = found.map(|integer| *integer.inner());
    found.ok_or_else(|| wrong(name, "a whole number", value))
}

/// A whole number that is not negative.
pub(super) fn count(
    name: &str,
    given: &[CowVal<'_, '_>],
    index: usize,
) -> Result<usize, ExecutionError> {
    let number = number(name, given, index)?;
    usize::try_from(number).map_err(|_| failed(name, "the number must not be negative"))
}

pub(super) fn elements<'g, 'v>(
    name: &str,
    given: &'g [CowVal<'_, 'v>],
    index: usize,
) -> Result<&'g [Box<dyn Val + 'v>], ExecutionError> {
    let value = given.get(index);
    let found = value.and_then(|value| value.as_ref().downcast_ref::<CelList<'v>>());
    found
        .map(CelList::inner)
        .ok_or_else(|| wrong(name, "a list", value))
}

pub(super) fn map<'g, 'v>(
    name: &str,
    given: &'g [CowVal<'_, 'v>],
    index: usize,
) -> Result<&'g CelMap<'v>, ExecutionError> {
    let value = given.get(index);
    let found = value.and_then(|value| value.as_ref().downcast_ref::<CelMap<'v>>());
    found.ok_or_else(|| wrong(name, "a map", value))
}

/// The bytes of a text or of bytes.
pub(super) fn octets<'g>(
    name: &str,
    given: &'g [CowVal<'_, '_>],
    index: usize,
) -> Result<&'g [u8], ExecutionError> {
    let value = given.get(index);
    if let Some(text) = value.and_then(|value| value.downcast_ref::<CelString<'_>>()) {
        return Ok(text.inner().as_bytes());
    }
    let found = value.and_then(|value| value.downcast_ref::<CelBytes<'_>>());
    found
        .map(CelBytes::inner)
        .ok_or_else(|| wrong(name, "text or bytes", value))
}

pub(super) fn wrong(name: &str, needed: &str, given: Option<&CowVal<'_, '_>>) -> ExecutionError {
    let given = given.map_or("nothing", |value| value.get_type().name());
    failed(name, &format!("{needed} is needed, not {given}"))
}

pub(super) fn failed(name: &str, what: &str) -> ExecutionError {
    ExecutionError::function_error(name, what)
}

/// A text that was made.
pub(super) fn made<'b, 'v>(text: String) -> Answer<'b, 'v> {
    spend(text.len())?;
    Ok(CowVal::owned(CelString::from(text)))
}

/// Bytes that were made.
pub(super) fn made_bytes<'b, 'v>(bytes: Vec<u8>) -> Answer<'b, 'v> {
    spend(bytes.len())?;
    Ok(CowVal::owned(CelBytes::from(bytes)))
}

pub(super) fn made_int<'b, 'v>(number: i64) -> Answer<'b, 'v> {
    Ok(CowVal::owned(CelInt::from(number)))
}

/// A list of these, each copied.
pub(super) fn copied<'b, 'v, 'g>(
    elements: impl IntoIterator<Item = &'g (dyn Val + 'v)>,
) -> Answer<'b, 'v>
where
    'v: 'g,
{
    let mut list = Vec::new();
    for element in elements {
        spend(weight(element, EVALUATION_BYTES_MAX) + 16)?;
        list.push(element.clone_as_boxed());
    }
    Ok(CowVal::owned(CelList::from(list)))
}
