//! Every cap of the gateway, with its unit. The relations between them are asserted when compiling.

use std::time::Duration;

// ---- The edge: what a connection may send. ----

/// Bytes of a request line; past it 414.
pub const REQUEST_LINE_BYTES_MAX: usize = 8 * 1024;
/// Bytes of a header block, request line included; past it 431.
pub const HEADER_BLOCK_BYTES_MAX: usize = 16 * 1024;
/// Fields in a header block; past it 431.
pub const HEADER_FIELDS_MAX: usize = 100;
/// Hexadecimal digits of a chunk size.
pub const CHUNK_SIZE_DIGITS_MAX: usize = 16;
/// Bytes of one chunk's extensions, and of all trailers.
pub const CHUNK_EXTENSION_BYTES_MAX: usize = 1024;
/// Bytes of a trailer block.
pub const TRAILER_BYTES_MAX: usize = 4 * 1024;
/// Requests of one connection that may wait for their answer at once.
pub const PIPELINED_REQUESTS_MAX: usize = 64;
/// Bytes that a connection's buffer starts with. An idle connection holds one of these.
pub const CONNECTION_BUFFER_BYTES: usize = 4 * 1024;
/// Bytes that a busy connection's buffer may grow to for pipelined requests, bodies apart.
pub const READ_WINDOW_BYTES_MAX: usize = 16 * 1024;
/// Bytes of a refused request's body that are read and dropped to keep the connection.
pub const DISCARD_BYTES_MAX: u64 = 64 * 1024;
/// Bytes of all bodies of one core that are still coming, each counted from the first 16 KiB on.
pub const BODY_BYTES_PER_CORE_MAX: usize = 256 * 1024 * 1024;
/// Bytes of answers that are gathered before they are written.
pub const OUTPUT_BYTES_MAX: usize = 256 * 1024;
/// Bytes that are read and dropped after the last answer, so that it is not lost by a reset.
pub const LINGER_BYTES_MAX: usize = 1024 * 1024;
/// The time for that.
pub const LINGER_TIME_MAX: Duration = Duration::from_secs(2);
/// How often a core looks for connections whose deadline has passed.
pub const SWEEP_TICK: Duration = Duration::from_millis(200);
/// How long a core waits before it accepts again when there are no descriptors left.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Connections of one core; more wait in the kernel's accept queue.
pub const CONNECTIONS_PER_CORE_MAX: usize = 65_536;
/// From the first byte of a request to the end of its header block; past it 408.
pub const HEADER_TIME_MAX: Duration = Duration::from_secs(5);
/// Between two reads of a body; past it 408.
pub const BODY_IDLE_MAX: Duration = Duration::from_secs(10);
/// A body that comes slower than this (bytes a second) after `BODY_IDLE_MAX` is a 408.
pub const BODY_RATE_MIN: u64 = 1024;
/// Between requests. Longer than the 60 s of common load balancers, so that they close first.
pub const KEEP_ALIVE_MAX: Duration = Duration::from_secs(75);
/// A client that does not take its answer for so long is closed.
pub const WRITE_IDLE_MAX: Duration = Duration::from_secs(30);

/// Bytes of a connection's PROXY protocol header, which must come within `HEADER_TIME_MAX`. A line
/// of version 1 has at most 107; of version 2, load balancers send a few hundred with all that they
/// add.
pub const PROXY_HEADER_BYTES_MAX: usize = 4 * 1024;

// ---- Requests and events: defaults of a route's `accept`, and what a file may raise them to. ----

/// Bytes of one event, by default.
pub const EVENT_BYTES_DEFAULT: usize = 256 * 1024;
/// Bytes of one event, at most.
pub const EVENT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of one request's body, by default.
pub const REQUEST_BYTES_DEFAULT: usize = 5 * 1024 * 1024;
/// Bytes of one request's body, at most.
pub const REQUEST_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Events of one request, by default.
pub const EVENTS_DEFAULT: usize = 1000;
/// Events of one request, at most.
pub const EVENTS_MAX: usize = 10_000;
/// Fields of one form or query that becomes an event; past it 400.
pub const FORM_FIELDS_MAX: usize = 1000;
/// Nesting of a JSON body.
pub const JSON_DEPTH_MAX: usize = 128;

