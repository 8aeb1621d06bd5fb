//! The paths into an event that a route's mapping reads, as a tree for the scan to walk beside.

/// One step of a path into a JSON value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A member of an object.
    Name(String),
    /// An element of an array.
    Index(usize),
}

/// The place of a path's capture in an event's captures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PathId(pub u16);

/// The paths that one route reads. An event's captures stand in the order in which the paths were
/// added.
#[derive(Clone, Debug, Default)]
pub struct Wanted {}
