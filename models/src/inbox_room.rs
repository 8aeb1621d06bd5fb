//! The room of the courier's inbox, as in `src/dispatch`.

mod atomics {
    pub(super) use loom::sync::atomic::{AtomicBool, Ordering};
}
#[path = "../../src/dispatch/closing.rs"]
mod closing;

pub(crate) use closing::{Closing, Told};
