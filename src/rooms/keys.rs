//! The table of idempotency keys that replicas share: its settings, and how it is opened.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_contract::{KeyTable, TimeSpan};

use super::{ConnectionSettings, RoomContext};

/// A DynamoDB table of idempotency keys. Its partition key is the string `key`, and it has no sort
/// key; let its time-to-live be the attribute `expires`. The credentials need
/// `dynamodb:GetItem`, `dynamodb:PutItem`, `dynamodb:UpdateItem` and `dynamodb:DeleteItem`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyTableSettings {
    /// The table's name.
    pub table: String,
    /// A connection of kind `aws`, whose region, endpoint and profile hold where this says nothing.
    #[serde(default)]
    pub connection: Option<String>,
    /// The AWS region, for example `eu-west-1`.
    #[serde(default)]
    pub region: Option<String>,
    /// The URL of DynamoDB, where it is not AWS itself.
    #[serde(default)]
    pub endpoint_url: Option<String>,
    /// How long a key stays with a gateway that is not heard of any more (30s by default): after
    /// that another takes over what is not confirmed.
    #[serde(default)]
    pub lease: Option<TimeSpan>,
}

/// Opens a table of keys. The table is not asked yet.
///
/// # Errors
/// This build has no DynamoDB.
pub fn open_keys(
    written: &KeyTableSettings,
    connection: Option<&ConnectionSettings>,
    context: &RoomContext,
) -> Result<Arc<dyn KeyTable>, String> {
    #[cfg(feature = "dynamodb")]
    {
        let shared = match connection {
            Some(ConnectionSettings::Aws(access)) => access.clone(),
            _ => sluicegate_aws::Access::default(),
        };
        let access = sluicegate_aws::Access {
            region: written.region.clone(),
            endpoint_url: written.endpoint_url.clone(),
            profile: None,
        };
        let access = access.or(&shared);
        let hallway = context.hallway();
        Ok(sluicegate_dynamodb::open_keys(
            &written.table,
            access,
            hallway,
        ))
    }
    #[cfg(not(feature = "dynamodb"))]
    {
        let _ = (written, connection, context);
        Err("this build has no `dynamodb`".to_owned())
    }
}
