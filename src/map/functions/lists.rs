//! Lists.

#![allow(
    clippy::needless_pass_by_value,
    reason = "the expression library gives arguments by value"
)]

use std::collections::HashSet;

use cel::ExecutionError;
use cel::common::types::{CelDouble, CelInt, CelList, CelOptional, CelUInt};
use cel::common::value::{CowVal, Val};

use super::given::{
    Answer, Counts, Given, copied, count, elements, failed, made, ours, text, wrong,
};
use super::{Function, INT, LIST};
use crate::limits::{EVALUATION_BYTES_MAX, JSON_DEPTH_MAX};
use crate::map::budget::spend;
use crate::map::cel_values::{to_found, weight};
use crate::map::types::Type;

const M0: Counts = (&[], &[0]);

pub(super) const FUNCTIONS: &[Function] = &[
    ours(
        ("first", "list.first() → optional"),
        "The first element; absent in an empty list.",
        ("event.tags.first().orValue('-')", "a"),
        M0,
        &[LIST],
        Type::Optional,
        first,
    ),
    ours(
        ("last", "list.last() → optional"),
        "The last element; absent in an empty list.",
        ("event.tags.last().orValue('-')", "b"),
        M0,
        &[LIST],
        Type::Optional,
        last,
    ),
    ours(
        ("slice", "list.slice(from, to) → list"),
        "The elements from one place (from 0) to before another. Places beyond the list are a 422.",
        ("[1, 2, 3, 4].slice(1, 3)", "[2,3]"),
        (&[], &[2]),
        &[LIST, INT, INT],
        Type::List,
        slice,
    ),
    ours(
        ("distinct", "list.distinct() → list"),
        "Without elements that are equal to an earlier one; lists and maps are compared as JSON.",
        ("['b', 'a', 'b', 'a'].distinct()", r#"["b","a"]"#),
        M0,
        &[LIST],
        Type::List,
        distinct,
    ),
    ours(
        ("sort", "list.sort() → list"),
        "Numbers, texts, booleans or times in their order; texts by their UTF-8 bytes. Elements of \
         different types are a 422.",
        ("[3, 1.5, 2].sort()", "[1.5,2,3]"),
        M0,
        &[LIST],
        Type::List,
        sort,
    ),
    ours(
        ("flatten", "list.flatten([depth]) → list"),
        "The elements of lists inside of a list in their place, one level deep or as deep as said.",
        ("[1, [2, [3]]].flatten()", "[1,2,[3]]"),
        (&[], &[0, 1]),
        &[LIST, INT],
        Type::List,
        flatten,
    ),
    ours(
        ("sum", "list.sum() → number"),
        "The sum of a list of numbers: a whole number if all are whole, else a double; 0 of none.",
        ("event.items.map(i, i.n).sum()", "21"),
        M0,
        &[LIST],
        Type::Any,
        sum,
    ),
    ours(
        ("reverse", "value.reverse() → value"),
        "A list's elements, or a text's characters, in the opposite order.",
        ("event.tags.reverse()", r#"["b","a"]"#),
        M0,
        &[&[Type::Text, Type::List]],
        Type::Any,
        reverse,
    ),
];

fn first<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    optional(elements("first", &given, 0)?.first().map(AsRef::as_ref))
}

fn last<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    optional(elements("last", &given, 0)?.last().map(AsRef::as_ref))
}

fn optional<'b, 'v>(element: Option<&(dyn Val + 'v)>) -> Answer<'b, 'v> {
    let Some(element) = element else {
        return Ok(CowVal::owned(CelOptional::none()));
    };
    spend(weight(element, EVALUATION_BYTES_MAX))?;
    Ok(CowVal::owned(CelOptional::of(element.clone_as_boxed())))
}

fn slice<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let list = elements("slice", &given, 0)?;
    let (from, to) = (count("slice", &given, 1)?, count("slice", &given, 2)?);
    let part = list.get(from..to);
    let part = part.ok_or_else(|| failed("slice", "the places are not in the list"))?;
    copied(part.iter().map(AsRef::as_ref))
}

fn distinct<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let list = elements("distinct", &given, 0)?;
    let mut seen = HashSet::new();
    let mut kept = Vec::new();
    for element in list {
        let name = identity(element.as_ref())?;
        spend(name.len() + 32)?;
        if seen.insert(name) {
            kept.push(element.as_ref());
        }
    }
    copied(kept)
}

