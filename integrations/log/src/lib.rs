//! The log room: a target that keeps its records in an append log of its own.
