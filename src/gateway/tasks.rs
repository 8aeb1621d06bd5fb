//! What a core does beside taking requests: at the end of each tick, when outcomes come back, and
//! when the time to answer passes. The steps are plain; the tasks around them wait.

use std::rc::Rc;

use super::Core;
use crate::limits::DEADLINE_TICK;
use crate::runtime::{self, Doorbell};

/// Starts the tasks of a core, inside of its runtime.
pub(super) fn spawn(core: &Rc<Core>, bell: Doorbell) {
    runtime::spawn(hand_over_each_tick(Rc::clone(core)));
    runtime::spawn(take_mail(Rc::clone(core), bell));
    runtime::spawn(answer_late_requests(Rc::clone(core)));
}

impl Core {
    /// Hands over what waits for each courier, as one vector each.
    pub fn hand_over_waiting(&self) {
        self.state.borrow_mut().outboxes.flush(&self.targets);
    }

    /// Decides the requests whose time to answer has passed.
    pub fn answer_late(&self) {
        let state = &mut *self.state.borrow_mut();
        let now = runtime::now();
        let expired = state.ledger.expire(now);
        for slot in expired.decided {
            self.waited_in_vain(state, slot);
            self.count_settled(&state.ledger, slot);
            self.write_decided(&mut state.ledger, slot);
            self.keep(state, slot);
            state.ledger.release(slot);
        }
        for slot in expired.spills {
            self.spill(state, slot);
        }
        self.hurry_answers(state, now);
        let waits = state.ledger.events_in_flight() > 0 || state.waiting_for_store > 0;
        self.watching.set(waits);
    }
}

/// Hands over what the requests of one tick had for each courier.
async fn hand_over_each_tick(core: Rc<Core>) {
    loop {
        core.tick.wait().await;
        core.hand_over_waiting();
    }
}

/// Settles the outcomes that come back.
async fn take_mail(core: Rc<Core>, mut bell: Doorbell) {
    loop {
        core.open_mail();
        if !bell.may_wait(|| core.mailbox.is_empty()) {
            continue;
        }
        if let Err(error) = bell.wait().await {
            tracing::error!(target: "sluicegate", %error, "core.bell_failed");
            runtime::sleep(DEADLINE_TICK).await;
        }
    }
}

/// Answers those whose time has passed. One look in [`DEADLINE_TICK`] at what is in flight costs
/// less than a timer for each request.
async fn answer_late_requests(core: Rc<Core>) {
    loop {
        core.waiting.wait().await;
        while core.watching.get() {
            runtime::sleep(DEADLINE_TICK).await;
            core.answer_late();
        }
    }
}
