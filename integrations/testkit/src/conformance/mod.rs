//! One suite that every room passes.
//!
//! A room says how it is opened against the scripted stub and how a record is made; the checks are
//! plain functions over that. In a room's `tests/conformance.rs`:
//!
//! ```text
//! struct Kinesis;
//!
//! impl Subject for Kinesis {
//!     fn name(&self) -> &'static str { "kinesis" }
//!     fn service(&self) -> Service { Service::Kinesis }
//!     fn open<'a>(&'a self, stub: &'a Stub) -> Opening<'a> {
//!         Box::pin(async move { /* endpoint: stub.endpoint(), calls end after CALL_TIME */ })
//!     }
//!     fn record(&self, marker: u64, payload_bytes: usize) -> Record {
//!         let data = payload(marker, payload_bytes);
//!         Record::new([Value::Text(format!("key-{marker}").into()), Value::Bytes(data)])
//!     }
//! }
//!
//! #[test]
//! fn kinesis_conforms() {
//!     conformance::run(&Kinesis);
//! }
//! ```
//!
//! Rooms of the second door (`Producer`) run [`producer::run`] instead. That each check can fail is
//! shown in `tests/planted_bugs.rs`: there is a wrong room for each.

mod answers;
mod faults;
mod limits;
mod order;
pub mod producer;
mod trial;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sluicegate_contract::{Integration, Record};

use crate::stub::Stub;

pub use answers::{
    endless_answers_end, lost_answers_are_uncertain, slow_answers_are_awaited,
    unreadable_answers_are_uncertain,
};
pub use faults::{
    blocked_targets_judge_no_record, closed_ports_are_certain, failed_entries_go_again,
    failing_services_are_uncertain, throttled_calls_go_again, throttled_entries_go_again,
};
pub use limits::{calls_hold_what_the_service_takes, records_hold_what_the_service_takes};
pub use order::{
    attempts_belong_to_their_records, batches_are_sent_as_they_are, one_bad_record_judges_no_other,
    records_are_refused_alone,
};

/// The time after which a room under test gives up waiting for an answer, unless it says otherwise.
pub const CALL_TIME: Duration = Duration::from_secs(2);

/// A room on its way to be opened.
pub type Opening<'a> = Pin<Box<dyn Future<Output = Arc<dyn Integration>> + 'a>>;

/// The service behind a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// PutRecords.
    Kinesis,
    /// BatchWriteItem.
    DynamoDb,
    /// PublishBatch.
    Sns,
}

impl Service {
    /// Records that the service takes in one call.
    #[must_use]
    pub fn records_max(self) -> usize {
        match self {
            Self::Kinesis => 500,
            Self::DynamoDb => 25,
            Self::Sns => 10,
        }
    }
}

/// A room under test.
pub trait Subject: Sync {
    /// The room's name, for messages.
    fn name(&self) -> &'static str;

    /// What it speaks with.
    fn service(&self) -> Service;

    /// Opens the room against the stub, with default limits, as a target that exists. The future runs on the current-thread runtime that later runs the
    /// room's calls.
    fn open<'a>(&'a self, stub: &'a Stub) -> Opening<'a>;

    /// The time after which the room gives up waiting for an answer, where it is not
    /// [`CALL_TIME`]. The suite waits a few times this long.
    fn call_time(&self) -> Duration {
        CALL_TIME
    }

    /// A valid, plain record, different for each marker in whatever the target tells records
    /// apart by. Its payload is `payload(marker, payload_bytes)`, whole or as a string in it.
    fn record(&self, marker: u64, payload_bytes: usize) -> Record;
}

/// The smallest payload that the suite asks for, in bytes.
pub const PAYLOAD_BYTES_MIN: usize = 64;

/// A payload of exactly so many bytes, at least [`PAYLOAD_BYTES_MIN`]: ASCII letters, digits and
/// dashes, so that no encoding changes its length. It is a function of its marker.
///
/// # Panics
/// Where `bytes` is less than the minimum.
#[must_use]
pub fn payload(marker: u64, bytes: usize) -> Bytes {
    assert!(
        bytes >= PAYLOAD_BYTES_MIN,
        "a payload has at least {PAYLOAD_BYTES_MIN} bytes"
    );
    let mut text = crate::marker(marker).into_bytes();
    let letter = b'a' + u8::try_from(marker % 26).unwrap_or_default();
    text.push(b'-');
    text.resize(bytes, letter);
    Bytes::from(text)
}

/// A check: what is wrong with the room, if anything.
pub type Check = fn(&dyn Subject) -> Result<(), String>;

/// All checks, by name.
pub const CHECKS: &[(&str, Check)] = &[
    (
        "records_hold_what_the_service_takes",
        records_hold_what_the_service_takes,
    ),
    (
        "calls_hold_what_the_service_takes",
        calls_hold_what_the_service_takes,
    ),
    ("batches_are_sent_as_they_are", batches_are_sent_as_they_are),
    (
        "attempts_belong_to_their_records",
        attempts_belong_to_their_records,
    ),
    ("throttled_entries_go_again", throttled_entries_go_again),
    ("failed_entries_go_again", failed_entries_go_again),
    ("records_are_refused_alone", records_are_refused_alone),
    (
        "one_bad_record_judges_no_other",
        one_bad_record_judges_no_other,
    ),
    ("throttled_calls_go_again", throttled_calls_go_again),
    (
        "failing_services_are_uncertain",
        failing_services_are_uncertain,
    ),
    (
        "blocked_targets_judge_no_record",
        blocked_targets_judge_no_record,
    ),
    ("closed_ports_are_certain", closed_ports_are_certain),
    ("lost_answers_are_uncertain", lost_answers_are_uncertain),
    (
        "unreadable_answers_are_uncertain",
        unreadable_answers_are_uncertain,
    ),
    ("slow_answers_are_awaited", slow_answers_are_awaited),
    ("endless_answers_end", endless_answers_end),
];

/// Runs every check.
///
/// # Panics
/// Where a check fails; the message names all that do.
pub fn run(subject: &dyn Subject) {
    let checks = CHECKS
        .iter()
        .map(|(name, check)| (*name, || check(subject)));
    side_by_side(subject.name(), checks);
}

/// Runs checks side by side, since most of them wait most of the time, and panics with all that
/// fail.
fn side_by_side<C>(room: &str, checks: impl Iterator<Item = (&'static str, C)>)
where
    C: FnOnce() -> Result<(), String> + Send,
{
    let failed: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> = checks
            .map(|(name, check)| (name, scope.spawn(check)))
            .collect();
        let verdicts = running
            .into_iter()
            .map(|(name, check)| (name, check.join()));
        verdicts
            .filter_map(|(name, verdict)| match verdict {
                Ok(Ok(())) => None,
                Ok(Err(problem)) => Some(format!("{name}: {problem}")),
                Err(_) => Some(format!("{name}: the room or the check panicked")),
            })
            .collect()
    });
    assert!(
        failed.is_empty(),
        "the room {room} does not conform:\n  {}",
        failed.join("\n  ")
    );
}
