//! How much in how much time: `5000/s`, `10MiB/s`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use sluicegate_contract::ByteSize;

const WINDOWS: &[(&str, u64)] = &[("s", 1), ("m", 60), ("h", 3600)];
/// More in one window than any machine takes.
const AMOUNT_MAX: u64 = 1_000_000_000_000;

/// So many in a window of time, written as `5000/s`, `100/m` or `20/h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    /// How many.
    pub(super) amount: u64,
    /// In how much time.
    pub(super) window: Duration,
}

/// So many bytes in a window of time, written as `10MiB/s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ByteRate(pub(super) Rate);

impl Rate {
    fn parse(text: &str, amount: impl Fn(&str) -> Option<u64>) -> Option<Self> {
        let (number, unit) = text.split_once('/')?;
        let seconds = WINDOWS.iter().find(|(name, _)| *name == unit.trim())?.1;
        let amount = amount(number.trim())?;
        (1..=AMOUNT_MAX).contains(&amount).then_some(Self {
            amount,
            window: Duration::from_secs(seconds),
        })
    }

    fn unit(self) -> &'static str {
        let seconds = self.window.as_secs();
        let known = WINDOWS.iter().find(|(_, window)| *window == seconds);
        known.map_or("s", |(name, _)| name)
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = |text: &str| text.parse().ok();
        Self::parse(text, digits).ok_or_else(|| {
            format!("`{text}` is not a rate: write for example 5000/s, 100/m or 20/h")
        })
    }
}

impl FromStr for ByteRate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let size = |text: &str| text.parse::<ByteSize>().ok().map(|size| size.0);
        let rate = Rate::parse(text, size).map(Self);
        rate.ok_or_else(|| {
            format!("`{text}` is not a rate of bytes: write for example 10MiB/s or 1GiB/h")
        })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.amount, self.unit())
    }
}

impl fmt::Display for ByteRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", ByteSize(self.0.amount), self.0.unit())
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for ByteRate {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Rate {
    fn schema_name() -> Cow<'static, str> {
        "Rate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "So many in a second, minute or hour: 5000/s, 100/m, 20/h.",
            "type": "string",
            "pattern": "^[0-9]+ */ *[smh]$"
        })
    }
}

impl JsonSchema for ByteRate {
    fn schema_name() -> Cow<'static, str> {
        "ByteRate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "So many bytes in a second, minute or hour: 10MiB/s, 1GiB/h.",
            "type": "string",
            "pattern": "^[0-9]+ *[A-Za-z]* */ *[smh]$"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_written() {
        for (text, amount, seconds, back) in [
            ("5000/s", 5000, 1, "5000/s"),
            ("100 / m", 100, 60, "100/m"),
            ("1/h", 1, 3600, "1/h"),
        ] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!((rate.amount, rate.window.as_secs()), (amount, seconds));
            assert_eq!(rate.to_string(), back);
        }
        let rate: ByteRate = "10MiB/s".parse().unwrap();
        assert_eq!(
            (rate.0.amount, rate.to_string().as_str()),
            (10 << 20, "10MiB/s")
        );
        for text in [
            "",
            "5",
            "5/",
            "/s",
            "0/s",
            "-1/s",
            "1.5/s",
            "5/d",
            "5MiB/s",
            "9999999999999999/s",
        ] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }
}