/// Bytes that two elements have in common if they are equal.
fn identity(value: &dyn Val) -> Result<Vec<u8>, ExecutionError> {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "a double that is whole is compared as the whole number that it is"
    )]
    if let Some(double) = value
        .downcast_ref::<CelDouble>()
        .map(|double| *double.inner())
        && (double as i64) as f64 == double
    {
        return Ok((double as i64).to_string().into_bytes());
    }
    let mut bytes = Vec::new();
    let found = to_found(value).map_err(|_| failed("distinct", "an element has no JSON form"))?;
    if !found.write_json(&mut bytes) {
        return Err(failed("distinct", "an element has no JSON form"));
    }
    Ok(bytes)
}

fn sort<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let list = elements("sort", &given, 0)?;
    let mut sorted: Vec<&(dyn Val + 'v)> = list.iter().map(AsRef::as_ref).collect();
    spend(sorted.len().saturating_mul(64))?;
    let numbers: Option<Vec<f64>> = sorted.iter().map(|value| as_double(*value)).collect();
    let one_type = |first: &&(dyn Val + 'v)| {
        let same = |value: &&(dyn Val + 'v)| value.get_type() == first.get_type();
        first.as_comparer().is_some() && sorted.iter().all(same)
    };
    if sorted.first().is_none_or(one_type)
        && numbers.is_none_or(|all| all.iter().all(|n| !n.is_nan()))
    {
        sorted.sort_by(|one, two| {
            let order = one.as_comparer().and_then(|one| one.compare(*two).ok());
            order.unwrap_or(std::cmp::Ordering::Equal)
        });
    } else if sorted
        .iter()
        .all(|value| as_double(*value).is_some_and(|n| !n.is_nan()))
    {
        // Of different types: as doubles all of them, so that the order is one.
        sorted.sort_by(|one, two| {
            as_double(*one)
                .unwrap_or(0.0)
                .total_cmp(&as_double(*two).unwrap_or(0.0))
        });
    } else {
        return Err(failed("sort", "the elements have no order"));
    }
    copied(sorted)
}

#[allow(
    clippy::cast_precision_loss,
    reason = "the language compares whole numbers with doubles as doubles"
)]
fn as_double(value: &dyn Val) -> Option<f64> {
    if let Some(integer) = value.downcast_ref::<CelInt>() {
        return Some(*integer.inner() as f64);
    }
    if let Some(integer) = value.downcast_ref::<CelUInt>() {
        return Some(*integer.inner() as f64);
    }
    value
        .downcast_ref::<CelDouble>()
        .map(|double| *double.inner())
}

fn flatten<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let list = elements("flatten", &given, 0)?;
    let depth = match given.len() {
        1 => 1,
        _ => count("flatten", &given, 1)?.min(JSON_DEPTH_MAX),
    };
    let mut flat = Vec::new();
    flatten_into(list, depth, &mut flat)?;
    copied(flat)
}

fn flatten_into<'g, 'v>(
    list: &'g [Box<dyn Val + 'v>],
    depth: usize,
    flat: &mut Vec<&'g (dyn Val + 'v)>,
) -> Result<(), ExecutionError> {
    for element in list {
        spend(8)?;
        match element.downcast_ref::<CelList<'v>>() {
            Some(inner) if depth > 0 => flatten_into(inner.inner(), depth - 1, flat)?,
            _ => flat.push(element.as_ref()),
        }
    }
    Ok(())
}

fn sum<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let list = elements("sum", &given, 0)?;
    spend(list.len().saturating_mul(8))?;
    let mut whole = Some(0_i64);
    for value in list {
        match value.downcast_ref::<CelInt>() {
            Some(integer) => {
                let sum = whole.map(|sum| sum.checked_add(*integer.inner()));
                let overflow = || failed("sum", "a number outside of 64 bits is the result");
                whole = sum.map(|sum| sum.ok_or_else(overflow)).transpose()?;
            }
            None => whole = None,
        }
    }
    if let Some(sum) = whole {
        return Ok(CowVal::owned(CelInt::from(sum)));
    }
    let mut sum = 0.0;
    for value in list {
        let number = as_double(value.as_ref());
        sum += number.ok_or_else(|| failed("sum", "every element must be a number"))?;
    }
    Ok(CowVal::owned(CelDouble::from(sum)))
}

fn reverse<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    if let Ok(text) = text("reverse", &given, 0) {
        return made(text.chars().rev().collect());
    }
    match elements("reverse", &given, 0) {
        Ok(list) => copied(list.iter().rev().map(AsRef::as_ref)),
        Err(_) => Err(wrong("reverse", "a list or text", given.first())),
    }
}
