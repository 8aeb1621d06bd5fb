//! Turns a verdict or a refusal into a response: the only place where a reason becomes a status.

mod body;

use std::time::Duration;

use smallvec::{SmallVec, smallvec};

use crate::error::{Code, Refusal};
use crate::http::ResponseWriter;
use crate::observe::EventOutcome;
use crate::settings::After;
use crate::settle::{Entry, EventVerdict, Verdict};

pub use body::Scratch;

/// The type of an error body (RFC 9457).
const PROBLEM: &[u8] = b"application/problem+json";
const JSON: &[u8] = b"application/json";
/// Says how much was stored; it also tells our answers from a load balancer's own.
const OUTCOME: &str = "Sluicegate-Outcome";

/// Writes the answer to a request whose events were judged.
pub fn write_verdict(
    entry: &Entry,
    verdict: &Verdict,
    writer: ResponseWriter<'_>,
    scratch: &mut Scratch,
) {
    let outcome = verdict.stored.as_str().as_bytes();
    let body = scratch.clear();
    if verdict.code.is_none() && !entry.receipts {
        body::success(body, entry, verdict);
        writer.write(
            verdict.status,
            &[("Content-Type", JSON), (OUTCOME, outcome)],
            body,
        );
        return;
    }
    body::with_events(body, entry, verdict);
    let kind = if verdict.status < 400 { JSON } else { PROBLEM };
    let pause = retry_pause(None, entry.id);
    let fields: &[(&str, &[u8])] = &[
        ("Content-Type", kind),
        (OUTCOME, outcome),
        ("Retry-After", pause.as_bytes()),
    ];
    let asked = if verdict.status == 503 {
        fields.len()
    } else {
        fields.len() - 1
    };
    writer.write(verdict.status, &fields[..asked], body);
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
    let pause = retry_pause(refusal.retry_after, id);
    let mut fields: SmallVec<[(&str, &[u8]); 6]> =
        smallvec![("Content-Type", PROBLEM), (OUTCOME, &b"none"[..])];
    let own = refusal.fields.iter();
    fields.extend(own.map(|(name, value)| (*name, value.as_bytes())));
    if refusal.code.status() == 503 {
        fields.push(("Retry-After", pause.as_bytes()));
    }
    writer.write(refusal.code.status(), &fields, body);
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

/// Whole seconds to wait, jittered upwards so that callers who were refused together do not come
/// back together. The request's id is the jitter: a refusal is the same each time it is rendered.
fn retry_pause(asked: Option<Duration>, id: u128) -> String {
    let least = asked.unwrap_or(Duration::from_secs(1)).as_secs().max(1);
    let spread = least + 1;
    (least + (id as u64) % spread).to_string()
}
