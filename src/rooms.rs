//! The rooms: the only file of `src` that names a backend.

/// A target's room as its settings say, ready to be opened.
#[derive(Clone, Debug)]
pub enum TargetSettings {
    /// Takes everything and keeps nothing.
    Discard,
}
