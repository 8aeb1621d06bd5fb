//! What one core counts, in plain cells: no atomics, no allocation after it is made.

use std::cell::Cell;
use std::time::Duration;

use super::histogram::{CoreHistogram, HistogramSnapshot, TIME_BOUNDS};
use super::log::Sampled;
use super::{EventOutcome, RecordOutcome, ShedReason};
use crate::error::Code;

/// Statuses of answers without an error code, in the order of their cells. The last stands for
/// any other.
const PLAIN_STATUSES: [u16; 7] = [200, 201, 202, 204, 207, 303, 0];
const ANSWERS: usize = PLAIN_STATUSES.len() + Code::ALL.len();

/// What is to be counted: known when the settings are.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    /// For each route, in the order of the settings, the targets of its bindings.
    pub routes: Vec<Vec<usize>>,
    /// How many targets there are.
    pub targets: usize,
}

/// The counters of one core. They live on that core's thread and are never shared.
///
/// A route or target that the [`Shape`] does not have is our mistake: it is asserted in debug
/// builds and counted nowhere in others.
#[derive(Debug)]
pub struct CoreCounters {
    core: usize,
    thread: Option<u32>,
    opened: Cell<u64>,
    closed: Cell<u64>,
    /// One for each route, and a last one for what found no route.
    routes: Box<[RouteCells]>,
    targets: Box<[TargetCells]>,
}

/// The counters of one route. Invariant: `events_in` = sum of `settled` + `in_flight`.
#[derive(Debug)]
struct RouteCells {
    answers: [Cell<u64>; ANSWERS],
    seconds: CoreHistogram,
    events_in: Cell<u64>,
    in_flight: Cell<i64>,
    settled: [Cell<u64>; EventOutcome::COUNT],
    /// Answers that went out unshaped, and when that was said.
    unshaped: Cell<u64>,
    unshaped_said: Sampled,
    /// One for each target of the route, and a last one for what no target caused.
    shed: Box<[ShedCells]>,
}

#[derive(Debug)]
struct ShedCells {
    target: Option<usize>,
    reasons: [Cell<u64>; ShedReason::COUNT],
}

#[derive(Debug, Default)]
struct TargetCells {
    records: [Cell<u64>; RecordOutcome::COUNT],
    best_effort_lost: Cell<u64>,
    late: Cell<u64>,
}

impl CoreCounters {
    /// Counters of this core. To be called on the core's own thread, whose id it notes: the CPU
    /// time of the core is read by that id.
    #[must_use]
    pub fn new(core: usize, shape: &Shape) -> Self {
        let no_targets = Vec::new();
        Self {
            core,
            thread: super::process::this_thread(),
            opened: Cell::new(0),
            closed: Cell::new(0),
            routes: shape
                .routes
                .iter()
                .chain([&no_targets])
                .map(|targets| RouteCells::new(targets))
                .collect(),
            targets: (0..shape.targets).map(|_| TargetCells::default()).collect(),
        }
    }

    /// A request was answered. `route` is `None` where none was found; `took` runs from the first
    /// byte of the request to its answer.
    pub fn request(&self, route: Option<usize>, status: u16, code: Option<Code>, took: Duration) {
        let Some(cells) = self.route(route) else {
            return;
        };
        if let Some(answers) = cells.answers.get(answer_place(status, code)) {
            add(answers, 1);
        }
        cells.seconds.count(nanoseconds(took));
    }

    /// So many events of a request came in: they are in flight until they are settled.
    pub fn events_in(&self, route: usize, events: u64) {
        let Some(cells) = self.route(Some(route)) else {
            return;
        };
        add(&cells.events_in, events);
        cells.in_flight.set(cells.in_flight.get() + signed(events));
    }

    /// So many events that came in have ended so.
    pub fn events_settled(&self, route: usize, outcome: EventOutcome, events: u64) {
        let Some(cells) = self.route(Some(route)) else {
            return;
        };
        if let Some(settled) = cells.settled.get(outcome as usize) {
            add(settled, events);
        }
        let left = cells.in_flight.get() - signed(events);
        debug_assert!(left >= 0, "more events were settled than came in");
        cells.in_flight.set(left);
    }

