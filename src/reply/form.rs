//! An answer as its route shapes it, judged: what a route says must stay true.
//!
//! A status may be shaped within what it means only ([`may_say`]), and a value of a header field
//! must not end its line. An answer that breaks a rule, or whose expressions fail, goes out
//! unshaped: delivery has happened by then, and the plain answer tells the truth about it.

use sluicegate_contract::Name;

use super::facts::Facts;
use crate::limits::{REPLY_BODY_BYTES_MAX, REPLY_HEADER_BYTES_MAX};
use crate::map::{Kept, Plan, Shaped, ShapedBody, Shaping};

/// What a success that was confirmed may be called.
const CONFIRMED: &[u16] = &[200, 201, 202, 204, 303];
/// What a client would take as leave to send the same again.
const ASKS_AGAIN: &[u16] = &[408, 425, 429];

/// Header fields that are the gateway's own, with the reason for those who try to set them.
const OWN_FIELDS: &[(&[&str], &str)] = &[
    (
        &[
            "connection",
            "content-length",
            "date",
            "keep-alive",
            "proxy-connection",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
        ],
        "it says how the response is framed",
    ),
    (
        &[
            "sluicegate-outcome",
            "retry-after",
            "allow",
            "preference-applied",
            "idempotency-replayed",
        ],
        "clients rely on it to be true",
    ),
    (
        &[
            "www-authenticate",
            "accept-encoding",
            "ratelimit",
            "ratelimit-policy",
        ],
        "it goes with refusals that need it",
    ),
];

/// Why a route cannot set a header field; `None` where it can. Names compare in any case.
#[must_use]
pub fn own_field(name: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    if lower.starts_with("access-control-") {
        return Some("it belongs to `cors`");
    }
    OWN_FIELDS
        .iter()
        .find(|(names, _)| names.contains(&lower.as_str()))
        .map(|(_, why)| *why)
}

/// Whether an answer whose true status is `truth` may be given this status.
///
/// A confirmed success stays a success, a 202 stays a 202. What is refused for good stays a 4xx
/// that nobody repeats; 429 may be 503, which means the same. Any other 5xx is itself or 500.
#[must_use]
pub fn may_say(truth: u16, status: i64) -> bool {
    let Ok(status) = u16::try_from(status) else {
        return false;
    };
    status == truth
        || match truth {
            200 => CONFIRMED.contains(&status),
            429 => status == 503,
            400..=499 => (400..=499).contains(&status) && !ASKS_AGAIN.contains(&status),
            502..=504 | 507 => status == 500,
            _ => false,
        }
}

/// An answer as its route shapes it, fit to be written.
#[derive(Default)]
pub(super) struct Form {
    pub(super) status: Option<u16>,
    pub(super) headers: Vec<(Name, String)>,
    pub(super) body: Option<ShapedBody>,
}

impl Form {
    /// Shapes an answer; one that stays as it is where the route does not shape this kind.
    ///
    /// # Errors
    /// Why it cannot be shaped so, in one line without values.
    pub(super) fn of(plan: &Plan, kept: &Kept, facts: &Facts<'_>) -> Result<Self, String> {
        let (shaping, key) = match facts.error {
            None => (Shaping::Success, "reply"),
            Some(_) => (Shaping::Refusal, "reply.refusal"),
        };
        let Some(shaped) = plan.shape(shaping, kept, facts) else {
            return Ok(Self::default());
        };
        let Shaped {
            status,
            headers,
            body,
        } = shaped?;
        let truth = facts.status;
        let status = match status {
            None => None,
            Some(status) if may_say(truth, status) => u16::try_from(status).ok(),
            // An answer that is given one status for all keeps its own where that would lie: so
            // do a refusal, and what went to the spool in the place of a confirmation.
            Some(_)
                if (shaping == Shaping::Refusal || truth == 202)
                    && plan.has_one_status(shaping) =>
            {
                None
            }
            Some(status) => {
                return Err(format!(
                    "`{key}.status` is {status}, which is not true of a {truth}"
                ));
            }
        };
        let headers = headers.into_iter().map(|(name, value)| {
            let value = value.trim_matches([' ', '\t']).to_owned();
            if value.len() > REPLY_HEADER_BYTES_MAX {
                return Err(format!(
                    "`{key}.headers.{name}` is larger than {REPLY_HEADER_BYTES_MAX} bytes"
                ));
            }
            let fits = |byte: u8| (b' '..=b'~').contains(&byte) || byte == b'\t';
            if !value.bytes().all(fits) {
                return Err(format!(
                    "`{key}.headers.{name}` has characters that a header field cannot have"
                ));
            }
            Ok((name, value))
        });
        let headers = headers.collect::<Result<_, _>>()?;
        if body
            .as_ref()
            .is_some_and(|body| body.bytes().len() > REPLY_BODY_BYTES_MAX)
        {
            return Err(format!(
                "`{key}.body` is larger than {REPLY_BODY_BYTES_MAX} bytes"
            ));
        }
        Ok(Self {
            status,
            headers,
            body,
        })
    }

    /// Whether the route itself says what type the body is of.
    pub(super) fn names_type(&self) -> bool {
        let mut names = self.headers.iter().map(|(name, _)| name);
        names.any(|name| name.eq_ignore_ascii_case("content-type"))
    }
}

impl ShapedBody {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Empty => b"",
            Self::Json(bytes) | Self::Text(bytes) | Self::Bytes(bytes) => bytes,
        }
    }

    /// Its type, where the route names none.
    pub(super) fn kind(&self) -> Option<&'static str> {
        match self {
            Self::Empty => None,
            Self::Json(_) => Some(super::JSON),
            Self::Text(_) => Some("text/plain; charset=utf-8"),
            Self::Bytes(_) => Some("application/octet-stream"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_shaped_only_within_what_it_means() {
        let may = |truth: u16| -> Vec<i64> {
            let all = -1..=999;
            all.filter(|status| may_say(truth, *status)).collect()
        };
        assert_eq!(may(200), [200, 201, 202, 204, 303]);
        assert_eq!(may(202), [202]);
        assert_eq!(may(207), [207]);
        assert_eq!(may(429), [429, 503]);
        assert_eq!(may(500), [500]);
        for truth in [502, 503, 504, 507] {
            assert_eq!(may(truth), [500, i64::from(truth)]);
        }
        for truth in [400, 401, 409, 422] {
            assert_eq!(may(truth).len(), 97, "{truth}");
            assert!(!may(truth).contains(&429));
        }
        assert!(!may_say(200, 65_736), "200 + 65536");
    }

    #[test]
    fn the_fields_of_the_gateway_are_its_own() {
        for name in [
            "Content-Length",
            "TRANSFER-ENCODING",
            "date",
            "Sluicegate-Outcome",
            "Access-Control-Allow-Origin",
            "WWW-Authenticate",
        ] {
            assert!(own_field(name).is_some(), "{name}");
        }
        for name in ["Content-Type", "Location", "Set-Cookie", "X-Anything"] {
            assert_eq!(own_field(name), None, "{name}");
        }
    }
}
