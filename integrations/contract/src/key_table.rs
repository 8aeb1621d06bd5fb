//! A table of idempotency keys that replicas share: what it must be able to do, whatever it is.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;

use crate::Reason;

/// The answer of a table, on its way.
pub type Asked<'a, T> = Pin<Box<dyn Future<Output = Result<T, Reason>> + Send + 'a>>;

/// Who holds a key, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyLease {
    /// The key.
    pub key: u128,
    /// What is sent under it, hashed.
    pub payload: u128,
    /// A number that nobody else has: whose key it is.
    pub owner: u128,
    /// Now, in milliseconds since 1970.
    pub now: u64,
    /// Until when it is theirs unless they say more, in milliseconds since 1970.
    pub until: u64,
    /// When the key is forgotten, in seconds since 1970.
    pub expires: u64,
}

/// What a table holds of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyItem {
    /// What is sent under it, hashed.
    pub payload: u128,
    /// Whose it is.
    pub owner: u128,
    /// Where it stands.
    pub state: KeyState,
    /// Until when it is theirs, in milliseconds since 1970.
    pub until: u64,
    /// What was stored of it.
    pub stored: Option<Bytes>,
}

/// Where a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Its request is under way.
    Running,
    /// A part of its request is confirmed, and nobody is at the rest.
    Partly,
    /// It has its final answer.
    Final,
}

impl KeyState {
    /// The word that is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Partly => "partly",
            Self::Final => "final",
        }
    }

    /// The state that a word stands for.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        [Self::Running, Self::Partly, Self::Final]
            .into_iter()
            .find(|state| state.as_str() == word)
    }
}

/// A table of keys. Every write has a condition, so that of several replicas one wins. An error
/// leaves it open whether a write was done.
pub trait KeyTable: Send + Sync + 'static {
    /// Takes a key that is not there, or whose time has passed. `None`: it is taken; else what is
    /// there, and nothing was changed.
    fn claim<'a>(&'a self, lease: &'a KeyLease) -> Asked<'a, Option<KeyItem>>;

    /// Takes a key from whoever holds it, if it still stands as it was found. What is stored of it
    /// stays. False: it does not.
    fn take_over<'a>(&'a self, lease: &'a KeyLease, found: &'a KeyItem) -> Asked<'a, bool>;

    /// Stores what a key of this owner came to; while it is `Running`, the lease goes on. False: it
    /// is another's by now.
    fn store<'a>(
        &'a self,
        lease: &'a KeyLease,
        state: KeyState,
        stored: &'a Bytes,
    ) -> Asked<'a, bool>;

    /// Holds a key of this owner for longer. False: it is another's by now.
    fn renew<'a>(&'a self, lease: &'a KeyLease) -> Asked<'a, bool>;

    /// Gives a key of this owner back: it is gone then, or, where something was stored of it
    /// (`keeps`), it waits for whoever takes it next. False: it is another's by now.
    fn free<'a>(&'a self, lease: &'a KeyLease, keeps: bool) -> Asked<'a, bool>;
}