    /// An answer went out unshaped although its route shapes it, which is said at times.
    pub fn reply_unshaped(&self, route: usize, reason: &str) {
        if let Some(cells) = self.route(Some(route)) {
            add(&cells.unshaped, 1);
            if let Some(left_out) = cells.unshaped_said.admit() {
                super::log::reply_unshaped(route, reason, left_out);
            }
        }
    }

    /// A record had its final outcome.
    pub fn record(&self, target: usize, outcome: RecordOutcome) {
        if let Some(records) = self
            .target(target)
            .and_then(|cells| cells.records.get(outcome as usize))
        {
            add(records, 1);
        }
    }

    /// A request was turned away before anything of it was stored. `target` is `None` where no
    /// target was the cause.
    pub fn shed(&self, route: Option<usize>, target: Option<usize>, reason: ShedReason) {
        let Some(cells) = self.route(route) else {
            return;
        };
        // A route has at most `BINDINGS_MAX` targets, and the last cell is no target's.
        let cell = cells
            .shed
            .iter()
            .find(|cell| cell.target == target)
            .or(cells.shed.last());
        if let Some(count) = cell.and_then(|cell| cell.reasons.get(reason as usize)) {
            add(count, 1);
        }
    }

    /// A record of a best-effort binding will never be delivered.
    pub fn best_effort_lost(&self, target: usize) {
        if let Some(cells) = self.target(target) {
            add(&cells.best_effort_lost, 1);
        }
    }

    /// So many records were confirmed after their client had been answered.
    pub fn late(&self, target: usize, records: u64) {
        if let Some(cells) = self.target(target) {
            add(&cells.late, records);
        }
    }

    /// A connection was accepted.
    pub fn connection_opened(&self) {
        add(&self.opened, 1);
    }

    /// A connection is gone.
    pub fn connection_closed(&self) {
        add(&self.closed, 1);
        debug_assert!(self.closed.get() <= self.opened.get());
    }

    /// Events in flight, over all routes.
    #[must_use]
    pub fn events_in_flight(&self) -> i64 {
        self.routes.iter().map(|cells| cells.in_flight.get()).sum()
    }

    /// All counters as they are now. Allocates: it is made once a scrape, not once a request.
    #[must_use]
    pub fn snapshot(&self) -> CoreSnapshot {
        CoreSnapshot {
            core: self.core,
            thread: self.thread,
            connections_opened: self.opened.get(),
            connections_closed: self.closed.get(),
            routes: self.routes.iter().map(RouteCells::snapshot).collect(),
            targets: self.targets.iter().map(TargetCells::snapshot).collect(),
        }
    }

    fn route(&self, route: Option<usize>) -> Option<&RouteCells> {
        let cells = self
            .routes
            .get(route.unwrap_or(self.routes.len().saturating_sub(1)));
        debug_assert!(cells.is_some(), "route {route:?} is not in the shape");
        cells
    }

    fn target(&self, target: usize) -> Option<&TargetCells> {
        let cells = self.targets.get(target);
        debug_assert!(cells.is_some(), "target {target} is not in the shape");
        cells
    }
}

/// The counters of one core at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CoreSnapshot {
    /// The core's number, from 0.
    pub core: usize,
    /// The kernel's id of its thread, where it could be read.
    pub thread: Option<u32>,
    /// Connections accepted since the start.
    pub connections_opened: u64,
    /// Connections that are gone.
    pub connections_closed: u64,
    /// One for each route of the settings, and a last one for what found no route.
    pub routes: Vec<RouteSnapshot>,
    /// One for each target of the settings.
    pub targets: Vec<TargetTally>,
}

