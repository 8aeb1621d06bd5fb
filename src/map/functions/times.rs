//! Times and durations.

use super::language::language;
use super::{Function, TEXT, TIME};
use crate::map::types::Type;

const G1: (&[usize], &[usize]) = (&[1], &[]);
const MOMENT: &[Type] = &[Type::Text, Type::Int, Type::Time];
const SPAN: &[Type] = &[Type::Text, Type::Duration];
const PERIOD: &[Type] = &[Type::Time, Type::Duration];
/// A part of a time, in UTC or in the time zone of the argument.
const PART: (&[usize], &[usize]) = (&[], &[0, 1]);

pub(super) const FUNCTIONS: &[Function] = &[
    language(
        "timestamp",
        "timestamp(text or seconds) → time",
        "A time from RFC 3339 text, or from seconds since 1970.",
        (
            "timestamp('2026-01-02T03:04:05Z')",
            "2026-01-02T03:04:05+00:00",
        ),
        G1,
        &[MOMENT],
        Type::Time,
    ),
    language(
        "duration",
        "duration(text) → duration",
        "A duration such as `90s` or `1h30m`.",
        (
            "timestamp(0) + duration('90s')",
            "1970-01-01T00:01:30+00:00",
        ),
        G1,
        &[SPAN],
        Type::Duration,
    ),
    language(
        "getFullYear",
        "time.getFullYear([zone]) → int",
        "The year.",
        ("timestamp(now()).getFullYear()", "2026"),
        PART,
        &[TIME, TEXT],
        Type::Int,
    ),
    language(
        "getMonth",
        "time.getMonth([zone]) → int",
        "The month, from 0.",
        ("timestamp(now()).getMonth()", "0"),
        PART,
        &[TIME, TEXT],
        Type::Int,
    ),
    language(
        "getDate",
        "time.getDate([zone]) → int",
        "The day of the month, from 1.",
        ("timestamp(now()).getDate()", "2"),
        PART,
        &[TIME, TEXT],
        Type::Int,
    ),
    language(
        "getDayOfMonth",
        "time.getDayOfMonth([zone]) → int",
        "The day of the month, from 0.",
        ("timestamp(now()).getDayOfMonth()", "1"),
        PART,
        &[TIME, TEXT],
        Type::Int,
    ),
    language(
        "getDayOfWeek",
        "time.getDayOfWeek([zone]) → int",
        "The day of the week, 0 is Sunday.",
        ("timestamp(now()).getDayOfWeek()", "5"),
        PART,
        &[TIME, TEXT],
        Type::Int,
    ),
    language(
        "getDayOfYear",
        "time.getDayOfYear([zone]) → int",
        "The day of the year, from 0.",
        ("timestamp(now()).getDayOfYear()", "1"),
        PART,
        &[TIME, TEXT],
        Type::Int,
    ),
    language(
        "getHours",
        "time.getHours([zone]) → int",
        "The hour of a time, or the whole hours of a duration.",
        ("timestamp(now()).getHours()", "3"),
        PART,
        &[PERIOD, TEXT],
        Type::Int,
    ),
    language(
        "getMinutes",
        "time.getMinutes([zone]) → int",
        "The minute of a time, or the whole minutes of a duration.",
        ("timestamp(now()).getMinutes()", "4"),
        PART,
        &[PERIOD, TEXT],
        Type::Int,
    ),
    language(
        "getSeconds",
        "time.getSeconds([zone]) → int",
        "The second of a time, or the whole seconds of a duration.",
        ("timestamp(now()).getSeconds()", "5"),
        PART,
        &[PERIOD, TEXT],
        Type::Int,
    ),
    language(
        "getMilliseconds",
        "time.getMilliseconds([zone]) → int",
        "The milliseconds within the second.",
        ("timestamp(now()).getMilliseconds()", "678"),
        PART,
        &[PERIOD, TEXT],
        Type::Int,
    ),
];
