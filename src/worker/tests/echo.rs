//! A gateway that answers with what it was sent, and the means to talk to it byte by byte.

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;

use crate::error::{Code, Refusal};
use crate::http::{Admitted, Deadlines, Head, ResponseWriter, Service, Ticket};
use crate::runtime::{Driver, sleep, spawn};
use crate::worker::{WorkerHandle, WorkerSettings, start};

/// Bytes that a body may have.
pub(super) const BODY_BYTES_MAX: u64 = 200_000;

/// What the gateway saw, for the test's thread.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub accepted: AtomicUsize,
    pub opened: AtomicUsize,
    pub closed: AtomicUsize,
}

/// Answers `METHOD path body`. Paths have meanings: `/slow` answers after 300 ms, `/forbidden` is
/// refused before its body, `/never` is not answered at all, `/peer` says who asks.
#[derive(Default)]
pub(super) struct Echo {
    pub seen: Arc<Seen>,
}

pub(super) struct EchoTicket {
    status: u16,
    body: Vec<u8>,
    ready: Rc<Gate>,
}

#[derive(Default)]
struct Gate {
    open: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

fn ticket(status: u16, body: Vec<u8>, ready: bool) -> EchoTicket {
    let gate = Rc::new(Gate::default());
    gate.open.set(ready);
    EchoTicket {
        status,
        body,
        ready: gate,
    }
}

impl Service for Echo {
    type Permit = u32;
    type Ticket = EchoTicket;

    fn admit(
        &self,
        head: &Head<'_>,
        peer: SocketAddr,
        _: Option<u64>,
    ) -> Result<Admitted<u32>, EchoTicket> {
        if head.path() == "/peer" {
            return Err(ticket(200, peer.to_string().into_bytes(), true));
        }
        if head.path() == "/forbidden" {
            return Err(ticket(403, b"forbidden".to_vec(), true));
        }
        Ok(Admitted {
            permit: 7,
            body_bytes_max: BODY_BYTES_MAX,
        })
    }

    fn accept(&self, permit: u32, head: &Head<'_>, _: SocketAddr, body: Bytes) -> EchoTicket {
        assert_eq!(permit, 7);
        self.seen.accepted.fetch_add(1, Ordering::SeqCst);
        let mut answer = format!("{} {} ", head.method(), head.path()).into_bytes();
        answer.extend_from_slice(&body);
        let pending = ticket(200, answer, !matches!(head.path(), "/slow" | "/never"));
        if head.path() == "/slow" {
            let gate = Rc::clone(&pending.ready);
            spawn(async move {
                sleep(Duration::from_millis(300)).await;
                gate.open.set(true);
                let waker = gate.waker.borrow_mut().take();
                waker.into_iter().for_each(Waker::wake);
            });
        }
        pending
    }

    fn refuse(&self, refusal: Refusal) -> EchoTicket {
        ticket(refusal.code.status(), refusal.code.as_str().into(), true)
    }

    fn connection_opened(&self) {
        self.seen.opened.fetch_add(1, Ordering::SeqCst);
    }

    fn connection_closed(&self) {
        self.seen.closed.fetch_add(1, Ordering::SeqCst);
    }
}

impl Ticket for EchoTicket {
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.ready.open.get() {
            return Poll::Ready(());
        }
        *self.ready.waker.borrow_mut() = Some(context.waker().clone());
        Poll::Pending
    }

    fn write(self, writer: ResponseWriter<'_>) {
        writer.write(self.status, &[], &self.body);
    }
}

/// Deadlines short enough for a test, long enough for a busy machine.
pub(super) fn quick() -> Deadlines {
    Deadlines {
        header: Duration::from_millis(400),
        body_idle: Duration::from_millis(400),
        body_rate_min: 1024,
        keep_alive: Duration::from_millis(1200),
        write_idle: Duration::from_millis(400),
        linger: Duration::from_millis(400),
        tick: Duration::from_millis(20),
    }
}

/// A worker on a free port.
pub(super) struct Server {
    pub handle: WorkerHandle,
    pub seen: Arc<Seen>,
}

impl Server {
    /// With the usual deadlines.
    pub(super) fn start(driver: Driver) -> Self {
        Self::with(driver, |_| {})
    }

    /// With other settings.
    pub(super) fn with(driver: Driver, change: impl FnOnce(&mut WorkerSettings)) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut settings = WorkerSettings::new(0, address, driver);
        change(&mut settings);
        let seen = Arc::new(Seen::default());
        let shared = Arc::clone(&seen);
        let handle = start(settings, move |_| Ok(Echo { seen: shared })).unwrap();
        Self { handle, seen }
    }

    pub(super) fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.handle.address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        Client { stream }
    }

    /// Stops the worker and waits for its end.
    pub(super) fn stop(self) -> crate::worker::Drained {
        self.handle.stop.stop();
        self.handle.join().unwrap()
    }
}

/// A client that sends and reads bytes.
pub(super) struct Client {
    pub stream: TcpStream,
}

impl Client {
    pub(super) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// One answer: its head without the date, and its body.
    pub(super) fn answer(&mut self) -> (String, String) {
        let head = self.head();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "))
            .map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        (head, String::from_utf8(body).unwrap())
    }

    /// The status of the next answer and its body.
    pub(super) fn status(&mut self) -> (u16, String) {
        let (head, body) = self.answer();
        (head[9..12].parse().unwrap(), body)
    }

    /// The next head, byte by byte so that nothing behind it is taken.
    pub(super) fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        String::from_utf8(head).unwrap()
    }

    /// All that comes until the server ends the connection; a reset counts as an end.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let mut piece = [0; 4096];
        loop {
            match self.stream.read(&mut piece) {
                Ok(0) => return rest,
                Ok(bytes) => rest.extend_from_slice(&piece[..bytes]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return rest,
                Err(error) => panic!("the server did not end the connection: {error}"),
            }
        }
    }
}

/// Waits until `condition` holds, for a bounded time.
pub(super) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..1000 {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("never: {what}");
}

/// A status word for a code, as `refuse` above writes it.
pub(super) fn refused(code: Code) -> (u16, String) {
    (code.status(), code.as_str().to_owned())
}