/// What a core counted of a route.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteSnapshot {
    /// Answers that were given at all: status (0: another), code, how many.
    pub answers: Vec<(u16, Option<Code>, u64)>,
    /// How long requests took, in nanoseconds.
    pub seconds: HistogramSnapshot,
    /// Events that came in.
    pub events_in: u64,
    /// Events that are not settled yet.
    pub in_flight: i64,
    /// Events settled, in the order of [`EventOutcome::ALL`].
    pub settled: [u64; EventOutcome::COUNT],
    /// Answers that went out unshaped although the route shapes them.
    pub unshaped: u64,
    /// Requests turned away: one for each target of the route and reason, zeros included, and
    /// without a target where any were.
    pub shed: Vec<Shed>,
}

/// Requests of a route that were turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shed {
    /// The target that was the cause.
    pub target: Option<usize>,
    /// Why.
    pub reason: ShedReason,
    /// How many.
    pub requests: u64,
}

/// What a core counted of a target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetTally {
    /// Records by final outcome, in the order of [`RecordOutcome::ALL`].
    pub records: [u64; RecordOutcome::COUNT],
    /// Records of best-effort bindings that will never be delivered.
    pub best_effort_lost: u64,
    /// Records confirmed after their client had been answered.
    pub late: u64,
}

impl RouteCells {
    fn new(targets: &[usize]) -> Self {
        let mut named = targets.to_vec();
        named.sort_unstable();
        named.dedup();
        Self {
            answers: [const { Cell::new(0) }; ANSWERS],
            seconds: CoreHistogram::new(&TIME_BOUNDS),
            events_in: Cell::new(0),
            in_flight: Cell::new(0),
            settled: Default::default(),
            unshaped: Cell::new(0),
            unshaped_said: Sampled::new(),
            shed: named
                .into_iter()
                .map(Some)
                .chain([None])
                .map(|target| ShedCells {
                    target,
                    reasons: Default::default(),
                })
                .collect(),
        }
    }

    fn snapshot(&self) -> RouteSnapshot {
        let plain = PLAIN_STATUSES.iter().map(|status| (*status, None));
        let coded = Code::ALL.iter().map(|code| (code.status(), Some(*code)));
        RouteSnapshot {
            answers: plain
                .chain(coded)
                .zip(&self.answers)
                .map(|((status, code), answers)| (status, code, answers.get()))
                .filter(|(_, _, answers)| *answers > 0)
                .collect(),
            seconds: self.seconds.snapshot(),
            events_in: self.events_in.get(),
            in_flight: self.in_flight.get(),
            settled: values(&self.settled),
            unshaped: self.unshaped.get(),
            shed: self.shed.iter().flat_map(ShedCells::snapshot).collect(),
        }
    }
}

impl ShedCells {
    fn snapshot(&self) -> impl Iterator<Item = Shed> {
        ShedReason::ALL
            .into_iter()
            .zip(&self.reasons)
            .map(|(reason, requests)| Shed {
                target: self.target,
                reason,
                requests: requests.get(),
            })
            .filter(|shed| shed.target.is_some() || shed.requests > 0)
    }
}

impl TargetCells {
    fn snapshot(&self) -> TargetTally {
        TargetTally {
            records: values(&self.records),
            best_effort_lost: self.best_effort_lost.get(),
            late: self.late.get(),
        }
    }
}

/// The cell of an answer. A code brings its own status, so the status tells apart only answers
/// without one.
fn answer_place(status: u16, code: Option<Code>) -> usize {
    match code {
        Some(code) => {
            debug_assert_eq!(code.status(), status, "a code is answered with its status");
            PLAIN_STATUSES.len() + code as usize
        }
        None => PLAIN_STATUSES
            .iter()
            .position(|plain| *plain == status)
            .unwrap_or(PLAIN_STATUSES.len() - 1),
    }
}

fn add(cell: &Cell<u64>, more: u64) {
    cell.set(cell.get().saturating_add(more));
}

fn values<const N: usize>(cells: &[Cell<u64>; N]) -> [u64; N] {
    cells.each_ref().map(Cell::get)
}

fn signed(events: u64) -> i64 {
    i64::try_from(events).unwrap_or(i64::MAX)
}

fn nanoseconds(took: Duration) -> u64 {
    u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "core_counters_tests.rs"]
mod tests;
