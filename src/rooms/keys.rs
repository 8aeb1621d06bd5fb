//! The table of idempotency keys that replicas share: its settings, and how it is opened.

use schemars::JsonSchema;
use serde::Deserialize;

/// A DynamoDB table of idempotency keys. Its partition key is the string `key`, and it has no sort
/// key; let its time-to-live be the attribute `expires`. The credentials need
/// `dynamodb:UpdateItem` and `dynamodb:DeleteItem`.
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
}
