//! Limits at N−1, N and N+1, for one record and for one call.

use sluicegate_contract::{Attempt, ReasonKind, Record};

use super::trial::{Trial, ensure};
use super::{PAYLOAD_BYTES_MIN, Subject};
use crate::stub::Fault;

/// Weights may leave so many bytes of a limit unused, since base64 grows in steps of four.
const SLACK_BYTES: usize = 4;

/// The largest record that `weigh` accepts is stored, one byte more is refused as too large, and
/// what `weigh` counts fits the stated limit without waste.
///
/// # Errors
/// What is wrong with the room.
pub fn records_hold_what_the_service_takes(subject: &dyn Subject) -> Result<(), String> {
    let trial = Trial::new(subject);
    let limit = trial.room.limits().record_bytes;
    let weigh = |bytes: usize| trial.room.weigh(&subject.record(1, bytes));
    let largest = largest_that(|bytes| weigh(bytes).is_ok(), limit + 1)
        .ok_or("no record fits, or all do: `weigh` does not look at the bytes")?;
    for bytes in [largest - 1, largest] {
        let weight = weigh(bytes).map_err(|reason| format!("{bytes} bytes: {reason}"))?;
        ensure(weight >= bytes, || {
            format!("a payload of {bytes} bytes weighs {weight}")
        })?;
        ensure(weight <= limit, || {
            format!("a weight of {weight} is over the limit of {limit}")
        })?;
    }
    let weight = weigh(largest).unwrap_or_default();
    ensure(limit - weight <= SLACK_BYTES, || {
        format!("the limit is {limit}, but {weight} is the most that is accepted")
    })?;
    let refused = weigh(largest + 1).err();
    let kind = refused.as_ref().map(|reason| reason.kind());
    ensure(kind == Some(ReasonKind::TooLarge), || {
        format!("one byte too many is {refused:?}, not TooLarge")
    })?;
    let attempts = trial.submit_at(Fault::None, &[subject.record(1, largest)])?;
    ensure(matches!(attempts[..], [Attempt::Stored(_)]), || {
        format!("the largest record is not stored: {attempts:?}")
    })?;
    trial.stored(1, 1)
}

/// N−1 and N records, and a call full of bytes, are stored by one call; the limits that the room
/// states are the service's; N+1 records are not split behind the courier's back.
///
/// # Errors
/// What is wrong with the room.
pub fn calls_hold_what_the_service_takes(subject: &dyn Subject) -> Result<(), String> {
    let most = subject.service().records_max();
    let stated = Trial::new(subject).room.limits();
    ensure(stated.records == most, || {
        format!(
            "a call of the service takes {most} records, the room says {}",
            stated.records
        )
    })?;
    for count in [1, most - 1, most] {
        let trial = Trial::new(subject);
        all_stored(&trial, &trial.records(count))?;
    }
    let trial = Trial::new(subject);
    all_stored(&trial, &full_call(&trial))?;

    let trial = Trial::new(subject);
    let attempts = trial.submit_at(Fault::None, &trial.records(most + 1))?;
    ensure(
        !attempts
            .iter()
            .any(|attempt| matches!(attempt, Attempt::Stored(_))),
        || {
            format!(
                "{} records in one call, and some are said to be stored",
                most + 1
            )
        },
    )
}

fn all_stored(trial: &Trial<'_>, records: &[Record]) -> Result<(), String> {
    let count = records.len();
    let attempts = trial.submit_at(Fault::None, records)?;
    let other = attempts
        .iter()
        .find(|attempt| !matches!(attempt, Attempt::Stored(_)));
    ensure(other.is_none(), || {
        format!("of {count} records in a call one is {other:?}")
    })?;
    (0..count as u64).try_for_each(|marker| trial.stored(marker, 1))
}

/// As many records as a call takes, as large as its bytes and the record's limit allow.
fn full_call(trial: &Trial<'_>) -> Vec<Record> {
    let limits = trial.room.limits();
    let share = (limits.call_bytes / limits.records).min(limits.record_bytes);
    let weighs = |bytes: usize| trial.room.weigh(&trial.subject.record(1, bytes)).ok();
    let fits = |bytes: usize| weighs(bytes).is_some_and(|weight| weight <= share);
    let bytes = largest_that(fits, share + 1).unwrap_or(PAYLOAD_BYTES_MIN);
    (0..limits.records as u64)
        .map(|marker| trial.subject.record(marker, bytes))
        .collect()
}

/// The largest number of bytes below `end` for which something holds that holds for all smaller
/// ones. `None` if it holds for none or for all.
pub(super) fn largest_that(holds: impl Fn(usize) -> bool, end: usize) -> Option<usize> {
    let (mut low, mut high) = (PAYLOAD_BYTES_MIN, end.max(PAYLOAD_BYTES_MIN + 1));
    if !holds(low) || holds(high) {
        return None;
    }
    while high - low > 1 {
        let middle = usize::midpoint(low, high);
        if holds(middle) {
            low = middle
        } else {
            high = middle
        }
    }
    Some(low)
}
