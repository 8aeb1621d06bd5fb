//! Answers that do not come, or come as nonsense: whatever was stored, nobody may call it certain.

use std::time::{Duration, Instant};

use sluicegate_contract::Attempt;

use super::trial::all_judged;
use super::{CALL_TIME, Subject};
use crate::stub::Fault;

/// A connection that is reset under the call, before or after the records were stored, leaves
/// them uncertain.
///
/// # Errors
/// What is wrong with the room.
pub fn lost_answers_are_uncertain(subject: &dyn Subject) -> Result<(), String> {
    for fault in [Fault::ResetBefore, Fault::ResetAfter] {
        all_judged(subject, &fault, "Again, uncertain", is_uncertain)?;
    }
    Ok(())
}

/// An answer that is cut short, that is not in the service's language or that comes from somebody
/// in between leaves the records uncertain.
///
/// # Errors
/// What is wrong with the room.
pub fn unreadable_answers_are_uncertain(subject: &dyn Subject) -> Result<(), String> {
    for fault in [
        Fault::Truncated,
        Fault::Garbled,
        Fault::Html(200),
        Fault::Html(502),
    ] {
        all_judged(subject, &fault, "Again, uncertain", is_uncertain)?;
    }
    Ok(())
}

/// An answer that comes late but within the time of a call counts.
///
/// # Errors
/// What is wrong with the room.
pub fn slow_answers_are_awaited(subject: &dyn Subject) -> Result<(), String> {
    let half = CALL_TIME / 4;
    for fault in [Fault::Delay(half), Fault::Slow(half)] {
        all_judged(subject, &fault, "Stored", |attempt| {
            matches!(attempt, Attempt::Stored(_))
        })?;
    }
    Ok(())
}

/// An answer without an end, and one that comes too late, end with the time of a call.
///
/// # Errors
/// What is wrong with the room.
pub fn endless_answers_end(subject: &dyn Subject) -> Result<(), String> {
    for fault in [Fault::Endless, Fault::Delay(CALL_TIME * 4)] {
        let start = Instant::now();
        all_judged(subject, &fault, "Again, uncertain", is_uncertain)?;
        // Two trials, and some room for a busy machine.
        let most = CALL_TIME * 2 + Duration::from_secs(3);
        if start.elapsed() > most {
            return Err(format!("at {fault:?} it took {:?}", start.elapsed()));
        }
    }
    Ok(())
}

fn is_uncertain(attempt: &Attempt) -> bool {
    matches!(attempt, Attempt::Again { certain: false, .. })
}
