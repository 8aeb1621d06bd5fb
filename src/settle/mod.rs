//! Counts the outcomes of each request on the core that owns it, and judges what they mean.
//!
//! Every record gets exactly one outcome; every request at most one answer, and exactly one while
//! its client is there.

mod entry;
mod ledger;
mod mailbox;
mod verdict;

pub use entry::{Entry, EventState, RecordState, Spooling, UnitOutcome, Way};
pub use ledger::{Expired, Ledger, Settled, Slot};
pub use mailbox::{CoreMailbox, Mail, Mailboxes};
pub use verdict::{EventVerdict, Stored, Verdict};
