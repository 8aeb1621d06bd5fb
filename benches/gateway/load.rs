//! The load: N keep-alive connections, each of which sends its next request when its last one is
//! answered (a closed loop). It runs in a process of its own, reads the server's CPU time itself at
//! both ends of its window, and so pairs it with exactly the events acknowledged in between.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use monoio::buf::IoBufMut;
use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
use monoio::net::TcpStream;
use serde_json::json;

use crate::Failure;
use crate::event::{self, EVENT_BYTES, EventId};
use crate::process::cpu_nanoseconds;

/// What to send, and where.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    /// The server.
    pub(crate) address: SocketAddr,
    /// Its process, for its CPU time.
    pub(crate) server: u32,
    /// The path of the requests.
    pub(crate) path: String,
    /// Connections.
    pub(crate) connections: u16,
    /// Events of one request; more than one are sent as NDJSON.
    pub(crate) events: usize,
    /// Time before the window.
    pub(crate) warm: Duration,
    /// The window.
    pub(crate) window: Duration,
    /// Marks the ids of this measurement.
    pub(crate) run: u32,
    /// Requests a second over all connections, whatever the answers do (an open loop: latency
    /// counts from when a request was due, if the answer before it was late, and else from when it
    /// was sent); 0 for a closed loop.
    pub(crate) rate: f64,
}

impl Load {
    /// Between two requests of one connection; zero for a closed loop.
    fn pause(&self) -> Duration {
        let seconds = f64::from(self.connections) / self.rate;
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO)
    }
}

/// Refused answers after which the measurement ends: it measures acknowledgements, not refusals.
const REFUSALS_MAX: u64 = 10_000;
const ANSWER_FIELDS_MAX: usize = 32;
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Runs the load and prints what came of it as one line of JSON.
pub(crate) fn run(load: Load) -> Result<(), Failure> {
    let shared = Rc::new(Shared::new(load)?);
    if shared.load.rate > 0.0 {
        crate::ring::block_on_with_timers(drive(Rc::clone(&shared)))??;
    } else {
        crate::ring::block_on(drive(Rc::clone(&shared)))??;
    }
    println!("{}", shared.report());
    Ok(())
}