/// Entries of each list of a route's `cors`: every request is compared with all origins.
pub const CORS_ENTRIES_MAX: usize = 100;
/// How long a browser may remember a preflight, by default (`cors.max_age`).
pub const CORS_MAX_AGE_DEFAULT: Duration = Duration::from_secs(3600);
/// `cors.max_age` at most: what the most patient browser keeps.
pub const CORS_MAX_AGE_MAX: Duration = Duration::from_secs(24 * 3600);

/// Bytes up to which a body that waits in a courier's queue is copied out of the connection's
/// buffer. Half of the largest block that a body without a block of its own is read into, so that
/// what waits holds at most twice its own bytes.
pub const OWNED_BODY_BYTES_MAX: usize = 8 * 1024;

// ---- The file. ----

/// Bytes of one settings file.
pub const SETTINGS_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Characters of one expression.
pub const EXPRESSION_CHARACTERS_MAX: usize = 4096;
/// Nesting of an expression's syntax tree.
pub const EXPRESSION_DEPTH_MAX: usize = 32;
/// Loops of an expression inside each other.
pub const EXPRESSION_LOOPS_MAX: usize = 2;
/// What evaluating one expression for one event may touch: bytes of the values that it makes, and
/// of those that it reads again in a loop; past it 422.
pub const EVALUATION_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Networks in `server.trusted_proxies`: each request of a proxy is compared with all of them.
pub const TRUSTED_PROXIES_MAX: usize = 256;
/// Bytes that a regular expression may take when it is compiled; past it an error of the file.
pub const PATTERN_BYTES_MAX: usize = 1024 * 1024;
/// Targets of one file set.
pub const TARGETS_MAX: usize = 256;
/// Routes of one file set.
pub const ROUTES_MAX: usize = 4096;
/// Bindings (`to` entries) of one route.
pub const BINDINGS_MAX: usize = 32;
/// Distinct paths into the event that one route may name.
pub const PATHS_MAX: usize = 256;

/// Members of one gzip body. Each is begun anew, which costs more than its bytes where it is small;
/// block gzip has one for each 64 KiB.
pub const GZIP_MEMBERS_MAX: usize = 1024;

// ---- Schemas. ----

/// Bytes of one schema's file, and of all files that it refers to.
pub const SCHEMA_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Files that one schema may refer to.
pub const SCHEMA_FILES_MAX: usize = 64;
/// Bytes of one compiled pattern of a schema, about: what the `regex` crate allows by default.
pub const SCHEMA_PATTERN_BYTES_MAX: usize = 10 * 1024 * 1024;
/// Faults that are listed of one event, or of one schema.
pub const SCHEMA_FAULTS_MAX: usize = 16;
/// Faults that are listed of all events of one request: answers are not much larger than requests.
pub const SCHEMA_FAULTS_PER_REQUEST_MAX: usize = 256;
/// Errors that judging one event may build, those of branches that were not taken included; past
/// it the judge stops counting. Each costs a few hundred bytes.
pub const SCHEMA_ERRORS_MAX: u32 = 1024;

// ---- Admission: who may send, and how much. ----

