//! Log lines on stderr: one for each transition, with a stable name as its message, and never a
//! payload or a secret.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tracing::{Level, Metadata, Subscriber, error, info, warn};
use tracing_subscriber::filter::{FilterExt, FilterFn, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry};

/// Where a level may be set, as with every program that logs through `tracing`.
const LEVELS: &str = "RUST_LOG";
/// Our own lines; what libraries say is let through from `warn` on.
const LEVELS_DEFAULT: &str = "info";
/// Characters of a text that came from outside, in a log line or in `/status`.
const TEXT_CHARACTERS_MAX: usize = 512;
/// What repeats is said at most so often.
const SAMPLE_PAUSE: Duration = Duration::from_secs(10);

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people: time, level, event, fields.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Sends all log lines of this process to stderr from now on. The levels come from `RUST_LOG`.
///
/// # Errors
/// `RUST_LOG` cannot be understood, or log lines go somewhere already.
pub fn start(format: Format) -> Result<(), String> {
    let levels = match std::env::var(LEVELS) {
        Ok(levels) if !levels.trim().is_empty() => EnvFilter::try_new(&levels).map_err(|why| {
            format!("{LEVELS}=`{levels}`: {why}; write for example {LEVELS}=sluicegate=debug")
        })?,
        _ => EnvFilter::new(LEVELS_DEFAULT),
    };
    subscriber(format, levels, std::io::stderr)
        .try_init()
        .map_err(|_| "log lines of this process go somewhere already".to_owned())
}

fn subscriber<W>(format: Format, levels: EnvFilter, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_ansi(false)
        .with_target(false);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match format {
        Format::Text => lines.boxed(),
        Format::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .boxed(),
    };
    let wanted: FilterFn = filter_fn(ours_or_warning);
    tracing_subscriber::registry().with(lines.with_filter(levels.and(wanted)))
}

/// Libraries may print bodies and headers below `warn` (the AWS clients do), so `RUST_LOG` raises
/// the level of our own lines only.
fn ours_or_warning(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("sluicegate") || *metadata.level() <= Level::WARN
}

/// What `gateway.started` says.
#[derive(Clone, Debug)]
pub struct Started<'a> {
    /// The driver that the cores run on.
    pub driver: &'a str,
    /// How many cores.
    pub cores: usize,
    /// The data port, as bound.
    pub http: SocketAddr,
    /// The admin port, as bound.
    pub admin: SocketAddr,
    /// Bytes that the gateway may hold at most.
    pub memory_ceiling_bytes: u64,
}

/// Says `gateway.started`: the listeners are up.
pub fn gateway_started(started: &Started<'_>) {
    info!(
        driver = started.driver,
        cores = started.cores,
        http = %started.http,
        admin = %started.admin,
        memory_ceiling_bytes = started.memory_ceiling_bytes,
        version = env!("CARGO_PKG_VERSION"),
        "gateway.started"
    );
}

/// Says `drain.finished`: how long the stop took, and how many bytes of records had no outcome yet
/// when the time for it was over.
pub fn drain_finished(took: Duration, bytes_left: u64) {
    let took_seconds = seconds(took);
    if bytes_left == 0 {
        info!(took_seconds, bytes_left, "drain.finished");
    } else {
        warn!(took_seconds, bytes_left, "drain.finished");
    }
}

pub(super) fn target_down(target: &str, state: &'static str, reason: &str) {
    warn!(target, state, reason, "target.down");
}

pub(super) fn target_up(target: &str, down_for: Duration) {
    let down_for_seconds = seconds(down_for);
    info!(target, down_for_seconds, "target.up");
}

pub(super) fn shed_started(target: &str) {
    warn!(target, "shed.started");
}

pub(super) fn shed_stopped(target: &str, requests: u64, lasted: Duration) {
    let lasted_seconds = seconds(lasted);
    info!(target, requests, lasted_seconds, "shed.stopped");
}

/// `route` is the place of the route in the settings, from 0; its name is in its metrics.
pub(super) fn reply_unshaped(route: usize, reason: &str, left_out: u64) {
    warn!(route, reason, left_out, "reply.unshaped");
}

/// Says `dead_letter.kept`: a record of `target` will not be delivered, and `to` has it.
pub fn dead_letter_kept(target: &str, to: &str, reason: &str, left_out: u64) {
    warn!(target, to, reason, left_out, "dead_letter.kept");
}

/// Says `dead_letter.unkept`: `to` did not take a record of `target`, which the spool keeps for now.
pub fn dead_letter_unkept(target: &str, to: &str, request: &str, why: &str, left_out: u64) {
    let why = one_line(&why);
    warn!(target, to, request, why, left_out, "dead_letter.unkept");
}

/// Says `dead_letter.lost`: a record of `target` will not be delivered, and nobody has it.
pub fn dead_letter_lost(target: &str, to: &str, request: &str, why: &str, left_out: u64) {
    let why = one_line(&why);
    error!(target, to, request, why, left_out, "dead_letter.lost");
}

fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e3).round() / 1e3
}

/// A text from outside as one bounded line: what a target answers must not forge a log line.
pub(crate) fn one_line(text: &(impl fmt::Display + ?Sized)) -> String {
    let text = text.to_string();
    let mut line: String = text
        .chars()
        .take(TEXT_CHARACTERS_MAX)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if line.len() < text.len() {
        line.push('…');
    }
    line
}

/// Lets through the first of what repeats, and then one every ten seconds with a count of what
/// was left out. Wait-free, so a core may use it.
///
/// ```
/// # use sluicegate::observe::log::Sampled;
/// let sampled = Sampled::new();
/// assert_eq!(sampled.admit(), Some(0)); // say it
/// assert_eq!(sampled.admit(), None); // left out, and counted
/// ```
#[derive(Debug)]
pub struct Sampled {
    made: Instant,
    /// Nanoseconds after `made` from which on the next is let through.
    next: AtomicU64,
    left_out: AtomicU64,
}

impl Default for Sampled {
    fn default() -> Self {
        Self::new()
    }
}

impl Sampled {
    /// A guard that lets the first through.
    #[must_use]
    pub fn new() -> Self {
        Self {
            made: Instant::now(),
            next: AtomicU64::new(0),
            left_out: AtomicU64::new(0),
        }
    }

    /// Whether to say it now: how many were left out since it was said last, or `None`.
    pub fn admit(&self) -> Option<u64> {
        self.admit_at(self.made.elapsed())
    }

    fn admit_at(&self, since_made: Duration) -> Option<u64> {
        let now = u64::try_from(since_made.as_nanos()).unwrap_or(u64::MAX);
        let pause = u64::try_from(SAMPLE_PAUSE.as_nanos()).unwrap_or(u64::MAX);
        let next = self.next.load(Ordering::Relaxed);
        let said = now >= next
            && self
                .next
                .compare_exchange(
                    next,
                    now.saturating_add(pause),
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                )
                .is_ok();
        if said {
            Some(self.left_out.swap(0, Ordering::Relaxed))
        } else {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            None
        }
    }
}

#[cfg(test)]
#[path = "log_tests.rs"]
pub(crate) mod tests;
