//! The room of the doorbell, as in `src/runtime`.

mod atomics {
    pub(super) use loom::sync::atomic::{AtomicBool, Ordering, fence};
}
#[path = "../../src/runtime/armed.rs"]
mod armed;

pub(crate) use armed::Armed;
