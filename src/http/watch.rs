//! Deadlines of all connections of a core, without a timer for any of them.
//!
//! Each connection has a slot that says what it is waiting for and since which tick. One sweeper
//! for the core goes through the slots a few times a second; where a wait has lasted too long it
//! marks the slot and shuts the socket down, so that the pending operation returns by itself: no
//! operation is ever cancelled. On the way of a request this costs a few stores and no clock.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use slab::Slab;

use crate::limits;
use crate::runtime::Line;

/// How long each wait of a connection may last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// From a request's first byte to the end of its head.
    pub header: Duration,
    /// Between two reads of a body.
    pub body_idle: Duration,
    /// Bytes a second that a body must come at, once `body_idle` has passed since its head.
    pub body_rate_min: u64,
    /// Between requests.
    pub keep_alive: Duration,
    /// Between two writes of an answer.
    pub write_idle: Duration,
    /// After the last answer, for what the client is still sending.
    pub linger: Duration,
    /// How often the sweeper looks. A deadline is kept to within two of these.
    pub tick: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            header: limits::HEADER_TIME_MAX,
            body_idle: limits::BODY_IDLE_MAX,
            body_rate_min: limits::BODY_RATE_MIN,
            keep_alive: limits::KEEP_ALIVE_MAX,
            write_idle: limits::WRITE_IDLE_MAX,
            linger: limits::LINGER_TIME_MAX,
            tick: limits::SWEEP_TICK,
        }
    }
}

/// What a connection is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// What stands before the first request.
    Preface,
    /// The next request; nothing of it is there.
    Idle,
    /// The rest of a head.
    Header,
    /// The rest of a body.
    Body,
    /// Answers of the gateway, which has its own clocks.
    Answer,
    /// The client, to take an answer.
    Write,
    /// The client, to end the connection.
    Linger,
}

#[derive(Debug)]
struct Slot {
    line: Line,
    phase: Phase,
    /// The tick at which the wait began.
    since: u32,
    /// The tick at which the body began.
    body_since: u32,
    /// Bytes of the body so far.
    body_bytes: u64,
    /// Set by the sweeper together with the shutdown of the socket.
    expired: bool,
    /// The connection's task while it waits for answers; for `abandon`.
    waker: Option<Waker>,
}

/// The slots of a core.
#[derive(Debug)]
pub struct Watch {
    slots: RefCell<Slab<Slot>>,
    tick: Cell<u32>,
    deadlines: Deadlines,
}

/// A connection's slot; empties it when dropped, which must happen before the socket closes.
#[derive(Debug)]
pub(super) struct Place {
    watch: Rc<Watch>,
    key: usize,
}

impl Watch {
    /// No slots yet.
    #[must_use]
    pub fn new(deadlines: Deadlines) -> Self {
        Self {
            slots: RefCell::new(Slab::new()),
            tick: Cell::new(0),
            deadlines,
        }
    }

    /// The deadlines that are kept.
    #[must_use]
    pub fn deadlines(&self) -> &Deadlines {
        &self.deadlines
    }

    /// One round of the sweeper: call it each `deadlines.tick`.
    pub fn sweep(&self) {
        let tick = self.tick.get().wrapping_add(1);
        self.tick.set(tick);
        for (_, slot) in self.slots.borrow_mut().iter_mut() {
            if !slot.expired && self.is_over(slot, tick) {
                slot.expired = true;
                match slot.phase {
                    Phase::Write | Phase::Linger => slot.line.cut(),
                    _ => slot.line.hang_up(),
                }
            }
        }
    }

    /// Ends all connections that wait for a request of which nothing is there.
    pub fn end_idle(&self) {
        for (_, slot) in self.slots.borrow_mut().iter_mut() {
            if matches!(slot.phase, Phase::Idle | Phase::Preface) {
                slot.expired = true;
                slot.line.hang_up();
            }
        }
    }

    /// Cuts all connections and wakes those that wait for answers.
    pub fn abandon(&self) {
        let mut wakers = Vec::new();
        for (_, slot) in self.slots.borrow_mut().iter_mut() {
            slot.expired = true;
            slot.line.cut();
            wakers.extend(slot.waker.take());
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    fn is_over(&self, slot: &Slot, tick: u32) -> bool {
        let lasted = self.deadlines.tick * tick.wrapping_sub(slot.since);
        match slot.phase {
            Phase::Idle => lasted > self.deadlines.keep_alive,
            Phase::Preface | Phase::Header => lasted > self.deadlines.header,
            Phase::Body => lasted > self.deadlines.body_idle || self.is_slow(slot, tick),
            Phase::Answer => false,
            Phase::Write => lasted > self.deadlines.write_idle,
            Phase::Linger => lasted > self.deadlines.linger,
        }
    }

    fn is_slow(&self, slot: &Slot, tick: u32) -> bool {
        let lasted = self.deadlines.tick * tick.wrapping_sub(slot.body_since);
        let wanted = u128::from(self.deadlines.body_rate_min) * lasted.as_millis() / 1000;
        lasted > self.deadlines.body_idle && u128::from(slot.body_bytes) < wanted
    }
}

impl Place {
    /// A slot for a connection that waits for its first request.
    pub(super) fn new(watch: &Rc<Watch>, line: Line) -> Self {
        let now = watch.tick.get();
        let key = watch.slots.borrow_mut().insert(Slot {
            line,
            phase: Phase::Idle,
            since: now,
            body_since: now,
            body_bytes: 0,
            expired: false,
            waker: None,
        });
        Self {
            watch: Rc::clone(watch),
            key,
        }
    }

    /// A wait begins. A head's wait is one wait however many reads it takes.
    pub(super) fn enter(&self, phase: Phase) {
        let now = self.watch.tick.get();
        self.with(|slot| {
            if phase != Phase::Header || slot.phase != Phase::Header {
                slot.since = now;
            }
            slot.phase = phase;
        });
    }

    /// A body begins.
    pub(super) fn body_begins(&self) {
        let now = self.watch.tick.get();
        self.with(|slot| {
            slot.body_since = now;
            slot.body_bytes = 0;
        });
    }

    /// Bytes of the body came.
    pub(super) fn body_came(&self, bytes: usize) {
        self.with(|slot| slot.body_bytes += bytes as u64);
    }

    /// What the connection was waiting for when the sweeper ended the wait.
    pub(super) fn expired(&self) -> Option<Phase> {
        self.with(|slot| slot.expired.then_some(slot.phase))
            .flatten()
    }

    /// Keeps the connection's task for `abandon`.
    pub(super) fn keep_waker(&self, waker: &Waker) {
        self.with(|slot| {
            if slot.waker.is_none() {
                slot.waker = Some(waker.clone());
            }
        });
    }

    fn with<T>(&self, change: impl FnOnce(&mut Slot) -> T) -> Option<T> {
        self.watch.slots.borrow_mut().get_mut(self.key).map(change)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // The slot is dropped after the borrow ends: its waker may hold the last reference to a
        // task whose own drop comes back here.
        let slot = self.watch.slots.borrow_mut().try_remove(self.key);
        drop(slot);
    }
}
