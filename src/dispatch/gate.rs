//! Whether a target takes records: written by its courier or its room, asked by every request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use sluicegate_contract::{Reason, TargetState, TargetWatch};

use crate::error::Code;
use crate::limits::PROBE_PAUSE_MAX;
use crate::observe::TargetHealth;
use crate::runtime;

/// The gate before a target. While it is shut, requests that need the target are answered at once,
/// with the reason, instead of waiting in a queue that does not move.
#[derive(Debug)]
pub struct Gate {
    /// A copy of the health's state that a core reads without a lock.
    state: AtomicU8,
    reason: ArcSwapOption<Reason>,
    /// Milliseconds after `epoch` from which one request may pass as a probe while it is shut.
    probe_at: AtomicU64,
    epoch: Instant,
    health: Arc<TargetHealth>,
}

/// A gate that does not let a request pass.
#[derive(Debug)]
pub struct Shut {
    /// `TargetDown` or `TargetBlocked`.
    pub code: Code,
    /// Why.
    pub reason: String,
    /// When to come again.
    pub retry_after: Duration,
}

const UP: u8 = 0;
const DOWN: u8 = 1;
const BLOCKED: u8 = 2;

impl Gate {
    /// An open gate before the target of this health.
    #[must_use]
    pub fn new(health: Arc<TargetHealth>) -> Self {
        Self {
            state: AtomicU8::new(UP),
            reason: ArcSwapOption::const_empty(),
            probe_at: AtomicU64::new(0),
            epoch: runtime::now(),
            health,
        }
    }

    /// What is known of the target, for people.
    #[must_use]
    pub fn health(&self) -> &TargetHealth {
        &self.health
    }

    /// Whether it is open. Unlike [`Self::pass`], asking takes nobody's turn.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.state.load(Ordering::Relaxed) == UP
    }

    /// Whether a request may hand records over now. While it is shut, one request in
    /// [`PROBE_PAUSE_MAX`] passes: its records are the probe.
    ///
    /// # Errors
    /// It may not.
    pub fn pass(&self) -> Result<(), Shut> {
        let code = match self.state.load(Ordering::Relaxed) {
            UP => return Ok(()),
            DOWN => Code::TargetDown,
            _ => Code::TargetBlocked,
        };
        let now = self.milliseconds();
        let due = self.probe_at.load(Ordering::Relaxed);
        let next = now + milliseconds(PROBE_PAUSE_MAX);
        let relaxed = Ordering::Relaxed;
        if now >= due
            && self
                .probe_at
                .compare_exchange(due, next, relaxed, relaxed)
                .is_ok()
        {
            return Ok(());
        }
        let reason = self.reason.load();
        Err(Shut {
            code,
            reason: reason
                .as_ref()
                .map_or_else(|| code.doc().to_owned(), ToString::to_string),
            retry_after: PROBE_PAUSE_MAX,
        })
    }

    fn milliseconds(&self) -> u64 {
        milliseconds(runtime::now().saturating_duration_since(self.epoch))
    }
}

impl TargetWatch for Gate {
    fn state(&self, state: TargetState, reason: Option<Reason>) {
        let new = match state {
            TargetState::Up => UP,
            TargetState::Down => DOWN,
            TargetState::Blocked => BLOCKED,
        };
        let old = self.state.load(Ordering::Relaxed);
        // A target that is blocked is also unreachable to who reports it: the cause is kept.
        if (old == UP && new == UP) || (old == BLOCKED && new == DOWN) {
            return;
        }
        if old != new {
            let probe = self.milliseconds() + milliseconds(PROBE_PAUSE_MAX);
            self.probe_at.store(probe, Ordering::Relaxed);
        }
        self.reason.store(reason.clone().map(Arc::new));
        self.state.store(new, Ordering::Relaxed);
        self.health.state(state, reason);
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use sluicegate_contract::ReasonKind;

    use super::*;

    #[test]
    fn a_shut_gate_says_why_and_keeps_the_cause() {
        let gate = Gate::new(Arc::new(TargetHealth::new("orders".into())));
        assert!(gate.pass().is_ok());
        let denied = Reason::new(ReasonKind::AccessDenied, "no PutItem");
        gate.state(TargetState::Blocked, Some(denied));
        gate.state(TargetState::Down, Some(ReasonKind::Unavailable.into()));
        let shut = gate.pass().unwrap_err();
        assert_eq!(shut.code, Code::TargetBlocked);
        assert!(shut.reason.contains("no PutItem"), "{}", shut.reason);
        gate.state(TargetState::Up, None);
        assert!(gate.pass().is_ok());
    }
}
