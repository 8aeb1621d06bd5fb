//! The file's `spool` as its users write it.

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_contract::ByteSize;

use super::rates::Rate;
use super::units::TimeSpan;

/// Where events are kept on disk until their targets confirm them: those of routes with `reply: {
/// after: spooled }`, and with `else: spooled` those that are not confirmed in time.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Spool {
    /// Its directory, which one gateway at a time holds; relative to this file. It is made where
    /// it is not there, for its owner alone.
    pub dir: String,
    /// Bytes that it may take on disk (10GiB by default); past it 507.
    pub max_bytes: Option<ByteSize>,
    /// How long an event waits for its targets at most (7d by default). What is older goes to the
    /// dead letters, where there are any, and is counted.
    pub max_age: Option<TimeSpan>,
    /// Records that each target gets from the spool beside live traffic: `1000/s`; no limit by
    /// default.
    pub rate: Option<Rate>,
}
