//! What a failed question to a service says of a target.

use sluicegate_contract::{Attempt, Observation, Reason, ReasonKind};

/// What a question that failed says of the target. `action` is the permission that the question
/// needs and the gateway does not: where it is denied, nothing is known.
#[must_use]
pub fn observed(attempt: &Attempt, action: &str) -> Observation {
    let reason = match attempt {
        Attempt::Stored(_) => return Observation::good("it answered"),
        Attempt::Again { reason, .. } | Attempt::Blocked(reason) | Attempt::Refused(reason) => {
            reason
        }
    };
    let said = reason.detail().unwrap_or(reason.kind().code());
    match reason.kind() {
        ReasonKind::AccessDenied => Observation::doubtful(
            format!("it may not be asked: {said}"),
            format!("grant `{action}` to have it checked; delivery does not need it"),
        ),
        kind => Observation::wrong(said, remedy(kind, reason)),
    }
}

/// What to do, where the message does not say it.
fn remedy(kind: ReasonKind, reason: &Reason) -> &'static str {
    let no_region = reason.detail().is_some_and(|said| said.contains("region"));
    match kind {
        ReasonKind::ConnectionFailed | ReasonKind::AnswerLost => {
            "look at `endpoint_url` and `region`, at the network, and at the proxy of the \
             environment"
        }
        ReasonKind::AuthenticationFailed => {
            "AWS_PROFILE, AWS_ACCESS_KEY_ID or the machine's role give the credentials"
        }
        ReasonKind::TargetMissing if no_region => {
            "name the region that it is in: `region`, or AWS_REGION"
        }
        ReasonKind::TargetMissing => "create it, or correct what the file says",
        ReasonKind::Throttled => "ask again: the service wants fewer questions",
        ReasonKind::Unavailable => "ask again later: the service is failing",
        _ => "look at `endpoint_url`: something else than the service may answer there",
    }
}
