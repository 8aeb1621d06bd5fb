//! The file as its users write it. The JSON Schema is generated from these types, and the check
//! of a file runs on that schema, so that editors and the gateway know the same keys.

#![expect(
    dead_code,
    reason = "some keys are there for the schema; their values are read from the tree, which has places"
)]

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_contract::ByteSize;

pub(super) use super::as_written_tests::{Scalar, Test};
use super::units::{Address, Network, PlainPath, TimeSpan};
use super::written_admission::{ApiKey, Auth, Client, Limit};
use super::written_idempotency::Idempotency;
pub(super) use super::written_reply::{BatchReply, Else, Pixel};

/// A Sluicegate file: which requests become which records in which targets.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct File {
    /// The version of this format: 1.
    #[schemars(range(min = 1, max = 1))]
    pub sluicegate: u32,
    /// Where the gateway listens.
    pub server: Option<Server>,
    /// Connections that several targets share.
    #[schemars(default)]
    pub connections: BTreeMap<String, Connection>,
    /// Where records go, by name.
    #[schemars(default)]
    pub targets: BTreeMap<String, Target>,
    /// Where events are kept on disk until their targets confirm them.
    pub spool: Option<super::written_spool::Spool>,
    /// Who may send to routes with `auth: [api_key]`, by name.
    #[schemars(default)]
    pub clients: BTreeMap<String, Client>,
    /// A directory whose `*.yaml` files hold more clients, each a map of them by name; relative to
    /// this file.
    pub clients_dir: Option<String>,
    /// What is remembered of requests and events that come with a key.
    pub idempotency: Option<Idempotency>,
    /// What holds for every route that does not say otherwise.
    pub defaults: Option<Defaults>,
    /// Which requests are taken, and what becomes of them.
    #[schemars(default)]
    pub routes: Vec<Route>,
}

/// Where the gateway listens. Flags and `SLUICEGATE_HTTP`, `SLUICEGATE_ADMIN` stand over it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Server {
    /// The data port: 0.0.0.0:8080 by default.
    pub http: Option<Address>,
    /// Health, metrics and status: 127.0.0.1:9090 by default.
    pub admin: Option<Address>,
    /// Networks of the proxies and load balancers before the gateway; none by default. Of their
    /// requests, `Forwarded` or `X-Forwarded-For` says who the client is (`request.source_ip`,
    /// limits per address): the rightmost address that is not in these networks. Where that is no
    /// address, or both fields are there and disagree, the client cannot be told and is 0.0.0.0.
    pub trusted_proxies: Option<Vec<Network>>,
    /// Whether each connection begins with a header of the PROXY protocol that says who the client
    /// is: `none` by default. Otherwise one without it is closed. Where `trusted_proxies` are
    /// given, the header is believed from these alone.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// A path on the data port that answers GET and HEAD with 200 while the gateway runs, before
    /// all routes and without `auth`: for load balancers, for example `/healthz`. Once the gateway
    /// stops, new connections are refused, and those that are open get 503 there. None by default.
    pub health_path: Option<PlainPath>,
    /// Which pages of other origins may send to any route, and what their scripts may read.
    pub cors: Option<super::cors::Cors>,
    /// Where a request has its API key: the header X-API-Key by default.
    pub api_key: Option<ApiKey>,
}

/// A version of the PROXY protocol.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ProxyProtocol {
    /// Connections begin with a request (the default).
    None,
    /// Version 1: a line of text.
    V1,
    /// Version 2: binary.
    V2,
    /// Either version.
    Any,
}

// The keys of the kinds come from the rooms: `schema` fills them in here and in `Target`.

/// One client or producer that several targets share, of exactly one kind.
#[derive(Debug, JsonSchema)]
pub(super) struct Connection {}

/// Where records go: exactly one kind of target with its settings, and how it is delivered to.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Target {
    /// Bytes that may wait for this target (64MiB by default); past it requests get 503.
    pub queue_bytes: Option<ByteSize>,
    /// Until a record is given up (60s by default).
    pub give_up: Option<TimeSpan>,
    /// How long an idle target waits for more records before it sends (0ms by default).
    pub linger: Option<TimeSpan>,
    /// The target, for example `rejects`, that keeps those records of this one that nobody will
    /// deliver: what it refused for good, and what was given up and nobody was told of. Where it
    /// takes nothing for a minute, or refuses, they are lost: counted in
    /// `dead_letters_lost_total`, and logged. What came from the spool stays there and is tried
    /// again instead, unless the dead letter refused it for good too or it is too old. None by
    /// default.
    pub dead_letter: Option<String>,
}

