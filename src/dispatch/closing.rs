//! How a courier is told to end, so that it misses nothing that was put before: the protocol of an
//! inbox without its queue and its bell.
//!
//! `models/` runs this very file under loom, which tries every order in which two threads can see
//! each other's steps.

use super::atomics::{AtomicBool, Ordering};

/// What a courier was told of its end.
#[derive(Debug, Default)]
pub(crate) struct Closing {
    stopping: AtomicBool,
    hurried: AtomicBool,
}

/// What a courier was told before it looked into its inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// No more records come, and all that came was taken by this look.
    pub stopping: bool,
    /// What is not in a call shall end at once.
    pub hurried: bool,
}

impl Closing {
    /// Nothing is put after this.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// The same, and what is not in a call shall end.
    pub(crate) fn hurry(&self) {
        self.hurried.store(true, Ordering::Release);
        self.stop();
    }

    /// Takes all that is there. The flag is read first: what was put before `stop` is then surely
    /// among what is taken. Read behind, it could speak of a stop that came after the look, and
    /// what was put between the two would never be taken.
    pub(crate) fn take_all<T>(
        &self,
        take: impl Fn() -> Option<T>,
        mut each: impl FnMut(T),
    ) -> Told {
        let told = Told {
            stopping: self.stopping.load(Ordering::Acquire),
            hurried: self.hurried.load(Ordering::Acquire),
        };
        while let Some(one) = take() {
            each(one);
        }
        told
    }
}
