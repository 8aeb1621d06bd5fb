//! The parts of one event's way, each by itself: `cargo bench --bench steps`.
//!
//! One 512-byte event as the end-to-end bench sends it, so that the sums can be compared.

#![allow(
    clippy::unwrap_used,
    reason = "a bench may end with a panic, as a test may"
)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput};
use sluicegate::admit::{Admission, EventJudge, Permit};
use sluicegate::courier::{Queue, Rules};
use sluicegate::dispatch::{Manifest, Queued};
use sluicegate::gateway::{self, Approach, Arrival};
use sluicegate::http::{Head, HeadIndex, HeadScan, Parsed, parse};
use sluicegate::map::{
    BindingSource, EventView, Node, NodeValue, Plan, PlanSource, Position, RequestView,
};
use sluicegate::rooms;
use sluicegate::route::Routes;
use sluicegate::settings::{Accept, Encodings, Environment, Formats, Settings, load_text};
use sluicegate::settle::{Entry, Ledger, Verdict};
use sluicegate::split::{Scratch, Step, Wanted, split};
use sluicegate_contract::{
    Attempt, AttemptSink, Batch, Integration, Limits, Outcome, Reason, Receipt, Record, RecordId,
    Value,
};

#[path = "steps/admission.rs"]
mod admission;

const EVENT_BYTES: usize = 512;
const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// One event: an id, a key, a few members of each kind, padding.
fn event(number: usize) -> String {
    let mut text = format!(
        "{{\"id\":\"{number:020}\",\"user\":\"user-{:04}\",\"type\":\"click\",\"total\":12.5,\
         \"active\":true,\"page\":{{\"url\":\"https://example.org/shop/articles/1234567\",\
         \"title\":\"Of gates, rivers and fields\",\"tags\":[\"water\",\"fields\",\"gates\"]}},\
         \"device\":{{\"os\":\"linux\",\"width\":1920,\"height\":1080}},\"padding\":\"",
        number % 1000
    );
    while text.len() + 2 < EVENT_BYTES {
        text.push('.');
    }
    text.push_str("\"}");
    text
}

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

/// `event.user`, `event.id`, `event.page.url` and the whole event.
fn wanted() -> Wanted {
    let mut wanted = Wanted::default();
    let name = |text: &str| Step::Name(text.to_owned());
    wanted.add(&[]);
    wanted.add(&[name("user")]);
    wanted.add(&[name("id")]);
    wanted.add(&[name("page"), name("url")]);
    wanted
}

/// A request's head as the end-to-end bench sends it, and one with the fields of a browser.
fn parse_step(criterion: &mut Criterion) {
    let short = "POST /events HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\
                 Content-Type: application/json\r\nContent-Length: 512\r\n\r\n";
    let long = "POST /v1/acme/events?source=web HTTP/1.1\r\nHost: gate.example.org\r\n\
                User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101\r\n\
                Accept: application/json, text/plain, */*\r\nAccept-Language: en-GB,en\r\n\
                Accept-Encoding: gzip, deflate, br\r\nOrigin: https://example.org\r\n\
                Referer: https://example.org/shop\r\nDNT: 1\r\nConnection: keep-alive\r\n\
                Content-Type: application/json\r\nContent-Length: 512\r\n\r\n";
    let mut group = criterion.benchmark_group("parse");
    for (name, bytes) in [("4 fields", short), ("11 fields", long)] {
        let mut index = HeadIndex::default();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let parsed = parse(
                    black_box(bytes.as_bytes()),
                    &mut HeadScan::default(),
                    &mut index,
                );
                debug_assert!(matches!(parsed, Parsed::Head(_)));
                parsed
            });
        });
    }
    group.finish();
}

fn split_step(criterion: &mut Criterion) {
    let (accept, wanted, mut scratch) = (accept(), wanted(), Scratch::default());
    let one = Bytes::from(event(1));
    let many = Bytes::from((0..100).map(event).collect::<Vec<_>>().join("\n"));
    let mut group = criterion.benchmark_group("split");
    group.throughput(Throughput::Elements(1));
    group.bench_function("one event of 512 bytes, 4 captures", |bencher| {
        let kind = Some(&b"application/json"[..]);
        bencher.iter(|| split(kind, black_box(&one), &accept, &wanted, &mut scratch));
    });
    group.throughput(Throughput::Elements(100));
    group.bench_function("NDJSON of 100", |bencher| {
        let kind = Some(&b"application/x-ndjson"[..]);
        bencher.iter(|| split(kind, black_box(&many), &accept, &wanted, &mut scratch));
    });
    group.finish();
}

