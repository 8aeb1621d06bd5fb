//! Idempotency: a request or event that comes again under its key is answered as before, and what
//! was confirmed is not sent again.
//!
//! A key is claimed before anything of its request is sent (`window.rs` decides who gets it). When
//! the request is decided, what became of its records is stored under the key, and is durable
//! before the client is answered. A crash in between leaves an outcome that nobody was told.
//! Answers are not stored as bytes: they are written again from the records' outcomes, so that
//! a client may ask for more or less of them the second time.
//!
//! The store is local (memory, with an append log behind it) or shared by replicas (a table of
//! which one knows how to write under a condition).

mod claims;
mod counters;
pub mod key;
mod lane;
mod local;
#[cfg(test)]
mod local_tests;
#[cfg(test)]
pub(crate) mod map_table;
mod owed;
mod shared;
#[cfg(test)]
mod shared_tests;
mod store;
mod stored;
mod table;
mod trail;
mod window;
#[cfg(test)]
mod window_tests;

pub use claims::{Claims, Unit, UnitState, Verdict};
pub use counters::Reading;
pub use local::KEY_KIND;
pub use shared::SharedOptions;
pub use store::{Asked, Finish, Store};
#[cfg(test)]
pub(crate) use stored::tests::boundless;
pub use stored::{Fate, Settled, SettledRecord, Untold};
pub use window::{Bounds, Claim, Ending, KEY_OVERHEAD_BYTES, Window};

use std::time::{SystemTime, UNIX_EPOCH};

/// A key, hashed together with its route and client.
pub type Key = u128;
/// What is sent under a key, hashed.
pub type Payload = u128;
/// Whose a claim is: the id of the request that made it, which no other has.
pub type Owner = u128;
/// Milliseconds since 1970: the window outlives the process.
pub type Milliseconds = u64;

/// Now, as windows take it.
#[must_use]
pub fn now() -> Milliseconds {
    milliseconds(SystemTime::now())
}

fn milliseconds(time: SystemTime) -> Milliseconds {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
