//! Sends events at a set rate for a set time, and notes every answer.
//!
//! The load is open: each event is due at its time, however slow the answers are; an event that is
//! late is sent at once. What bounds it is the number of connections. The events of one key go over
//! one connection, so that they are sent one after another and their order can be judged.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use hyper::Uri;
use tokio::task::LocalSet;

use crate::connection::{Address, Connection, request};
use crate::history::{History, Outcome};

/// Connections of a load.
pub const CONNECTIONS_MAX: usize = 1024;
/// How long events that are late are still sent when the time is over.
const LATE_MAX: Duration = Duration::from_secs(10);
/// Until a connection that could not be made is tried again.
const CONNECT_PAUSE: Duration = Duration::from_millis(20);

/// What is sent, where, and how fast.
#[derive(Clone, Debug)]
pub struct Load {
    address: Address,
    /// Events a second.
    pub rate: u64,
    /// How long new events are sent.
    pub time: Duration,
    /// Connections, at most [`CONNECTIONS_MAX`].
    pub connections: usize,
    /// How long an answer is waited for: longer than the gateway's own `within`.
    pub answer_within: Duration,
}

impl Load {
    /// A load to this URL: 200 events a second for 10 s over 32 connections.
    ///
    /// # Errors
    /// The URL, the method or a header field cannot be one, in words for their writer.
    pub fn to(method: &str, url: &str, headers: Vec<(String, String)>) -> Result<Self, String> {
        let uri: Uri = url
            .parse()
            .map_err(|error| format!("`{url}` is no URL: {error}"))?;
        if uri.scheme_str() != Some("http") {
            return Err(format!(
                "`{url}` must begin with http://: the audit speaks to the gateway itself, not to \
                 what ends TLS before it"
            ));
        }
        let host = uri.host().unwrap_or_default();
        let authority = format!("{host}:{}", uri.port_u16().unwrap_or(80));
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let address = Address {
            authority,
            method: method.to_owned(),
            target: target.to_owned(),
            headers,
        };
        request(&address, Vec::new())
            .map_err(|error| format!("the method or a header field cannot be sent: {error}"))?;
        Ok(Self {
            address,
            rate: 200,
            time: Duration::from_secs(10),
            connections: 32,
            answer_within: Duration::from_secs(40),
        })
    }

    /// How many events it will send, where the gateway keeps up.
    #[must_use]
    pub fn events(&self) -> u64 {
        let micros = u64::try_from(self.time.as_micros()).unwrap_or(u64::MAX);
        self.rate.saturating_mul(micros) / 1_000_000
    }

    /// How many keys make each key's events go over one connection: about this many.
    #[must_use]
    pub fn keys(&self, about: u64) -> u64 {
        let connections = self.connections.clamp(1, CONNECTIONS_MAX) as u64;
        about.div_ceil(connections).max(1) * connections
    }
}

/// What others may see of a load, and how they end it.
#[derive(Debug, Default)]
pub struct Progress {
    /// Acknowledged so far.
    pub ok: AtomicU64,
    /// Refused so far.
    pub failed: AtomicU64,
    /// In doubt so far.
    pub unknown: AtomicU64,
    /// Set to end the load before its time; answers are still waited for.
    pub stop: AtomicBool,
}

/// How a load went.
#[derive(Debug)]
pub struct Sent {
    /// Microseconds from when an event was due until it was acknowledged.
    pub latency: Histogram<u64>,
    /// Answers by their status, 0 for none; the busiest first.
    pub statuses: Vec<(u16, u64)>,
    /// Events that were due and not sent even 10 s late, since all connections waited.
    pub unsent: u64,
    /// What kept it from connecting, where that was so at the end.
    pub trouble: Option<String>,
}

/// Runs a load to its end, on this thread.
///
/// # Errors
/// The machine has no sockets for it.
pub fn run(load: &Load, history: &mut History, progress: &Arc<Progress>) -> Result<Sent, String> {
    let runtime = runtime()?;
    let taken = std::mem::replace(history, History::of_a_client());
    let begin = Instant::now();
    let state = Rc::new(RefCell::new(State {
        base: taken.clock() + 1,
        first: taken.end(),
        history: taken,
        begin,
        statuses: vec![0; 1000],
        latency: Histogram::new_with_bounds(1, 3_600_000_000, 3)
            .map_err(|error| error.to_string())?,
        unsent: 0,
        trouble: None,
    }));
    let connections = load.connections.clamp(1, CONNECTIONS_MAX);
    let local = LocalSet::new();
    for place in 0..connections {
        let lane = Lane {
            load: load.clone(),
            place: place as u64,
            step: connections as u64,
            state: Rc::clone(&state),
            progress: Arc::clone(progress),
        };
        local.spawn_local(lane.run());
    }
    runtime.block_on(local);
    let mut state = state.borrow_mut();
    *history = std::mem::replace(&mut state.history, History::of_a_client());
    let counted = (0..).zip(&state.statuses).filter(|(_, count)| **count > 0);
    let mut statuses: Vec<(u16, u64)> = counted.map(|(status, count)| (status, *count)).collect();
    statuses.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    Ok(Sent {
        latency: state.latency.clone(),
        statuses,
        unsent: state.unsent,
        trouble: state.trouble.clone(),
    })
}

