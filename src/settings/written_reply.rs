//! Words of a route's `reply` as their users write them.

use schemars::JsonSchema;
use serde::Deserialize;

/// What a success shows instead of its body.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Pixel {
    /// A transparent GIF of 1×1.
    Gif,
    /// Nothing: 204.
    None,
}

/// Which status a batch with mixed results takes.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum BatchReply {
    /// Its worst event's (the default).
    Worst,
    /// 207.
    PerEvent,
}

/// What becomes of events that are not confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Else {
    /// They are kept in the `spool`, answered 202 and delivered later.
    Spooled,
}
