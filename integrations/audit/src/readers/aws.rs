//! How AWS is reached: from where every AWS tool takes it, and what a target says above that.

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};

/// Throttles are waited out: a reading that breaks off says nothing.
const ATTEMPTS_MAX: u32 = 10;

/// What stands above the environment, the shared configuration files and the machine's role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AwsAccess {
    /// The region.
    pub region: Option<String>,
    /// The URL of the service, where it is not AWS itself.
    pub endpoint_url: Option<String>,
    /// The profile of the shared configuration files.
    pub profile: Option<String>,
}

impl AwsAccess {
    pub(crate) async fn config(&self) -> SdkConfig {
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS_MAX));
        if let Some(region) = &self.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(url) = &self.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        if let Some(profile) = &self.profile {
            loader = loader.profile_name(profile);
        }
        Box::pin(loader.load()).await
    }
}

/// An error of a service in one line, with what the service said.
pub(crate) fn said<E>(what: &str, error: &E) -> String
where
    E: std::error::Error,
{
    let mut text = format!("{what}: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text.replace(['\n', '\r'], " ")
}
