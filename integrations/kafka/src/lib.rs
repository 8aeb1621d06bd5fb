//! kafka room.