fn approach<'h>(head: &'h Head<'h>) -> Approach<'h> {
    Approach {
        head,
        length: Some(512),
        source_ip: LOCALHOST,
        time: None,
    }
}

/// `route` and `admit`, with one route and with a thousand.
fn route_step(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("route and admit");
    for routes in [1, 1000] {
        let settings = settings(routes);
        let table = Routes::new(&settings.routes).unwrap();
        let (bytes, index) = head();
        let head = Head::new(&bytes, &index);
        group.bench_function(format!("{routes} routes"), |bencher| {
            let admission = Admission::new(&settings);
            bencher
                .iter(|| gateway::admit(&admission, &table, black_box(&approach(&head))).unwrap());
        });
    }
    group.finish();
}

/// `map`: one Kafka record with a key from a plain path and the event's bytes as they came.
fn map_step(criterion: &mut Criterion) {
    let settings = settings(1);
    let targets = rooms::rehearsed(&settings);
    let table = Routes::new(&settings.routes).unwrap();
    let (bytes, index) = head();
    let head = Head::new(&bytes, &index);
    let admission = Admission::new(&settings);
    let permit = gateway::admit(&admission, &table, &approach(&head)).unwrap();
    let body = Bytes::from(event(1));
    let (mut scratch, mut manifest) = (Scratch::default(), Manifest::default());
    let mut judge = EventJudge::default();
    let arrival = Arrival {
        permit: &permit,
        auth: None,
        head: &head,
        body: &body,
        id: 1,
        time: SystemTime::now(),
    };
    criterion.bench_function("split, map and weigh one event", |bencher| {
        bencher.iter(|| {
            gateway::prepare(
                black_box(&arrival),
                &targets,
                &mut scratch,
                &mut judge,
                &mut manifest,
            )
            .unwrap();
        });
    });
}

