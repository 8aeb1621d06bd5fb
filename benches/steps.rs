//! The parts of one event's way, each by itself: `cargo bench --bench steps`.
//!
//! One 512-byte event as the end-to-end bench sends it, so that the sums can be compared.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput};
use sluicegate::http::{HeadIndex, HeadScan, Parsed, parse};
use sluicegate::settings::{Accept, Formats};
use sluicegate::split::{Scratch, Step, Wanted, split};

const EVENT_BYTES: usize = 512;

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
        },
        event_bytes: 256 * 1024,
        request_bytes: 5 << 20,
        events: 1000,
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

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    parse_step(&mut criterion);
    split_step(&mut criterion);
    criterion.final_summary();
}