/// What holds for every route that does not say otherwise.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Defaults {
    /// What bodies a route takes.
    pub accept: Option<Accept>,
    /// Who may send: `none` or `[api_key]`. It must be stated here or in each route.
    pub auth: Option<Auth>,
    /// Which pages of other origins may send, and what their scripts may read.
    pub cors: Option<super::cors::Cors>,
    /// The JSON Schema that each event must fit: a file, or the schema itself; draft 2020-12 where
    /// `$schema` names no other. `true` takes every event.
    #[schemars(with = "Option<SchemaSource>")]
    pub schema: Option<serde_json::Value>,
    /// A `${…}` expression, or a list of them, that must hold; else 403.
    pub allow: Option<serde_json::Value>,
    /// How much may come, of each route for itself.
    pub limits: Option<Vec<Limit>>,
    /// What tells an event that comes again from a new one, for example `${event.id}`.
    pub idempotency: Option<String>,
    /// What becomes of an event that no required target takes.
    pub unmatched: Option<Unmatched>,
    /// When and how a route answers.
    pub reply: Option<Reply>,
}

/// One method and path, and what becomes of its events.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Route {
    /// Method and path: `POST /v1/{tenant}/events`; `{*rest}` at the end takes the rest of a path.
    pub route: String,
    /// Its name in metrics and logs; its method and path by default.
    pub name: Option<String>,
    /// What bodies it takes.
    pub accept: Option<Accept>,
    /// Who may send: `none` or `[api_key]`. It must be stated here or in `defaults`.
    pub auth: Option<Auth>,
    /// Which pages of other origins may send, and what their scripts may read.
    pub cors: Option<super::cors::Cors>,
    /// The JSON Schema that each event must fit: a file, or the schema itself; draft 2020-12 where
    /// `$schema` names no other. `format` is checked; patterns run in linear time; `$ref` reads
    /// files of the schema's folder and fetches nothing. `true` takes every event, whatever
    /// `defaults` say.
    #[schemars(with = "Option<SchemaSource>")]
    pub schema: Option<serde_json::Value>,
    /// A `${…}` expression, or a list of them, that must hold; else 403. One that reads `event` is
    /// judged for each event, any other before the body is read.
    pub allow: Option<serde_json::Value>,
    /// How much may come: past it 429. All that is stated must hold.
    pub limits: Option<Vec<Limit>>,
    /// The key under which each event is sent once, for example `${event.id}`; a new event needs a
    /// new key. An event without it is a 400, unless it is optional: `${event.?id}`. A key that
    /// stands twice in a batch is a 409 (`idempotency_running`) for its second event. By default
    /// the header `Idempotency-Key` is the key of the whole request, where there is one; `required`
    /// refuses requests without it; `none` looks at neither. It needs `idempotency` at the top.
    pub idempotency: Option<String>,
    /// Named values for `when` and `record`: each a `${…}` expression; later ones may use earlier.
    #[serde(default, rename = "let")]
    pub lets: BTreeMap<String, serde_json::Value>,
    /// Where its events go.
    #[schemars(length(min = 1))]
    pub to: Vec<Binding>,
    /// What becomes of an event that no required target takes.
    pub unmatched: Option<Unmatched>,
    /// When and how it answers.
    pub reply: Option<Reply>,
    /// Examples that run as tests with `sluicegate test`.
    #[serde(default)]
    pub tests: Vec<Test>,
}

/// Where a schema is.
#[derive(Debug, JsonSchema)]
#[serde(untagged)]
pub(super) enum SchemaSource {
    /// A file of JSON; its path starts at the file that names it.
    File(String),
    /// The schema itself.
    Inline(serde_json::Map<String, serde_json::Value>),
    /// `true`: every event fits.
    All(bool),
}

/// What bodies a route takes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Accept {
    /// Forms of a body: json, json-array and ndjson by default; also json-seq, cloudevents (`event`
    /// is then the data, `ce.NAME` its attributes), form, query (of a GET), or raw alone.
    #[schemars(length(min = 1))]
    pub formats: Option<Vec<Format>>,
    /// Whether a `text/plain` body is read as JSON, which `navigator.sendBeacon` sends; false by
    /// default. A page of any origin can send it without being asked: name those that may in
    /// `cors.origins`, and let nothing depend on cookies.
    pub text_plain: Option<bool>,
    /// Bytes of one event, 256KiB by default, 16MiB at most; past it 413.
    pub event_bytes: Option<ByteSize>,
    /// Bytes of one body, 5MiB by default, 64MiB at most; past it 413.
    pub request_bytes: Option<ByteSize>,
    /// Events of one body, 1000 by default, 10000 at most; past it 413.
    #[schemars(range(min = 1, max = 10_000))]
    pub events: Option<u32>,
    /// Values of `Content-Encoding` that are decoded, all of them by default; `[]` for none. What
    /// is decoded counts against `request_bytes`, too; any other value is a 415.
    pub encodings: Option<Vec<Encoding>>,
}

/// A content coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Encoding {
    /// gzip, also by its old name x-gzip.
    Gzip,
    /// The zlib format.
    Deflate,
    /// Zstandard.
    Zstd,
    /// Brotli.
    Br,
}

/// A form of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Format {
    /// One JSON value.
    Json,
    /// A JSON array whose elements are events.
    JsonArray,
    /// One JSON value a line.
    Ndjson,
    /// JSON values between record separators (RFC 7464).
    JsonSeq,
    /// CloudEvents 1.0: structured, batched, and binary with `ce-…` header fields. `event` is the
    /// data, `ce.type` and the like are the attributes.
    Cloudevents,
    /// The fields of a form as one JSON object; a field that occurs twice has a list.
    Form,
    /// The query of a GET without a body as one JSON object, for pixels.
    Query,
    /// Any bytes, one event. Stands alone.
    Raw,
}