/// Conditions of a binding without fields, so that little else is measured: those that compile to
/// our own form, and one that the expression library evaluates.
fn expressions_step(criterion: &mut Criterion) {
    let body = Bytes::from(event(1));
    let (bytes, index) = head();
    let mut group = criterion.benchmark_group("expressions");
    for condition in [
        "true",
        "event.active",
        "event.type == 'click' && event.total > 10.0",
        "event.user + '/' + event.id != 'x' && event.device.width * 2 >= event.device.height",
        "event.?kind.orValue(event.type) in ['order', 'click'] ? has(event.page.url) : false",
        "event.page.tags.exists(tag, tag == 'gates')",
    ] {
        let text = |text: &str| Node {
            at: Position::default(),
            value: NodeValue::Text(text.to_owned()),
        };
        let plan = Plan::compile(&PlanSource {
            lets: Vec::new(),
            bindings: vec![BindingSource {
                name: "bench".to_owned(),
                at: Position::default(),
                room: "none",
                when: Some(text(&format!("${{{condition}}}"))),
                fields: &[],
                record: None,
            }],
            path_parameters: Vec::new(),
            raw: false,
            cloudevents: false,
            auth: None,
            reply: None,
            expressions: Vec::new(),
        })
        .unwrap();
        let mut scratch = Scratch::default();
        split(None, &body, &accept(), plan.wanted(), &mut scratch).unwrap();
        let request = RequestView {
            head: Head::new(&bytes, &index),
            path: &[],
            id: 1,
            time: SystemTime::now(),
            source_ip: [127, 0, 0, 1].into(),
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
        assert!(plan.render(0, &event).unwrap().is_some(), "{condition}");
        group.bench_function(condition, |bencher| {
            bencher.iter(|| plan.render(0, black_box(&event)));
        });
    }
    group.finish();
}

/// `settle`: a request is held, its one record's outcome comes, it is judged and let go.
fn settle_step(criterion: &mut Criterion) {
    let settings = settings(1);
    let table = Routes::new(&settings.routes).unwrap();
    let (bytes, index) = head();
    let (admission, head) = (Admission::new(&settings), Head::new(&bytes, &index));
    let permit = gateway::admit(&admission, &table, &approach(&head)).unwrap();
    let mut ledger = Ledger::new(0);
    // As many as are in flight in the end-to-end bench.
    for _ in 0..256 {
        ledger.insert(entry(&permit));
    }
    criterion.bench_function("settle one request", |bencher| {
        bencher.iter(|| {
            let slot = ledger.insert(entry(&permit));
            let id = ledger.record_id(slot, 0);
            let outcome = Outcome::Delivered(Receipt::Position {
                partition: 1,
                offset: 1,
            });
            let settled = ledger.settle(id, outcome);
            let verdict = ledger.entry(slot).map(Verdict::judge);
            ledger.answered(slot);
            (settled, verdict)
        });
    });
}

fn entry(permit: &Permit) -> Entry {
    let mut entry = Entry::new(permit.route().clone(), 1, Instant::now(), 1);
    entry.add(0, 0, 0, 800);
    entry.open();
    entry
}

/// `batch`: a courier composes full calls of 500 records and takes what became of them.
fn batch_step(criterion: &mut Criterion) {
    const RECORDS: usize = 500;
    let rules = Rules {
        limits: NullRoom.limits(),
        give_up: Duration::from_secs(60),
        linger: Duration::ZERO,
    };
    let body = Bytes::from(event(1));
    let mut queue = Queue::new(rules);
    let mut group = criterion.benchmark_group("batch");
    group.throughput(Throughput::Elements(RECORDS as u64));
    group.bench_function("500 records through a courier", |bencher| {
        bencher.iter_batched(
            || {
                let record = || Record::new([Value::Bytes(body.clone())]);
                (0..RECORDS as u64)
                    .map(|id| Queued::new(RecordId(id), record(), 700))
                    .collect::<Vec<_>>()
            },
            |records| {
                let now = Instant::now();
                queue.put(now, records, &NullRoom);
                let (call, records) = queue.next(now).unwrap();
                let stored = vec![Attempt::Stored(Receipt::Nothing); records.len()];
                drop(records);
                queue.complete(now, call, stored);
                assert_eq!(queue.take_outcomes().len(), RECORDS);
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

struct NullRoom;

impl Integration for NullRoom {
    fn limits(&self) -> Limits {
        Limits {
            records: 500,
            call_bytes: 5 << 20,
            record_bytes: 1 << 20,
            unique_keys: false,
            concurrent_calls: 4,
        }
    }

    fn weigh(&self, record: &Record) -> Result<usize, Reason> {
        Ok(record.bytes())
    }

    fn submit(&self, _: Batch, _: AttemptSink) {}
}

/// Settings with so many routes; the first is `POST /events`, to Kafka, keyed by a field.
fn settings(routes: usize) -> Settings {
    let mut file = "sluicegate: 1\ndefaults: { auth: none }\ntargets:\n  \
        audit: { kafka: { bootstrap_servers: \"127.0.0.1:1\", topic: bench } }\nroutes:\n"
        .to_owned();
    for route in 0..routes {
        let more = match route {
            0 => String::new(),
            _ => format!("/{route}/{{part}}"),
        };
        let _ = writeln!(
            file,
            "  - route: POST /events{more}\n    to: [ {{ target: audit, record: {{ \
             key: \"${{event.user}}\", value: \"${{event}}\" }} }} ]"
        );
    }
    load_text("bench.yaml", &file, &Environment::fixed([]))
        .unwrap_or_else(|faults| panic!("{}", faults.render(false)))
}

/// The head that the end-to-end bench sends.
fn head() -> (Vec<u8>, HeadIndex) {
    let bytes = b"POST /events HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\
        Content-Type: application/json\r\nContent-Length: 512\r\n\r\n";
    let mut index = HeadIndex::default();
    let parsed = parse(bytes, &mut HeadScan::default(), &mut index);
    assert!(matches!(parsed, Parsed::Head(_)));
    (bytes.to_vec(), index)
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    parse_step(&mut criterion);
    route_step(&mut criterion);
    admission::admission_step(&mut criterion);
    split_step(&mut criterion);
    admission::judge_step(&mut criterion);
    map_step(&mut criterion);
    expressions_step(&mut criterion);
    settle_step(&mut criterion);
    batch_step(&mut criterion);
    criterion.final_summary();
}
