//! Turns a verdict or a refusal into a response: the only place where a reason becomes a status.

mod answer;
mod body;
mod facts;
mod form;
mod pixel;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::error::{Code, Refusal};
use crate::http::{ResponseWriter, Returned};
use crate::map::{Kept, Plan};
use crate::observe::EventOutcome;
use crate::settings::After;
use crate::settle::{Entry, EventVerdict, Verdict};

use answer::{Answer, Applied};
pub use body::Scratch;
use facts::Facts;
use form::Form;
pub use form::{may_say, own_field};

/// The type of an error body (RFC 9457).
const PROBLEM: &str = "application/problem+json";
const JSON: &str = "application/json";
/// Says how much was stored; it also tells our answers from a load balancer's own.
const OUTCOME: &str = "Sluicegate-Outcome";
/// Says that the answer was given before, to the same idempotency key.
const REPLAYED: &str = "Idempotency-Replayed";

/// An answer that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its status, as sent.
    pub status: u16,
    /// Why it went out unshaped although its route shapes it: one line that holds no value.
    pub unshaped: Option<String>,
}

/// Writes the answer to a request whose events were judged.
pub fn write_verdict(
    entry: &Entry,
    verdict: &Verdict,
    writer: ResponseWriter<'_>,
    scratch: &mut Scratch,
) -> Written {
    let (form, unshaped) = shaped_verdict(entry, verdict);
    let status = form.status.unwrap_or(verdict.status);
    let mut applied = Applied::default();
    if entry.batch {
        applied.handling(entry.preferences.handling);
    }
    if verdict.code.is_none()
        && let Some(pixel) = entry.route.reply.pixel
    {
        return Written {
            status: pixel::write(pixel, verdict, writer),
            unshaped: None,
        };
    }
    let body = scratch.clear();
    let kind = match &form.body {
        Some(shaped) => {
            body.extend_from_slice(shaped.bytes());
            shaped.kind()
        }
        None => plain_body(entry, verdict, status, &mut applied, body),
    };
    let asks_again = asks_again(verdict.status) || verdict.code == Some(Code::IdempotencyRunning);
    let pause = asks_again.then(|| retry_pause(None, entry.id));
    let repeated = entry.is_replay().then_some("true");
    let mut answer = Answer::new(status);
    answer.add_kind(kind, &form);
    answer.add(OUTCOME, verdict.stored.as_str());
    answer.add_some("Retry-After", pause.as_deref());
    answer.add_some(REPLAYED, repeated);
    answer.add_some("Preference-Applied", applied.as_str());
    answer.add_form(&form);
    answer.write(writer, body);
    Written { status, unshaped }
}

/// The body of an answer whose route does not shape it, and its type.
fn plain_body(
    entry: &Entry,
    verdict: &Verdict,
    status: u16,
    applied: &mut Applied,
    body: &mut Vec<u8>,
) -> Option<&'static str> {
    let wish = entry.preferences.returned;
    if verdict.code.is_none() && wish == Some(Returned::Minimal) {
        applied.returned(wish);
        return None;
    }
    if verdict.code.is_none() && !entry.receipts() {
        body::success(body, entry, verdict);
        return Some(JSON);
    }
    if wish == Some(Returned::Representation) {
        applied.returned(wish);
    }
    body::with_events(body, entry, verdict, status);
    Some(if verdict.status >= 400 { PROBLEM } else { JSON })
}

/// The answer as the route shapes it, or as it is and why.
fn shaped_verdict(entry: &Entry, verdict: &Verdict) -> (Form, Option<String>) {
    let Some(kept) = &entry.kept else {
        return (Form::default(), None);
    };
    let detail = verdict.code.map(|code| {
        let worst = EventVerdict::judge(entry, verdict.worst);
        (code, body::detail(entry, verdict, &worst, code))
    });
    let facts = Facts {
        id: entry.id,
        status: verdict.status,
        stored: verdict.stored.as_str(),
        accepted: verdict.accepted,
        ack: verdict.code.is_none().then(|| body::ack(entry, verdict)),
        error: detail.as_ref().map(|(code, detail)| (*code, &**detail)),
        entry: Some(entry),
    };
    or_unshaped(Form::of(&entry.route.plan, kept, &facts))
}

fn or_unshaped(form: Result<Form, String>) -> (Form, Option<String>) {
    match form {
        Ok(form) => (form, None),
        Err(why) => (Form::default(), Some(why)),
    }
}

/// Writes the answer to a request that was refused before any of it was dispatched. `shape`: how
/// its route shapes refusals, where it does, with what was kept of the request.
pub fn write_refusal(
    refusal: &Refusal,
    id: u128,
    shape: Option<(&Plan, &Kept)>,
    writer: ResponseWriter<'_>,
    scratch: &mut Scratch,
) -> Written {
    let truth = refusal.code.status();
    let facts = Facts {
        id,
        status: truth,
        stored: "none",
        accepted: 0,
        ack: None,
        error: Some((refusal.code, &refusal.detail)),
        entry: None,
    };
    let form = shape.map(|(plan, kept)| Form::of(plan, kept, &facts));
    let (form, unshaped) = or_unshaped(form.unwrap_or_else(|| Ok(Form::default())));
    let status = form.status.unwrap_or(truth);
    let body = scratch.clear();
    let kind = match &form.body {
        Some(shaped) => {
            body.extend_from_slice(shaped.bytes());
            shaped.kind()
        }
        None => {
            body::problem(body, refusal, id, status);
            Some(PROBLEM)
        }
    };
    let asks_again = asks_again(truth) || refusal.code == Code::IdempotencyRunning;
    let pause = asks_again.then(|| retry_pause(refusal.retry_after, id));
    let mut answer = Answer::new(status);
    answer.add_kind(kind, &form);
    answer.add(OUTCOME, "none");
    for (name, value) in &refusal.fields {
        answer.add(name, value);
    }
    answer.add_some("Retry-After", pause.as_deref());
    answer.add_form(&form);
    answer.write(writer, body);
    Written { status, unshaped }
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
        None if verdict.spooled => EventOutcome::Spooled,
        None if entry.route.reply.after == After::None => EventOutcome::Accepted,
        None => EventOutcome::Delivered,
        Some(Code::Unconfirmed) => EventOutcome::Uncertain,
        Some(Code::PartlyStored) => EventOutcome::PartlyStored,
        Some(Code::Conflict) => EventOutcome::Conflict,
        Some(code) if code.status() >= 500 => EventOutcome::NotStored,
        Some(_) => EventOutcome::Refused,
    }
}

/// Whether an answer of this status names the pause after which to send again.
fn asks_again(status: u16) -> bool {
    matches!(status, 429 | 503 | 507)
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
