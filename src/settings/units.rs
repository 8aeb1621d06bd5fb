//! Values that have a form of their own: lengths of time, addresses, networks, paths.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

const UNITS: &[(&str, u64)] = &[
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// Bytes of a plain path.
const PATH_BYTES_MAX: usize = 1024;

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

/// An address and a port: `0.0.0.0:8080`, `[::1]:9090`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address(pub(super) SocketAddr);

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|_| {
            let wrong = "is not an address and a port: write for example 0.0.0.0:8080";
            serde::de::Error::custom(format!("`{text}` {wrong}"))
        })
    }
}

impl JsonSchema for Address {
    fn schema_name() -> Cow<'static, str> {
        "Address".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An address and a port: 0.0.0.0:8080, [::1]:9090.",
            "type": "string"
        })
    }
}

/// A network or one address: `10.0.0.0/8`, `2001:db8::/32`, `192.0.2.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network(pub(super) IpNet);

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(IpNet::from(address)));
        }
        let network: IpNet = text
            .parse()
            .map_err(|_| format!("`{text}` is not a network: write for example 10.0.0.0/8"))?;
        let whole = network.trunc();
        if whole != network {
            return Err(format!(
                "`{text}` names an address inside of a network: write {whole} for all of it, or \
                 {} for this address alone",
                network.addr()
            ));
        }
        Ok(Self(network))
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Network {
    fn schema_name() -> Cow<'static, str> {
        "Network".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A network or an address: 10.0.0.0/8, 2001:db8::/32, 192.0.2.1.",
            "type": "string"
        })
    }
}

/// A path without parameters, as it stands in a request: `/healthz`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlainPath(pub(super) String);

impl<'de> Deserialize<'de> for PlainPath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"?#{}*".contains(&byte);
        if text.starts_with('/') && text.len() <= PATH_BYTES_MAX && text.bytes().all(plain) {
            return Ok(Self(text.into_owned()));
        }
        let wrong = "is not a plain path: it starts with `/` and has no query, no parameters and \
                     no spaces; write for example /healthz";
        Err(serde::de::Error::custom(format!("`{text}` {wrong}")))
    }
}

impl JsonSchema for PlainPath {
    fn schema_name() -> Cow<'static, str> {
        "PlainPath".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A path without parameters: /healthz.",
            "type": "string"
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
