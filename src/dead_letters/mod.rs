//! Dead letters: records that nobody will deliver any more, kept at another target with the reason.
//!
//! ```text
//! a core, the spool ──▶ Letters ──▶ desk (a thread) ──▶ the dead letter's target
//!                                     ▲                        ║
//!                                     └═══════ outcomes ═══════╝
//! ```
//!
//! * `letter`: what is kept of a record, and its stored form.
//! * `json`: the same for consumers of a topic, a stream or a table.
//! * `desk`: what is decided: which letters are sent when, and what became of each.
//! * `clerk`: the thread around it, and the handle that others post with.
//!
//! A dead letter of a dead letter does not exist: one that is not confirmed is counted, logged and
//! gone.

mod clerk;
mod desk;
mod json;
mod letter;

pub use clerk::{Clerk, Letters, Ways};
pub use desk::{Desk, Done, LetterEnd, Posted};
pub use letter::{LETTER_FIELDS, Letter};
