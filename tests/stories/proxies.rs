//! Load balancers before the gateway: whose request it is, and whether the gateway lives.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::kit::{Answer, Client, Gateway, Request, Stub, eventually, gateway, stub_target};

const RECORD: &str = "{ partition_key: '${request.source_ip}', data: '${event}' }";

fn scene(stub: &Stub, server: &[&str]) -> Gateway {
    let opening = gateway()
        .target("clicks", &stub_target(stub, "kinesis"))
        .route("POST /clicks", "clicks", RECORD);
    server
        .iter()
        .fold(opening, |opening, key| opening.server(key))
        .start()
}

fn post(client: &mut Client, fields: &[(&str, &str)]) -> Answer {
    let json = [("Content-Type", "application/json")];
    client.send(&Request {
        method: "POST",
        target: "/clicks",
        fields: &[&json, fields].concat(),
        body: b"{}",
    })
}

/// The partition keys that were stored, in their order.
fn sources(stub: &Stub) -> Vec<String> {
    let store = stub.store();
    let stored = store.all().iter();
    stored.map(|stored| stored.entry.key.clone()).collect()
}

#[test]
fn the_mapping_sees_the_client_that_a_trusted_proxy_names() {
    let stub = Stub::start();
    let gateway = scene(&stub, &["trusted_proxies: [127.0.0.0/8, 10.0.0.0/8]"]);
    let mut client = gateway.client();
    let told: &[(&[(&str, &str)], &str)] = &[
        (&[], "127.0.0.1"),
        (
            &[("X-Forwarded-For", "6.6.6.6, 192.0.2.7, 10.1.1.1")],
            "192.0.2.7",
        ),
        (
            &[("Forwarded", "for=\"[2001:db8::7]:80\";proto=https")],
            "2001:db8::7",
        ),
        (
            &[("Forwarded", "for=1.1.1.1"), ("X-Forwarded-For", "2.2.2.2")],
            "0.0.0.0",
        ),
        (&[("X-Forwarded-For", "' OR 1=1")], "0.0.0.0"),
    ];
    for (fields, _) in told {
        post(&mut client, fields).is(200);
    }
    let expected: Vec<&str> = told.iter().map(|(_, source)| *source).collect();
    assert_eq!(sources(&stub), expected);
    gateway.stop();
}

#[test]
fn nobody_is_believed_unless_the_file_says_so() {
    let stub = Stub::start();
    for server in [&[][..], &["trusted_proxies: [10.0.0.0/8]"]] {
        let gateway = scene(&stub, server);
        let lies = [("X-Forwarded-For", "6.6.6.6"), ("Forwarded", "for=6.6.6.6")];
        post(&mut gateway.client(), &lies).is(200);
        gateway.stop();
    }
    assert_eq!(sources(&stub), ["127.0.0.1", "127.0.0.1"]);
}

#[test]
fn a_header_of_the_proxy_protocol_names_the_client_of_a_connection() {
    let stub = Stub::start();
    for driver in ["epoll", "auto"] {
        let keys = [
            "proxy_protocol: any",
            "trusted_proxies: [192.0.2.0/24, 127.0.0.1]",
        ];
        let opening = gateway()
            .target("clicks", &stub_target(&stub, "kinesis"))
            .route("POST /clicks", "clicks", RECORD)
            .server(keys[0])
            .server(keys[1])
            .with("--driver")
            .with(driver);
        let gateway = opening.start();
        let request = "POST /clicks HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\
                       X-Forwarded-For: 203.0.113.5\r\nConnection: close\r\n\r\n{}";
        for header in [
            &b"PROXY TCP4 198.51.100.9 10.0.0.1 4242 80\r\n"[..],
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0C\xC6\x33\x64\x09\x0A\0\0\x01\x10\x92\0P",
            // One proxy names another that is trusted, which names the client.
            b"PROXY TCP4 192.0.2.1 10.0.0.1 4242 80\r\n",
        ] {
            let answer = exchange(&gateway, &[header, request.as_bytes()].concat());
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
        assert_eq!(exchange(&gateway, request.as_bytes()), "");
        eventually("the operator is told", || {
            gateway.logged("proxy_header.missing").is_some()
        });
        gateway.stop();
    }
    let each = ["198.51.100.9", "198.51.100.9", "203.0.113.5"];
    assert_eq!(sources(&stub), [each, each].concat());
}

fn exchange(gateway: &Gateway, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(gateway.http).unwrap();
    let patience = Some(Duration::from_secs(10));
    stream.set_read_timeout(patience).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = String::new();
    // A connection that is closed with bytes unread may be reset.
    let _ = stream.read_to_string(&mut answer);
    answer
}

#[test]
fn a_load_balancer_asks_at_the_health_path() {
    let stub = Stub::start();
    let gateway = scene(&stub, &["health_path: /healthz"]);
    let mut client = gateway.client();
    let answer = client.get("/healthz").is(200);
    assert_eq!(answer.text(), "live\n");
    assert_eq!(answer.field("cache-control"), Some("no-store"));
    client.get("/healthz?verbose").is(200);
    client.get("/healthz/").is(404);
    let answer = client.post("/healthz", "{}").is(405);
    assert_eq!(answer.field("allow"), Some("GET, HEAD"));
    let head = exchange(
        &gateway,
        b"HEAD /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    );
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(
        head.contains("Content-Length: 5\r\n") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
    // Whoever watches the traffic does not see the questions of load balancers.
    assert_eq!(gateway.metric("sluicegate_requests_total", &["200"]), 0.0);
    gateway.stop();
}

#[test]
fn a_gateway_that_stops_says_so_at_the_health_path() {
    let stub = Stub::start();
    let gateway = scene(&stub, &["health_path: /healthz"]);
    let mut stream = TcpStream::connect(gateway.http).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    // A connection that still sends while the gateway stops: the request that it began is served.
    let request = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    stream.write_all(&request[..20]).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    gateway.signal("-TERM");
    eventually("the gateway drains", || {
        TcpStream::connect(gateway.http).is_err() || gateway.page("/health/ready").status == 503
    });
    std::thread::sleep(Duration::from_millis(200));
    stream.write_all(&request[20..]).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(
        answer.contains("\"stopping\"") && answer.contains("Retry-After: "),
        "{answer}"
    );
    gateway.ends_well();
}
