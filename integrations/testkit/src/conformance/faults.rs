//! Faults that the service itself tells of.

use sluicegate_contract::{Attempt, ReasonKind};

use super::Subject;
use super::trial::{Trial, all_judged, ensure};
use crate::stub::Fault;

/// Entries that are answered as throttled go again, certainly not stored; the rest is stored.
///
/// # Errors
/// What is wrong with the room.
pub fn throttled_entries_go_again(subject: &dyn Subject) -> Result<(), String> {
    exactly_again(
        subject,
        &Fault::SomeThrottled(vec![1, 3]),
        Some(ReasonKind::Throttled),
    )
}

/// Entries that failed inside the service go again; the rest is stored.
///
/// # Errors
/// What is wrong with the room.
pub fn failed_entries_go_again(subject: &dyn Subject) -> Result<(), String> {
    exactly_again(subject, &Fault::SomeFailed(vec![0, 4]), None)
}

/// Of five records exactly those that the fault spoils are `Again`.
fn exactly_again(
    subject: &dyn Subject,
    fault: &Fault,
    kind: Option<ReasonKind>,
) -> Result<(), String> {
    let trial = Trial::new(subject);
    let attempts = trial.submit_at(fault.clone(), &trial.records(5))?;
    for (place, attempt) in attempts.iter().enumerate() {
        let right = match attempt {
            Attempt::Stored(_) => fault_stores(fault, place),
            Attempt::Again {
                certain, reason, ..
            } => {
                let as_said = kind.is_none_or(|kind| reason.kind() == kind && *certain);
                !fault_stores(fault, place) && as_said
            }
            Attempt::Refused(_) | Attempt::Blocked(_) => false,
        };
        ensure(right, || {
            format!("at {fault:?} record {place} is {attempt:?}")
        })?;
        trial.stored(place as u64, usize::from(fault_stores(fault, place)))?;
    }
    Ok(())
}

fn fault_stores(fault: &Fault, place: usize) -> bool {
    match fault {
        Fault::SomeThrottled(places) | Fault::SomeFailed(places) => !places.contains(&place),
        _ => true,
    }
}

/// A call that is throttled as a whole goes again, certainly not stored.
///
/// # Errors
/// What is wrong with the room.
pub fn throttled_calls_go_again(subject: &dyn Subject) -> Result<(), String> {
    all_judged(
        subject,
        &Fault::Throttled,
        "Again, certain, Throttled",
        |attempt| {
            matches!(attempt, Attempt::Again { certain: true, reason, .. }
            if reason.kind() == ReasonKind::Throttled)
        },
    )
}

/// A service that fails (500, 503) may have stored what it was sent: Again, uncertain after 500.
///
/// # Errors
/// What is wrong with the room.
pub fn failing_services_are_uncertain(subject: &dyn Subject) -> Result<(), String> {
    for fault in [Fault::ServerError(500), Fault::ServerErrorAfter] {
        all_judged(
            subject,
            &fault,
            "Again, uncertain, Unavailable",
            |attempt| {
                matches!(attempt, Attempt::Again { certain: false, reason, .. }
                if reason.kind() == ReasonKind::Unavailable)
            },
        )?;
    }
    all_judged(
        subject,
        &Fault::ServerError(503),
        "Again, Unavailable",
        |attempt| {
            matches!(attempt, Attempt::Again { reason, .. }
            if reason.kind() == ReasonKind::Unavailable)
        },
    )
}

/// Access denied, an expired token and a missing target block the target and judge no record.
///
/// # Errors
/// What is wrong with the room.
pub fn blocked_targets_judge_no_record(subject: &dyn Subject) -> Result<(), String> {
    for (fault, kind) in [
        (Fault::AccessDenied, ReasonKind::AccessDenied),
        (Fault::ExpiredToken, ReasonKind::AuthenticationFailed),
        (Fault::Missing, ReasonKind::TargetMissing),
    ] {
        all_judged(
            subject,
            &fault,
            &format!("Blocked({})", kind.code()),
            |attempt| matches!(attempt, Attempt::Blocked(reason) if reason.kind() == kind),
        )?;
    }
    Ok(())
}

/// Where nobody listens nothing was stored: Again, certain.
///
/// # Errors
/// What is wrong with the room.
pub fn closed_ports_are_certain(subject: &dyn Subject) -> Result<(), String> {
    let trial = Trial::new(subject);
    trial.stub.close();
    let attempts = trial.submit(&trial.records(3))?;
    let right = |attempt: &Attempt| {
        matches!(attempt, Attempt::Again { certain: true, reason, .. }
            if reason.kind() == ReasonKind::ConnectionFailed)
    };
    ensure(attempts.iter().all(right), || {
        format!("with the port closed: {attempts:?}, not Again, certain, ConnectionFailed")
    })
}
