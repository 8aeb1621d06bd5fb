//! Events on disk until their targets confirm them.
//!
//! ```text
//! core ── Spool::store ══▶ committer of the append log ══▶ Mail::Spooled ── answer 202
//!                                    ║ (committed records)
//!                                    ▼
//!                drain: one lane for each target ══▶ courier or client library
//!                  ▲                                          ║
//!                  └──────────────── outcomes ════════════════╝
//! ```
//!
//! What is stored is a request's rendered records ([`entry`]), so that what was stored is what is
//! delivered, whatever the file says later. [`Drain`] decides what is read, handed over, tried again
//! and settled; time, log, targets and outcomes are handed in, so that a simulation can turn it by
//! hand. [`DrainThread`] is the thread around it.
//!
//! Invariant: the cursor of a target never passes a record that the target has not confirmed, or
//! that was not given up with a word about it (refused for good, expired, or uncertain where it must
//! not be done twice).

mod door;
mod drain;
pub mod entry;
mod held;
mod lane;
mod letters;
mod open;
mod reading;
mod store;
#[cfg(test)]
mod tests;
mod thread;

pub use door::{Door, Opening};
pub use drain::{Backlog, Drain, DrainRules, Read};
pub use held::{Fate, Held};
pub use lane::{Ended, LaneRules, LostRecord};
pub use open::{Opened, open, recover};
pub use reading::{LaneCounters, LaneReading, SpoolReading};
pub use store::{Spool, Waiting};
pub use thread::{DrainThread, LogBacklog};
