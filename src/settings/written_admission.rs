//! Who may send and how much, as its users write it: a part of `as_written`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_contract::ByteSize;

use super::as_written::Scalar;
use super::rates::{ByteRate, Rate};

/// Who may send.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Auth {
    /// `auth: none`
    Word(AuthKind),
    /// `auth: [api_key]`
    List(#[schemars(length(min = 1))] Vec<AuthKind>),
}

/// A way to tell who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum AuthKind {
    /// Anybody may send.
    None,
    /// Who has the key of one of the `clients`.
    ApiKey,
}

/// Where a request has its API key.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ApiKey {
    /// The header field: X-API-Key by default. `Authorization` takes `Bearer KEY`.
    pub header: Option<String>,
    /// A query parameter that may hold it instead, for pixels and hooks that cannot set a header.
    /// None by default: what stands in an address ends in logs of others.
    pub query: Option<String>,
}

/// Who may send: `sluicegate key new` makes a key and this entry.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Client {
    /// The SHA-256 of its key as 64 hexadecimal digits; a list while keys are changed.
    pub sha256: Digests,
    /// What expressions read as `auth.labels.NAME`.
    #[serde(default)]
    pub labels: BTreeMap<String, Scalar>,
    /// True for a key that stands in a page or an app, where anybody can read it. It must say its
    /// `routes`, `origins` and `limits`.
    pub publishable: Option<bool>,
    /// The routes, by name, that it may use; by default all with `auth: [api_key]`.
    #[schemars(length(min = 1))]
    pub routes: Option<Vec<String>>,
    /// Origins of pages that may use it: `https://shop.example.com`, `https://*.example.com`.
    /// Requests without one are refused.
    #[schemars(length(min = 1))]
    pub origins: Option<Vec<String>>,
    /// How much this client may send, over all its routes together.
    pub limits: Option<Vec<Limit>>,
}

/// One digest, or some.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Digests {
    /// `sha256: "9f86…"`
    One(String),
    /// `sha256: ["9f86…", "60303…"]`
    Some(#[schemars(length(min = 1))] Vec<String>),
}

/// How much may come: past it 429 with `Retry-After`. All that is stated must hold.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Limit {
    /// A `${…}` expression over `path`, `query`, `request` and `auth`: each value of it has the
    /// whole amount for itself. The whole route shares it by default.
    pub per: Option<serde_json::Value>,
    /// Requests, judged before the body is read.
    pub requests: Option<Rate>,
    /// Events, judged when the body was read.
    pub events: Option<Rate>,
    /// Bytes of bodies as sent, judged by Content-Length where there is one.
    pub bytes: Option<ByteRate>,
    /// How much may come at once after a pause; as much as the rate names by default: 5000 of
    /// 5000/s. For bytes a size: 20MiB.
    pub burst: Option<ByteSize>,
    /// Requests that may be in flight at once. A client that goes frees its place, although what it
    /// sent is still delivered.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub concurrent: Option<u32>,
}
