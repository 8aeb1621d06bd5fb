//! Whether a target takes records, since when, and what went wrong last. Says each change in one
//! log line, however many threads report it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use sluicegate_contract::{Reason, TargetState, TargetWatch};

use super::log;

/// How long nothing must have been shed before shedding is said to have stopped.
const SHED_QUIET: Duration = Duration::from_secs(5);

/// The health of one target, shared by its courier or client library, the cores and the admin
/// port. Rooms report to it as their [`TargetWatch`].
#[derive(Debug)]
pub struct TargetHealth {
    name: Arc<str>,
    current: Mutex<Current>,
    shed: ShedCount,
}

#[derive(Debug)]
struct Current {
    state: TargetState,
    since: SystemTime,
    changed: Instant,
    last_error: Option<(SystemTime, String)>,
}

/// Shedding as it goes on. The cores touch only the two atomics.
#[derive(Debug, Default)]
struct ShedCount {
    going_on: AtomicBool,
    requests: AtomicU64,
    watched: Mutex<Watched>,
}

#[derive(Debug, Default)]
struct Watched {
    /// When the ticks first saw it going on, and when they last saw it grow.
    seen: Option<(Instant, Instant)>,
    /// Requests shed, as of the last tick.
    requests: u64,
    /// Requests shed that a `shed.stopped` has told of.
    told: u64,
}

/// A [`TargetHealth`] at one moment.
#[derive(Clone, Debug)]
pub struct HealthReading {
    /// Whether the target takes records.
    pub state: TargetState,
    /// Since when.
    pub since: SystemTime,
    /// The last error, in one line, and when it was.
    pub last_error: Option<(SystemTime, String)>,
}

impl TargetHealth {
    /// The health of a target of which nothing is known yet: up.
    #[must_use]
    pub fn new(name: Arc<str>) -> Self {
        Self {
            name,
            current: Mutex::new(Current {
                state: TargetState::Up,
                since: SystemTime::now(),
                changed: Instant::now(),
                last_error: None,
            }),
            shed: ShedCount::default(),
        }
    }

    /// An attempt failed for this reason. Keeps it as the last error; says nothing about the
    /// state. Takes a lock: for couriers and client libraries, not for cores.
    pub fn failed(&self, reason: &Reason) {
        let error = Some((SystemTime::now(), log::one_line(reason)));
        lock(&self.current).last_error = error;
    }

    /// The state and the last error as they are now.
    #[must_use]
    pub fn reading(&self) -> HealthReading {
        let current = lock(&self.current);
        HealthReading {
            state: current.state,
            since: current.since,
            last_error: current.last_error.clone(),
        }
    }

    /// A core turned a request away because of this target. The first says `shed.started`.
    pub fn shed(&self) {
        self.shed.requests.fetch_add(1, Ordering::Relaxed);
        if !self.shed.going_on.load(Ordering::Relaxed)
            && !self.shed.going_on.swap(true, Ordering::Relaxed)
        {
            log::shed_started(&self.name);
        }
    }

    /// Says `shed.stopped` once nothing was shed for some seconds. To be called about once a
    /// second by one thread that is not a core.
    pub fn tick(&self, now: Instant) {
        if !self.shed.going_on.load(Ordering::Relaxed) {
            return;
        }
        let requests = self.shed.requests.load(Ordering::Relaxed);
        let mut watched = lock(&self.shed.watched);
        match watched.seen {
            Some((started, grew)) if watched.requests == requests => {
                if now.saturating_duration_since(grew) >= SHED_QUIET {
                    let lasted = grew.saturating_duration_since(started);
                    log::shed_stopped(&self.name, requests - watched.told, lasted);
                    watched.seen = None;
                    watched.told = requests;
                    self.shed.going_on.store(false, Ordering::Relaxed);
                }
            }
            seen => watched.seen = Some((seen.map_or(now, |(started, _)| started), now)),
        }
        watched.requests = requests;
    }
}

impl TargetWatch for TargetHealth {
    fn state(&self, state: TargetState, reason: Option<Reason>) {
        let reason = reason.map(|reason| log::one_line(&reason));
        let mut current = lock(&self.current);
        if let Some(reason) = &reason {
            current.last_error = Some((SystemTime::now(), reason.clone()));
        }
        if current.state == state {
            return;
        }
        let lasted = current.changed.elapsed();
        let was = std::mem::replace(&mut current.state, state);
        // From down to blocked is one trouble that got a better name: it began when it began.
        if was == TargetState::Up || state == TargetState::Up {
            current.since = SystemTime::now();
            current.changed = Instant::now();
        }
        drop(current);
        let reason = reason.as_deref().unwrap_or_default();
        match state {
            TargetState::Up => log::target_up(&self.name, lasted),
            TargetState::Down | TargetState::Blocked => {
                log::target_down(&self.name, super::state_word(state), reason);
            }
        }
    }
}

/// Nothing here panics while it holds a lock, so what a lock guards is always whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use sluicegate_contract::ReasonKind;

    use super::*;
    use crate::observe::log::{Format, tests::logged};

    fn health() -> TargetHealth {
        TargetHealth::new("orders".into())
    }

    #[test]
    fn each_change_of_state_is_one_line() {
        let health = health();
        let lines = logged(Format::Json, || {
            let refused = || Reason::new(ReasonKind::AccessDenied, "no PutItem\non this table");
            health.state(TargetState::Up, None);
            health.state(TargetState::Down, Some(ReasonKind::ConnectionFailed.into()));
            health.state(TargetState::Down, Some(ReasonKind::ConnectionFailed.into()));
            health.state(TargetState::Blocked, Some(refused()));
            health.state(TargetState::Up, None);
        });
        let words: Vec<_> = lines
            .iter()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .map(|line| {
                [&line["message"], &line["target"], &line["reason"]]
                    .map(|word| word.as_str().unwrap_or("").to_owned())
            })
            .collect();
        assert_eq!(
            words,
            [
                ["target.down", "orders", "connection_failed"],
                [
                    "target.down",
                    "orders",
                    "access_denied: no PutItem on this table"
                ],
                ["target.up", "orders", ""],
            ]
        );
        let reading = health.reading();
        assert_eq!(reading.state, TargetState::Up);
        let (_, error) = reading.last_error.unwrap();
        assert_eq!(error, "access_denied: no PutItem on this table");
    }

    #[test]
    fn a_failure_is_remembered_and_changes_no_state() {
        let health = health();
        health.failed(&ReasonKind::Throttled.into());
        let reading = health.reading();
        assert_eq!(reading.state, TargetState::Up);
        assert_eq!(reading.last_error.unwrap().1, "throttled");
    }

    #[test]
    fn shedding_is_said_when_it_starts_and_when_it_has_been_over_for_a_while() {
        let health = health();
        let start = Instant::now();
        let second = |n| start + Duration::from_secs(n);
        let lines = logged(Format::Text, || {
            for n in 0..3 {
                health.shed();
                health.shed();
                health.tick(second(n));
            }
            for n in 3..9 {
                health.tick(second(n));
            }
            health.shed();
            health.tick(second(60));
            health.tick(second(70));
        });
        let told: Vec<_> = lines
            .iter()
            .map(|line| line.split_once("shed.").unwrap().1)
            .collect();
        assert_eq!(
            told,
            [
                "started target=\"orders\"",
                "stopped target=\"orders\" requests=6 lasted_seconds=2.0",
                "started target=\"orders\"",
                "stopped target=\"orders\" requests=1 lasted_seconds=0.0",
            ]
        );
    }
}
