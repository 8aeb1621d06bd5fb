//! A service's client, made at its first use and made anew when its credentials fail.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use sluicegate_contract::{Attempt, ReasonKind};

use crate::{Access, Hallway, Place, failure};

/// A client of the SDK that is ready to be called.
#[derive(Debug)]
pub struct Opened<C> {
    /// The client.
    pub client: C,
    /// What it speaks to, for messages.
    pub place: Place,
}

/// One target's way to its service.
pub struct Service<C> {
    hallway: Arc<Hallway>,
    access: Access,
    /// As the SDK's environment variables call the service: `KINESIS`.
    name: &'static str,
    what: &'static str,
    target: String,
    make: fn(&SdkConfig) -> C,
    opened: RwLock<Option<Arc<Opened<C>>>>,
}

impl<C> Service<C> {
    /// A way to a `what` (table, stream, topic) called `target`. Touches nothing yet; `make` is
    /// called at the first use.
    pub fn new(
        hallway: &Arc<Hallway>,
        access: Access,
        name: &'static str,
        (what, target): (&'static str, &str),
        make: fn(&SdkConfig) -> C,
    ) -> Self {
        Self {
            hallway: Arc::clone(hallway),
            access,
            name,
            what,
            target: target.to_owned(),
            make,
            opened: RwLock::new(None),
        }
    }

    /// The client, made if it has to be.
    ///
    /// # Errors
    /// An attempt that says what is missing, for every record of the call.
    pub async fn open(&self) -> Result<Arc<Opened<C>>, Attempt> {
        let known = self
            .opened
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(opened) = known {
            return Ok(opened);
        }
        let config = self.hallway.config(&self.access).await?;
        let opened = Arc::new(Opened {
            client: (self.make)(&config),
            place: Place {
                what: self.what,
                name: self.target.clone(),
                region: config.region().map(ToString::to_string).unwrap_or_default(),
                profile: self.access.profile.clone(),
                endpoint: self.hallway.endpoint(self.name, &self.access, &config),
            },
        });
        let mut slot = self.opened.write().unwrap_or_else(PoisonError::into_inner);
        *slot = Some(Arc::clone(&opened));
        Ok(opened)
    }

    /// What a failed call says of each of its records. Where the credentials failed, they are
    /// looked for anew at the next call.
    pub async fn failed<E>(&self, opened: &Opened<C>, error: &SdkError<E, HttpResponse>) -> Attempt
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let attempt = failure(error, &opened.place);
        let credentials_failed = matches!(
            &attempt,
            Attempt::Blocked(reason) if reason.kind() == ReasonKind::AuthenticationFailed
        );
        if credentials_failed {
            *self.opened.write().unwrap_or_else(PoisonError::into_inner) = None;
            self.hallway.forget(&self.access).await;
        }
        attempt
    }
}

impl<C> fmt::Debug for Service<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("access", &self.access)
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}
