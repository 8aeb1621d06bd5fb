//! Steady state on a core allocates nothing to parse, route and admit a request, and at most twice
//! a record to map and dispatch it. The allocator counts, so this cannot be argued with.
#![allow(clippy::unwrap_used, reason = "what a test sets up may fail it")]
#![allow(
    unsafe_code,
    reason = "an allocator that counts can only be written so"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::borrow::Cow;
use std::cell::Cell;
use std::future::poll_fn;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use sluicegate::admit::schema::{Schema, Tape};
use sluicegate::admit::{Admission, Coding};
use sluicegate::error::Code;
use sluicegate::gateway::{Core, CoreParts};
use sluicegate::http::{
    Head, HeadIndex, HeadScan, Parsed, ResponseWriter, Service as _, Ticket as _, parse,
};
use sluicegate::map::{
    BindingSource, EventView, Node, NodeValue, Plan, PlanSource, Position, RequestView,
};
use sluicegate::observe::{CoreCounters, Shape};
use sluicegate::rooms::{self, RoomContext};
use sluicegate::route::Routes;
use sluicegate::runtime::{Driver, Runtime, doorbell};
use sluicegate::settings::{Accept, Encodings, Environment, Formats, load_text};
use sluicegate::settle::Mailboxes;
use sluicegate::split::{Decoders, Scratch, Step, Wanted, split};
use sluicegate_contract::{Field, Kind, OutcomeSink};

struct Counting;

thread_local! {
    /// Of this thread: other tests run beside this one.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    /// Bytes that are held now, and the most that were held.
    static HELD: Cell<i64> = const { Cell::new(0) };
    static MOST_HELD: Cell<i64> = const { Cell::new(0) };
}

fn hold(bytes: i64) {
    HELD.set(HELD.get() + bytes);
    MOST_HELD.set(MOST_HELD.get().max(HELD.get()));
}

// SAFETY: every call is handed to the system's allocator unchanged; the counter allocates nothing,
// since it is initialised by a constant and has no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        hold(layout.size() as i64);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        hold(size as i64 - layout.size() as i64);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        hold(-(layout.size() as i64));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Allocations of one turn of `step`, on average over many, after a few to warm its buffers.
fn allocations(mut step: impl FnMut()) -> f64 {
    const TURNS: u32 = 1000;
    for _ in 0..10 {
        step();
    }
    let before = ALLOCATIONS.get();
    for _ in 0..TURNS {
        step();
    }
    (ALLOCATIONS.get() - before) as f64 / f64::from(TURNS)
}

const EVENT: &[u8] =
    br#"{"id":"e-1","user":"u-1","type":"click","total":12.5,"page":{"url":"/a"}}"#;

fn accept() -> Accept {
    Accept {
        formats: Formats {
            json: true,
            json_array: true,
            ndjson: true,
            raw: false,
            ..Formats::default()
        },
        event_bytes: 256 * 1024,
        request_bytes: 5 << 20,
        events: 1000,
        encodings: Encodings::ALL,
    }
}

fn wanted() -> Wanted {
    let mut wanted = Wanted::default();
    wanted.add(&[]);
    wanted.add(&[Step::Name("user".to_owned())]);
    wanted.add(&[Step::Name("page".to_owned()), Step::Name("url".to_owned())]);
    wanted
}

#[test]
fn the_counter_counts() {
    let counted = allocations(|| drop(std::hint::black_box(vec![1_u8; 100])));
    assert!((counted - 1.0).abs() < f64::EPSILON, "{counted}");
}

const PEER: ([u8; 4], u16) = ([127, 0, 0, 1], 40_000);

fn head() -> (Vec<u8>, HeadIndex) {
    let bytes = b"POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
        Content-Length: 72\r\nX-More: a\r\n\r\n";
    let mut index = HeadIndex::default();
    let parsed = parse(bytes, &mut HeadScan::default(), &mut index);
    assert!(matches!(parsed, Parsed::Head(_)), "{parsed:?}");
    (bytes.to_vec(), index)
}

#[test]
fn parsing_a_head_allocates_nothing() {
    let (bytes, mut index) = head();
    let counted = allocations(|| {
        let parsed = parse(&bytes, &mut HeadScan::default(), &mut index);
        assert!(matches!(parsed, Parsed::Head(_)), "{parsed:?}");
    });
    assert!(counted == 0.0, "{counted} allocations");
}

