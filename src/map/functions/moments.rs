//! More of times: other forms of them, and the windows that they fall into.

#![allow(
    clippy::needless_pass_by_value,
    reason = "the expression library gives arguments by value"
)]

use std::fmt::Write;
use std::str::FromStr;

use cel::ExecutionError;
use cel::common::types::{CelDuration, CelTimestamp};
use cel::common::value::CowVal;
use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use chrono_tz::Tz;

use super::given::{Answer, Counts, Given, failed, made, made_int, number, ours, text, wrong};
use super::{DURATION, Function, INT, TEXT, TIME};
use crate::map::budget::spend;
use crate::map::types::Type;

const G1: Counts = (&[1], &[]);
const M0: Counts = (&[], &[0]);

pub(super) const FUNCTIONS: &[Function] = &[
    ours(
        ("strftime", "time.strftime(form[, zone]) → text"),
        "A time in another form: `%Y-%m-%d`, `%H`, `%j`, … as `strftime` has them, in UTC or in a \
         zone such as `Europe/Berlin` or `+02:00`.",
        (
            "timestamp(now()).strftime('%Y/%m/%d/%H', 'Europe/Berlin')",
            "2026/01/02/04",
        ),
        (&[], &[1, 2]),
        &[TIME, TEXT, TEXT],
        Type::Text,
        strftime,
    ),
    ours(
        ("strptime", "text.strptime(form) → time"),
        "The time of a text in such a form; in UTC unless the form has a zone, at midnight unless it \
         has an hour. Another text is a 422.",
        (
            "'02/Jan/2026:03:04:05 +0000'.strptime('%d/%b/%Y:%H:%M:%S %z')",
            "2026-01-02T03:04:05+00:00",
        ),
        (&[], &[1]),
        &[TEXT, TEXT],
        Type::Time,
        strptime,
    ),
    ours(
        ("epochMillis", "time.epochMillis() → int"),
        "Milliseconds since 1970; `int(time)` gives seconds.",
        (
            "timestamp('2026-01-02T03:04:05.678Z').epochMillis()",
            "1767323045678",
        ),
        M0,
        &[TIME],
        Type::Int,
        epoch_millis,
    ),
    ours(
        ("from_millis", "from_millis(int) → time"),
        "The time so many milliseconds after 1970; `timestamp(seconds)` takes seconds.",
        (
            "from_millis(1767323045678)",
            "2026-01-02T03:04:05.678+00:00",
        ),
        G1,
        &[INT],
        Type::Time,
        from_millis,
    ),
    ours(
        ("floor", "time.floor(duration) → time"),
        "The beginning of the window that a time falls into; windows of this length are counted from \
         1970, so that days begin at midnight in UTC.",
        (
            "timestamp(now()).floor(duration('15m'))",
            "2026-01-02T03:00:00+00:00",
        ),
        (&[], &[1]),
        &[TIME, DURATION],
        Type::Time,
        floor,
    ),
];

fn strftime<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let (time, form) = (time("strftime", &given)?, text("strftime", &given, 1)?);
    let items: Vec<Item<'_>> = StrftimeItems::new(form).collect();
    spend(form.len().saturating_mul(64))?;
    let bad = || failed("strftime", "the form is not one that `strftime` knows");
    if items.contains(&Item::Error) {
        return Err(bad());
    }
    let mut out = String::new();
    let written = if given.len() > 2 {
        let zone = text("strftime", &given, 2)?;
        match (Tz::from_str(zone), FixedOffset::from_str(zone)) {
            (Ok(zone), _) => {
                let time = time.with_timezone(&zone);
                write!(out, "{}", time.format_with_items(items.iter()))
            }
            (_, Ok(offset)) => {
                let time = time.with_timezone(&offset);
                write!(out, "{}", time.format_with_items(items.iter()))
            }
            _ => return Err(failed("strftime", "there is no such time zone")),
        }
    } else {
        let time = time.with_timezone(&Utc);
        write!(out, "{}", time.format_with_items(items.iter()))
    };
    written.map_err(|_| bad())?;
    made(out)
}

fn strptime<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let (whole, form) = (text("strptime", &given, 0)?, text("strptime", &given, 1)?);
    let with_zone = DateTime::parse_from_str(whole, form).ok();
    let parsed = with_zone.or_else(|| {
        let day = || NaiveDate::parse_from_str(whole, form).ok();
        let midnight = || Some(day()?.and_time(NaiveTime::MIN));
        let plain = NaiveDateTime::parse_from_str(whole, form).ok();
        Some(plain.or_else(midnight)?.and_utc().fixed_offset())
    });
    made_time("strptime", parsed, "the text does not have this form")
}

fn epoch_millis<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    made_int(time("epochMillis", &given)?.timestamp_millis())
}

fn from_millis<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let millis = number("from_millis", &given, 0)?;
    let time = DateTime::from_timestamp_millis(millis);
    let time = time.map(|time| time.fixed_offset());
    made_time(
        "from_millis",
        time,
        "the time is not in the years 1 to 9999",
    )
}

fn floor<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let time = time("floor", &given)?;
    let length = given.get(1);
    let found = length.and_then(|length| length.downcast_ref::<CelDuration>());
    let found = found.ok_or_else(|| wrong("floor", "a duration", length))?;
    let millis = found.inner().num_milliseconds();
    if millis <= 0 {
        return Err(failed(
            "floor",
            "the duration must be a millisecond at least",
        ));
    }
    let since = time.timestamp_millis();
    let start = DateTime::from_timestamp_millis(since - since.rem_euclid(millis));
    let start = start.map(|start| start.fixed_offset());
    made_time("floor", start, "the time is not in the years 1 to 9999")
}

fn time<'g>(
    name: &str,
    given: &'g [CowVal<'_, '_>],
) -> Result<&'g DateTime<FixedOffset>, ExecutionError> {
    let value = given.first();
    let found = value.and_then(|value| value.downcast_ref::<CelTimestamp>());
    found
        .map(CelTimestamp::inner)
        .ok_or_else(|| wrong(name, "a time", value))
}

fn made_time<'b, 'v>(
    name: &str,
    time: Option<DateTime<FixedOffset>>,
    otherwise: &str,
) -> Answer<'b, 'v> {
    let time = time.filter(|time| (1..=9999).contains(&time.to_utc().year()));
    let time = time.ok_or_else(|| failed(name, otherwise))?;
    Ok(CowVal::owned(CelTimestamp::from(time)))
}
