//! aws room.