/// Sends the next event of a history alone: tries to connect until `within` has passed. Gives its
/// number and what is known of it.
///
/// # Errors
/// No connection could be made.
pub fn send_one(
    load: &Load,
    history: &mut History,
    within: Duration,
) -> Result<(u64, Outcome), String> {
    let number = history.end();
    let event = history.events().map(|events| events.payload(number));
    let event = event.ok_or("only a run of our own has further events")?;
    let base = history.clock() + 1;
    let begin = Instant::now();
    let runtime = runtime()?;
    let local = LocalSet::new();
    local.block_on(&runtime, async {
        let mut connection = Connection::new(within);
        while let Err(trouble) = connection.connect(&load.address).await {
            if begin.elapsed() > within {
                return Err(trouble);
            }
            tokio::time::sleep(CONNECT_PAUSE).await;
        }
        history.sent(number, base);
        let answered = connection.send(&load.address, event).await;
        history.answered(number, base + micros(begin), answered.outcome);
        Ok((number, answered.outcome))
    })
}

pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("the machine gives no sockets: {error}"))
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

struct State {
    history: History,
    /// The time of the history at which this load begins.
    base: u64,
    /// The number of its first event.
    first: u64,
    begin: Instant,
    statuses: Vec<u64>,
    latency: Histogram<u64>,
    unsent: u64,
    trouble: Option<String>,
}

/// One connection with the events that are its own: every `step`-th from `place`.
struct Lane {
    load: Load,
    place: u64,
    step: u64,
    state: Rc<RefCell<State>>,
    progress: Arc<Progress>,
}

impl Lane {
    async fn run(self) {
        let (first, begin) = {
            let state = self.state.borrow();
            (state.first, state.begin)
        };
        let mut connection = Connection::new(self.load.answer_within);
        let end = begin + self.load.time + LATE_MAX;
        // A lane begins where the keys begin, so that a key has the same lane in every load.
        let mut place = (self.place + self.step - first % self.step) % self.step;
        while place < self.load.events() {
            let due = begin + Duration::from_micros(place * 1_000_000 / self.load.rate.max(1));
            tokio::time::sleep_until(due.into()).await;
            if !self.connected(&mut connection, end).await {
                break;
            }
            self.exchange(&mut connection, first + place, due).await;
            place += self.step;
        }
        let left = self.load.events().saturating_sub(place).div_ceil(self.step);
        self.state.borrow_mut().unsent += left;
    }

    /// Waits for a connection; false where the load is over.
    async fn connected(&self, connection: &mut Connection, end: Instant) -> bool {
        loop {
            if Instant::now() >= end || self.progress.stop.load(Ordering::Relaxed) {
                return false;
            }
            match connection.connect(&self.load.address).await {
                Ok(()) => {
                    self.state.borrow_mut().trouble = None;
                    return true;
                }
                Err(trouble) => self.state.borrow_mut().trouble = Some(trouble),
            }
            tokio::time::sleep(CONNECT_PAUSE).await;
        }
    }

    async fn exchange(&self, connection: &mut Connection, number: u64, due: Instant) {
        let event = {
            let mut state = self.state.borrow_mut();
            let Some(events) = state.history.events() else {
                return;
            };
            let event = events.payload(number);
            let now = state.base + micros(state.begin);
            state.history.sent(number, now);
            event
        };
        let answered = connection.send(&self.load.address, event).await;
        let mut state = self.state.borrow_mut();
        let now = state.base + micros(state.begin);
        state.history.answered(number, now, answered.outcome);
        if let Some(count) = state.statuses.get_mut(usize::from(answered.status)) {
            *count += 1;
        }
        let counter = match answered.outcome {
            Outcome::Ok => {
                state.latency.saturating_record(micros(due).max(1));
                &self.progress.ok
            }
            Outcome::Failed => &self.progress.failed,
            Outcome::Unknown | Outcome::Unsent => &self.progress.unknown,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
