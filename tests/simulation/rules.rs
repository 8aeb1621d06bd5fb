//! The routes of the simulation: as the file says them, and as the rules know them.

/// The places of the targets.
pub(crate) const STREAM: usize = 0;
pub(crate) const TABLE: usize = 1;
pub(crate) const NAMES: [&str; 2] = ["stream", "table"];

/// What a success of a route means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    /// Every required target has it.
    Required,
    /// One required target has it.
    Any,
    /// Every required target has it, or gets it in the end, whatever dies.
    Stored,
    /// Nothing.
    Nothing,
}

/// A route, as its client knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    pub(crate) path: &'static str,
    pub(crate) promise: Promise,
    required: fn(u64) -> &'static [usize],
}

impl Route {
    /// The targets that an event must come to.
    pub(crate) fn required(&self, event: u64) -> &'static [usize] {
        (self.required)(event)
    }
}

pub(crate) const ROUTES: &[Route] = &[
    Route {
        path: "/spooled",
        promise: Promise::Stored,
        required: |_| &[STREAM, TABLE],
    },
    Route {
        path: "/else",
        promise: Promise::Stored,
        required: |_| &[STREAM, TABLE],
    },
    Route {
        path: "/both",
        promise: Promise::Required,
        required: |_| &[STREAM, TABLE],
    },
    Route {
        path: "/any",
        promise: Promise::Any,
        required: |_| &[STREAM, TABLE],
    },
    Route {
        path: "/one",
        promise: Promise::Required,
        required: |_| &[TABLE],
    },
    Route {
        path: "/none",
        promise: Promise::Nothing,
        required: |_| &[STREAM],
    },
    Route {
        path: "/when",
        promise: Promise::Required,
        required: |event| if event % 2 == 0 { &[STREAM] } else { &[TABLE] },
    },
];

/// The file.
pub(crate) const FILE: &str = r#"
sluicegate: 1
defaults:
  auth: none
  accept: { formats: [json, json-array], events: 100 }
targets:
  stream: { kinesis: { stream: s, region: eu-west-1 }, give_up: 4s }
  table: { kinesis: { stream: t, region: eu-west-1 }, give_up: 1500ms }
spool: { dir: spool, max_bytes: 4MiB }
x-record: &record { partition_key: "${event.key}", data: "${event}" }
routes:
  - route: POST /spooled
    to: [ { target: stream, record: *record }, { target: table, record: *record } ]
    reply: { after: spooled }
  - route: POST /else
    to: [ { target: stream, record: *record }, { target: table, record: *record } ]
    reply: { within: 500ms, else: spooled }
  - route: POST /both
    to: [ { target: stream, record: *record }, { target: table, record: *record } ]
    reply: { within: 1s }
  - route: POST /any
    to: [ { target: stream, record: *record }, { target: table, record: *record } ]
    reply: { within: 1s, after: any }
  - route: POST /one
    to: [ { target: table, record: *record }, { target: stream, record: *record, need: best_effort } ]
    reply: { within: 3s } # longer than the table is tried: a give-up is answered by what is known of it
  - route: POST /none
    to: [ { target: stream, record: *record } ]
    reply: { after: none }
  - route: POST /when
    to:
      - { target: stream, record: *record, when: "${event.n % 2 == 0}" }
      - { target: table, record: *record, when: "${event.n % 2 == 1}" }
    reply: { within: 1s }
"#;
