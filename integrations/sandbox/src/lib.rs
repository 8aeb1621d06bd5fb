//! sandbox room.
