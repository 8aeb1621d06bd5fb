//! Lengths of time as files write them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

const UNITS: &[(&str, u64)] = &[
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// A length of time, written as `500ms`, `2s`, `1m`, `1h` or `7d`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeSpan(pub Duration);

impl FromStr for TimeSpan {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is not a length of time: write for example 500ms, 2s or 1m");
        let trimmed = text.trim();
        let (digits, unit) = UNITS
            .iter()
            .find_map(|(suffix, unit)| trimmed.strip_suffix(suffix).map(|rest| (rest, *unit)))
            .ok_or_else(wrong)?;
        let number: u64 = digits.trim_end().parse().map_err(|_| wrong())?;
        number
            .checked_mul(unit)
            .map(|milliseconds| Self(Duration::from_millis(milliseconds)))
            .ok_or_else(wrong)
    }
}

impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.as_millis();
        let exact = UNITS
            .iter()
            .rev()
            .find(|(_, unit)| milliseconds > 0 && milliseconds.is_multiple_of(u128::from(*unit)));
        let (suffix, unit) = exact.unwrap_or(&("ms", 1));
        write!(f, "{}{suffix}", milliseconds / u128::from(*unit))
    }
}

impl<'de> Deserialize<'de> for TimeSpan {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for TimeSpan {
    fn schema_name() -> Cow<'static, str> {
        "TimeSpan".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A length of time: 500ms, 2s, 1m, 1h, 7d.",
            "type": "string",
            "pattern": "^[0-9]+ *(ms|s|m|h|d)$"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_and_written_with_units() {
        for (text, milliseconds, back) in [
            ("0ms", 0, "0ms"),
            ("500ms", 500, "500ms"),
            ("2s", 2_000, "2s"),
            ("90 s", 90_000, "90s"),
            ("1m", 60_000, "1m"),
            ("60m", 3_600_000, "1h"),
            ("7d", 604_800_000, "7d"),
            ("24h", 86_400_000, "1d"),
        ] {
            let span: TimeSpan = text.parse().unwrap();
            assert_eq!(span.0.as_millis(), milliseconds, "{text}");
            assert_eq!(span.to_string(), back, "{text}");
        }
    }

    #[test]
    fn what_is_not_a_length_of_time_is_refused() {
        for text in [
            "",
            "5",
            "s",
            "-1s",
            "1.5s",
            "2 days",
            "99999999999999999999h",
        ] {
            assert!(text.parse::<TimeSpan>().is_err(), "{text}");
        }
    }
}
