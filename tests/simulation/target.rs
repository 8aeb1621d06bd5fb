//! A target: what it stored, which is the truth of a run, and the mood it is in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use sluicegate_contract::{Attempt, Batch, Reason, ReasonKind, Receipt};

use crate::client::{is_poison, number_of, payload};
use crate::room::Room;
use crate::world::World;

/// How a target answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Good,
    /// Good, and late: up to so many milliseconds.
    Slow(u64),
    /// So many of a hundred records are throttled.
    Throttle(u32),
    /// So many of a hundred records fail, surely not stored.
    Partial(u32),
    /// So many of a hundred calls are applied or not, and their answer is lost.
    Lossy(u32),
    Down,
    Blocked,
    /// It answers nobody for so many milliseconds.
    Silent(u64),
}

/// A target of the simulation.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) room: Arc<Room>,
    pub(crate) mood: Mood,
    /// How often each event was stored.
    pub(crate) stored: BTreeMap<u64, u32>,
    /// Events in the order in which they were stored, each time.
    pub(crate) order: Vec<u64>,
    /// How often it was not known whether an event was stored.
    pub(crate) ambiguous: BTreeMap<u64, u32>,
    /// Events that must not be stored twice, of which nobody was told whether they are.
    pub(crate) doubtful: BTreeSet<u64>,
    /// Events that the couriers took, in their order; a `None` where a new gateway begins.
    pub(crate) taken: Vec<Option<u64>>,
    pub(crate) faults: u64,
}

impl Target {
    pub(crate) fn new(name: &'static str, room: Arc<Room>) -> Self {
        Self {
            name,
            room,
            mood: Mood::Good,
            stored: BTreeMap::new(),
            order: Vec::new(),
            ambiguous: BTreeMap::new(),
            doubtful: BTreeSet::new(),
            taken: Vec::new(),
            faults: 0,
        }
    }

    pub(crate) fn has(&self, event: u64) -> bool {
        self.stored.contains_key(&event)
    }

    pub(crate) fn may_have_twice(&mut self, event: u64) {
        *self.ambiguous.entry(event).or_default() += 1;
    }

    /// Another mood for a while.
    pub(crate) fn change(&mut self, world: &mut World) {
        self.mood = match world.random.u32(..11) {
            0..=2 => Mood::Good,
            3 => Mood::Slow(world.random.u64(5..1500)),
            4 => Mood::Throttle(world.random.u32(5..100)),
            5 | 6 => Mood::Partial(world.random.u32(5..90)),
            7 | 8 => Mood::Lossy(world.random.u32(5..100)),
            9 => Mood::Down,
            10 if world.chance(50) => Mood::Blocked,
            _ => Mood::Silent(world.random.u64(100..4000)),
        };
    }

    /// How long a call takes to reach the target, and its answer to come back.
    pub(crate) fn latency(&self, world: &mut World) -> (Duration, Duration) {
        let milliseconds = match self.mood {
            Mood::Slow(most) => world.random.u64(..most),
            Mood::Silent(long) => long,
            _ => world.random.u64(..8),
        };
        let there = Duration::from_micros(world.random.u64(50..2000));
        (
            there,
            Duration::from_millis(milliseconds) + Duration::from_micros(50),
        )
    }

    /// A call is here: stores what is stored, and says what will be answered of each record. `None`
    /// where the answer is lost.
    pub(crate) fn apply(&mut self, batch: &Batch, world: &mut World) -> Option<Vec<Attempt>> {
        let events: Vec<u64> = batch.records().iter().map(number_of).collect();
        for (event, record) in events.iter().zip(batch.records()) {
            let data = record.value(1).as_bytes().unwrap();
            assert_eq!(
                *data,
                payload(*event),
                "event {event} came to {} as something else",
                self.name
            );
        }
        match self.mood {
            Mood::Down => return Some(self.fail_all(&events, ReasonKind::Unavailable)),
            Mood::Blocked => {
                self.faults += 1;
                let denied = Attempt::Blocked(Reason::from(ReasonKind::AccessDenied));
                return Some(vec![denied; events.len()]);
            }
            Mood::Lossy(share) if world.chance(share) => {
                self.faults += 1;
                let applied = world.chance(70);
                for event in events {
                    if self.room.only_once(event) {
                        // Whoever sends it again does it twice.
                        self.doubtful.insert(event);
                    } else {
                        self.may_have_twice(event);
                    }
                    if applied {
                        self.store(event);
                    }
                }
                return None;
            }
            _ => {}
        }
        if events.iter().any(|event| is_poison(*event)) {
            return Some(self.refuse(&events));
        }
        let mut attempts = Vec::with_capacity(events.len());
        for event in events {
            attempts.push(self.one(event, world));
        }
        Some(attempts)
    }

    /// A record that can never be stored: the whole call is refused for it.
    fn refuse(&mut self, events: &[u64]) -> Vec<Attempt> {
        self.faults += 1;
        vec![Attempt::Refused(ReasonKind::Invalid.into()); events.len()]
    }

    fn fail_all(&mut self, events: &[u64], why: ReasonKind) -> Vec<Attempt> {
        self.faults += 1;
        let again = Attempt::Again {
            certain: true,
            after: None,
            reason: why.into(),
        };
        vec![again; events.len()]
    }

    fn one(&mut self, event: u64, world: &mut World) -> Attempt {
        let (share, why) = match self.mood {
            Mood::Throttle(share) => (share, ReasonKind::Throttled),
            Mood::Partial(share) => (share, ReasonKind::Unavailable),
            _ => (0, ReasonKind::Unavailable),
        };
        if world.chance(share) {
            self.faults += 1;
            return Attempt::Again {
                certain: true,
                after: None,
                reason: why.into(),
            };
        }
        self.store(event);
        Attempt::Stored(Receipt::Nothing)
    }

    pub(crate) fn store(&mut self, event: u64) {
        *self.stored.entry(event).or_default() += 1;
        self.order.push(event);
    }
}
