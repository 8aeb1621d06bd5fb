//! One room opened against one stub, and the one way in which the checks try it.

use std::sync::Arc;
use std::time::Duration;

use sluicegate_contract::{Attempt, AttemptSink, Batch, Integration, Record};

use super::Subject;
use crate::stub::{Call, Fault, Stub};

/// What a busy machine may add to the time of a call.
const SLACK: Duration = Duration::from_secs(3);
/// A room that tries again by itself does so within this time after it reported.
const WATCHED_AFTER: Duration = Duration::from_millis(150);

/// A room under trial with its stub and its lane.
pub(super) struct Trial<'a> {
    pub(super) subject: &'a dyn Subject,
    pub(super) stub: Stub,
    pub(super) room: Arc<dyn Integration>,
    lane: tokio::runtime::Runtime,
}

impl<'a> Trial<'a> {
    pub(super) fn new(subject: &'a dyn Subject) -> Self {
        let stub = Stub::start();
        let lane = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let room = lane.block_on(subject.open(&stub));
        Self {
            subject,
            stub,
            room,
            lane,
        }
    }

    /// Records with the markers from 0, with small payloads.
    pub(super) fn records(&self, count: usize) -> Vec<Record> {
        (0..count)
            .map(|marker| self.subject.record(marker as u64, 100))
            .collect()
    }

    /// Submits once and waits for the attempts.
    pub(super) fn submit(&self, records: &[Record]) -> Result<Vec<Attempt>, String> {
        let (send, receive) = tokio::sync::oneshot::channel();
        let sink = AttemptSink::new(records.len(), move |attempts| drop(send.send(attempts)));
        let within = self.subject.call_time() + SLACK;
        self.lane.block_on(async {
            self.room
                .submit(Batch::new(Arc::new(records.to_vec())), sink);
            match tokio::time::timeout(within, receive).await {
                Ok(Ok(attempts)) => Ok(attempts),
                Ok(Err(_)) => Err("the sink said nothing".to_owned()),
                Err(_) => Err(format!("no attempts within {within:?}")),
            }
        })
    }

    /// Submits once while the next call meets `fault`; more than one call is a failure of the
    /// room, since a room never tries again by itself.
    pub(super) fn submit_at(
        &self,
        fault: Fault,
        records: &[Record],
    ) -> Result<Vec<Attempt>, String> {
        let before = self.stub.calls().len();
        self.stub.next(fault);
        let attempts = self.submit(records)?;
        self.lane
            .block_on(async { tokio::time::sleep(WATCHED_AFTER).await });
        match self.stub.calls().len() - before {
            1 => Ok(attempts),
            calls => Err(format!("one submit made {calls} calls")),
        }
    }

    /// The last call that the stub saw.
    pub(super) fn last_call(&self) -> Result<Call, String> {
        self.stub
            .calls()
            .pop()
            .ok_or_else(|| "no call arrived".to_owned())
    }

    /// The record with this marker is stored so often.
    pub(super) fn stored(&self, marker: u64, times: usize) -> Result<(), String> {
        let seen = self.stub.store().times(marker);
        ensure(seen == times, || {
            format!("record {marker} should be stored {times} times and is {seen} times")
        })
    }
}

/// Runs a check on a fresh room with one fault and one or more records, all of which must be
/// judged the same.
pub(super) fn all_judged(
    subject: &dyn Subject,
    fault: &Fault,
    expected: &str,
    judge: impl Fn(&Attempt) -> bool,
) -> Result<(), String> {
    for count in [1, 5] {
        all_judged_of(subject, fault, count, expected, &judge)?;
    }
    Ok(())
}

/// As [`all_judged`], for one number of records.
pub(super) fn all_judged_of(
    subject: &dyn Subject,
    fault: &Fault,
    count: usize,
    expected: &str,
    judge: impl Fn(&Attempt) -> bool,
) -> Result<(), String> {
    let trial = Trial::new(subject);
    let attempts = trial
        .submit_at(fault.clone(), &trial.records(count))
        .map_err(|problem| format!("at {fault:?} with {count} records: {problem}"))?;
    ensure(attempts.len() == count, || {
        "an attempt is missing".to_owned()
    })?;
    let wrong = attempts.iter().find(|attempt| !judge(attempt));
    ensure(wrong.is_none(), || {
        format!("at {fault:?} with {count} records: {wrong:?} is not {expected}")
    })
}

pub(super) fn ensure(holds: bool, problem: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(problem()) }
}
