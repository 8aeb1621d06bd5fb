//! CORS: which pages of other origins may send to a route, and what their browsers are told.
//!
//! A browser asks first (a preflight) before it sends what a form could not send, and shows an
//! answer to a script only where the answer names the script's origin. A request that says an
//! origin which the rule does not name is refused whole, asked for or not: a page may send text
//! and forms without asking, and such a page must not get further than one that asks.

use std::time::Duration;

use super::origin::OriginPattern;
use crate::error::{Code, Refusal};
use crate::http::Head;

/// Characters of a client's origin that a refusal shows.
const SHOWN_CHARACTERS_MAX: usize = 100;
/// What a preflight's answer depends on.
const VARY_PREFLIGHT: &[u8] =
    b"Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers\r\n";

/// The `cors` of a route, as run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorsRule {
    /// Whose pages may send.
    pub origins: Origins,
    /// Request header fields that a page may set, as a list in one text; none: any.
    pub headers: Option<Box<str>>,
    /// Answer header fields that a page may read, as a list in one text.
    pub expose: Box<str>,
    /// Whether cookies and the like may come along.
    pub credentials: bool,
    /// How long a browser may remember what a preflight said.
    pub max_age: Duration,
    /// Whether a public page may reach this gateway in a private network.
    pub private_network: bool,
}

/// Whose pages may send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Anybody's.
    Any,
    /// Those of these origins.
    These(Vec<OriginPattern>),
}

impl CorsRule {
    /// Refuses a request that a page of another origin sent which the rule does not name. Requests
    /// without `Origin` are no page's; those of the gateway's own origin need no rule.
    ///
    /// # Errors
    /// `OriginRefused`.
    pub fn judge(&self, head: &Head<'_>) -> Result<(), Refusal> {
        match origin_of(head) {
            Some(origin) if !self.allows(origin) && !is_own(origin, head) => Err(refused(origin)),
            _ => Ok(()),
        }
    }

    /// The header fields that every answer to this request carries, each ended by CRLF.
    #[must_use]
    pub fn fields(&self, head: &Head<'_>) -> Box<[u8]> {
        let mut out = Vec::with_capacity(256);
        if self.origins != Origins::Any {
            field(&mut out, "Vary", b"Origin");
        }
        if self.name_origin(head, &mut out) {
            field(
                &mut out,
                "Access-Control-Expose-Headers",
                self.expose.as_bytes(),
            );
        }
        out.into_boxed_slice()
    }

    /// The header fields of the answer to a preflight, for a path that takes these methods.
    #[must_use]
    pub fn preflight(&self, head: &Head<'_>, methods: &str) -> Box<[u8]> {
        let mut out = Vec::with_capacity(384);
        out.extend_from_slice(VARY_PREFLIGHT);
        if self.name_origin(head, &mut out) {
            field(&mut out, "Access-Control-Allow-Methods", methods.as_bytes());
            let asked = head.field("access-control-request-headers");
            let asked = asked.filter(|names| names.iter().all(|byte| is_list_byte(*byte)));
            let headers = self.headers.as_deref().map(str::as_bytes).or(asked);
            if let Some(headers) = headers.filter(|names| !names.is_empty()) {
                field(&mut out, "Access-Control-Allow-Headers", headers);
            }
            let mut number = itoa::Buffer::new();
            let seconds = number.format(self.max_age.as_secs());
            field(&mut out, "Access-Control-Max-Age", seconds.as_bytes());
            let private = "access-control-request-private-network";
            if self.private_network && head.field(private) == Some(b"true") {
                field(&mut out, "Access-Control-Allow-Private-Network", b"true");
            }
        }
        out.into_boxed_slice()
    }

    /// Whether pages of this origin may send.
    #[must_use]
    pub fn allows(&self, origin: &[u8]) -> bool {
        match &self.origins {
            Origins::Any => true,
            Origins::These(patterns) => patterns.iter().any(|pattern| pattern.matches(origin)),
        }
    }

    /// Writes whose the answer is, if the request says an origin that the rule names.
    fn name_origin(&self, head: &Head<'_>, out: &mut Vec<u8>) -> bool {
        if self.origins == Origins::Any {
            field(out, "Access-Control-Allow-Origin", b"*");
            return true;
        }
        let Some(origin) = origin_of(head).filter(|origin| self.allows(origin)) else {
            return false;
        };
        field(out, "Access-Control-Allow-Origin", origin);
        if self.credentials {
            field(out, "Access-Control-Allow-Credentials", b"true");
        }
        true
    }
}

/// The refusal of a request with this origin.
pub(super) fn refused(origin: &[u8]) -> Refusal {
    let shown: String = String::from_utf8_lossy(origin)
        .chars()
        .take(SHOWN_CHARACTERS_MAX)
        .collect();
    let detail = format!(
        "pages of the origin `{shown}` may not send here: it is not in the route's `cors.origins`"
    );
    Refusal::new(Code::OriginRefused, detail)
}

/// The origin that a request says. Browsers send the field once; of several none is believed.
pub(super) fn origin_of<'h>(head: &Head<'h>) -> Option<&'h [u8]> {
    let mut values = head
        .fields()
        .filter(|(name, _)| name.eq_ignore_ascii_case("origin"))
        .map(|(_, value)| value);
    let first = values.next()?;
    Some(if values.next().is_none() { first } else { b"" })
}

/// Whether a page of this very gateway sent a request: browsers say its origin too, where the
/// request is not a plain GET. The scheme is not compared: TLS may end before the gateway.
fn is_own(origin: &[u8], head: &Head<'_>) -> bool {
    let at = memchr::memmem::find(origin, b"://");
    let authority = at.and_then(|at| origin.get(at + 3..)).unwrap_or_default();
    !authority.is_empty()
        && head
            .field("host")
            .is_some_and(|host| host.eq_ignore_ascii_case(authority))
}

/// A character of a list of field names.
fn is_list_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~, ".contains(&byte)
}

fn field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}
