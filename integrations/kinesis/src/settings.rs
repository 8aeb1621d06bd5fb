//! What the file says of a Kinesis target.

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_aws::{Access, LimitBounds, LimitSettings, Problem};
use sluicegate_contract::Limits;

/// What PutRecords takes. A stream takes records of 1 MiB unless it is told to take up to 10.
pub(crate) const BOUNDS: LimitBounds = LimitBounds {
    default: Limits {
        records: 500,
        call_bytes: 5 << 20,
        record_bytes: 1 << 20,
        unique_keys: false,
        concurrent_calls: 8,
    },
    most: Limits {
        records: 500,
        call_bytes: 10 << 20,
        record_bytes: 10 << 20,
        unique_keys: false,
        concurrent_calls: 256,
    },
};

/// A Kinesis data stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The stream's name. Either this or `stream_arn`.
    #[serde(default)]
    pub stream: Option<String>,
    /// The stream's ARN, which also says its region.
    #[serde(default)]
    pub stream_arn: Option<String>,
    /// A connection of kind `aws`, whose region, endpoint and profile hold where this target says
    /// nothing.
    #[serde(default)]
    pub connection: Option<String>,
    /// The AWS region, for example `eu-west-1`.
    #[serde(default)]
    pub region: Option<String>,
    /// The URL of Kinesis, where it is not AWS itself.
    #[serde(default)]
    pub endpoint_url: Option<String>,
    /// Limits of a call: 500 records, 5MiB (at most 10MiB), records of 1MiB (at most 10MiB), data
    /// and partition key counted before base64.
    #[serde(default)]
    pub limits: LimitSettings,
    /// The connection's access, filled in when the file is loaded.
    #[serde(skip)]
    pub shared: Access,
}

impl Settings {
    /// Checks what can be known without asking AWS.
    ///
    /// # Errors
    /// The key at fault and what was expected.
    pub fn validate(&self) -> Result<(), Problem> {
        match (&self.stream, &self.stream_arn) {
            (Some(name), None) => validate_name(name)?,
            (None, Some(arn)) => {
                if region_of(arn).is_none() {
                    let message = format!(
                        "`{arn}` is not a stream's ARN: write \
                         arn:aws:kinesis:eu-west-1:123456789012:stream/clicks"
                    );
                    return Err(("stream_arn", message));
                }
            }
            (None, None) => {
                return Err((
                    "stream",
                    "a Kinesis target needs `stream` or `stream_arn`".to_owned(),
                ));
            }
            (Some(_), Some(_)) => {
                let message = "`stream` and `stream_arn` say the same thing: write one of them";
                return Err(("stream_arn", message.to_owned()));
            }
        }
        self.access().validate()?;
        self.limits.validate(&BOUNDS)
    }

    /// How to reach the stream: this target's words, then its ARN's, then its connection's.
    #[must_use]
    pub fn access(&self) -> Access {
        let arn = self.stream_arn.as_deref().and_then(region_of);
        Access {
            region: self.region.clone().or_else(|| arn.map(str::to_owned)),
            endpoint_url: self.endpoint_url.clone(),
            profile: None,
        }
        .or(&self.shared)
    }
}

fn validate_name(name: &str) -> Result<(), Problem> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    if (1..=128).contains(&name.len()) && name.bytes().all(legal) {
        return Ok(());
    }
    let message = format!("`{name}` is not a stream's name: 1 to 128 of a-z A-Z 0-9 _ . -");
    Err(("stream", message))
}

/// The region in a stream's ARN; `None` where it is not one.
fn region_of(arn: &str) -> Option<&str> {
    let mut parts = arn.splitn(6, ':');
    let (scheme, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
    let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    let name = resource.strip_prefix("stream/")?;
    let known = scheme == "arn" && partition.starts_with("aws") && service == "kinesis";
    let account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    (known && account && !region.is_empty() && validate_name(name).is_ok()).then_some(region)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(name: &str) -> Settings {
        Settings {
            stream: Some(name.to_owned()),
            ..Settings::default()
        }
    }

    fn arn(arn: &str) -> Settings {
        Settings {
            stream_arn: Some(arn.to_owned()),
            ..Settings::default()
        }
    }

    #[test]
    fn a_stream_is_named_once_and_rightly() {
        let good = "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks";
        for (settings, expected) in [
            (stream("clicks"), Ok(())),
            (stream(""), Err("stream")),
            (stream("click stream"), Err("stream")),
            (arn(good), Ok(())),
            (
                arn("arn:aws:kinesis:eu-west-1:1:stream/clicks"),
                Err("stream_arn"),
            ),
            (arn("clicks"), Err("stream_arn")),
            (Settings::default(), Err("stream")),
            (
                Settings {
                    stream: Some("a".to_owned()),
                    ..arn(good)
                },
                Err("stream_arn"),
            ),
            (
                Settings {
                    region: Some("Mars".to_owned()),
                    ..stream("a")
                },
                Err("region"),
            ),
            (
                Settings {
                    limits: LimitSettings {
                        records: Some(501),
                        ..LimitSettings::default()
                    },
                    ..stream("a")
                },
                Err("limits.records"),
            ),
        ] {
            assert_eq!(
                settings.validate().map_err(|(key, _)| key),
                expected,
                "{settings:?}"
            );
        }
        assert_eq!(arn(good).access().region.as_deref(), Some("eu-west-1"));
    }
}