/// Bytes of an API key; a longer one is unknown. `sluicegate key new` makes 47.
pub const API_KEY_BYTES_MAX: usize = 512;
/// Clients of one file set.
pub const CLIENTS_MAX: usize = 100_000;
/// Files of one `clients_dir`.
pub const CLIENT_FILES_MAX: usize = 10_000;
/// Limits of one route, and of one client.
pub const LIMITS_PER_ROUTE_MAX: usize = 16;
/// The time in which a limit's `burst` comes in again, at most.
pub const LIMIT_REFILL_MAX: Duration = Duration::from_secs(24 * 3600);
/// Buckets of one set of the table of limits: so many and their lock fill two cache lines.
pub const LIMIT_BUCKETS_PER_SET: usize = 7;
/// Sets of the table of limits, which all limits share: 229,376 values of `per` that sent
/// something of late, in 4 MiB. Past it those that would be full again soonest are forgotten.
pub const LIMIT_SETS: usize = 1 << 15;
/// Locks over the counters of concurrent requests. Entries are as many as requests in flight.
pub const CONCURRENT_SHARDS: usize = 64;

// ---- Delivery. ----

/// Bytes that a target's queue may hold, by default: payload plus `RECORD_OVERHEAD_BYTES` each.
pub const QUEUE_BYTES_DEFAULT: u64 = 64 * 1024 * 1024;
/// What one record costs in a queue beside its payload.
pub const RECORD_OVERHEAD_BYTES: usize = 256;
/// Records of one request.
pub const RECORDS_PER_REQUEST_MAX: usize = EVENTS_MAX * BINDINGS_MAX;
/// Requests in flight on one core.
pub const REQUESTS_PER_CORE_MAX: usize = 1 << 20;
/// Until the client is answered, by default (`reply.within`).
pub const WITHIN_DEFAULT: Duration = Duration::from_secs(10);
/// `reply.within` at most.
pub const WITHIN_MAX: Duration = Duration::from_secs(300);
/// Until a record is given up, by default (`give_up`).
pub const GIVE_UP_DEFAULT: Duration = Duration::from_secs(60);
/// How often a core looks for requests whose `within` has passed.
pub const DEADLINE_TICK: Duration = Duration::from_millis(20);
/// The first pause before another try; it doubles up to `RETRY_PAUSE_MAX`, with full jitter.
pub const RETRY_PAUSE_MIN: Duration = Duration::from_millis(50);
/// The longest pause before another try.
pub const RETRY_PAUSE_MAX: Duration = Duration::from_secs(5);
/// How often a target that is down or blocked is probed.
pub const PROBE_PAUSE_MAX: Duration = Duration::from_secs(2);
/// Time that a stop gives to answers and outcomes. Calls that are out after it end in their own time,
/// 10 s at most, so that all of it fits into the 30 s that most who stop a process give it.
pub const DRAIN_MAX: Duration = Duration::from_secs(20);
/// Mailboxes for outcomes: the width of a core's number in a record id.
pub const MAILBOXES_MAX: usize = 256;
/// Cores at most; the mailboxes after theirs are those of the spool and of dead letters.
pub const CORES_MAX: usize = MAILBOXES_MAX - 2;

// ---- The spool. ----

