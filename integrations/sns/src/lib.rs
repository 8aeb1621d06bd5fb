//! sns room.
