//! Settings as the gateway runs on them: made once, purely, by `settings`, and never checked again.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::admission::{Auth, Client, KeyPlaces, Limit};
use crate::admit::schema::Schema;
pub use crate::admit::{CorsRule, Encodings};
use crate::http::ProxyVersion;
use crate::idempotency::Bounds;
use crate::map::Plan;
use crate::rooms::{ConnectionSettings, KeyTableSettings, TargetSettings};

/// A whole set of files, checked.
#[derive(Debug)]
pub struct Settings {
    /// Addresses.
    pub server: Server,
    /// Connections; [`Target::connection`] is an index into this.
    pub connections: Vec<Connection>,
    /// Targets; [`Binding::target`] is an index into this.
    pub targets: Vec<Target>,
    /// Where events are kept on disk.
    pub spool: Option<Spool>,
    /// Where idempotency keys are kept, if anywhere.
    pub idempotency: Option<Idempotency>,
    /// Routes, in the order of the files.
    pub routes: Vec<Arc<Route>>,
    /// Who may send to routes that ask for it.
    pub clients: Vec<Client>,
    /// Where a request has its API key.
    pub key_places: KeyPlaces,
    /// The files' tests.
    pub tests: Vec<RouteTest>,
    /// Of the files' text: 16 hexadecimal digits that change when they do.
    pub hash: String,
    /// The settings as run, as YAML, secrets masked: what `/config` shows.
    pub shown: String,
}

/// Where the gateway listens.
#[derive(Clone, Debug)]
pub struct Server {
    /// The data port.
    pub http: SocketAddr,
    /// Health, metrics, status.
    pub admin: SocketAddr,
    /// Whose word about the client is believed.
    pub trusted_proxies: Arc<[IpNet]>,
    /// The header that each connection must begin with.
    pub proxy_protocol: Option<ProxyVersion>,
    /// The path that says whether the gateway lives.
    pub health_path: Option<Arc<str>>,
    /// Which pages may read that a path has no route; routes have theirs.
    pub cors: Option<Arc<CorsRule>>,
}

/// A connection that targets share.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Its name in the file.
    pub name: Arc<str>,
    /// What it needs to open.
    pub settings: ConnectionSettings,
}

/// A target.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its name in the file.
    pub name: Arc<str>,
    /// The room and what it needs to open.
    pub room: TargetSettings,
    /// The connection that it shares: an index into [`Settings::connections`].
    pub connection: Option<usize>,
    /// Bytes that its queue may hold.
    pub queue_bytes: u64,
    /// Until a record is given up.
    pub give_up: Duration,
    /// How long an idle courier waits for more records before it sends; zero by default.
    pub linger: Duration,
    /// The place of the target that takes its dead letters.
    pub dead_letter: Option<u16>,
}

/// Where events are kept on disk until their targets confirm them.
#[derive(Clone, Debug)]
pub struct Spool {
    /// The directory.
    pub dir: PathBuf,
    /// Bytes that it may take on disk.
    pub max_bytes: u64,
    /// How long an event waits at most.
    pub max_age: Duration,
    /// Records a second that each target gets of it; no limit where it is `None`.
    pub rate: Option<f64>,
}

/// A route.
#[derive(Debug)]
pub struct Route {
    /// Its place in [`Settings::routes`].
    pub index: usize,
    /// Its name in metrics and logs.
    pub name: Arc<str>,
    /// The method, in upper case.
    pub method: Arc<str>,
    /// The path as matchit takes it: `/v1/{tenant}/events`, `/files/{*rest}`.
    pub path: Arc<str>,
    /// Which pages of other origins may send.
    pub cors: Option<Arc<CorsRule>>,
    /// What it asks of who sends.
    pub auth: Auth,
    /// How many conditions must hold (`allow`): they are the first of the plan's expressions.
    pub conditions: usize,
    /// How much may come.
    pub limits: Vec<Limit>,
    /// What of its requests has an idempotency key.
    pub keys: Keys,
    /// What bodies it takes.
    pub accept: Accept,
    /// What each event must fit.
    pub schema: Option<Arc<Schema>>,
    /// The compiled mapping. Its bindings stand in the order of `bindings`.
    pub plan: Plan,
    /// Where its events go.
    pub bindings: Vec<Binding>,
    /// What becomes of an event that no required binding takes.
    pub unmatched: Unmatched,
    /// When and how it answers.
    pub reply: ReplyRule,
}

/// Where idempotency keys are kept, and for how long.
#[derive(Clone, Debug)]
pub struct Idempotency {
    /// Where.
    pub store: KeyStore,
    /// How long a key is known.
    pub window: Duration,
    /// How many a local store holds.
    pub bounds: Bounds,
}

