//! What a client sees, told once and run on both drivers.

use std::io::Read;
use std::net::Shutdown;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::echo::{BODY_BYTES_MAX, Server, eventually, quick, refused};
use crate::error::Code;
use crate::limits::{HEADER_BLOCK_BYTES_MAX, REQUEST_LINE_BYTES_MAX};
use crate::runtime::Driver;

/// Runs a story on both drivers. A machine without io_uring says so and runs it on epoll alone.
pub(super) fn on_both(story: impl Fn(Driver)) {
    story(Driver::Epoll);
    if monoio::utils::detect_uring() {
        story(Driver::Uring);
    } else {
        eprintln!("SKIPPED on io_uring: this kernel has none");
    }
}

/// A POST with a body.
pub(super) fn post(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn the_driver_that_was_asked_for_is_the_one_that_runs() {
    on_both(|driver| {
        let server = Server::start(driver);
        let name = server.handle.driver_name;
        assert_eq!(
            name.starts_with("io_uring"),
            driver == Driver::Uring,
            "{name}"
        );
        server.stop();
    });
    Server::start(Driver::Auto).stop();
}

#[test]
fn a_connection_serves_one_request_after_the_other() {
    on_both(|driver| {
        let server = Server::start(driver);
        let mut client = server.connect();
        for round in 0..5 {
            let body = format!("event {round}");
            client.send(post("/e", &body));
            assert_eq!(client.status(), (200, format!("POST /e {body}")));
        }
        client.send("GET /g?q HTTP/1.1\r\nHost: a\r\n\r\n");
        let (head, body) = client.answer();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\nDate: "), "{head}");
        assert!(!head.contains("Connection"), "{head}");
        assert_eq!(body, "GET /g ");
        client.send("HEAD /h HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(client.head().contains("Content-Length: 8\r\n"));
        client.send("GET /c HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        assert!(client.answer().0.contains("Connection: close\r\n"));
        assert_eq!(client.rest(), b"");
        assert_eq!(server.stop().cut, 0);
    });
}

#[test]
fn http_1_0_stays_only_when_asked_to() {
    on_both(|driver| {
        let server = Server::start(driver);
        let mut client = server.connect();
        client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        assert!(client.answer().0.contains("Connection: keep-alive\r\n"));
        client.send("GET / HTTP/1.0\r\n\r\n");
        assert!(client.answer().0.contains("Connection: close\r\n"));
        assert_eq!(client.rest(), b"");
        server.stop();
    });
}

#[test]
fn pipelined_requests_are_answered_in_order_with_one_write() {
    on_both(|driver| {
        let server = Server::start(driver);
        let mut client = server.connect();
        let all: String = (0..20).map(|n| post(&format!("/{n}"), "x")).collect();
        client.send(all);
        // One write of the server is one segment on the loopback, so one read takes it whole.
        std::thread::sleep(Duration::from_millis(100));
        let mut answers = vec![0; 64 * 1024];
        let bytes = client.stream.read(&mut answers).unwrap();
        let text = String::from_utf8_lossy(&answers[..bytes]).into_owned();
        let bodies: Vec<&str> = text.split("POST ").skip(1).collect();
        assert_eq!(bodies.len(), 20);
        for (n, body) in bodies.iter().enumerate() {
            assert!(body.starts_with(&format!("/{n} x")), "{n}: {body}");
        }
        // More than may wait at once, the first of them slow: all are answered, in order.
        let many: String = (0..200).map(|n| post(&format!("/{n}"), "y")).collect();
        client.send(post("/slow", "z") + &many);
        assert_eq!(client.status(), (200, "POST /slow z".to_owned()));
        for n in 0..200 {
            assert_eq!(client.status(), (200, format!("POST /{n} y")));
        }
        server.stop();
    });
}

#[test]
fn a_body_may_come_in_chunks_and_in_any_pieces() {
    on_both(|driver| {
        let server = Server::start(driver);
        let mut client = server.connect();
        let head = "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        let whole = format!("{head}3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: v\r\n\r\n");
        client.send(&whole);
        assert_eq!(client.status(), (200, "POST /c abcde".to_owned()));
        for byte in whole.as_bytes().iter().chain(post("/b", "fg").as_bytes()) {
            client.send([*byte]);
        }
        assert_eq!(client.status(), (200, "POST /c abcde".to_owned()));
        assert_eq!(client.status(), (200, "POST /b fg".to_owned()));
        // Large enough that the buffer grows, in both framings, with a request behind each.
        let large = "0123456789".repeat(19_000);
        let piece = &large[..65_000];
        let chunks = format!("{:x}\r\n{piece}\r\n", piece.len()).repeat(3);
        client.send(format!("{head}{chunks}0\r\n\r\n{}", post("/1", "")));
        assert_eq!(client.status().1.len(), "POST /c ".len() + 3 * piece.len());
        assert_eq!(client.status(), (200, "POST /1 ".to_owned()));
        client.send(post("/l", &large) + &post("/2", "small"));
        assert_eq!(client.status(), (200, format!("POST /l {large}")));
        assert_eq!(client.status(), (200, "POST /2 small".to_owned()));
        server.stop();
    });
}

#[test]
fn a_client_that_asks_is_told_to_continue_only_once_it_was_admitted() {
    on_both(|driver| {
        let server = Server::start(driver);
        let asking = |path: &str, length: u64| {
            format!(
                "POST {path} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\
                 Content-Length: {length}\r\n\r\n"
            )
        };
        let mut client = server.connect();
        client.send(asking("/e", 2));
        assert_eq!(client.head(), "HTTP/1.1 100 Continue\r\n\r\n");
        client.send("ok");
        assert_eq!(client.status(), (200, "POST /e ok".to_owned()));
        // An answer that is owed comes first.
        client.send(post("/slow", "") + &asking("/f", 1));
        assert_eq!(client.status(), (200, "POST /slow ".to_owned()));
        assert_eq!(client.head(), "HTTP/1.1 100 Continue\r\n\r\n");
        client.send("k");
        assert_eq!(client.status(), (200, "POST /f k".to_owned()));
        // A body that is there already needs no telling.
        client.send(asking("/g", 1) + "l");
        assert_eq!(client.status(), (200, "POST /g l".to_owned()));
        for (path, length, status) in [("/forbidden", 2, 403), ("/e", BODY_BYTES_MAX + 1, 413)] {
            let mut client = server.connect();
            client.send(asking(path, length));
            assert_eq!(client.status().0, status);
            assert_eq!(client.rest(), b"");
        }
        server.stop();
    });
}

#[test]
fn a_request_that_is_refused_at_its_head_costs_its_body_only() {
    on_both(|driver| {
        let server = Server::start(driver);
        let mut client = server.connect();
        client.send(post("/forbidden", "dropped") + &post("/e", "kept"));
        assert_eq!(client.status(), (403, "forbidden".to_owned()));
        assert_eq!(client.status(), (200, "POST /e kept".to_owned()));
        client.send(
            "POST /forbidden HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
             1\r\nx\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        );
        assert_eq!(client.status().0, 403);
        assert_eq!(client.status(), (200, "GET / ".to_owned()));
        // A large body is not worth it: the connection ends, and the answer is not lost.
        client.send(post("/forbidden", &"x".repeat(150_000)));
        assert_eq!(client.status().0, 403);
        assert_eq!(client.rest(), b"");
        server.stop();
    });
}

#[test]
fn what_breaks_a_rule_or_a_limit_is_answered_and_the_connection_ends() {
    let long = "a".repeat(HEADER_BLOCK_BYTES_MAX);
    let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let table = [
        (
            "\x16\x03\x01\x02\0\x01\0".to_owned(),
            Code::RequestMalformed,
        ),
        (
            "GET / HTTP/1.1\nHost: a\n\n".to_owned(),
            Code::RequestMalformed,
        ),
        (
            "GET / HTTP/3.0\r\nHost: a\r\n\r\n".to_owned(),
            Code::VersionUnsupported,
        ),
        (
            format!("GET /{}", &long[..REQUEST_LINE_BYTES_MAX]),
            Code::UriTooLong,
        ),
        (
            format!("GET / HTTP/1.1\r\nA: {long}"),
            Code::HeadersTooLarge,
        ),
        (
            format!("GET / HTTP/1.1\r\n{}", "A: b\r\n".repeat(101)),
            Code::HeadersTooLarge,
        ),
        (
            post("/e", "").replace("Length: 0", "Length: 200001"),
            Code::RequestTooLarge,
        ),
        (format!("{chunked}30d41\r\n"), Code::RequestTooLarge),
        (format!("{chunked}x\r\n"), Code::RequestMalformed),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n".to_owned(),
            Code::ExpectationFailed,
        ),
        (
            chunked.replace("chunked", "gzip"),
            Code::TransferCodingUnknown,
        ),
    ];
    on_both(|driver| {
        let server = Server::start(driver);
        for (bytes, code) in &table {
            let mut client = server.connect();
            client.send(bytes);
            let (head, body) = client.answer();
            assert_eq!(body, code.as_str(), "{bytes:.60}");
            assert!(head.contains("Connection: close\r\n"), "{head}");
            // What is still sent is read and dropped, not answered.
            let _ = std::io::Write::write_all(&mut client.stream, post("/x", "y").as_bytes());
            client.stream.shutdown(Shutdown::Write).unwrap();
            assert_eq!(client.rest(), b"");
        }
        server.stop();
    });
}

#[test]
fn waits_have_their_deadlines() {
    on_both(|driver| {
        let server = Server::with(driver, |settings| settings.deadlines = quick());
        let mut slow_head = server.connect();
        let mut slow_body = server.connect();
        let mut trickle = server.connect();
        let mut silent = server.connect();
        let mut kept = server.connect();
        slow_head.send("POST /e HTTP/1.1\r\nHo");
        slow_body.send(&post("/e", "abc")[..post("/e", "abc").len() - 1]);
        trickle.send(post("/e", "").replace("Length: 0", "Length: 1000"));
        kept.send(post("/e", "x"));
        assert_eq!(kept.status().0, 200);
        for _ in 0..40 {
            // 10 bytes each 40 ms are 250 bytes a second.
            if std::io::Write::write_all(&mut trickle.stream, b"0123456789").is_err() {
                break;
            }
            std::thread::sleep(Duration::from_millis(40));
        }
        assert_eq!(slow_head.status(), refused(Code::RequestTimeout));
        assert_eq!(slow_body.status(), refused(Code::RequestTimeout));
        assert_eq!(trickle.status(), refused(Code::RequestTimeout));
        for client in [
            &mut slow_head,
            &mut slow_body,
            &mut trickle,
            &mut silent,
            &mut kept,
        ] {
            // Between requests there is nobody to tell.
            assert_eq!(client.rest(), b"");
        }
        eventually("all are closed", || {
            server.seen.closed.load(Ordering::SeqCst) == 5
        });
        server.stop();
    });
}

#[test]
fn a_client_that_does_not_take_its_answers_is_cut() {
    on_both(|driver| {
        let server = Server::with(driver, |settings| settings.deadlines = quick());
        let mut client = server.connect();
        let body = "x".repeat(150_000);
        // Far more than both sockets hold; the server reads on only as it can write.
        let _ = client
            .stream
            .set_write_timeout(Some(Duration::from_millis(2000)));
        for _ in 0..400 {
            if std::io::Write::write_all(&mut client.stream, post("/e", &body).as_bytes()).is_err()
            {
                break;
            }
        }
        eventually("it is closed", || {
            server.seen.closed.load(Ordering::SeqCst) == 1
        });
        server.stop();
    });
}

#[test]
fn a_request_that_came_whole_is_handed_on_though_its_client_has_gone() {
    on_both(|driver| {
        let server = Server::start(driver);
        let mut client = server.connect();
        client.send(post("/slow", "x"));
        eventually("it is taken", || {
            server.seen.accepted.load(Ordering::SeqCst) == 1
        });
        drop(client);
        let mut half = server.connect();
        half.send(post("/e", "y"));
        half.stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(half.status(), (200, "POST /e y".to_owned()));
        assert_eq!(half.rest(), b"");
        let mut cut_off = server.connect();
        cut_off.send(&post("/e", "abc")[..30]);
        drop(cut_off);
        eventually("all are closed", || {
            server.seen.closed.load(Ordering::SeqCst) == 3
        });
        assert_eq!(server.seen.accepted.load(Ordering::SeqCst), 2);
        server.stop();
    });
}
