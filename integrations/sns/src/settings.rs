//! What the file says of an SNS target.

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_aws::{Access, LimitBounds, LimitSettings, Problem};
use sluicegate_contract::Limits;

/// What PublishBatch takes: ten messages, 256 KiB in all. A topic may be told to take 1 MiB.
pub(crate) const BOUNDS: LimitBounds = LimitBounds {
    default: Limits {
        records: 10,
        call_bytes: 256 << 10,
        record_bytes: 256 << 10,
        unique_keys: false,
        concurrent_calls: 8,
    },
    most: Limits {
        records: 10,
        call_bytes: 1 << 20,
        record_bytes: 1 << 20,
        unique_keys: false,
        concurrent_calls: 256,
    },
};

/// How the name of a FIFO topic ends.
const FIFO: &str = ".fifo";

/// An SNS topic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The topic's ARN, which also says its region. One that ends in `.fifo` is a FIFO topic.
    pub topic_arn: String,
    /// A connection of kind `aws`, whose endpoint and profile hold where this target says nothing.
    #[serde(default)]
    pub connection: Option<String>,
    /// The AWS region, where it is not the ARN's.
    #[serde(default)]
    pub region: Option<String>,
    /// The URL of SNS, where it is not AWS itself.
    #[serde(default)]
    pub endpoint_url: Option<String>,
    /// Limits of a call: 10 messages, 256KiB in all (at most 1MiB), messages of 256KiB (at most
    /// 1MiB), attributes and subject counted.
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
        let arn = &self.topic_arn;
        if arn.starts_with('+') {
            let message = "a phone number: SMS is not sent by this gateway; write a topic's ARN";
            return Err(("topic_arn", message.to_owned()));
        }
        if region_of(arn).is_none() {
            let message = format!(
                "`{arn}` is not a topic's ARN: write arn:aws:sns:eu-west-1:123456789012:alerts"
            );
            return Err(("topic_arn", message));
        }
        self.access().validate()?;
        self.limits.validate(&BOUNDS)
    }

    /// True for a FIFO topic.
    #[must_use]
    pub fn is_fifo(&self) -> bool {
        self.topic_arn.ends_with(FIFO)
    }

    /// How to reach the topic: this target's words, then its ARN's, then its connection's.
    #[must_use]
    pub fn access(&self) -> Access {
        let arn = region_of(&self.topic_arn).map(str::to_owned);
        Access {
            region: self.region.clone().or(arn),
            endpoint_url: self.endpoint_url.clone(),
            profile: None,
        }
        .or(&self.shared)
    }
}

/// The region in a topic's ARN; `None` where it is not one.
fn region_of(arn: &str) -> Option<&str> {
    let mut parts = arn.splitn(6, ':');
    let (scheme, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
    let (region, account, name) = (parts.next()?, parts.next()?, parts.next()?);
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    let name = name.strip_suffix(FIFO).unwrap_or(name);
    let named = (1..=256).contains(&name.len()) && name.bytes().all(legal);
    let known = scheme == "arn" && partition.starts_with("aws") && service == "sns";
    let account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    (known && named && account && !region.is_empty()).then_some(region)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(arn: &str) -> Settings {
        Settings {
            topic_arn: arn.to_owned(),
            ..Settings::default()
        }
    }

    #[test]
    fn a_topic_is_named_by_its_arn() {
        for (arn, words) in [
            ("arn:aws:sns:eu-west-1:123456789012:alerts", None),
            ("arn:aws-cn:sns:cn-north-1:123456789012:alerts", None),
            ("arn:aws:sns:eu-west-1:123456789012:alerts.fifo", None),
            (
                "arn:aws:sns:eu-west-1:123456789012:.fifo",
                Some("not a topic's ARN"),
            ),
            ("+491711234567", Some("SMS is not sent")),
            ("arn:aws:sns:eu-west-1:12:alerts", Some("not a topic's ARN")),
            (
                "arn:aws:sns::123456789012:alerts",
                Some("not a topic's ARN"),
            ),
            (
                "arn:aws:sns:eu-west-1:123456789012:alerts:sub",
                Some("not a topic's ARN"),
            ),
            (
                "arn:aws:sqs:eu-west-1:123456789012:alerts",
                Some("not a topic's ARN"),
            ),
            ("alerts", Some("not a topic's ARN")),
            ("", Some("not a topic's ARN")),
        ] {
            match (topic(arn).validate(), words) {
                (Ok(()), None) => {}
                (Err(("topic_arn", message)), Some(words)) => {
                    assert!(message.contains(words), "{message}");
                }
                (other, _) => panic!("{arn}: {other:?}"),
            }
        }
    }

    #[test]
    fn the_region_is_the_arns_unless_the_file_says_another() {
        let mut settings = topic("arn:aws:sns:eu-west-1:123456789012:alerts");
        settings.shared.region = Some("us-east-1".to_owned());
        assert_eq!(settings.access().region.as_deref(), Some("eu-west-1"));
        settings.region = Some("eu-central-1".to_owned());
        assert_eq!(settings.access().region.as_deref(), Some("eu-central-1"));
    }
}
