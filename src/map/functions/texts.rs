//! More of texts: places, padding, forms.

#![allow(
    clippy::needless_pass_by_value,
    reason = "the expression library gives arguments by value"
)]

use std::fmt::Write;

use cel::ExecutionError;
use cel::common::types::{CelBool, CelDouble, CelInt, CelString, CelUInt};
use cel::common::value::Val;

use super::given::{Answer, Counts, Given, count, elements, failed, made, made_int, ours, text};
use super::{Function, INT, LIST, TEXT};
use crate::map::budget::spend;
use crate::map::types::Type;

const M0: Counts = (&[], &[0]);
const M1: Counts = (&[], &[1]);
const PAD: Counts = (&[], &[1, 2]);

pub(super) const FUNCTIONS: &[Function] = &[
    ours(
        ("lowerAscii", "text.lowerAscii() → text"),
        "With A to Z in lower case, and nothing else changed.",
        ("'ÄB'.lowerAscii()", "Äb"),
        M0,
        &[TEXT],
        Type::Text,
        lower_ascii,
    ),
    ours(
        ("upperAscii", "text.upperAscii() → text"),
        "With a to z in upper case, and nothing else changed.",
        ("'äb'.upperAscii()", "äB"),
        M0,
        &[TEXT],
        Type::Text,
        upper_ascii,
    ),
    ours(
        ("charAt", "text.charAt(place) → text"),
        "The character at a place (from 0); nothing right behind the last. Others are a 422.",
        ("'gateway'.charAt(4)", "w"),
        M1,
        &[TEXT, INT],
        Type::Text,
        char_at,
    ),
    ours(
        ("lastIndexOf", "text.lastIndexOf(what) → int"),
        "The place in characters (from 0) where `what` begins last, or -1.",
        ("'gateway'.lastIndexOf('a')", "5"),
        M1,
        &[TEXT, TEXT],
        Type::Int,
        last_index_of,
    ),
    ours(
        ("truncate", "text.truncate(characters) → text"),
        "Its first characters, at most so many: for fields that have a limit.",
        ("'gateway'.truncate(4)", "gate"),
        M1,
        &[TEXT, INT],
        Type::Text,
        truncate,
    ),
    ours(
        ("padStart", "text.padStart(characters[, with]) → text"),
        "So many characters long at least, filled up at its start with spaces or `with`.",
        ("string(event.count).padStart(4, '0')", "0003"),
        PAD,
        &[TEXT, INT, TEXT],
        Type::Text,
        pad_start,
    ),
    ours(
        ("padEnd", "text.padEnd(characters[, with]) → text"),
        "So many characters long at least, filled up at its end with spaces or `with`.",
        ("event.name.padEnd(5, '.')", "Ada.."),
        PAD,
        &[TEXT, INT, TEXT],
        Type::Text,
        pad_end,
    ),
    ours(
        ("repeat", "text.repeat(times) → text"),
        "The text so many times.",
        ("'ab'.repeat(3)", "ababab"),
        M1,
        &[TEXT, INT],
        Type::Text,
        repeat,
    ),
    ours(
        ("removePrefix", "text.removePrefix(prefix) → text"),
        "Without this at its start, if it begins with it.",
        ("'/v1/orders'.removePrefix('/v1')", "/orders"),
        M1,
        &[TEXT, TEXT],
        Type::Text,
        remove_prefix,
    ),
    ours(
        ("removeSuffix", "text.removeSuffix(suffix) → text"),
        "Without this at its end, if it ends with it.",
        ("'photo.jpg'.removeSuffix('.jpg')", "photo"),
        M1,
        &[TEXT, TEXT],
        Type::Text,
        remove_suffix,
    ),
    ours(
        ("format", "text.format(values) → text"),
        "With `%s` (any value), `%d` (a whole number), `%.2f` (a number with 0 to 17 decimals), `%x` \
         (a whole number in hexadecimal) replaced by the values in their order; `%%` is a `%`.",
        (
            "'%s: %d of %.2f'.format([event.name, event.count, event.total])",
            "Ada: 3 of 12.50",
        ),
        M1,
        &[TEXT, LIST],
        Type::Text,
        format,
    ),
];

fn lower_ascii<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    made(text("lowerAscii", &given, 0)?.to_ascii_lowercase())
}

fn upper_ascii<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    made(text("upperAscii", &given, 0)?.to_ascii_uppercase())
}

fn char_at<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let (whole, place) = (text("charAt", &given, 0)?, count("charAt", &given, 1)?);
    match whole.chars().nth(place) {
        Some(character) => made(character.to_string()),
        None if whole.chars().count() == place => made(String::new()),
        None => Err(failed("charAt", "the place is not in the text")),
    }
}

fn last_index_of<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let whole = text("lastIndexOf", &given, 0)?;
    let found = whole.rfind(text("lastIndexOf", &given, 1)?);
    let before = found.and_then(|at| whole.get(..at));
    made_int(before.map_or(-1, |before| {
        i64::try_from(before.chars().count()).unwrap_or(i64::MAX)
    }))
}

fn truncate<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let (whole, most) = (text("truncate", &given, 0)?, count("truncate", &given, 1)?);
    let end = whole
        .char_indices()
        .nth(most)
        .map_or(whole.len(), |(at, _)| at);
    made(whole.get(..end).unwrap_or_default().to_owned())
}

