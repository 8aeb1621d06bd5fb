//! Who may send and how much, as the gateway runs on it: a part of `as_run`.

use std::sync::Arc;
use std::time::Duration;

use super::rates::{ByteRate, Rate};
use crate::admit::OriginPattern;

/// What a route asks of who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Nothing: anybody may send.
    None,
    /// The API key of a client.
    ApiKey,
}

/// Where a request has its API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPlaces {
    /// The header field.
    pub header: Box<str>,
    /// A query parameter that may hold it instead.
    pub query: Option<Box<str>>,
}

/// Somebody who may send.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its name.
    pub name: Arc<str>,
    /// The SHA-256 of each of its keys.
    pub digests: Vec<[u8; 32]>,
    /// Its labels, by name.
    pub labels: Vec<(Box<str>, Box<str>)>,
    /// Whether anybody can read its key.
    pub publishable: bool,
    /// The places of the routes that it may use; all where it is `None`.
    pub routes: Option<Vec<usize>>,
    /// The origins of pages that may use it; all, and no page, where it is `None`.
    pub origins: Option<Vec<OriginPattern>>,
    /// How much it may send, over all routes together.
    pub limits: Vec<Limit>,
}

/// How much may come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Its number among all limits of the settings.
    pub number: u32,
    /// The place of the expression that tells apart who shares it, in the plan of its route; one
    /// for all where it is `None`.
    pub per: Option<usize>,
    /// Requests.
    pub requests: Option<Quota>,
    /// Events.
    pub events: Option<Quota>,
    /// Bytes of bodies as sent.
    pub bytes: Option<Quota>,
    /// Requests in flight.
    pub concurrent: Option<u32>,
}

/// So much in a window of time, and so much at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// How much in a window.
    pub amount: u64,
    /// The window.
    pub window: Duration,
    /// How much at once after a pause; at least 1.
    pub burst: u64,
}

impl Quota {
    /// Nanoseconds in which so much comes in again, rounded up.
    #[must_use]
    pub fn nanoseconds(&self, much: u64) -> u64 {
        let (window, amount) = (self.window.as_nanos(), self.amount.max(1));
        // Nearly always: dividing 128 bits takes ten times as long.
        if let Some(product) = u64::try_from(window).ok().and_then(|w| w.checked_mul(much)) {
            return product.div_ceil(amount);
        }
        let span = (u128::from(much) * window).div_ceil(u128::from(amount));
        u64::try_from(span).unwrap_or(u64::MAX)
    }

    /// How much comes in within so many nanoseconds, rounded down.
    #[must_use]
    pub fn within(&self, nanoseconds: u64) -> u64 {
        let much = u128::from(nanoseconds) * u128::from(self.amount);
        u64::try_from(much / self.window.as_nanos().max(1)).unwrap_or(u64::MAX)
    }

    /// The rate as a file has it: `5000/s`.
    #[must_use]
    pub fn rate(&self) -> String {
        let (amount, window) = (self.amount, self.window);
        Rate { amount, window }.to_string()
    }

    /// The rate as a file has it, in bytes: `10MiB/s`.
    #[must_use]
    pub fn byte_rate(&self) -> String {
        let (amount, window) = (self.amount, self.window);
        ByteRate(Rate { amount, window }).to_string()
    }
}
