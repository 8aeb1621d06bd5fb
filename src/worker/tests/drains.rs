//! How a core stops, and what its connections cost.

use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::echo::{Echo, Seen, Server, eventually};
use super::stories::{on_both, post};
use crate::http::{Deadlines, Edge, serve};
use crate::runtime::{Driver, Listener, Runtime, bind, doorbell, spawn};
use crate::worker::{Drained, WorkerSettings, start};

#[test]
fn a_stop_gives_the_answers_that_are_owed_and_ends_what_is_idle() {
    on_both(|driver| {
        let server = Server::start(driver);
        let mut idle = server.connect();
        let mut fresh = server.connect();
        let mut waiting = server.connect();
        let mut sending = server.connect();
        idle.send(post("/e", "x"));
        assert_eq!(idle.status().0, 200);
        waiting.send(post("/slow", "y") + &post("/slow", "z"));
        let late = post("/e", "late");
        sending.send(&late[..late.len() - 2]);
        eventually("it is taken", || {
            server.seen.accepted.load(Ordering::SeqCst) == 3
        });
        server.handle.stop.stop();
        assert_eq!(idle.rest(), b"");
        assert_eq!(fresh.rest(), b"");
        sending.send(&late[late.len() - 2..]);
        let (head, body) = sending.answer();
        assert_eq!(body, "POST /e late");
        assert!(head.contains("Connection: close"), "{head}");
        assert!(!waiting.answer().0.contains("Connection: close"));
        assert!(waiting.answer().0.contains("Connection: close"));
        assert_eq!(waiting.rest(), b"");
        drop(sending);
        let address = server.handle.address;
        let drained = server.handle.join().unwrap();
        assert_eq!(drained, Drained { cut: 0, idle: true });
        assert!(std::net::TcpStream::connect(address).is_err());
    });
}

#[test]
fn what_cannot_be_answered_in_time_is_cut() {
    on_both(|driver| {
        let server = Server::with(driver, |settings| {
            settings.drain_max = Duration::from_millis(300);
        });
        let mut client = server.connect();
        client.send(post("/never", "x"));
        eventually("it is taken", || {
            server.seen.accepted.load(Ordering::SeqCst) == 1
        });
        let seen = std::sync::Arc::clone(&server.seen);
        assert_eq!(server.stop().cut, 1);
        assert_eq!(seen.closed.load(Ordering::SeqCst), 1);
        assert_eq!(client.rest(), b"");
    });
}

#[test]
fn connections_over_the_bound_wait_for_a_place() {
    on_both(|driver| {
        let server = Server::with(driver, |settings| settings.connections_max = 2);
        let mut first = server.connect();
        let mut second = server.connect();
        for client in [&mut first, &mut second] {
            client.send(post("/e", "x"));
            assert_eq!(client.status().0, 200);
        }
        let mut third = server.connect();
        third.send(post("/e", "y"));
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(server.seen.opened.load(Ordering::SeqCst), 2);
        drop(first);
        assert_eq!(third.status().0, 200);
        drop((second, third));
        server.stop();
    });
}

#[test]
fn an_address_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = Server::start(Driver::Epoll);
    for address in [taken.local_addr().unwrap(), other.handle.address] {
        let settings = WorkerSettings::new(0, address, Driver::Epoll);
        let error = start(settings, |_| Ok(Echo::default()))
            .unwrap_err()
            .to_string();
        assert!(error.contains(&address.to_string()), "{error}");
        assert!(error.contains("in use"), "{error}");
    }
    other.stop();
}

#[test]
fn cores_share_an_address() {
    on_both(|driver| {
        let first = Server::start(driver);
        let second = Server::with(driver, |settings| {
            settings.core = 1;
            settings.address = first.handle.address;
        });
        // The kernel spreads connections by their ports; each core gets some of them.
        for _ in 0..64 {
            let mut client = first.connect();
            client.send(post("/e", "x"));
            assert_eq!(client.status().0, 200);
        }
        let taken = [&first, &second].map(|server| server.seen.accepted.load(Ordering::SeqCst));
        assert_eq!(taken[0] + taken[1], 64);
        assert!(taken.iter().all(|count| *count > 0), "{taken:?}");
        first.stop();
        let mut client = second.connect();
        client.send(post("/e", "x"));
        assert_eq!(client.status().0, 200);
        drop(client);
        second.stop();
    });
}

#[test]
fn a_bell_that_is_rung_wakes_its_core_and_one_that_is_not_armed_costs_nothing() {
    on_both(|driver| {
        let (sender, receiver) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            Runtime::build(driver).unwrap().run(async move {
                let (ringer, mut bell) = doorbell().unwrap();
                sender.send(ringer).unwrap();
                for _ in 0..3 {
                    assert!(bell.may_wait(|| true));
                    bell.wait().await.unwrap();
                }
            });
        });
        let ringer = receiver.recv().unwrap();
        // Rings that come before the bell is armed are lost on purpose: the queue is looked at
        // after arming. Here there is no queue, so the ringing goes on until the core has ended.
        while !thread.is_finished() {
            ringer.ring();
            std::thread::sleep(Duration::from_millis(1));
        }
        thread.join().unwrap();
        ringer.ring();
    });
    assert!(doorbell().is_err(), "a bell belongs to a core");
}

/// The bound is 8 KiB in all. Measured once over 2,000 connections that had served a 512-byte POST:
/// 6.8 KB each on epoll, 6.1 KB on io_uring, the clients' sockets in the same process included. The
/// buffer has 4 KiB of it; what this test watches is the future.
#[test]
fn an_idle_connection_is_small() {
    Runtime::build(Driver::Epoll).unwrap().run(async {
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, peer) = Listener::on_core(listener).unwrap().accept().await.unwrap();
        let seen = std::sync::Arc::new(Seen::default());
        let edge = Rc::new(Edge::new(Echo { seen }, Deadlines::default()));
        let future = serve(Rc::clone(&edge), stream, peer);
        let bytes = size_of_val(&future);
        assert!(bytes < 1536, "the future of a connection has {bytes} bytes");
        drop(client);
        spawn(future);
        edge.closed().wait().await;
    });
}
