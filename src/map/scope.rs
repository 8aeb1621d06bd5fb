//! What the expressions of one place may name.
//!
//! All places share the roots `path`, `query` and `request`, the functions, and `let` names; each
//! says here what it has beside them. A new root is a name in [`super::names::ROOTS`], a read in
//! `slots`, and a question here.

use super::source::Reach;
use super::text::TextFault;

/// What the expressions of one place may name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope {
    /// The key of the file that it is; `None` for a mapping.
    pub(super) key: Option<&'static str>,
    /// Whether there is an event.
    pub(super) reach: Reach,
}

impl Scope {
    /// `let`, `when` and `record`.
    pub(super) const MAPPING: Self = Self {
        key: None,
        reach: Reach::Event,
    };

    /// The place, as messages call it.
    pub(super) fn place(self) -> String {
        self.key
            .map_or_else(|| "a mapping".to_owned(), |key| format!("`{key}`"))
    }

    /// Refuses roots that this place does not have.
    pub(super) fn check(self, root: &str) -> Result<(), TextFault> {
        match (self.reach, root) {
            (Reach::Head, "event" | "body" | "ce") => {
                let message = format!("`{root}` cannot be named in {}", self.place());
                Err(TextFault::new(0, message, JUDGED_EARLY))
            }
            (Reach::Refusal, "event" | "body" | "auth" | "ce") => {
                let message = format!("`{root}` cannot be named in {}", self.place());
                Err(TextFault::new(0, message, REFUSED_EARLY))
            }
            _ => Ok(()),
        }
    }
}

/// Why an answer to a refused request may not read all of it.
pub(super) const REFUSED_EARLY: &str = "a request may be refused before its sender and its event \
                                        are known: name `error`, `results`, `reply`, `path`, \
                                        `query` or `request`";

/// Why the head is all that an expression may read.
pub(super) const JUDGED_EARLY: &str = "it is judged before the body is read, and may name `path`, \
                                       `query`, `request` and `auth`";