/// Where idempotency keys are kept.
#[derive(Clone, Debug)]
pub enum KeyStore {
    /// In memory, with a log in this directory.
    Log(PathBuf),
    /// In a table that replicas share, with what its connection says.
    Table(Arc<(KeyTableSettings, Option<ConnectionSettings>)>),
}

/// What of a route's requests has an idempotency key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keys {
    /// Nothing has.
    #[default]
    None,
    /// A request, by its header field.
    Header {
        /// Whether one without it is refused.
        required: bool,
    },
    /// Each event, by an expression of the plan at this place.
    Event {
        /// Its place in `PlanSource::expressions`.
        place: usize,
    },
}

/// What bodies a route takes.
#[derive(Clone, Copy, Debug)]
pub struct Accept {
    /// Forms of a body.
    pub formats: Formats,
    /// Bytes of one event.
    pub event_bytes: usize,
    /// Bytes of a body.
    pub request_bytes: usize,
    /// Events of a body.
    pub events: usize,
    /// Codings that it may come in.
    pub encodings: Encodings,
}

/// Forms of a body that a route accepts. `raw` stands alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Formats {
    /// One JSON value.
    pub json: bool,
    /// A JSON array whose elements are events.
    pub json_array: bool,
    /// One JSON value a line.
    pub ndjson: bool,
    /// JSON values between record separators.
    pub json_seq: bool,
    /// CloudEvents: structured, batched and binary.
    pub cloudevents: bool,
    /// The fields of a form are one event.
    pub form: bool,
    /// The query of a request without a body is one event.
    pub query: bool,
    /// Whether `text/plain` is read as JSON.
    pub text_plain: bool,
    /// Any bytes, one event.
    pub raw: bool,
}

/// One entry of a route's `to`.
#[derive(Clone, Debug)]
pub struct Binding {
    /// `as`, or the target's name.
    pub name: Arc<str>,
    /// Index into [`Settings::targets`].
    pub target: usize,
    /// Whether the reply waits for it.
    pub need: Need,
    /// The place of the target that takes the dead letters of its records.
    pub dead_letter: Option<u16>,
    /// Whether its records are kept until they are confirmed, for the spool or a dead letter.
    pub keeps: bool,
}

/// Whether the reply waits for a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It must confirm.
    Required,
    /// It never delays or fails the reply.
    BestEffort,
}

/// What becomes of an event that no required binding takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmatched {
    /// 422 `no_target`.
    Refuse,
    /// It is accepted and goes nowhere.
    Accept,
}

/// When and how a route answers.
#[derive(Clone, Copy, Debug)]
pub struct ReplyRule {
    /// What a success waits for.
    pub after: After,
    /// How long it waits.
    pub within: Duration,
    /// What becomes of events that are not confirmed.
    pub otherwise: Otherwise,
    /// The place of the target that takes the dead letters of the route's records.
    pub dead_letter: Option<u16>,
    /// Whether receipts are in the body without being asked for.
    pub receipts: bool,
    /// Which status a batch with mixed results takes.
    pub batch: BatchReply,
    /// What a success shows instead of a body that says what was stored.
    pub pixel: Option<Pixel>,
}

impl ReplyRule {
    /// True where events may go to the spool.
    #[must_use]
    pub fn spools(&self) -> bool {
        self.after == After::Spooled || self.otherwise == Otherwise::Spool
    }
}

/// What a success shows where an event is sent by what a page shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pixel {
    /// A transparent GIF of 1×1.
    Gif,
    /// Nothing: 204.
    Nothing,
}

/// What a success waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Every required binding of the event confirmed it: 200.
    Required,
    /// One required binding confirmed it: 200.
    Any,
    /// The event is in the spool: 202.
    Spooled,
    /// Nothing: 202.
    None,
}

/// What becomes of events that are not confirmed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Otherwise {
    /// The answer says so: 502, 503 or 504.
    #[default]
    Tell,
    /// They go to the spool: 202.
    Spool,
}

/// Which status a batch with mixed results takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchReply {
    /// Its worst event's.
    Worst,
    /// 207.
    PerEvent,
}

/// One entry of a route's `tests`, as it will be run by `test` and sent by `sandbox --demo`.
#[derive(Clone, Debug)]
pub struct RouteTest {
    /// Its name.
    pub name: String,
    /// The place of its route in [`Settings::routes`].
    pub route: usize,
    /// The method of the request.
    pub method: String,
    /// The request's target: path and query.
    pub target: String,
    /// Header fields.
    pub headers: Vec<(String, String)>,
    /// Who sends it: the place of a client in [`Settings::clients`].
    pub client: Option<usize>,
    /// The address that it comes from.
    pub source_ip: Option<std::net::IpAddr>,
    /// The body.
    pub body: Vec<u8>,
    /// What to expect: the `expect` member of the file, as JSON.
    pub expect: serde_json::Value,
    /// What is given: the `given` member of the file, as JSON (targets that do not confirm).
    pub given: serde_json::Value,
}
