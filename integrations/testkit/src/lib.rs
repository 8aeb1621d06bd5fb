//! testkit room.
