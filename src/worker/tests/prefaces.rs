//! Connections that begin with a header of the PROXY protocol.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::echo::{Server, eventually, quick};
use super::stories::{on_both, post};
use crate::http::{Preface, ProxyVersion};
use crate::runtime::Driver;

const ASK: &str = "GET /peer HTTP/1.1\r\nHost: a\r\n\r\n";
const LINE: &str = "PROXY TCP4 192.0.2.7 10.0.0.1 4242 80\r\n";
const BINARY: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0C\xC0\0\x02\x07\x0A\0\0\x01\x10\x92\0P";

fn server(driver: Driver, version: ProxyVersion, believed_from: &[&str]) -> Server {
    Server::with(driver, |settings| {
        settings.deadlines = quick();
        settings.preface = Some(Preface {
            version,
            believed_from: believed_from
                .iter()
                .map(|net| net.parse().unwrap())
                .collect(),
        });
    })
}

#[test]
fn the_client_that_the_header_names_is_whose_requests_these_are() {
    on_both(|driver| {
        let server = server(driver, ProxyVersion::Any, &[]);
        for header in [LINE.as_bytes(), BINARY] {
            let mut client = server.connect();
            client.send([header, ASK.as_bytes(), ASK.as_bytes()].concat());
            for _ in 0..2 {
                assert_eq!(client.status(), (200, "192.0.2.7:4242".to_owned()));
            }
            client.send(post("/e", "x"));
            assert_eq!(client.status(), (200, "POST /e x".to_owned()));
        }
        for header in [LINE.as_bytes(), BINARY] {
            let mut client = server.connect();
            for byte in [header, ASK.as_bytes()].concat() {
                client.send([byte]);
            }
            assert_eq!(client.status(), (200, "192.0.2.7:4242".to_owned()));
        }
        // The balancer's own connections name nobody.
        let mut client = server.connect();
        client.send(format!("PROXY UNKNOWN\r\n{ASK}"));
        let own = client.stream.local_addr().unwrap().to_string();
        assert_eq!(client.status(), (200, own));
        drop(client);
        server.stop();
    });
}

#[test]
fn a_connection_without_the_header_is_closed_unanswered() {
    on_both(|driver| {
        let server = server(driver, ProxyVersion::V2, &[]);
        let much = "\r\n\r\n\0\r\nQUIT\n\x21\x11\u{7f}\u{7f}".to_owned() + &"x".repeat(5000);
        for bytes in [ASK, LINE, "PROXY UNK", &much, "\r\n\r\n\r\n"] {
            let mut client = server.connect();
            client.send(bytes);
            assert_eq!(client.rest(), b"", "{bytes:.40}");
        }
        // Half of one, or nothing at all, has the deadline of a head: 400 ms here.
        let mut half = server.connect();
        half.send(&BINARY[..20]);
        let mut silent = server.connect();
        assert_eq!(half.rest(), b"");
        assert_eq!(silent.rest(), b"");
        eventually("all are closed", || {
            server.seen.closed.load(Ordering::SeqCst) == 7
        });
        let mut good = server.connect();
        good.send([BINARY, ASK.as_bytes()].concat());
        assert_eq!(good.status().0, 200);
        server.stop();
    });
}

#[test]
fn a_header_of_one_who_is_not_trusted_is_passed_over() {
    on_both(|driver| {
        for (believed_from, named) in [("127.0.0.0/8", true), ("10.0.0.0/8", false)] {
            let server = server(driver, ProxyVersion::V1, &[believed_from]);
            let mut client = server.connect();
            client.send(format!("{LINE}{ASK}"));
            let own = client.stream.local_addr().unwrap().to_string();
            let (status, said) = client.status();
            assert_eq!(status, 200);
            assert_eq!(
                said,
                if named {
                    "192.0.2.7:4242".to_owned()
                } else {
                    own
                }
            );
            let mut without = server.connect();
            without.send(ASK);
            assert_eq!(without.rest(), b"");
            drop(client);
            server.stop();
        }
    });
}

#[test]
fn a_stop_does_not_wait_for_headers() {
    on_both(|driver| {
        let server = Server::with(driver, |settings| {
            settings.preface = Some(Preface {
                version: ProxyVersion::Any,
                believed_from: [].into(),
            });
        });
        let mut silent = server.connect();
        eventually("it is there", || {
            server.seen.opened.load(Ordering::SeqCst) == 1
        });
        let began = std::time::Instant::now();
        assert_eq!(server.stop().cut, 0);
        assert_eq!(silent.rest(), b"");
        assert!(began.elapsed() < Duration::from_secs(3));
    });
}
