//! Judges a request's head before its body is read, and its events before they are mapped.

mod buckets;
mod client_address;
mod clients;
mod coding;
mod cors;
mod judge;
mod limiter;
mod options;
mod origin;
pub mod schema;

use std::borrow::Cow;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::error::{Code, Refusal};
use crate::http::Head;
use crate::limits::LIMIT_SETS;
use crate::route::{CoreRoute, Match, Parameters, parameter_names};
use crate::settings::{Auth, Route, Settings};
use coding::coding_of;

pub use client_address::{NOBODY, client_address, is_among};
pub use clients::{Clients, Place};
pub use coding::{Coding, Encodings};
pub use cors::{CorsRule, Origins};
pub use judge::{EventJudge, Judged};
pub use limiter::{Held, Limiter, Under};
pub use options::{Ready, answer_options};
pub use origin::{OriginFault, OriginPattern};

/// What admission knows: who may send, and how much came. Shared by all cores.
#[derive(Debug)]
pub struct Admission {
    /// Who may send.
    pub clients: Clients,
    /// How much came; `None` where nothing is limited.
    pub limiter: Option<Arc<Limiter>>,
}

impl Admission {
    /// The admission of the settings, with nothing come yet.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self::with(Clients::new(settings), settings, LIMIT_SETS)
    }

    /// For one request that is rehearsed, which is taken for that of this client.
    #[must_use]
    pub fn rehearsed(settings: &Settings, client: Option<usize>) -> Self {
        Self::with(Clients::new(settings).assuming(client), settings, 1)
    }

    fn with(clients: Clients, settings: &Settings, sets: usize) -> Self {
        let is_limited = settings.routes.iter().any(|route| !route.limits.is_empty())
            || settings
                .clients
                .iter()
                .any(|client| !client.limits.is_empty());
        let limiter = is_limited.then(|| Arc::new(Limiter::new(sets)));
        Self { clients, limiter }
    }
}

/// A request that may go on. Nothing can be split or mapped without one, so a check that is left
/// out does not compile.
#[derive(Debug)]
pub struct Permit {
    route: CoreRoute,
    parameters: Parameters,
    source_ip: IpAddr,
    coding: Option<Coding>,
    client: Option<Place>,
    held: Option<Box<Held>>,
}

/// Names and percent-decoded values of a path's parameters.
pub type PathValues<'r> = SmallVec<[(&'r str, Cow<'r, str>); 4]>;

impl Permit {
    /// Judges what is known before the body: whose page sent it, who sends, its declared length, its
    /// coding. `source_ip` is the client's ([`client_address`]).
    ///
    /// # Errors
    /// `OriginRefused`, `Unauthorized`, `NotAllowed`, `RequestTooLarge`, `EncodingUnsupported`,
    /// `RequestMalformed`.
    pub fn judge(
        admission: &Admission,
        found: Match<'_>,
        head: &Head<'_>,
        length: Option<u64>,
        source_ip: IpAddr,
    ) -> Result<Self, Refusal> {
        let client = match found.route.auth {
            Auth::None => None,
            Auth::ApiKey => {
                let client = admission.clients.identify(head)?;
                admission.clients.bound(client, found.route, head)?;
                Some(client)
            }
        };
        let mut permit = Self {
            route: Rc::clone(found.route),
            parameters: found.parameters,
            source_ip,
            client,
            held: None,
            coding: None,
        };
        if let Some(rule) = &permit.route.cors {
            rule.judge(head)?;
        }
        let bytes_max = permit.body_bytes_max();
        if length.is_some_and(|length| length > bytes_max) {
            return Err(too_large(&permit.route));
        }
        permit.coding = coding_of(head, permit.route.accept.encodings)?;
        permit.path_values(head).map(drop)?;
        Ok(permit)
    }

    /// The header fields by which a page of another origin may read the answer; none where the
    /// route has no `cors`.
    #[must_use]
    pub fn cors_fields(&self, head: &Head<'_>) -> Option<Box<[u8]>> {
        self.route.cors.as_ref().map(|rule| rule.fields(head))
    }

    /// The route.
    #[must_use]
    pub fn route(&self) -> &CoreRoute {
        &self.route
    }

    /// The client's address.
    #[must_use]
    pub fn source_ip(&self) -> IpAddr {
        self.source_ip
    }

    /// The client that sends, where the route asks for it.
    #[must_use]
    pub fn client(&self) -> Option<Place> {
        self.client
    }

    /// Keeps what the request holds of its limits.
    pub fn hold(&mut self, held: Option<Box<Held>>) {
        self.held = held;
    }

    /// What the request holds of its limits.
    #[must_use]
    pub fn held(&self) -> Option<&Held> {
        self.held.as_deref()
    }

    /// Hands on what the request holds of its limits, for as long as it goes on without this.
    #[must_use]
    pub fn into_held(self) -> Option<Box<Held>> {
        self.held
    }

    /// The body's coding, to be taken away before it is cut into events.
    #[must_use]
    pub fn coding(&self) -> Option<Coding> {
        self.coding
    }

    /// Bytes that the body may have, as it comes and without its coding.
    #[must_use]
    pub fn body_bytes_max(&self) -> u64 {
        self.route.accept.request_bytes as u64
    }

    /// The values of the path's parameters.
    ///
    /// # Errors
    /// `RequestMalformed` where one is not UTF-8 after percent-decoding.
    pub fn path_values<'r>(&'r self, head: &Head<'r>) -> Result<PathValues<'r>, Refusal> {
        path_values(&self.route, &self.parameters, head)
    }
}

/// The values of the parameters of a path that fits a route, let in or not.
///
/// # Errors
/// `RequestMalformed` where one is not UTF-8 after percent-decoding.
pub fn path_values<'r>(
    route: &'r Route,
    parameters: &Parameters,
    head: &Head<'r>,
) -> Result<PathValues<'r>, Refusal> {
    let path = head.path().as_bytes();
    parameter_names(&route.path)
        .zip(parameters)
        .map(|(name, place)| match percent_decoded(place.of(path)) {
            Some(value) => Ok((name, value)),
            None => {
                let detail = format!("the path's `{name}` is not percent-encoded UTF-8");
                Err(Refusal::new(Code::RequestMalformed, detail))
            }
        })
        .collect()
}

/// The refusal of a body that is larger than its route takes.
fn too_large(route: &Route) -> Refusal {
    let detail = format!(
        "the body is larger than {} bytes, the route's `accept.request_bytes`",
        route.accept.request_bytes
    );
    Refusal::new(Code::RequestTooLarge, detail)
}

/// Text without its percent-encoding; `None` where an escape is broken or the result is not UTF-8.
#[must_use]
pub fn percent_decoded(bytes: &[u8]) -> Option<Cow<'_, str>> {
    if !bytes.contains(&b'%') {
        return std::str::from_utf8(bytes).ok().map(Cow::Borrowed);
    }
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let [high, low, after @ ..] = tail else {
                return None;
            };
            let digit = |byte: u8| char::from(byte).to_digit(16);
            decoded.push(u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?);
            rest = after;
        } else {
            decoded.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_or_refused() {
        for (text, decoded) in [
            ("plain", Some("plain")),
            ("a%20b", Some("a b")),
            ("%C3%A9", Some("é")),
            ("%2F%2f", Some("//")),
            ("%", None),
            ("%2", None),
            ("%zz", None),
            ("%FF", None),
        ] {
            assert_eq!(
                percent_decoded(text.as_bytes()).as_deref(),
                decoded,
                "{text}"
            );
        }
    }
}
