//! What an answer says of an event: by its status, and by the gateway's own word.

use crate::history::Outcome;

/// What is known of an event after an answer with this status, this `Sluicegate-Outcome` and this
/// body.
///
/// The gateway's own word stands first: an error without it may be a load balancer's, and then
/// nobody knows what the gateway did. A 202 acknowledges only what its body calls spooled
/// (`"ack":"spooled"`); from memory nothing is promised, so that the event is in doubt.
#[must_use]
pub fn outcome_of(status: u16, said: Option<&str>, body: &[u8]) -> Outcome {
    match (status, said) {
        (207, _) => Outcome::Unknown,
        (202, _) if spooled(body) => Outcome::Ok,
        (202, _) => Outcome::Unknown,
        (200..=299, None | Some("all" | "some")) => Outcome::Ok,
        (200..=299, _) => Outcome::Unknown,
        (_, Some("none")) => Outcome::Failed,
        (_, Some(_)) => Outcome::Unknown,
        // What refuses a request by these never handed it on: whoever said so.
        (400..=407 | 411..=417 | 421..=428 | 431, None) => Outcome::Failed,
        (_, None) => Outcome::Unknown,
    }
}

fn spooled(body: &[u8]) -> bool {
    let body: Result<serde_json::Value, _> = serde_json::from_slice(body);
    body.is_ok_and(|body| body.get("ack").is_some_and(|ack| ack == "spooled"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_taken_at_their_word() {
        use Outcome::{Failed, Ok, Unknown};
        for (status, said, body, wanted) in [
            (200, Some("all"), "{\"ack\":\"required\"}", Ok),
            (200, None, "", Ok),
            (201, Some("all"), "", Ok),
            (204, Some("all"), "", Ok),
            (200, Some("some"), "", Ok),
            (200, Some("unknown"), "", Unknown),
            (200, Some("none"), "", Unknown),
            (202, Some("unknown"), "{\"ack\":\"spooled\"}", Ok),
            (202, Some("none"), "{ \"ack\" : \"spooled\" }", Ok),
            (202, Some("unknown"), "{\"ack\":\"memory\"}", Unknown),
            (202, Some("all"), "", Unknown),
            (202, None, "<html>", Unknown),
            (207, Some("some"), "", Unknown),
            (400, Some("none"), "", Failed),
            (400, None, "", Failed),
            (413, Some("none"), "", Failed),
            (422, Some("some"), "", Unknown),
            (409, Some("unknown"), "", Unknown),
            (409, None, "", Unknown),
            (408, Some("none"), "", Failed),
            (408, None, "", Unknown),
            (429, Some("none"), "", Failed),
            (429, None, "", Unknown),
            (500, Some("unknown"), "", Unknown),
            (500, None, "", Unknown),
            (502, Some("some"), "", Unknown),
            (502, None, "", Unknown),
            (503, Some("none"), "", Failed),
            (503, None, "", Unknown),
            (504, Some("unknown"), "", Unknown),
            (504, None, "", Unknown),
            (507, Some("none"), "", Failed),
            (301, None, "", Unknown),
        ] {
            let outcome = outcome_of(status, said, body.as_bytes());
            assert_eq!(outcome, wanted, "{status} {said:?} {body}");
        }
    }
}
