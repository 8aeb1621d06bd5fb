//! discard room.
