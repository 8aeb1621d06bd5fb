//! What is sent is the batch, and what is reported belongs to its record.

use sluicegate_contract::{Attempt, ReasonKind, Record};

use super::trial::{Trial, ensure};
use super::{Service, Subject};
use crate::stub::Fault;

/// One submit is one call with the batch's records, all of them, once, in the batch's order, each
/// with its payload.
///
/// # Errors
/// What is wrong with the room.
pub fn batches_are_sent_as_they_are(subject: &dyn Subject) -> Result<(), String> {
    let trial = Trial::new(subject);
    let markers = [7, 3, 9, 1, 5, 0, 8];
    let records: Vec<Record> = markers
        .iter()
        .map(|&marker| subject.record(marker, 100))
        .collect();
    trial.submit_at(Fault::None, &records)?;
    let call = trial.last_call()?;
    ensure(call.markers() == markers, || {
        format!(
            "the batch is {markers:?} and the call was {:?}",
            call.markers()
        )
    })?;
    for (entry, marker) in call.entries.iter().zip(markers) {
        let sent = super::payload(marker, 100);
        let whole = entry
            .payload
            .windows(sent.len())
            .any(|window| window == sent);
        ensure(whole, || {
            format!("record {marker} lost its payload: {:?}", entry.payload)
        })?;
    }
    markers
        .iter()
        .try_for_each(|&marker| trial.stored(marker, 1))
}

/// Whichever entries fail and in whatever order the service answers, each attempt is that of its
/// own record: what is said to be stored is, what is said to be surely not stored is not.
///
/// # Errors
/// What is wrong with the room.
pub fn attempts_belong_to_their_records(subject: &dyn Subject) -> Result<(), String> {
    for failed in [
        vec![0],
        vec![9],
        vec![0, 1, 2],
        vec![2, 5, 6],
        (0..10).collect(),
        vec![],
    ] {
        let trial = Trial::new(subject);
        let fault = Fault::SomeThrottled(failed);
        let attempts = trial.submit_at(fault.clone(), &trial.records(10))?;
        ensure(attempts.len() == 10, || {
            format!("{} attempts for 10 records", attempts.len())
        })?;
        let store = trial.stub.store();
        for (marker, attempt) in (0..).zip(&attempts) {
            let there = store.times(marker) > 0;
            let said = match attempt {
                Attempt::Stored(_) => true,
                Attempt::Again { certain: true, .. } => false,
                other => return Err(format!("at {fault:?} record {marker} is {other:?}")),
            };
            ensure(said == there, || {
                format!("at {fault:?} record {marker} is {attempt:?}; stored: {there}")
            })?;
        }
    }
    Ok(())
}

/// A record that the service calls invalid in a call of its own is refused.
///
/// # Errors
/// What is wrong with the room.
pub fn records_are_refused_alone(subject: &dyn Subject) -> Result<(), String> {
    let trial = Trial::new(subject);
    trial.stub.poison(0);
    let attempts = trial.submit_at(Fault::None, &trial.records(1))?;
    ensure(is_invalid(&attempts), || {
        format!("an invalid record alone is {attempts:?}")
    })?;
    trial.stored(0, 0)
}

/// One bad record among 24 good ones: once the batch was halved as the courier does, every good
/// record is stored, once, and the bad one alone is refused.
///
/// # Errors
/// What is wrong with the room.
pub fn one_bad_record_judges_no_other(subject: &dyn Subject) -> Result<(), String> {
    const BAD: u64 = 13;
    let trial = Trial::new(subject);
    trial.stub.poison(BAD);
    let records: Vec<(u64, Record)> = (0..).zip(trial.records(25)).collect();
    let mut refused = Vec::new();
    for call in records.chunks(subject.service().records_max()) {
        deliver(&trial, call, &mut refused)?;
    }
    ensure(refused == [BAD], || {
        format!("refused are {refused:?}, not only {BAD}")
    })?;
    (0..25).try_for_each(|marker| trial.stored(marker, usize::from(marker != BAD)))?;
    let calls = trial.stub.calls().len();
    let most = if subject.service() == Service::Sns {
        3
    } else {
        11
    };
    ensure(calls <= most, || {
        format!("{calls} calls to find one record among 25")
    })
}

/// What the courier does with a batch: a call of several that is refused as a whole judges nobody
/// and is halved.
fn deliver(
    trial: &Trial<'_>,
    batch: &[(u64, Record)],
    refused: &mut Vec<u64>,
) -> Result<(), String> {
    let records: Vec<Record> = batch.iter().map(|(_, record)| record.clone()).collect();
    let attempts = trial.submit(&records)?;
    let all_refused = attempts
        .iter()
        .all(|attempt| matches!(attempt, Attempt::Refused(_)));
    if all_refused && batch.len() > 1 {
        let (left, right) = batch.split_at(batch.len() / 2);
        deliver(trial, left, refused)?;
        return deliver(trial, right, refused);
    }
    for ((marker, _), attempt) in batch.iter().zip(&attempts) {
        match attempt {
            Attempt::Stored(_) => {}
            Attempt::Refused(_) => refused.push(*marker),
            other => return Err(format!("record {marker} is {other:?}")),
        }
    }
    Ok(())
}

fn is_invalid(attempts: &[Attempt]) -> bool {
    matches!(attempts, [Attempt::Refused(reason)] if reason.kind() == ReasonKind::Invalid)
}
