//! Where AWS is and as whom to speak to it, as the file says.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::Problem;

/// How to reach AWS. What is left out comes from where every AWS tool takes it: the environment
/// (`AWS_REGION`, `AWS_PROFILE`, `AWS_ENDPOINT_URL` and its forms per service), the shared
/// configuration files, the role of the container or machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// The AWS region, for example `eu-west-1`.
    #[serde(default)]
    pub region: Option<String>,
    /// The URL of the service, where it is not AWS itself: `http://127.0.0.1:4566`.
    #[serde(default)]
    pub endpoint_url: Option<String>,
    /// The profile of the shared configuration files.
    #[serde(default)]
    pub profile: Option<String>,
}

impl Access {
    /// Takes what is not set here from a connection that the file shares between targets.
    #[must_use]
    pub fn or(self, connection: &Self) -> Self {
        Self {
            region: self.region.or_else(|| connection.region.clone()),
            endpoint_url: self
                .endpoint_url
                .or_else(|| connection.endpoint_url.clone()),
            profile: self.profile.or_else(|| connection.profile.clone()),
        }
    }

    /// Checks what can be known without asking anybody.
    ///
    /// # Errors
    /// The key at fault (`region`, `endpoint_url`, `profile`) and what it should look like.
    pub fn validate(&self) -> Result<(), Problem> {
        let word = |text: &str| {
            !text.is_empty()
                && text.len() <= 64
                && text
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        if let Some(region) = self.region.as_deref().filter(|region| !word(region)) {
            let message = format!("`{region}` is not an AWS region: write for example eu-west-1");
            return Err(("region", message));
        }
        if let Some(url) = &self.endpoint_url {
            let host = url
                .strip_prefix("http://")
                .or_else(|| url.strip_prefix("https://"))
                .unwrap_or_default();
            let plain = host.bytes().all(|b| b.is_ascii_graphic()) && !host.contains('@');
            if host.is_empty() || host.starts_with(['/', ':', '?']) || !plain {
                let message =
                    "must be a URL without credentials, for example http://127.0.0.1:4566";
                return Err(("endpoint_url", message.to_owned()));
            }
        }
        if self.profile.as_deref().is_some_and(|name| name.is_empty()) {
            return Err(("profile", "must name a profile".to_owned()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_target_says_stands_before_what_its_connection_says() {
        let connection = Access {
            region: Some("eu-west-1".to_owned()),
            profile: Some("prod".to_owned()),
            endpoint_url: None,
        };
        let target = Access {
            region: Some("us-east-2".to_owned()),
            ..Access::default()
        };
        let both = target.or(&connection);
        assert_eq!(both.region.as_deref(), Some("us-east-2"));
        assert_eq!(both.profile.as_deref(), Some("prod"));
    }

    #[test]
    fn access_is_checked_before_anything_is_asked() {
        let check = |region: &str, url: &str| {
            Access {
                region: Some(region.to_owned()),
                endpoint_url: Some(url.to_owned()),
                profile: None,
            }
            .validate()
            .map_err(|(key, _)| key)
        };
        assert_eq!(check("eu-west-1", "http://127.0.0.1:4566"), Ok(()));
        assert_eq!(check("eu-west-1", "https://kinesis.example"), Ok(()));
        for region in ["", "EU West", "eu_west_1"] {
            assert_eq!(check(region, "http://x"), Err("region"), "{region}");
        }
        for url in [
            "",
            "127.0.0.1:4566",
            "http://",
            "ftp://x",
            "http://user:secret@x",
            "http://a b",
        ] {
            assert_eq!(check("eu-west-1", url), Err("endpoint_url"), "{url}");
        }
    }
}