/// A gateway of one route to a discarding target, on a core of its own that runs in this thread.
fn on_a_core(step: impl AsyncFnOnce(Rc<Core>)) {
    let file = "sluicegate: 1\ndefaults: { auth: none }\ntargets: { nothing: { discard: {} } }\n\
        routes: [ { route: POST /events, to: [ { target: nothing } ] } ]";
    let settings = load_text("test.yaml", file, &Environment::fixed([])).unwrap();
    let mailboxes = Mailboxes::new(1);
    let outcomes: Arc<dyn OutcomeSink> = Arc::new(mailboxes.clone());
    let targets = rooms::open(&settings, &RoomContext::from_environment(), &outcomes).unwrap();
    let mut runtime = Runtime::build(Driver::Auto).unwrap();
    runtime.run(async move {
        let (ringer, bell) = doorbell().unwrap();
        let mailbox = Arc::clone(mailboxes.of(0).unwrap());
        mailbox.attach(ringer);
        let shape = Shape {
            routes: vec![vec![0]],
            targets: 1,
        };
        let parts = CoreParts {
            number: 0,
            routes: Routes::new(&settings.routes).unwrap(),
            server: settings.server.clone(),
            admission: Arc::new(Admission::new(&settings)),
            targets: targets.into(),
            counters: CoreCounters::new(0, &shape),
            mailbox,
            spool: None,
            letters: None,
            keys: None,
        };
        step(Core::start(parts, bell)).await;
    });
}

#[test]
fn routing_and_admitting_a_head_allocates_nothing() {
    on_a_core(async |core| {
        let (bytes, index) = head();
        let head = Head::new(&bytes, &index);
        let counted = allocations(|| {
            let admitted = core.admit(&head, PEER.into(), Some(EVENT.len() as u64));
            assert!(admitted.is_ok());
        });
        assert!(counted == 0.0, "{counted} allocations");
    });
}

#[test]
fn the_whole_way_of_an_event_on_its_core_allocates_at_most_twice() {
    on_a_core(async |core| {
        let (bytes, index) = head();
        let head = Head::new(&bytes, &index);
        let body = Bytes::from_static(EVENT);
        let mut out = Vec::with_capacity(4096);
        let mut before = 0;
        for turn in 0..1100 {
            if turn == 100 {
                before = ALLOCATIONS.get();
            }
            let admitted = core.admit(&head, PEER.into(), Some(body.len() as u64));
            let permit = admitted.unwrap_or_else(|_| panic!("refused")).permit;
            let mut ticket = core.accept(permit, &head, PEER.into(), body.clone());
            poll_fn(|context| ticket.poll_ready(context)).await;
            out.clear();
            ticket.write(ResponseWriter::new(&mut out, true, false));
            assert!(out.starts_with(b"HTTP/1.1 200 OK\r\n"));
        }
        let counted = (ALLOCATIONS.get() - before) as f64 / 1000.0;
        assert!(counted <= 2.0, "{counted} allocations an event");
    });
}

#[test]
fn splitting_a_body_allocates_nothing() {
    let (accept, wanted, mut scratch) = (accept(), wanted(), Scratch::default());
    let one = Bytes::from_static(EVENT);
    let many = Bytes::from([EVENT; 100].join(&b'\n'));
    for (kind, body, events) in [
        ("application/json", one, 1),
        ("application/x-ndjson", many, 100),
    ] {
        let counted = allocations(|| {
            split(Some(kind.as_bytes()), &body, &accept, &wanted, &mut scratch).unwrap();
            assert_eq!(scratch.events.len(), events);
        });
        assert!(counted == 0.0, "{counted} allocations for {events} events");
    }
}

/// A route with one binding of these two fields, both plain paths.
fn plan(when: Option<&str>) -> Plan {
    const TEXT: Kind = Kind::Text {
        characters_min: 1,
        characters_max: 256,
    };
    const FIELDS: &[Field] = &[field("partition_key", TEXT), field("data", Kind::Payload)];
    let text = |text: &str| Node {
        at: Position::default(),
        value: NodeValue::Text(text.to_owned()),
    };
    let entry = |name: &str, value| (name.to_owned(), Position::default(), text(value));
    let record = vec![
        entry("partition_key", "${event.user}"),
        entry("data", "${event}"),
    ];
    let source = PlanSource {
        lets: Vec::new(),
        bindings: vec![BindingSource {
            name: "clicks".to_owned(),
            at: Position::default(),
            room: "kinesis",
            when: when.map(text),
            fields: FIELDS,
            record: Some(Node {
                at: Position::default(),
                value: NodeValue::Map(record),
            }),
        }],
        path_parameters: Vec::new(),
        raw: false,
        cloudevents: false,
        auth: None,
        reply: None,
        expressions: Vec::new(),
    };
    Plan::compile(&source).expect("the plan of this test compiles")
}

