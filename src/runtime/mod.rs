//! The seam behind which the cores' runtime (monoio) lives: start, listen, accept, read, write,
//! sleep, spawn, and the two ways to wake a task. Nothing else in this crate names monoio.
//!
//! Known faults of monoio 0.2.4, kept here so that nobody falls for them again:
//! - A task that wakes itself while it runs goes to the front of the queue: a loop of such wakes
//!   starves everything else. Nothing here yields that way.
//! - A waker must not be called from another thread. [`Ringer`] is the only door into a core.
//! - `accept` must not be cancelled (the accepted descriptor leaks). A listener is stopped by
//!   [`Listener::stop_handle`], which makes the pending accept return.
//! - `DEFER_TASKRUN` with tasks that are always runnable does no I/O at all, so it is never set.
//! - Reads and writes are never cancelled either: whoever wants one to end shuts the socket down
//!   through its [`Line`] and lets the operation return.

mod armed;
/// The atomics of this room's protocols. The models build the same files upon loom's.
mod atomics {
    pub(super) use std::sync::atomic::{AtomicBool, Ordering, fence};
}
mod clock;
mod doorbell;
mod event;
mod net;
mod start;

pub use clock::{coarse_now, now, refresh_clock, set_time, system_now};
pub use doorbell::{Doorbell, Ringer, doorbell};
pub use event::LocalEvent;
pub use net::{Line, Listener, Stream, bind, ensure_free};
pub use start::{Driver, Runtime, sleep, spawn};
