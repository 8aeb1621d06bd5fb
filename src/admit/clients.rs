//! Who sends: the client whose key a request has.
//!
//! A key is never compared with a key. It is hashed, and its digest is looked up: what the look-up's
//! time may tell is about digests, of which nobody can make one that begins as another without
//! trying as many keys as its beginning has values, and that leads to no key. The digest that was
//! found is compared whole, in constant time, so that the table's own comparison decides nothing.
//! Known, unknown and missing keys cost the same: one hash, one look-up, one comparison.

use std::collections::HashMap;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::percent_decoded;
use crate::error::{Code, Refusal};
use crate::http::Head;
use crate::limits::API_KEY_BYTES_MAX;
use crate::settings::{Client, KeyPlaces, Route, Settings};

/// All clients, ready to be searched. Shared by all cores and never changed.
#[derive(Debug)]
pub struct Clients {
    by_digest: HashMap<[u8; 32], Place>,
    clients: Vec<Client>,
    places: KeyPlaces,
    /// `Authorization` holds `Bearer KEY`.
    is_bearer: bool,
    challenge: String,
    /// The client that every request is taken for: rehearsals name one and have no key.
    assumed: Option<Place>,
}

/// The place of a client in the settings.
pub type Place = u32;

const BEARER: &[u8] = b"bearer ";

impl Clients {
    /// The query parameter that may hold a key.
    #[must_use]
    pub fn key_parameter(&self) -> Option<&str> {
        self.places.query.as_deref()
    }

    /// The clients of the settings.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let mut by_digest = HashMap::new();
        for (client, place) in settings.clients.iter().zip(0..) {
            by_digest.extend(client.digests.iter().map(|digest| (*digest, place)));
        }
        let places = settings.key_places.clone();
        let is_bearer = places.header.eq_ignore_ascii_case("authorization");
        let challenge = match is_bearer {
            true => "Bearer realm=\"sluicegate\"".to_owned(),
            false => format!(
                "ApiKey realm=\"sluicegate\", in=\"header\", name=\"{}\"",
                places.header
            ),
        };
        Self {
            by_digest,
            clients: settings.clients.clone(),
            places,
            is_bearer,
            challenge,
            assumed: None,
        }
    }

    /// The same, taking every request for that of this client.
    #[must_use]
    pub fn assuming(mut self, client: Option<usize>) -> Self {
        self.assumed = client.and_then(|place| Place::try_from(place).ok());
        self
    }

    /// The client at this place.
    #[must_use]
    pub fn get(&self, place: Place) -> Option<&Client> {
        self.clients.get(place as usize)
    }

    /// The client whose key a request has.
    ///
    /// # Errors
    /// `Unauthorized`, in the same words whether the key is missing, given twice or unknown.
    pub fn identify(&self, head: &Head<'_>) -> Result<Place, Refusal> {
        if let Some(assumed) = self.assumed {
            return Ok(assumed);
        }
        let found = match self.places.query {
            None => self.find(self.key_in_header(head).unwrap_or_default()),
            Some(_) => {
                let query = self.key_in_query(head);
                match (self.key_in_header(head), query.as_deref()) {
                    (Some(key), None) | (None, Some(key)) => self.find(key),
                    _ => self.find(&[]),
                }
            }
        };
        found.ok_or_else(|| self.unauthorized())
    }

    /// Judges whether a client's key is bound to this route and to the page that sends.
    ///
    /// # Errors
    /// `NotAllowed`.
    pub fn bound(&self, place: Place, route: &Route, head: &Head<'_>) -> Result<(), Refusal> {
        let Some(client) = self.get(place) else {
            return Ok(());
        };
        if let Some(routes) = &client.routes
            && !routes.contains(&route.index)
        {
            let detail = "the API key is not for this route";
            return Err(Refusal::new(Code::NotAllowed, detail));
        }
        let Some(origins) = &client.origins else {
            return Ok(());
        };
        match origin_of(head) {
            Some(origin) if origins.iter().any(|known| known.matches(origin)) => Ok(()),
            Some(_) => {
                let detail = "the API key is not for pages of this origin";
                Err(Refusal::new(Code::NotAllowed, detail))
            }
            None => {
                let detail = "the API key is for pages of certain origins, and the request has no \
                              `Origin`";
                Err(Refusal::new(Code::NotAllowed, detail))
            }
        }
    }

    fn find(&self, key: &[u8]) -> Option<Place> {
        let whole = key.len() <= API_KEY_BYTES_MAX;
        let key = key.get(..API_KEY_BYTES_MAX).unwrap_or(key);
        let digest: [u8; 32] = Sha256::digest(key).into();
        // What is not there is compared too, with a digest that is not its own.
        let (known, place) = match self.by_digest.get_key_value(&digest) {
            Some((known, place)) => (*known, *place),
            None => ([0; 32], 0),
        };
        let is_equal = bool::from(known.ct_eq(&digest));
        (is_equal & whole & !key.is_empty()).then_some(place)
    }

    fn key_in_header<'h>(&self, head: &Head<'h>) -> Option<&'h [u8]> {
        let name = &*self.places.header;
        let mut values = head
            .fields()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let (_, value) = values.next()?;
        if values.next().is_some() {
            // Two keys: who reads only the first or the last of them must not differ from us.
            return Some(&[]);
        }
        if !self.is_bearer {
            return Some(value);
        }
        let (scheme, key) = value.split_at_checked(BEARER.len())?;
        Some(match scheme.eq_ignore_ascii_case(BEARER) {
            true => key.trim_ascii_start(),
            false => &[],
        })
    }

    fn key_in_query<'h>(&self, head: &Head<'h>) -> Option<std::borrow::Cow<'h, [u8]>> {
        let name = self.places.query.as_deref()?;
        let pairs = head.query()?.split('&');
        let mut values = pairs.filter_map(|pair| match pair.split_once('=') {
            Some((known, value)) => (known == name).then_some(value),
            None => (pair == name).then_some(""),
        });
        let value = values.next()?;
        if values.next().is_some() {
            return Some(std::borrow::Cow::Borrowed(&[]));
        }
        Some(match percent_decoded(value.as_bytes()) {
            Some(std::borrow::Cow::Borrowed(text)) => text.as_bytes().into(),
            Some(std::borrow::Cow::Owned(text)) => text.into_bytes().into(),
            None => std::borrow::Cow::Borrowed(&[]),
        })
    }

    fn unauthorized(&self) -> Refusal {
        let bearer = if self.is_bearer { "Bearer " } else { "" };
        let detail = format!(
            "the request has no API key that is known here: send it as `{}: {bearer}KEY`",
            self.places.header
        );
        Refusal::new(Code::Unauthorized, detail)
            .with_field("WWW-Authenticate", self.challenge.clone())
    }
}

/// The origin of the page that sends. A browser leaves `Origin` out of a plain GET, as a pixel is:
/// there the `Referer` says it.
fn origin_of<'h>(head: &Head<'h>) -> Option<&'h [u8]> {
    if let Some(origin) = head.field("origin") {
        return Some(origin);
    }
    if head.method() != "GET" {
        return None;
    }
    let referer = head.field("referer")?;
    let host = referer.windows(3).position(|three| three == b"://")? + 3;
    let is_end = |byte: &u8| matches!(byte, b'/' | b'?' | b'#');
    let end = referer.get(host..)?.iter().position(is_end);
    referer.get(..end.map_or(referer.len(), |end| host + end))
}