/// Bytes of the spool on its disk, by default (`spool.max_bytes`).
pub const SPOOL_BYTES_DEFAULT: u64 = 10 << 30;
/// `spool.max_bytes` at least: some segments of the log.
pub const SPOOL_BYTES_MIN: u64 = 1 << 20;
/// How long an event waits in the spool, by default (`spool.max_age`).
pub const SPOOL_AGE_DEFAULT: Duration = Duration::from_secs(7 * 24 * 3600);
/// `spool.max_age` at least, and at most.
pub const SPOOL_AGE_MIN: Duration = Duration::from_secs(60);
/// See [`SPOOL_AGE_MIN`].
pub const SPOOL_AGE_MAX: Duration = Duration::from_secs(366 * 24 * 3600);
/// How long the disk's word is awaited for a request that went to the spool after its `within`.
pub const SPOOL_WAIT_MAX: Duration = Duration::from_secs(5);
/// Bytes of one entry of the spool, about: a request with more has several. One record alone may
/// have more.
pub const SPOOL_ENTRY_BYTES: usize = 256 * 1024;
/// Bytes of records that one target's lane has read from the spool and not handed over.
pub const SPOOL_AHEAD_BYTES_MAX: usize = 1 << 20;
/// Records of one target that were read from the spool and are not all confirmed: what lies
/// between the first that is not, and the last that was read.
pub const SPOOL_WINDOW_RECORDS_MAX: usize = 16 * 1024;
/// Entries that are read from the spool at once.
pub const SPOOL_READ_ENTRIES: usize = 64;
/// The pause before records of the spool are tried again that their courier gave up.
pub const SPOOL_PAUSE_MIN: Duration = Duration::from_millis(500);
/// That pause at most: it doubles each time.
pub const SPOOL_PAUSE_MAX: Duration = Duration::from_secs(30);
/// How often a target that is shut is looked at for what waits in the spool.
pub const SPOOL_LOOK: Duration = Duration::from_millis(250);
/// How long an expired record of the spool is kept whose dead letter does not take it: past it the
/// record is gone, counted and logged, since the spool's room is others' by then.
pub const SPOOL_LETTER_WAIT_MAX: Duration = Duration::from_secs(3600);
/// How soon a target is asked again whose queue was full.
pub const SPOOL_FULL_LOOK: Duration = Duration::from_millis(20);
/// How often records are looked for that are older than the spool keeps them.
pub const SPOOL_EXPIRY_LOOK: Duration = Duration::from_secs(2);
/// How long a stop waits for outcomes of records that are in the spool anyway.
pub const SPOOL_STOP_MAX: Duration = Duration::from_secs(5);
/// Records that went to the spool while their courier still had them, of which it is remembered
/// what became of them. Past it a record may be delivered twice.
pub const SPOOL_HELD_MAX: usize = 100_000;

// ---- Dead letters. ----

/// Bytes of dead letters that wait for their targets, of all together; past it they are lost.
pub const LETTERS_WAITING_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// How long a dead letter waits for a target that takes nothing: as long as its courier would try.
pub const LETTER_WAIT_MAX: Duration = GIVE_UP_DEFAULT;
/// How soon a dead letter is sent again whose target said that it is full.
pub const LETTER_PAUSE: Duration = Duration::from_secs(1);
/// How often a target that took nothing is looked at for dead letters.
pub const LETTER_LOOK: Duration = Duration::from_millis(50);

// ---- Answers that a route shapes. ----

/// Bytes of a request that are kept for the expressions of its answer: they are weighed with its
/// first record, so that what waits stays bounded.
pub const REPLY_KEPT_BYTES_MAX: usize = 16 * 1024;
/// Header fields of a shaped answer.
pub const REPLY_HEADERS_MAX: usize = 32;
/// Bytes of the value of a shaped header field: what clients and proxies take.
pub const REPLY_HEADER_BYTES_MAX: usize = 4 * 1024;
/// Bytes of a shaped body; past it the answer goes out unshaped.
pub const REPLY_BODY_BYTES_MAX: usize = 1024 * 1024;

// ---- Idempotency. ----

