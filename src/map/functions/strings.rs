//! Texts.

#![allow(
    clippy::needless_pass_by_value,
    reason = "the expression library gives arguments by value"
)]

use cel::ExecutionError;
use cel::common::types::{CelInt, CelList, CelString};
use cel::common::value::{CowVal, Val};

use super::given::{Answer, Given, made, number, ours, text};
use super::{Function, INT, LIST, TEXT};
use crate::map::budget::spend;
use crate::map::types::Type;

pub(super) const FUNCTIONS: &[Function] = &[
    ours(
        ("lower", "text.lower() → text"),
        "In lower case, by Unicode.",
        ("event.name.lower()", "ada"),
        (&[], &[0]),
        &[TEXT],
        Type::Text,
        lower,
    ),
    ours(
        ("upper", "text.upper() → text"),
        "In upper case, by Unicode.",
        ("event.name.upper()", "ADA"),
        (&[], &[0]),
        &[TEXT],
        Type::Text,
        upper,
    ),
    ours(
        ("trim", "text.trim() → text"),
        "Without white space at both ends.",
        ("'  a b '.trim()", "a b"),
        (&[], &[0]),
        &[TEXT],
        Type::Text,
        trim,
    ),
    ours(
        ("replace", "text.replace(what, by) → text"),
        "With every `what` replaced.",
        ("event.name.replace('d', '-')", "A-a"),
        (&[], &[2]),
        &[TEXT, TEXT, TEXT],
        Type::Text,
        replace,
    ),
    ours(
        ("split", "text.split(separator) → list"),
        "The parts between separators; an empty separator splits into characters.",
        ("'a,b'.split(',')", r#"["a","b"]"#),
        (&[], &[1]),
        &[TEXT, TEXT],
        Type::List,
        split,
    ),
    ours(
        ("join", "list.join(separator) → text"),
        "The texts of a list with a separator (none by default) between them.",
        ("event.tags.join('-')", "a-b"),
        (&[], &[0, 1]),
        &[LIST, TEXT],
        Type::Text,
        join,
    ),
    ours(
        ("substring", "text.substring(from[, to]) → text"),
        "From one character's place (from 0) to before another's, or to the end. Places beyond \
         the text are a 422.",
        ("'gateway'.substring(1, 4)", "ate"),
        (&[], &[1, 2]),
        &[TEXT, INT, INT],
        Type::Text,
        substring,
    ),
    ours(
        ("indexOf", "text.indexOf(what) → int"),
        "The place in characters (from 0) where `what` begins first, or -1.",
        ("'gateway'.indexOf('way')", "4"),
        (&[], &[1]),
        &[TEXT, TEXT],
        Type::Int,
        index_of,
    ),
];

fn lower<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    made(text("lower", &given, 0)?.to_lowercase())
}

fn upper<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    made(text("upper", &given, 0)?.to_uppercase())
}

fn trim<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    made(text("trim", &given, 0)?.trim().to_owned())
}

fn replace<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let whole = text("replace", &given, 0)?;
    let what = text("replace", &given, 1)?;
    let by = text("replace", &given, 2)?;
    // Paid before it is made: a short text can grow to any length.
    let places = whole.matches(what).count();
    spend(whole.len().saturating_add(places.saturating_mul(by.len())))?;
    Ok(CowVal::owned(CelString::from(whole.replace(what, by))))
}

fn split<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let whole = text("split", &given, 0)?;
    let separator = text("split", &given, 1)?;
    // Each part costs more than its bytes.
    spend(whole.len().saturating_mul(8))?;
    let part = |part: &str| Box::new(CelString::from(part.to_owned())) as Box<dyn Val + 'v>;
    let parts: Vec<Box<dyn Val + 'v>> = if separator.is_empty() {
        let mut room = [0; 4];
        whole
            .chars()
            .map(|c| part(c.encode_utf8(&mut room)))
            .collect()
    } else {
        whole.split(separator).map(part).collect()
    };
    Ok(CowVal::owned(CelList::from(parts)))
}

fn join<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let failed = |what| ExecutionError::function_error("join", what);
    let Some(list) = given.first().and_then(|v| v.downcast_ref::<CelList<'_>>()) else {
        return Err(failed("a list is needed"));
    };
    let separator = if given.len() > 1 {
        text("join", &given, 1)?
    } else {
        ""
    };
    let mut joined = String::new();
    for (index, element) in list.inner().iter().enumerate() {
        let Some(part) = element.downcast_ref::<CelString<'_>>() else {
            return Err(failed("every element must be text"));
        };
        spend(separator.len() + part.inner().len())?;
        if index > 0 {
            joined.push_str(separator);
        }
        joined.push_str(part.inner());
    }
    Ok(CowVal::owned(CelString::from(joined)))
}

fn substring<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let whole = text("substring", &given, 0)?;
    let from = place(whole, number("substring", &given, 1)?);
    let to = if given.len() > 2 {
        place(whole, number("substring", &given, 2)?)
    } else {
        Some(whole.len())
    };
    let part = from.zip(to).and_then(|(from, to)| whole.get(from..to));
    match part {
        Some(part) => made(part.to_owned()),
        None => Err(ExecutionError::function_error(
            "substring",
            "the places are not in the text",
        )),
    }
}

fn index_of<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let whole = text("indexOf", &given, 0)?;
    let found = whole.find(text("indexOf", &given, 1)?);
    let before = found.and_then(|at| whole.get(..at));
    let place = before.map_or(-1, |before| {
        i64::try_from(before.chars().count()).unwrap_or(i64::MAX)
    });
    Ok(CowVal::owned(CelInt::from(place)))
}

/// The byte where the character of this number begins; the end is a place, too.
fn place(text: &str, character: i64) -> Option<usize> {
    let character = usize::try_from(character).ok()?;
    let mut places = text.char_indices().map(|(at, _)| at);
    let ends_here = || (text.chars().count() == character).then_some(text.len());
    places.nth(character).or_else(ends_here)
}
