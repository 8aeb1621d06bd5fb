//! How AWS clients are configured: from where every AWS tool takes it, or in process.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::{ConnectorBuilder, tls};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use sluicegate_contract::{Attempt, Reason, ReasonKind};
use tokio::sync::Mutex;

use crate::Access;
use crate::bounded::Bounded;

/// Until a connection is made, TLS included.
const CONNECT_TIME_MAX: Duration = Duration::from_millis(3100);
/// Until a call is answered whole, its connection included.
const CALL_TIME_MAX: Duration = Duration::from_secs(10);
/// The services close connections that idle for a minute and more: we do so before them, since a
/// call that meets a closing connection is a lost answer.
const IDLE_CONNECTION_TIME_MAX: Duration = Duration::from_secs(20);
/// The region of in-process backends, where the settings name none.
const REGION_IN_PROCESS: &str = "us-east-1";

/// Makes the configurations of all AWS clients of a gateway, which share one connection pool.
#[derive(Debug)]
pub struct Hallway {
    source: Source,
    http_client: SharedHttpClient,
    credentials: Option<Credentials>,
    loaded: Mutex<HashMap<Access, SdkConfig>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Environment,
    InProcess,
}

impl Hallway {
    /// Clients that take their settings, region and credentials from where every AWS tool takes
    /// them. Touches nothing yet.
    #[must_use]
    pub fn from_environment() -> Arc<Self> {
        Self::new(Source::Environment, connections(), None)
    }

    /// Clients that hand their calls to `http_client`, with made-up credentials. No environment,
    /// file or socket is touched, and an `endpoint_url` of a target is not looked at.
    #[must_use]
    pub fn in_process(http_client: SharedHttpClient) -> Arc<Self> {
        let credentials = Credentials::new("sandbox", "sandbox", None, None, "sandbox");
        Self::new(Source::InProcess, http_client, Some(credentials))
    }

    /// As [`Self::from_environment`], with these credentials in place of those of the environment.
    #[must_use]
    pub fn with_credentials(credentials: Credentials) -> Arc<Self> {
        Self::new(Source::Environment, connections(), Some(credentials))
    }

    fn new(
        source: Source,
        http_client: SharedHttpClient,
        credentials: Option<Credentials>,
    ) -> Arc<Self> {
        Arc::new(Self {
            source,
            http_client,
            credentials,
            loaded: Mutex::new(HashMap::new()),
        })
    }

    /// The configuration for this access: loaded once, tried again where it could not be.
    ///
    /// # Errors
    /// An attempt that says what is missing, for every record of the call.
    pub async fn config(&self, access: &Access) -> Result<SdkConfig, Attempt> {
        // One load at a time: what targets start together asks the environment once.
        let mut loaded = self.loaded.lock().await;
        if let Some(config) = loaded.get(access) {
            return Ok(config.clone());
        }
        let config = match self.source {
            Source::Environment => self.load(access).await,
            Source::InProcess => self.make_up(access),
        };
        if config.region().is_none() {
            let detail = "no AWS region is known: set `region` in the file, or AWS_REGION";
            let reason = Reason::new(ReasonKind::TargetMissing, detail);
            return Err(Attempt::Blocked(reason));
        }
        loaded.insert(access.clone(), config.clone());
        Ok(config)
    }

    /// Loads this access anew at its next use: credentials that were missing may be there then.
    pub async fn forget(&self, access: &Access) {
        if self.source == Source::Environment {
            self.loaded.lock().await.remove(access);
        }
    }

    /// The words for where the calls of a service go, where that is not AWS itself.
    pub(crate) fn endpoint(
        &self,
        service: &str,
        access: &Access,
        config: &SdkConfig,
    ) -> Option<String> {
        if self.source == Source::InProcess {
            return None;
        }
        let url = access
            .endpoint_url
            .clone()
            .or_else(|| std::env::var(format!("AWS_ENDPOINT_URL_{service}")).ok())
            .or_else(|| config.endpoint_url().map(str::to_owned))?;
        // A password in the environment's URL is not for the logs.
        Some(match url.rsplit_once('@') {
            Some((_, host)) => host.to_owned(),
            None => url,
        })
    }

    async fn load(&self, access: &Access) -> SdkConfig {
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(self.http_client.clone())
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        if let Some(region) = &access.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(url) = &access.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        if let Some(profile) = &access.profile {
            // By the SDK's own order the environment's credentials would win over a profile that
            // the file names.
            let settings = ProviderConfig::without_region()
                .with_http_client(self.http_client.clone())
                .with_region(access.region.clone().map(Region::new));
            let credentials = ProfileFileCredentialsProvider::builder()
                .configure(&settings)
                .profile_name(profile)
                .build();
            loader = loader
                .profile_name(profile)
                .credentials_provider(credentials);
        }
        if let Some(credentials) = &self.credentials {
            loader = loader.credentials_provider(credentials.clone());
        }
        // The chain's futures are large; one allocation per access is cheaper than their moves.
        Box::pin(loader.load()).await
    }

    fn make_up(&self, access: &Access) -> SdkConfig {
        let region = access.region.as_deref().unwrap_or(REGION_IN_PROCESS);
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .http_client(self.http_client.clone())
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        config
            .set_credentials_provider(self.credentials.clone().map(SharedCredentialsProvider::new));
        config.build()
    }
}

/// The connection pool of all AWS targets. TLS and the proxy of the environment are set up with
/// the first connection.
fn connections() -> SharedHttpClient {
    let pool =
        aws_smithy_http_client::Builder::new().build_with_connector_fn(|settings, components| {
            let crypto = tls::rustls_provider::CryptoMode::AwsLc;
            let mut connector = ConnectorBuilder::default()
                .tls_provider(tls::Provider::Rustls(crypto))
                .pool_idle_timeout(IDLE_CONNECTION_TIME_MAX)
                .proxy_config(ProxyConfig::from_env());
            connector.set_connector_settings(settings.cloned());
            if let Some(components) = components {
                connector.set_sleep_impl(components.sleep_impl());
            }
            connector.build()
        });
    SharedHttpClient::new(Bounded(pool))
}

/// The courier tries again, so one attempt is all that a call may take.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIME_MAX)
        .operation_attempt_timeout(CALL_TIME_MAX)
        .operation_timeout(CALL_TIME_MAX)
        .build()
}