/// What becomes of an event that no required target takes.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Unmatched {
    /// 422 `no_target` (the default).
    Refuse,
    /// It is accepted and goes nowhere.
    Accept,
}

/// Where the events of a route go: one record each.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Binding {
    /// The name of a target.
    pub target: String,
    /// Its name in results and tests, where a target is used twice; the target's by default.
    #[serde(rename = "as")]
    pub name: Option<String>,
    /// Whether the reply waits for it.
    pub need: Option<Need>,
    /// A `${…}` expression; where it is false the event does not go here.
    pub when: Option<serde_json::Value>,
    /// The fields of the target's record: literals and `${…}` expressions.
    pub record: Option<serde_json::Value>,
}

/// Whether the reply waits for a target.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Need {
    /// It must confirm (the default).
    Required,
    /// It never delays or fails the reply.
    BestEffort,
}

/// When and how a route answers.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Reply {
    /// What a success waits for.
    pub after: Option<After>,
    /// How long it waits: 10s by default, 5m at most; past it 504.
    pub within: Option<TimeSpan>,
    /// What becomes of events that are not confirmed: a 502, 503 or 504 by default; with `spooled`
    /// they are kept in the `spool`, answered 202 and delivered later. A write that must not be
    /// done twice and whose answer was lost stays a 504.
    #[serde(rename = "else")]
    pub or_else: Option<Else>,
    /// The target, for example `rejects`, that keeps the records of this route that nobody will
    /// deliver, in the place of the `dead_letter` of their own targets.
    pub dead_letter: Option<String>,
    /// Whether receipts (sequence number, offset, message id) are in the body unasked.
    pub receipts: Option<bool>,
    /// Which status a batch with mixed results takes.
    pub batch: Option<BatchReply>,
    /// What a success shows instead of its body, for events that an image of a page sends (`accept:
    /// { formats: [query] }`). It is not kept by caches. Errors keep their status and body.
    pub pixel: Option<Pixel>,
    /// The status of a success: 200, 201, 202, 204 or 303, or an expression that gives one of
    /// them, for example `${request.method == 'PUT' ? 201 : 200}`. This and the keys below shape
    /// the answer to one event; a batch is answered with its list.
    pub status: Option<serde_json::Value>,
    /// Header fields of a success beside the gateway's own: text and `${…}`.
    #[serde(default)]
    pub headers: BTreeMap<String, serde_json::Value>,
    /// The body of a success: JSON or text over `results`, `reply`, `request`, `path`, `query`,
    /// `auth` and `event`, for example `${results.orders.outcome}`; `none` for no body.
    pub body: Option<serde_json::Value>,
    /// How refusals are answered, where the route says it otherwise than the gateway.
    pub refusal: Option<RefusalReply>,
}

/// The answer to what was refused, over `error`, `results`, `request`, `path` and `query`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RefusalReply {
    /// The status: another 4xx for a 4xx, 500 for a 5xx, 503 for a 429, or an expression that gives
    /// it, for example `${error.code == 'conflict' ? 412 : error.status}`. A number holds for
    /// those refusals of which it is true; the others keep their own.
    pub status: Option<serde_json::Value>,
    /// Header fields beside the gateway's own: text and `${…}`.
    #[serde(default)]
    pub headers: BTreeMap<String, serde_json::Value>,
    /// The body: JSON or text, for example `${error.detail}`; `none` for no body.
    pub body: Option<serde_json::Value>,
}

/// What a success waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum After {
    /// Every required target of the event confirmed it: 200 (the default).
    Required,
    /// One required target confirmed it: 200.
    Any,
    /// The event is on disk, in the `spool`: 202. It is then delivered to all of `to`. After a
    /// restart some may be delivered once more: a write that must not be done twice (`add` to a
    /// number, `append`) needs a `condition` there.
    Spooled,
    /// Nothing: 202, in memory.
    None,
}

/// Keys of later versions by the type that will have them: refused by name, never ignored.
pub(super) const LATER_KEYS: &[(&str, &[&str])] = &[
    ("File", &["apis", "secrets", "observe", "tls", "quotas"]),
    ("Server", &["tls", "http2", "lame_duck", "access_log"]),
    (
        "Target",
        &[
            "sqs",
            "eventbridge",
            "firehose",
            "lambda",
            "stepfunctions",
            "http",
            "breaker",
        ],
    ),
    ("Route", &["call", "ordered", "timeout", "stream"]),
    ("Defaults", &["ordered"]),
    ("Binding", &["ordered", "dead_letter", "transact"]),
    ("Accept", &["compression"]),
    ("TestRequest", &["time"]),
];

/// Words of later versions, whatever key they stand at.
pub(super) const LATER_WORDS: &[&str] = &["jwt", "iam", "basic", "hmac", "mtls"];
