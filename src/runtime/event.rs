//! Wakes one task of the same core, without a system call.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// A flag that one task waits for and others on the same core raise.
///
/// Raising it any number of times before the waiter runs wakes the waiter once. Since the runtime
/// runs its tasks in the order in which they were woken, a waiter that is raised by a task runs
/// after all tasks that were runnable at that moment: that is what "at the end of the tick" means.
#[derive(Clone, Debug, Default)]
pub struct LocalEvent {
    state: Rc<State>,
}

#[derive(Debug, Default)]
struct State {
    raised: Cell<bool>,
    waiter: RefCell<Option<Waker>>,
}

impl LocalEvent {
    /// An event that is not raised.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Raises the event and wakes the waiter if there is one.
    pub fn raise(&self) {
        if self.state.raised.replace(true) {
            return;
        }
        let waiter = self.state.waiter.borrow_mut().take();
        if let Some(waker) = waiter {
            waker.wake();
        }
    }

    /// Returns once the event is raised, and lowers it. One task waits at a time; a second one
    /// would take the first one's place.
    pub async fn wait(&self) {
        poll_fn(|context| {
            if self.state.raised.replace(false) {
                return Poll::Ready(());
            }
            let mut waiter = self.state.waiter.borrow_mut();
            match waiter.as_ref() {
                Some(waker) if waker.will_wake(context.waker()) => {}
                _ => *waiter = Some(context.waker().clone()),
            }
            Poll::Pending
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::{Driver, Runtime, spawn};

    #[test]
    fn a_waiter_runs_once_after_all_that_were_runnable_when_it_was_raised() {
        let order = Rc::new(RefCell::new(Vec::new()));
        Runtime::build(Driver::Epoll).unwrap().run(async {
            let (flush, done) = (LocalEvent::new(), LocalEvent::new());
            {
                let (flush, done, order) = (flush.clone(), done.clone(), Rc::clone(&order));
                spawn(async move {
                    flush.wait().await;
                    order.borrow_mut().push("flush");
                    done.raise();
                });
            }
            for name in ["first", "second", "third"] {
                let (flush, order) = (flush.clone(), Rc::clone(&order));
                spawn(async move {
                    order.borrow_mut().push(name);
                    flush.raise();
                });
            }
            done.wait().await;
        });
        assert_eq!(*order.borrow(), ["first", "second", "third", "flush"]);
    }
}
