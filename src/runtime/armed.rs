//! The protocol of a doorbell without its socket: whether a ring must wake the core.
//!
//! `models/` runs this very file under loom, which tries every order in which two threads can see
//! each other's steps.

use super::atomics::{AtomicBool, Ordering, fence};

/// Whether the core waits, or is about to.
#[derive(Debug)]
pub(crate) struct Armed {
    flag: AtomicBool,
}

impl Armed {
    /// Of a core that is awake.
    pub(crate) fn new() -> Self {
        Self {
            flag: AtomicBool::new(false),
        }
    }

    /// Called after something was put into the queue: true where this call must wake the core. Of
    /// all that come before its next wait, one does.
    pub(crate) fn ring(&self) -> bool {
        // Pairs with the fence in `may_wait`: either the core sees what was queued before this
        // call, or this call sees that the bell is armed.
        fence(Ordering::SeqCst);
        self.flag.load(Ordering::Relaxed) && self.flag.swap(false, Ordering::AcqRel)
    }

    /// Called by the core before it waits: true where it may. What comes from now on rings; what
    /// came before is seen here.
    pub(crate) fn may_wait(&self, is_empty: impl FnOnce() -> bool) -> bool {
        // Swaps, since loom knows the order of those only; beside a wait they cost nothing.
        self.flag.swap(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let empty = is_empty();
        if !empty {
            // Rings are free while the core is awake anyway.
            self.flag.swap(false, Ordering::Relaxed);
        }
        empty
    }
}
