//! Models of the hand-off between a core and the threads around it.
//!
//! `armed.rs` and `closing.rs` are the files that run, compiled here upon loom's atomics. What
//! stands around them in `src` (a socket, a lock-free queue, a `Notify`) is replaced by the least
//! that those promise. Each model has a twin with a bug planted, which loom must find: a model that
//! cannot fail proves nothing.

#[cfg(test)]
mod bell_room;
#[cfg(test)]
mod core_bell;
#[cfg(test)]
mod courier_end;
#[cfg(test)]
mod inbox_room;
#[cfg(test)]
mod parts;
