//! Clients that are slow on purpose: each is closed at its deadline, and nobody else notices.

use std::io::{Read, Write};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::echo::{Client, Server, eventually, quick, refused};
use super::stories::{on_both, post};
use crate::error::Code;
use crate::runtime::Driver;

/// Slow clients of each kind.
const EACH: usize = 20;

fn server(driver: Driver) -> Server {
    Server::with(driver, |settings| settings.deadlines = quick())
}

/// Asks as a quick client does until `done`, and gives the number of answers.
fn ask_quickly(client: &mut Client, mut done: impl FnMut() -> bool) -> usize {
    let mut answers = 0;
    while !done() {
        client.send(post("/e", "quick"));
        assert_eq!(client.status(), (200, "POST /e quick".to_owned()));
        answers += 1;
        std::thread::sleep(Duration::from_millis(5));
    }
    answers
}

#[test]
fn slow_heads_bodies_and_readers_are_closed_and_harm_nobody() {
    on_both(|driver| {
        let server = server(driver);
        let large = "x".repeat(150_000);
        let mut heads: Vec<Client> = (0..EACH).map(|_| server.connect()).collect();
        let mut bodies: Vec<Client> = (0..EACH).map(|_| server.connect()).collect();
        let mut readers: Vec<Client> = (0..EACH).map(|_| server.connect()).collect();
        for client in &mut heads {
            client.send("POST /e HTTP/1.1\r\nHost: a\r\nX:");
        }
        for client in &mut bodies {
            client.send(&post("/e", "slow")[..post("/e", "slow").len() - 1]);
        }
        for client in &mut readers {
            // More answers than the sockets between hold, and nobody takes them.
            client.stream.set_nonblocking(true).unwrap();
            let request = post("/e", &large);
            for _ in 0..100 {
                if client.stream.write(request.as_bytes()).is_err() {
                    break;
                }
            }
            client.stream.set_nonblocking(false).unwrap();
        }
        let mut quick = server.connect();
        let closed = || server.seen.closed.load(Ordering::SeqCst);
        let began = Instant::now();
        let answers = ask_quickly(&mut quick, || {
            assert!(
                began.elapsed() < Duration::from_secs(20),
                "closed: {}",
                closed()
            );
            closed() == 3 * EACH
        });
        assert!(answers > 5, "{answers}");
        for client in heads.iter_mut().chain(&mut bodies) {
            assert_eq!(client.status(), refused(Code::RequestTimeout));
        }
        server.stop();
    });
}

#[test]
fn a_body_in_chunks_has_the_same_deadlines() {
    on_both(|driver| {
        let server = server(driver);
        let head = "POST /e HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        for part in [
            "",
            "5",
            "5\r\n",
            "5\r\nabc",
            "1\r\na\r\n",
            "0\r\n",
            "0\r\nA: b",
        ] {
            let mut client = server.connect();
            client.send(format!("{head}{part}"));
            assert_eq!(client.status(), refused(Code::RequestTimeout), "{part:?}");
            assert_eq!(client.rest(), b"");
        }
        // One byte at a time is no way around the rate: 25 bytes a second here.
        let mut drip = server.connect();
        drip.send(format!("{head}ffff\r\n"));
        drip.stream
            .set_read_timeout(Some(Duration::from_millis(40)))
            .unwrap();
        let mut answer = [0; 12];
        let mut read = 0;
        for _ in 0..200 {
            let _ = drip.stream.write(b"x");
            read = drip.stream.read(&mut answer).unwrap_or(0);
            if read > 0 {
                break;
            }
        }
        assert_eq!(&answer[..read], b"HTTP/1.1 408");
        server.stop();
    });
}

#[test]
fn a_head_that_drips_has_one_deadline_for_all_of_it() {
    on_both(|driver| {
        let server = server(driver);
        let mut client = server.connect();
        client.send("GET / HTTP/1.1\r\n");
        let began = Instant::now();
        let mut sent = 0;
        while server.seen.closed.load(Ordering::SeqCst) == 0 {
            if client.stream.write_all(b"A: b\r\n").is_err() {
                break;
            }
            sent += 1;
            assert!(
                began.elapsed() < Duration::from_secs(10),
                "{sent} lines were waited for"
            );
            std::thread::sleep(Duration::from_millis(50));
            if sent == 20 {
                client.stream.shutdown(std::net::Shutdown::Write).unwrap();
            }
        }
        eventually("it is closed", || {
            server.seen.closed.load(Ordering::SeqCst) == 1
        });
        assert_eq!(client.status(), refused(Code::RequestTimeout));
        server.stop();
    });
}

#[test]
fn what_is_refused_of_a_head_request_has_no_body() {
    on_both(|driver| {
        let server = server(driver);
        for request in [
            "HEAD / HTTP/1.1\r\n\r\n".to_owned(),
            "HEAD / HTTP/9.9\r\nHost: a\r\n\r\n".to_owned(),
            "\r\nHEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc".to_owned(),
            format!("HEAD /{} HTTP/1.1\r\n", "a".repeat(9000)),
            "HEAD / HTTP/1.1\r\nHost".to_owned(),
        ] {
            let mut client = server.connect();
            client.send(&request);
            let head = client.head();
            assert!(
                head.contains("Content-Length: ") && head[9..].starts_with(['4', '5']),
                "{head}"
            );
            client.stream.shutdown(std::net::Shutdown::Write).unwrap();
            assert_eq!(client.rest(), b"", "{request:.40}");
        }
        server.stop();
    });
}
