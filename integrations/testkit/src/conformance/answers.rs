//! Answers that do not come, or come as nonsense: whatever was stored, nobody may call it certain.

use std::time::Duration;

use sluicegate_contract::Attempt;

use super::trial::{all_judged, all_judged_of};
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
    let late = subject.call_time().min(CALL_TIME) / 4;
    for fault in [Fault::Delay(late), Fault::Slow(late)] {
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
    let late = Fault::Delay(subject.call_time() + Duration::from_secs(5));
    std::thread::scope(|scope| {
        let running = [Fault::Endless, late].map(|fault| {
            scope.spawn(move || all_judged_of(subject, &fault, 3, "Again, uncertain", is_uncertain))
        });
        running
            .into_iter()
            .try_for_each(|check| check.join().unwrap())
    })
}

fn is_uncertain(attempt: &Attempt) -> bool {
    matches!(attempt, Attempt::Again { certain: false, .. })
}
