//! Keys of the sandbox: the file holds only digests, so that each client of a test is lent a key of
//! its own for as long as the process lives.

use std::collections::BTreeMap;

use crate::cli::Ending;
use crate::cli::key::{digest, make};
use crate::settings::{RouteTest, Settings};

/// The header field with a lent key, by the place of its client.
#[derive(Debug, Default)]
pub(super) struct LentKeys(BTreeMap<usize, (String, String)>);

impl LentKeys {
    /// Lends keys to the clients of all tests.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub(super) fn lend(settings: &mut Settings) -> Result<Self, Ending> {
        let mut lent = BTreeMap::new();
        let header = settings.key_places.header.to_string();
        let is_bearer = header.eq_ignore_ascii_case("authorization");
        let places: Vec<usize> = settings
            .tests
            .iter()
            .filter_map(|test| test.client)
            .collect();
        for place in places {
            let Some(client) = settings.clients.get_mut(place) else {
                continue;
            };
            if lent.contains_key(&place) {
                continue;
            }
            let key = make(client.publishable)?;
            client.digests.push(digest(&key));
            let value = if is_bearer {
                format!("Bearer {key}")
            } else {
                key
            };
            lent.insert(place, (header.clone(), value));
        }
        Ok(Self(lent))
    }

    /// The header fields of a test's request, its client's key among them.
    pub(super) fn headers(&self, test: &RouteTest) -> Vec<(String, String)> {
        let key = test.client.and_then(|place| self.0.get(&place));
        test.headers.iter().chain(key).cloned().collect()
    }
}