async fn drive(shared: Rc<Shared>) -> Result<(), Failure> {
    let mut tasks = Vec::new();
    for number in 0..shared.load.connections {
        let stream = TcpStream::connect(shared.load.address).await?;
        stream.set_nodelay(true)?;
        tasks.push(monoio::spawn(connection(
            Rc::clone(&shared),
            stream,
            number,
        )));
    }
    for task in tasks {
        task.await?;
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Warming,
    Measuring,
    Over,
}

struct Shared {
    load: Load,
    begun: Instant,
    phase: Cell<Phase>,
    sent: Cell<u64>,
    acknowledged_in_all: Cell<u64>,
    acknowledged: Cell<u64>,
    refused: Cell<u64>,
    first_refusal: RefCell<Option<String>>,
    microseconds: RefCell<Histogram<u64>>,
    opened: Cell<Option<Reading>>,
    closed: Cell<Option<Reading>>,
}

/// The clocks at one end of the window.
#[derive(Clone, Copy)]
struct Reading {
    at: Instant,
    server: u64,
    load: u64,
}

impl Shared {
    fn new(load: Load) -> Result<Self, Failure> {
        Ok(Self {
            load,
            begun: Instant::now(),
            phase: Cell::new(Phase::Warming),
            sent: Cell::new(0),
            acknowledged_in_all: Cell::new(0),
            acknowledged: Cell::new(0),
            refused: Cell::new(0),
            first_refusal: RefCell::new(None),
            microseconds: RefCell::new(Histogram::new_with_bounds(1, 120_000_000, 3)?),
            opened: Cell::new(None),
            closed: Cell::new(None),
        })
    }

    /// Moves the phase on; called after every answer, so that no timer is needed.
    fn tick(&self, now: Instant) -> Result<(), Failure> {
        let passed = now - self.begun;
        if self.phase.get() == Phase::Warming && passed >= self.load.warm {
            self.opened.set(Some(self.reading()?));
            self.phase.set(Phase::Measuring);
        } else if self.phase.get() == Phase::Measuring
            && passed >= self.load.warm + self.load.window
        {
            self.closed.set(Some(self.reading()?));
            self.phase.set(Phase::Over);
        }
        Ok(())
    }

    fn reading(&self) -> Result<Reading, Failure> {
        Ok(Reading {
            at: Instant::now(),
            server: cpu_nanoseconds(self.load.server)?,
            load: cpu_nanoseconds(std::process::id())?,
        })
    }

    fn acknowledge(&self, latency: Duration) {
        let events = self.load.events as u64;
        self.acknowledged_in_all
            .set(self.acknowledged_in_all.get() + events);
        if self.phase.get() == Phase::Measuring {
            self.acknowledged.set(self.acknowledged.get() + events);
            let microseconds = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
            self.microseconds
                .borrow_mut()
                .saturating_record(microseconds);
        }
    }

    fn refuse(&self, status: u16, body: &[u8]) -> Result<(), Failure> {
        self.refused.set(self.refused.get() + 1);
        self.first_refusal
            .borrow_mut()
            .get_or_insert_with(|| format!("{status} {}", String::from_utf8_lossy(body)));
        if self.refused.get() > REFUSALS_MAX {
            let first = self.first_refusal.borrow().clone().unwrap_or_default();
            return Err(format!("too many refusals; the first: {first}").into());
        }
        Ok(())
    }

    fn report(&self) -> serde_json::Value {
        let (window, server, load) = match (self.opened.get(), self.closed.get()) {
            (Some(opened), Some(closed)) => (
                (closed.at - opened.at).as_secs_f64(),
                closed.server.saturating_sub(opened.server),
                closed.load.saturating_sub(opened.load),
            ),
            _ => (0.0, 0, 0),
        };
        let microseconds = self.microseconds.borrow();
        json!({
            "seconds": window,
            "sent": self.sent.get(),
            "acknowledged_in_all": self.acknowledged_in_all.get(),
            "acknowledged": self.acknowledged.get(),
            "refused": self.refused.get(),
            "first_refusal": *self.first_refusal.borrow(),
            "server_nanoseconds": server,
            "load_nanoseconds": load,
            "p50_microseconds": microseconds.value_at_quantile(0.5),
            "p99_microseconds": microseconds.value_at_quantile(0.99),
        })
    }
}

async fn connection(shared: Rc<Shared>, mut stream: TcpStream, number: u16) -> Result<(), Failure> {
    let (mut request, body_at) = request_template(&shared.load);
    let mut answer = Vec::with_capacity(4096);
    let mut sequence = 0_u32;
    let mut before = Instant::now();
    let pause = shared.load.pause();
    // Connections take turns, so that their requests are spread over the time between two.
    let mut due =
        shared.begun + pause.mul_f64(f64::from(number) / f64::from(shared.load.connections));
    while shared.phase.get() != Phase::Over {
        if !pause.is_zero() {
            due += pause;
            before = due;
            let wait = due.saturating_duration_since(Instant::now());
            if !wait.is_zero() {
                monoio::time::sleep(wait).await;
                // The timer's own lateness, a millisecond or two, is not the server's.
                before = Instant::now();
            }
        }
        sequence = stamp_all(&mut request, body_at, shared.load.run, number, sequence);
        shared
            .sent
            .set(shared.sent.get() + shared.load.events as u64);
        let (written, back) = stream.write_all(request).await;
        request = back;
        written?;
        let (status, body);
        (answer, status, body) = read_answer(&mut stream, answer).await?;
        let now = Instant::now();
        if (200..300).contains(&status) {
            shared.acknowledge(now - before);
        } else {
            shared.refuse(status, answer.get(body..).unwrap_or_default())?;
        }
        shared.tick(now)?;
        before = now;
    }
    Ok(())
}

/// The bytes of a request, and the place of its body.
fn request_template(load: &Load) -> (Vec<u8>, usize) {
    let event = event::template();
    let mut body = event.clone();
    for _ in 1..load.events {
        body.push(b'\n');
        body.extend_from_slice(&event);
    }
    let kind = match load.events {
        1 => "application/json",
        _ => "application/x-ndjson",
    };
    let mut request = format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        load.path,
        load.address,
        body.len(),
    )
    .into_bytes();
    let body_at = request.len();
    request.extend_from_slice(&body);
    (request, body_at)
}

/// Gives every event of a request the next id of its connection.
fn stamp_all(
    request: &mut [u8],
    body_at: usize,
    run: u32,
    connection: u16,
    mut sequence: u32,
) -> u32 {
    let body = request.get_mut(body_at..).unwrap_or_default();
    for event in body.chunks_mut(EVENT_BYTES + 1) {
        let id = EventId {
            run,
            connection,
            sequence,
        };
        event::stamp(event, id);
        sequence += 1;
    }
    sequence
}

/// Reads one answer whole: its buffer, status, and the place of its body.
async fn read_answer(
    stream: &mut TcpStream,
    mut buffer: Vec<u8>,
) -> Result<(Vec<u8>, u16, usize), Failure> {
    buffer.clear();
    loop {
        let held = buffer.len();
        if held == buffer.capacity() {
            buffer.reserve(held);
        }
        let (read, slice) = stream.read(buffer.slice_mut(held..)).await;
        buffer = slice.into_inner();
        if read? == 0 {
            return Err("the server closed a connection".into());
        }
        let mut fields = [httparse::EMPTY_HEADER; ANSWER_FIELDS_MAX];
        let mut answer = httparse::Response::new(&mut fields);
        if let httparse::Status::Complete(body) = answer.parse(&buffer)? {
            let length = answer
                .headers
                .iter()
                .find(|field| field.name.eq_ignore_ascii_case("content-length"))
                .and_then(|field| std::str::from_utf8(field.value).ok()?.parse::<usize>().ok())
                .unwrap_or(0);
            let status = answer.code.unwrap_or(0);
            if buffer.len() > body + length {
                return Err("the server sent more than one answer".into());
            }
            if buffer.len() == body + length {
                return Ok((buffer, status, body));
            }
        }
        if buffer.len() > ANSWER_BYTES_MAX {
            return Err("an answer is too long".into());
        }
    }
}
