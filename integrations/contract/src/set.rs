//! Sets: the one kind of value that JSON does not have.

use std::sync::Arc;

use bytes::Bytes;

/// A set, its members in the order of the mapping. Cloning one counts a reference.
///
/// Members may still stand in it twice: only the room knows which of them its target takes for
/// one (`1` and `1.0`).
#[derive(Clone, Debug, PartialEq)]
pub struct Set {
    /// What its members are.
    pub kind: SetKind,
    /// Texts, numbers in JSON's notation, or bytes.
    pub members: Arc<[Bytes]>,
}

/// What the members of a set are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetKind {
    /// UTF-8.
    Text,
    /// Numbers in JSON's notation.
    Number,
    /// Any bytes.
    Binary,
}

impl SetKind {
    /// The word for it in what is stored.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Binary => "binary",
        }
    }

    /// The kind that has this word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        [Self::Text, Self::Number, Self::Binary]
            .into_iter()
            .find(|kind| kind.word() == word)
    }
}

impl Set {
    /// Bytes of payload in its members.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.members.iter().map(Bytes::len).sum()
    }
}
