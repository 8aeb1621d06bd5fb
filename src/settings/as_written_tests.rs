//! A route's `tests` as their users write them.

#![expect(
    dead_code,
    reason = "some keys are there for the schema; their values are read from the tree, which has places"
)]

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// An example of a route: a request and what must come of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Test {
    /// What it shows, in a few words.
    pub name: String,
    /// The request.
    pub request: TestRequest,
    /// What must come of it.
    pub expect: Expect,
    /// What targets do instead of confirming, by the name of a binding; `spool: full` or `spool:
    /// unavailable` where the spool takes nothing.
    #[serde(default)]
    pub given: BTreeMap<String, super::given::GivenOutcome>,
}

/// The request of a test.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TestRequest {
    /// The method; the route's by default.
    pub method: Option<String>,
    /// Values of the route's path parameters.
    #[serde(default)]
    pub path: BTreeMap<String, Scalar>,
    /// Query parameters.
    #[serde(default)]
    pub query: BTreeMap<String, Scalar>,
    /// Header fields.
    #[serde(default)]
    pub headers: BTreeMap<String, Scalar>,
    /// Who sends it: the name of one of the `clients`.
    pub client: Option<String>,
    /// The address that it comes from: 127.0.0.1 by default.
    pub source_ip: Option<std::net::IpAddr>,
    /// The body: JSON as it stands here, or a text that is sent as it is.
    pub body: Option<serde_json::Value>,
}

/// A text, a number or a boolean, taken as its text.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Scalar {
    /// true or false
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Number(f64),
    /// Text.
    Text(String),
}

/// What must come of a test's request. Each part is a subset of what comes; `'*'` is any value.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    /// The status of the reply.
    #[schemars(range(min = 100, max = 599))]
    pub status: Option<u16>,
    /// Records by the name of their binding: fields, a list of records, or `none`.
    #[serde(default)]
    pub records: BTreeMap<String, serde_json::Value>,
    /// Header fields of the reply, by their names in any case; `none` where one must be absent.
    #[serde(default)]
    pub headers: BTreeMap<String, Scalar>,
    /// Members of the reply's body; a text where it is not JSON.
    pub body: Option<serde_json::Value>,
}