/// Bytes of an `Idempotency-Key`, and of what a route's `idempotency` gives; past it 400.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;
/// How long a key is known, by default (`idempotency.window`).
pub const IDEMPOTENCY_WINDOW_DEFAULT: Duration = Duration::from_secs(24 * 3600);
/// `idempotency.window` at least: clients must have time to come again.
pub const IDEMPOTENCY_WINDOW_MIN: Duration = Duration::from_secs(1);
/// `idempotency.window` at most: 30 days.
pub const IDEMPOTENCY_WINDOW_MAX: Duration = Duration::from_secs(30 * 24 * 3600);
/// Keys that a local store holds, by default (`idempotency.max_keys`).
pub const IDEMPOTENCY_KEYS_DEFAULT: u64 = 1_000_000;
/// Bytes that a local store holds in memory, by default (`idempotency.max_bytes`).
pub const IDEMPOTENCY_BYTES_DEFAULT: u64 = 512 * 1024 * 1024;
/// Bytes of one segment of a local store's log.
pub const IDEMPOTENCY_LOG_SEGMENT_BYTES: u64 = 16 * 1024 * 1024;
/// Bytes that are stored of one key: what an item of a shared table holds with room to spare.
/// Past it receipts are left out, then details.
pub const IDEMPOTENCY_STORED_BYTES_MAX: usize = 320 * 1024;
/// How long no key is given away after a store has failed.
pub const IDEMPOTENCY_PAUSE: Duration = Duration::from_secs(1);
/// How long a claim of a shared store holds after its gateway was last heard of, by default
/// (`idempotency.store.dynamodb.lease`).
pub const IDEMPOTENCY_LEASE_DEFAULT: Duration = Duration::from_secs(30);
/// `lease` at least: it is renewed three times in that time.
pub const IDEMPOTENCY_LEASE_MIN: Duration = Duration::from_secs(1);
/// `lease` at most.
pub const IDEMPOTENCY_LEASE_MAX: Duration = Duration::from_secs(600);
/// How long one call of a shared store may take.
pub const IDEMPOTENCY_CALL_TIME: Duration = Duration::from_secs(3);
/// Calls of a shared store at once.
pub const IDEMPOTENCY_CALLS_MAX: usize = 64;
/// How often an answer is tried to be stored in a shared store.
pub const IDEMPOTENCY_STORE_TRIES: u32 = 5;
/// Bytes of records of one core that wait for a shared store; past it 503.
pub const IDEMPOTENCY_WAITING_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The pause that is asked for where a key's request is under way.
pub const IDEMPOTENCY_RUNNING_PAUSE: Duration = Duration::from_secs(1);

const _: () = assert!(REQUEST_LINE_BYTES_MAX <= HEADER_BLOCK_BYTES_MAX);
const _: () = assert!(
    HEADER_BLOCK_BYTES_MAX + 2 < u16::MAX as usize,
    "a place in a head fits 16 bits"
);
const _: () = assert!(PROXY_HEADER_BYTES_MAX <= CONNECTION_BUFFER_BYTES);
const _: () = assert!(CONNECTION_BUFFER_BYTES <= READ_WINDOW_BYTES_MAX);
const _: () = assert!(REQUEST_BYTES_MAX < BODY_BYTES_PER_CORE_MAX);
const _: () = assert!(EVENT_BYTES_DEFAULT <= REQUEST_BYTES_DEFAULT);
const _: () =
    assert!(EVENT_BYTES_MAX <= REQUEST_BYTES_MAX && REQUEST_BYTES_DEFAULT <= REQUEST_BYTES_MAX);
const _: () = assert!(EVENTS_DEFAULT <= EVENTS_MAX);
const _: () = assert!(EVENT_BYTES_MAX <= EVALUATION_BYTES_MAX);
const _: () = assert!(
    RECORDS_PER_REQUEST_MAX < 1 << 28,
    "a record's place fits its id"
);
const _: () = assert!(
    REQUESTS_PER_CORE_MAX <= 1 << 28,
    "a request's place fits its id"
);
const _: () = assert!(
    MAILBOXES_MAX <= 1 << 8,
    "a core's number fits a record's id"
);
const _: () = assert!(
    KEEP_ALIVE_MAX.as_secs() > 60,
    "load balancers must close first"
);
const _: () = assert!(WITHIN_DEFAULT.as_secs() <= GIVE_UP_DEFAULT.as_secs());
const _: () = assert!(
    ROUTES_MAX * LIMITS_PER_ROUTE_MAX < 1 << 31,
    "numbers of limits fit 31 bits"
);
const _: () = assert!(
    CLIENTS_MAX * LIMITS_PER_ROUTE_MAX < 1 << 31,
    "numbers of clients' limits fit 31 bits"
);
const _: () = assert!(LIMIT_SETS.is_power_of_two() && CONCURRENT_SHARDS.is_power_of_two());
const _: () = assert!(RETRY_PAUSE_MIN.as_millis() < RETRY_PAUSE_MAX.as_millis());
