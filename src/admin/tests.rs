//! The admin port over real sockets.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::*;
use crate::observe::fake::{FakeSources, read};

fn open() -> (AdminHandle, Arc<FakeSources>) {
    let sources = Arc::new(FakeSources::with_numbers());
    let address = "127.0.0.1:0".parse().unwrap();
    let handle = start(address, Arc::clone(&sources) as Arc<dyn Sources>).unwrap();
    (handle, sources)
}

/// Sends these bytes and reads to the end: the head, and the body.
fn send(address: SocketAddr, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let patience = Some(Duration::from_secs(20));
    stream.set_read_timeout(patience).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.to_ascii_lowercase(), body.to_owned())
}

fn ask(address: SocketAddr, method: &str, path: &str) -> (u16, String, String) {
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let (head, body) = send(address, &request);
    (status_of(&head), head, body)
}

fn status_of(head: &str) -> u16 {
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn every_page_answers_with_its_type_and_may_not_be_kept() {
    let (admin, _) = open();
    for (path, status, media_type, part) in [
        ("/", 200, "text/html", "/metrics"),
        ("/health/live", 200, "text/plain", "live"),
        ("/health/ready", 200, "text/plain", "ready"),
        (
            "/metrics",
            200,
            "text/plain; version=0.0.4",
            "# TYPE sluicegate_build_info gauge",
        ),
        ("/status", 200, "application/json", "\"orders\""),
        ("/config", 200, "application/yaml", "sasl.password: '***'"),
        ("/nothing", 404, "text/plain", "There is no such page"),
        ("/metrics/", 404, "text/plain", "There is no such page"),
    ] {
        let (got, head, body) = ask(admin.address(), "GET", path);
        assert_eq!(got, status, "{path}");
        assert!(
            head.contains(&format!("content-type: {media_type}")),
            "{path}: {head}"
        );
        assert!(head.contains("cache-control: no-store"), "{path}: {head}");
        assert!(
            head.contains("x-content-type-options: nosniff"),
            "{path}: {head}"
        );
        assert!(body.contains(part), "{path}: {body}");
        let (same, _, nothing) = ask(admin.address(), "HEAD", path);
        assert_eq!((same, nothing.as_str()), (status, ""), "HEAD {path}");
    }
    admin.stop();
}

#[test]
fn the_scrape_is_valid_and_balances() {
    let (admin, _) = open();
    let (_, _, body) = ask(admin.address(), "GET", "/metrics");
    let read = read(&body);
    assert_eq!(
        read.sum("sluicegate_events_in_total", &[]),
        read.sum("sluicegate_events_total", &[]) + read.sum("sluicegate_events_in_flight", &[])
    );
}

#[test]
fn ready_follows_the_gateway_and_not_its_targets() {
    let (admin, sources) = open();
    // One of the fake's targets is blocked.
    assert_eq!(ask(admin.address(), "GET", "/health/ready").0, 200);
    sources.ready.store(false, Ordering::Relaxed);
    let (status, _, body) = ask(admin.address(), "GET", "/health/ready");
    assert_eq!(
        (status, body.as_str()),
        (503, "not ready: starting or stopping\n")
    );
    assert_eq!(ask(admin.address(), "GET", "/health/live").0, 200);
    sources.ready.store(true, Ordering::Relaxed);
    assert_eq!(ask(admin.address(), "GET", "/health/ready").0, 200);
}

#[test]
fn status_shows_each_target_with_its_queue_and_its_last_error() {
    let (admin, _) = open();
    let (_, _, body) = ask(admin.address(), "GET", "/status");
    let page: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(page["driver"], "epoll");
    assert_eq!(page["ready"], true);
    assert_eq!(page["started"], "2023-11-14T22:13:20Z");
    assert_eq!(page["settings_hash"], "0123456789abcdef");
    assert_eq!(page["routes"][0], "events");
    assert!(page["uptime_seconds"].as_u64().unwrap() > 0);
    let (orders, clicks) = (&page["targets"][0], &page["targets"][1]);
    assert_eq!(
        (&orders["name"], &orders["state"]),
        (&"orders".into(), &"up".into())
    );
    assert!(orders["last_error"].is_null());
    assert_eq!(clicks["state"], "blocked");
    assert_eq!(clicks["room"], "kinesis");
    assert_eq!(clicks["last_error"]["time"], "2023-11-14T22:13:21Z");
    assert_eq!(
        clicks["last_error"]["error"],
        "access_denied: no kinesis:PutRecords"
    );
    assert_eq!(
        clicks["queue"],
        serde_json::json!({
            "bytes": 1024, "limit_bytes": 64 << 20, "records": 3, "oldest_seconds": 1.5
        })
    );
    assert_eq!(clicks["inflight_calls"], 1);
}

#[test]
fn only_reading_requests_to_a_local_host_are_answered() {
    let (admin, _) = open();
    let address = admin.address();
    let port = address.port();
    for (start, status) in [
        (
            format!("GET /status HTTP/1.1\r\nHost: localhost:{port}"),
            200,
        ),
        ("GET /status HTTP/1.1\r\nHost: 192.168.7.7".to_owned(), 200),
        (
            format!("GET http://127.0.0.1:{port}/status HTTP/1.1\r\nHost: localhost"),
            200,
        ),
        ("GET /health/live HTTP/1.0".to_owned(), 200),
        (
            "GET /status HTTP/1.1\r\nHost: rebound.example".to_owned(),
            421,
        ),
        (
            format!("GET /status HTTP/1.1\r\nHost: rebound.example:{port}"),
            421,
        ),
        ("GET /status HTTP/1.1\r\nHost: ".to_owned(), 421),
        ("GET /status HTTP/1.1\r\nHost: \u{e9}".to_owned(), 421),
        (
            "GET http://rebound.example/status HTTP/1.1\r\nHost: localhost".to_owned(),
            421,
        ),
        ("GET /status HTTP/1.1".to_owned(), 400),
        (
            "GET /status HTTP/1.1\r\nHost: localhost\r\nHost: localhost".to_owned(),
            400,
        ),
        (
            "POST /status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0".to_owned(),
            405,
        ),
        ("DELETE /config HTTP/1.1\r\nHost: localhost".to_owned(), 405),
        (
            "OPTIONS /status HTTP/1.1\r\nHost: localhost".to_owned(),
            405,
        ),
        (
            "POST /status HTTP/1.1\r\nHost: rebound.example".to_owned(),
            421,
        ),
    ] {
        let (head, body) = send(address, &format!("{start}\r\nConnection: close\r\n\r\n"));
        assert_eq!(status_of(&head), status, "{start}");
        assert!(head.contains("cache-control: no-store"), "{start}");
        assert_eq!(
            head.contains("allow: get, head"),
            status == 405,
            "{start}: {head}"
        );
        assert!(!body.contains("rebound"), "what was sent is not sent back");
        if status != 200 {
            assert!(!body.contains("orders"), "{start}: {body}");
        }
    }
}

#[test]
fn what_is_not_http_is_refused_and_costs_only_its_connection() {
    let (admin, _) = open();
    let long = format!(
        "GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "a".repeat(1 << 20)
    );
    for hostile in [
        "\0\0\0\0\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        &long,
    ] {
        let mut stream = TcpStream::connect(admin.address()).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        // The port may close before all of it is written.
        let _ = stream.write_all(hostile.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{answer}"
        );
    }
    assert_eq!(ask(admin.address(), "GET", "/health/live").0, 200);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let (admin, sources) = open();
    let taken = admin.address();
    let error = start(taken, sources as Arc<dyn Sources>).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert!(error.to_string().contains(&taken.to_string()), "{error}");
}

#[test]
fn stopping_closes_the_port_even_while_a_client_keeps_its_connection() {
    let (admin, _) = open();
    let address = admin.address();
    let mut kept = TcpStream::connect(address).unwrap();
    kept.write_all(b"GET /health/li").unwrap();
    let asked = Instant::now();
    admin.stop();
    assert!(asked.elapsed() < Duration::from_secs(5));
    assert!(TcpStream::connect(address).is_err());
}
