//! The file's `idempotency` as its users write it.

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_contract::ByteSize;

use super::units::TimeSpan;
use crate::rooms::KeyTableSettings;

/// What is remembered of requests and events that come with a key: the header `Idempotency-Key`,
/// or what a route's `idempotency` gives for each event. What comes again under its key is answered
/// as before and sent to no target that confirmed it. Without this the header is not looked at.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Idempotency {
    /// Where keys are kept: `log` for one gateway, `dynamodb` for several that share them.
    pub store: KeyStore,
    /// How long a key is known: 24h by default, 30d at most.
    pub window: Option<TimeSpan>,
    /// Keys that a gateway with `store: { log: … }` holds, 1000000 by default: past it the oldest
    /// go before their time.
    #[schemars(range(min = 1, max = 100_000_000))]
    pub max_keys: Option<u64>,
    /// Memory that they may take, 512MiB by default; a key takes about 200 bytes.
    pub max_bytes: Option<ByteSize>,
}

/// Where keys are kept: exactly one of these.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyStore {
    /// In the memory of this gateway, with a log on its disk: they survive a restart.
    pub log: Option<KeyLog>,
    /// In a DynamoDB table that all replicas share. Its key is the string `key`; let its
    /// time-to-live be the attribute `expires`.
    pub dynamodb: Option<KeyTableSettings>,
}

/// A log of keys.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyLog {
    /// Its directory, which one gateway at a time holds; relative to this file. It is made where
    /// it is not there, for its owner alone.
    pub dir: String,
}