fn pad_start<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let mut filling = filling("padStart", &given)?;
    filling.push_str(text("padStart", &given, 0)?);
    made(filling)
}

fn pad_end<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let filling = filling("padEnd", &given)?;
    made(format!("{}{filling}", text("padEnd", &given, 0)?))
}

/// What a text lacks to its length, paid for.
fn filling(name: &str, given: &Given<'_, '_>) -> Result<String, ExecutionError> {
    let (whole, wanted) = (text(name, given, 0)?, count(name, given, 1)?);
    let with = if given.len() > 2 {
        text(name, given, 2)?
    } else {
        " "
    };
    if with.is_empty() {
        return Err(failed(name, "there must be something to fill it up with"));
    }
    let lacking = wanted.saturating_sub(whole.chars().count());
    spend(lacking.saturating_mul(4))?;
    Ok(with.chars().cycle().take(lacking).collect())
}

fn repeat<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let (whole, times) = (text("repeat", &given, 0)?, count("repeat", &given, 1)?);
    // Paid before it is made: nothing else bounds it.
    spend(whole.len().saturating_mul(times))?;
    let times = if whole.is_empty() { 0 } else { times };
    made(whole.repeat(times))
}

fn remove_prefix<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let whole = text("removePrefix", &given, 0)?;
    let rest = whole.strip_prefix(text("removePrefix", &given, 1)?);
    made(rest.unwrap_or(whole).to_owned())
}

fn remove_suffix<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let whole = text("removeSuffix", &given, 0)?;
    let rest = whole.strip_suffix(text("removeSuffix", &given, 1)?);
    made(rest.unwrap_or(whole).to_owned())
}

fn format<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let form = text("format", &given, 0)?;
    let mut values = elements("format", &given, 1)?.iter();
    let mut out = String::new();
    let mut rest = form;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let value = values.next();
        let value =
            value.ok_or_else(|| failed("format", "there are fewer values than `%` in it"))?;
        let written = out.len();
        rest = format_one(after, value.as_ref(), &mut out)?;
        spend(out.len() - written)?;
    }
    out.push_str(rest);
    if values.next().is_some() {
        return Err(failed("format", "there are more values than `%` in it"));
    }
    made(out)
}

/// Writes a value as what stands behind its `%` says, and gives what follows.
fn format_one<'t>(
    form: &'t str,
    value: &dyn Val,
    out: &mut String,
) -> Result<&'t str, ExecutionError> {
    let unknown = || failed("format", "behind `%` stands one of s, d, x, f, .2f");
    let (decimals, form) = match form.strip_prefix('.') {
        Some(rest) => {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (digits, rest) = rest.split_at(digits);
            let decimals = digits
                .parse::<usize>()
                .ok()
                .filter(|decimals| *decimals <= 17);
            (Some(decimals.ok_or_else(unknown)?), rest)
        }
        None => (None, form),
    };
    let mut characters = form.chars();
    let done = match characters.next() {
        Some('s') if decimals.is_none() => plain(value, out),
        Some('d') if decimals.is_none() => whole(value).map(|n| write!(out, "{n}")),
        Some('x') if decimals.is_none() => whole(value).map(|n| match n {
            0.. => write!(out, "{n:x}"),
            _ => write!(out, "-{:x}", n.unsigned_abs()),
        }),
        Some('f') => double(value).map(|n| write!(out, "{n:.*}", decimals.unwrap_or(6))),
        _ => return Err(unknown()),
    };
    match done {
        Some(Ok(())) => Ok(characters.as_str()),
        _ => {
            let given = value.get_type().name();
            Err(failed(
                "format",
                &format!("its form does not fit a value of type {given}"),
            ))
        }
    }
}

fn plain(value: &dyn Val, out: &mut String) -> Option<std::fmt::Result> {
    if let Some(text) = value.downcast_ref::<CelString<'_>>() {
        return Some(out.write_str(text.inner()));
    }
    if let Some(boolean) = value.downcast_ref::<CelBool>() {
        return Some(write!(out, "{}", boolean.inner()));
    }
    if let Some(number) = whole(value) {
        return Some(write!(out, "{number}"));
    }
    if let Some(number) = value.downcast_ref::<CelDouble>() {
        return Some(write!(out, "{:?}", number.inner()));
    }
    let found = crate::map::cel_values::to_found(value).ok()?;
    let mut json = Vec::new();
    if let Some(text) = found.text() {
        return Some(out.write_str(&text));
    }
    found.write_json(&mut json).then_some(())?;
    Some(out.write_str(std::str::from_utf8(&json).ok()?))
}

fn whole(value: &dyn Val) -> Option<i128> {
    if let Some(integer) = value.downcast_ref::<CelInt>() {
        return Some(i128::from(*integer.inner()));
    }
    let integer = value.downcast_ref::<CelUInt>()?;
    Some(i128::from(*integer.inner()))
}

#[allow(
    clippy::cast_precision_loss,
    reason = "a whole number is written as the double that is nearest"
)]
fn double(value: &dyn Val) -> Option<f64> {
    if let Some(integer) = whole(value) {
        return Some(integer as f64);
    }
    value
        .downcast_ref::<CelDouble>()
        .map(|double| *double.inner())
}
