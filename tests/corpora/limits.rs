//! Each limit of the edge and of a route at one less, at itself and at one more: the exact status,
//! every time. `SLUICEGATE_LONG=1` asks 100,000 times at each limit, else a few thousand.

use std::net::SocketAddr;

use sluicegate::limits::{
    CHUNK_EXTENSION_BYTES_MAX, HEADER_BLOCK_BYTES_MAX, HEADER_FIELDS_MAX, REQUEST_LINE_BYTES_MAX,
    TRAILER_BYTES_MAX,
};

use crate::edge::{Edge, drivers};
use crate::talk::Talk;
use crate::{all_at_once, say};

const REQUEST_BYTES: usize = 8 * 1024;
const EVENT_BYTES: usize = 1024;
const EVENTS: usize = 10;

const FILE: &str = "\
server: { http: \"127.0.0.1:0\", admin: \"127.0.0.1:0\" }
targets: { all: { discard: {} } }
defaults: { auth: none }
routes:
  - route: POST /raw
    accept: { formats: [raw], request_bytes: 8KiB }
    to: [ { target: all } ]
  - route: POST /{p}
    accept: { formats: [raw] }
    to: [ { target: all } ]
  - route: POST /v1/json
    accept: { formats: [json, ndjson, json-array], event_bytes: 1KiB, events: 10, request_bytes: 64KiB }
    to: [ { target: all } ]
";

/// A limit: a request of so many of what it bounds, the most that is taken, and what is said past
/// it.
struct Limit {
    name: &'static str,
    most: usize,
    past: (u16, &'static str),
    request: fn(usize) -> Vec<u8>,
}

const LIMITS: [Limit; 10] = [
    Limit {
        name: "request line, bytes",
        most: REQUEST_LINE_BYTES_MAX,
        past: (414, "uri_too_long"),
        request: |bytes| {
            let path = "p".repeat(bytes - "POST / HTTP/1.1".len());
            format!("POST /{path} HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx").into()
        },
    },
    Limit {
        name: "header block, bytes",
        most: HEADER_BLOCK_BYTES_MAX,
        past: (431, "headers_too_large"),
        request: |bytes| {
            let head = "POST /raw HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nX: ";
            let value = "v".repeat(bytes - head.len() - 4);
            format!("{head}{value}\r\n\r\nx").into()
        },
    },
    Limit {
        name: "fields",
        most: HEADER_FIELDS_MAX,
        past: (431, "headers_too_large"),
        request: |fields| {
            let more = "X: v\r\n".repeat(fields - 2);
            format!("POST /raw HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n{more}\r\nx").into()
        },
    },
    Limit {
        name: "body with a length, bytes",
        most: REQUEST_BYTES,
        past: (413, "request_too_large"),
        request: |bytes| post("/raw", "text/plain", &"b".repeat(bytes)),
    },
    Limit {
        name: "body in chunks, bytes",
        most: REQUEST_BYTES,
        past: (413, "request_too_large"),
        request: |bytes| {
            let (one, other) = ("b".repeat(bytes / 2), "b".repeat(bytes - bytes / 2));
            let (size, more) = (one.len(), other.len());
            chunked(&format!(
                "{size:x}\r\n{one}\r\n{more:x}\r\n{other}\r\n0\r\n\r\n"
            ))
        },
    },
    Limit {
        name: "chunk extension, bytes",
        most: CHUNK_EXTENSION_BYTES_MAX,
        past: (400, "request_malformed"),
        request: |bytes| {
            let value = "v".repeat(bytes - ";a=".len());
            chunked(&format!("1;a={value}\r\nx\r\n0\r\n\r\n"))
        },
    },
    Limit {
        name: "trailers, bytes",
        most: TRAILER_BYTES_MAX,
        past: (400, "request_malformed"),
        request: |bytes| {
            let value = "v".repeat(bytes - "A: b\r\nX: \r\n".len());
            chunked(&format!("1\r\nx\r\n0\r\nA: b\r\nX: {value}\r\n\r\n"))
        },
    },
    Limit {
        name: "event, bytes",
        most: EVENT_BYTES,
        past: (413, "event_too_large"),
        request: |bytes| {
            let text = "e".repeat(bytes - "{\"a\":\"\"}".len());
            post(
                "/v1/json",
                "application/json",
                &format!("{{\"a\":\"{text}\"}}"),
            )
        },
    },
    Limit {
        name: "events in lines",
        most: EVENTS,
        past: (413, "too_many_events"),
        request: |events| {
            post(
                "/v1/json",
                "application/x-ndjson",
                &"{\"a\":1}\n".repeat(events),
            )
        },
    },
    Limit {
        name: "events in an array",
        most: EVENTS,
        past: (413, "too_many_events"),
        request: |events| {
            let body = format!("[{}]", vec!["{\"a\":1}"; events].join(","));
            post("/v1/json", "application/json", &body)
        },
    },
];

fn post(path: &str, kind: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}")
        .into()
}

fn chunked(body: &str) -> Vec<u8> {
    format!("POST /raw HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}").into()
}

#[test]
fn at_each_limit_the_status_is_exact() {
    let times: usize = match std::env::var_os("SLUICEGATE_LONG") {
        Some(_) => 100_000,
        None => 1_500,
    };
    for driver in drivers() {
        let edge = Edge::start(driver, FILE, sluicegate::http::Deadlines::default());
        for limit in &LIMITS {
            let requests =
                [-1, 0, 1].map(|more| (limit.request)(limit.most.wrapping_add_signed(more)));
            let parts: Vec<usize> = vec![times / 8; 8];
            let counted = all_at_once(&parts, 8, |part| ask(edge.address, limit, &requests, *part));
            let counted: usize = counted.iter().sum();
            say(&format!(
                "limit on {driver}: {}: {counted} requests at {} ± 1",
                limit.name, limit.most
            ));
        }
    }
}

/// Asks so many times, one size after the other, and gives the number of exact answers.
fn ask(address: SocketAddr, limit: &Limit, requests: &[Vec<u8>; 3], times: usize) -> usize {
    let mut talk = Talk::to(address);
    for time in 0..times {
        let size = time % 3;
        if talk.closed {
            talk = Talk::to(address);
        }
        talk.send(&requests[size]);
        let answer = talk
            .answer()
            .unwrap_or_else(|| panic!("{}: no answer to {}", limit.name, limit.most + size - 1));
        let expected = if size == 2 { limit.past } else { (200, "") };
        let got = (answer.status, answer.code());
        assert_eq!(
            (got.0, got.1.as_str()),
            expected,
            "{} {}",
            limit.name,
            limit.most + size - 1
        );
        if answer.closes() {
            assert_eq!(size, 2, "{}: closed at or below the limit", limit.name);
            assert_eq!(talk.rest(), [], "{}", limit.name);
            talk.closed = true;
        }
    }
    times
}
