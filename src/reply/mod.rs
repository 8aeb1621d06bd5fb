//! Turns a verdict or a refusal into a response: the only place where a reason becomes a status.

mod answer;
mod body;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::error::{Code, Refusal};
use crate::http::{ResponseWriter, Returned};
use crate::observe::EventOutcome;
use crate::settings::After;
use crate::settle::{Entry, EventVerdict, Verdict};

use answer::Answer;
pub use body::Scratch;

/// The type of an error body (RFC 9457).
const PROBLEM: &str = "application/problem+json";
const JSON: &str = "application/json";
/// Says how much was stored; it also tells our answers from a load balancer's own.
const OUTCOME: &str = "Sluicegate-Outcome";

/// Writes the answer to a request whose events were judged.
pub fn write_verdict(
    entry: &Entry,
    verdict: &Verdict,
    writer: ResponseWriter<'_>,
    scratch: &mut Scratch,
) {
    let body = scratch.clear();
    let mut applied = answer::Applied::default();
    if entry.batch {
        applied.handling(entry.preferences.handling);
    }
    let wanted = entry.preferences.returned;
    let kind = if verdict.code.is_none() && wanted == Some(Returned::Minimal) {
        applied.returned(wanted);
        None
    } else if verdict.code.is_none() && !entry.receipts() {
        body::success(body, entry, verdict);
        Some(JSON)
    } else {
        if wanted == Some(Returned::Representation) {
            applied.returned(wanted);
        }
        body::with_events(body, entry, verdict);
        let problem = verdict.status >= 400;
        Some(if problem { PROBLEM } else { JSON })
    };
    let pause = (verdict.status == 503).then(|| retry_pause(None, entry.id));
    let mut answer = Answer::new(verdict.status);
    answer.add_some("Content-Type", kind);
    answer.add(OUTCOME, verdict.stored.as_str());
    answer.add_some("Retry-After", pause.as_deref());
    answer.add_some("Preference-Applied", applied.as_str());
    answer.write(writer, body);
}

/// Writes the answer to a request that was refused before any of it was dispatched.
pub fn write_refusal(
    refusal: &Refusal,
    id: u128,
    writer: ResponseWriter<'_>,
    scratch: &mut Scratch,
) {
    let body = scratch.clear();
    body::problem(body, refusal, id);
    let status = refusal.code.status();
    let pause = matches!(status, 429 | 503).then(|| retry_pause(refusal.retry_after, id));
    let mut answer = Answer::new(status);
    answer.add("Content-Type", PROBLEM);
    answer.add(OUTCOME, "none");
    for (name, value) in &refusal.fields {
        answer.add(name, value);
    }
    answer.add_some("Retry-After", pause.as_deref());
    answer.write(writer, body);
}

/// Writes the answer of a gateway that lives, for a load balancer. It is no request of a client, so
/// it says nothing about an outcome and no counter counts it.
pub fn write_health(writer: ResponseWriter<'_>) {
    let fields: &[(&str, &[u8])] = &[
        ("Content-Type", b"text/plain; charset=utf-8"),
        ("Cache-Control", b"no-store"),
    ];
    writer.write(200, fields, b"live\n");
}

/// How one event of a judged request is counted.
#[must_use]
pub fn event_outcome(entry: &Entry, verdict: &EventVerdict) -> EventOutcome {
    match verdict.code {
        None if entry.route.reply.after == After::None => EventOutcome::Accepted,
        None => EventOutcome::Delivered,
        Some(Code::Unconfirmed) => EventOutcome::Uncertain,
        Some(Code::PartlyStored) => EventOutcome::PartlyStored,
        Some(Code::Conflict) => EventOutcome::Conflict,
        Some(code) if code.status() >= 500 => EventOutcome::NotStored,
        Some(_) => EventOutcome::Refused,
    }
}

/// How far callers who are refused together are spread.
const JITTER_SECONDS_MAX: u64 = 10;

/// Whole seconds to wait, jittered upwards so that callers who were refused together do not come
/// back together. The request's id is the jitter: a refusal is the same each time it is rendered.
fn retry_pause(asked: Option<Duration>, id: u128) -> String {
    let least = asked.unwrap_or(Duration::from_secs(1)).as_secs().max(1);
    // An hour's pause needs no hour of jitter.
    let spread = (least + 1).min(JITTER_SECONDS_MAX);
    (least + (id as u64) % spread).to_string()
}