const fn field(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        required: true,
        default: None,
        doc: "",
    }
}

#[test]
fn rendering_a_record_of_plain_paths_allocates_at_most_once() {
    let counted = rendering(&plan(None));
    assert!(counted <= 1.0, "{counted} allocations a record");
}

#[test]
fn a_condition_over_plain_paths_allocates_nothing() {
    let when = "${event.type == 'click' && event.total * 2.0 > 10.0 && has(event.page.url) && \
                event.?more.orValue(3) in [1, 2, 3] && !event.user.startsWith('x') && \
                (event.id != 'e-2' ? event.total >= 12 : event.total < 0.5)}";
    let counted = rendering(&plan(Some(when)));
    assert!(counted <= 1.0, "{counted} allocations a record");
}

/// Allocations to render the record of one event.
fn rendering(plan: &Plan) -> f64 {
    let (mut scratch, body) = (Scratch::default(), Bytes::from_static(EVENT));
    split(None, &body, &accept(), plan.wanted(), &mut scratch).unwrap();
    let index = HeadIndex::default();
    let path: [(&str, Cow<'_, str>); 0] = [];
    let request = RequestView {
        head: Head::new(b"", &index),
        path: &path,
        id: 1,
        time: UNIX_EPOCH,
        source_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        auth: None,
    };
    let event = EventView {
        request: &request,
        body: &body,
        received: &body,
        span: scratch.events[0],
        captures: scratch.captures_of(0, plan.wanted()),
        index: 0,
    };
    allocations(|| {
        let record = plan.render(0, &event).unwrap().unwrap();
        assert_eq!(record.value(0).as_text(), Some("u-1"));
    })
}

/// The most bytes that `step` held beside those that were held before.
fn most_held(step: impl FnOnce()) -> i64 {
    let before = HELD.get();
    MOST_HELD.set(before);
    step();
    MOST_HELD.get() - before
}

/// 6 MiB of zeros as gzip and zstd, and 8 MiB as brotli with a window of 4 MiB.
fn bombs() -> [(Coding, Vec<u8>, i64); 3] {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&vec![0; 6 << 20]).unwrap();
    let zstd = zstd::bulk::compress(&vec![0; 6 << 20], 1).unwrap();
    let brotli = b"\x9b\xff\xff\x7f\xf8\x27\x00\xe2\xb1\x40\x20\xf7\xfe\x0f".to_vec();
    [
        (Coding::Gzip, gzip.finish().unwrap(), 0),
        (Coding::Zstd, zstd, 0),
        (Coding::Brotli, brotli, 4 << 20),
    ]
}

#[test]
fn a_bomb_holds_no_more_than_the_bound_and_a_mebibyte_and_its_window() {
    let bombs = bombs();
    for limit in [64 << 10, 1 << 20] {
        for (coding, bomb, window) in &bombs {
            let held = most_held(|| {
                let refused = Decoders::default().decode(*coding, bomb, limit);
                assert_eq!(refused.unwrap_err().code, Code::RequestTooLarge);
            });
            let most = limit as i64 + (1 << 20) + window;
            assert!(
                held <= most,
                "{coding:?} held {held} bytes at a bound of {limit}"
            );
        }
    }
}

#[test]
fn judging_an_event_that_fits_its_schema_allocates_nothing() {
    let schema = serde_json::json!({
        "type": "object",
        "required": ["id", "user"],
        "properties": {
            "id": { "type": "string", "minLength": 1 },
            "user": { "type": "string", "pattern": "^u-[0-9]+$" },
            "type": { "enum": ["click", "view"] },
            "total": { "type": "number", "minimum": 0 },
            "page": { "type": "object", "properties": { "url": { "type": "string" } } },
        },
        "additionalProperties": false,
    });
    struct Nothing;
    impl jsonschema::Retrieve for Nothing {
        fn retrieve(
            &self,
            uri: &jsonschema::Uri<String>,
        ) -> Result<serde_json::Value, Box<dyn std::error::Error + Send + Sync>> {
            Err(uri.to_string().into())
        }
    }
    let schema = Schema::compile(&schema, "file:///schema.json", Nothing).unwrap();
    let mut tape = Tape::default();
    let counted = allocations(|| schema.judge(EVENT, &mut tape, 16).unwrap());
    assert!(counted == 0.0, "{counted} allocations");
}
