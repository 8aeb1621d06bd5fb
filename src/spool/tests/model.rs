//! The drain against a model, over random stories.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use sluicegate_contract::ReasonKind;

use super::{World, delivered, gave_up, is_repeatable, lane, refused, uncertain, world};
use crate::spool::{Fate, Opening};

/// What may happen to a drain.
#[derive(Clone, Debug)]
enum Event {
    Store {
        records: Vec<(bool, u8)>,
        held: bool,
    },
    End {
        door: bool,
        at: usize,
        outcome: u8,
    },
    Courier {
        at: usize,
        fate: Option<Fate>,
    },
    Open {
        door: bool,
        opening: u8,
    },
    Pass(u16),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let store = prop::collection::vec(any::<(bool, u8)>(), 1..4);
    let store = (store, prop::bool::weighted(0.2));
    let fate = prop_oneof![
        Just(None),
        Just(Some(Fate::Delivered)),
        Just(Some(Fate::Uncertain)),
    ];
    let event = prop_oneof![
        3 => store.prop_map(|(records, held)| Event::Store { records, held }),
        5 => (any::<bool>(), any::<usize>(), 0..8_u8)
            .prop_map(|(door, at, outcome)| Event::End { door, at, outcome }),
        1 => (any::<usize>(), fate).prop_map(|(at, fate)| Event::Courier { at, fate }),
        1 => (any::<bool>(), 0..3_u8).prop_map(|(door, opening)| Event::Open { door, opening }),
        2 => (1..2000_u16).prop_map(Event::Pass),
    ];
    prop::collection::vec(event, 1..120)
}

/// What the model knows of a record: by target and number.
#[derive(Default)]
struct Model {
    /// The sequence of each record, and whether it is settled.
    records: BTreeMap<(usize, u64), (u64, bool)>,
    held: Vec<(u128, u32, usize, u64)>,
    stored: u64,
}

impl Model {
    /// A cursor never passes a record that is not settled.
    fn check(&self, world: &World) {
        for ((door, number), (sequence, settled)) in &self.records {
            let cursor = world.cursor(["a", "b"][*door]);
            assert!(
                *settled || cursor <= *sequence,
                "record {number} at {sequence} is not settled, and the cursor is at {cursor}"
            );
        }
    }

    fn apply(&mut self, world: &mut World, event: Event) {
        match event {
            Event::Store { records, held } => {
                let request = u128::from(self.stored) + 1;
                let numbers: Vec<(usize, u64)> = (0..)
                    .zip(&records)
                    .map(|(n, (door, _))| (usize::from(*door), self.stored * 10 + n))
                    .collect();
                let named: Vec<(&str, u64)> = numbers
                    .iter()
                    .map(|(door, n)| (["a", "b"][*door], *n))
                    .collect();
                if held {
                    world.held.hold(request, 0..numbers.len() as u32);
                }
                world.shelf.store(request, &named, held);
                for (place, (door, number)) in (0..).zip(&numbers) {
                    self.records.insert((*door, *number), (self.stored, false));
                    if held {
                        self.held.push((request, place, *door, *number));
                    }
                }
                self.stored += 1;
                world.step();
            }
            Event::End { door, at, outcome } => self.end(world, usize::from(door), at, outcome),
            Event::Courier { at, fate } => {
                if self.held.is_empty() {
                    return;
                }
                let (request, place, door, number) = self.held.remove(at % self.held.len());
                // What is uncertain is not delivered any more: it leaves with a word about it.
                if fate.is_some() {
                    self.records.get_mut(&(door, number)).unwrap().1 = true;
                }
                world.held.settle(request, place, fate);
                world.step();
            }
            Event::Open { door, opening } => {
                let openings = [Opening::Open, Opening::Probe, Opening::Shut];
                world.doors[usize::from(door)]
                    .opening
                    .set(openings[usize::from(opening)]);
                world.step();
            }
            Event::Pass(milliseconds) => world.pass(Duration::from_millis(milliseconds.into())),
        }
    }

    /// A record that flies ends so.
    fn end(&mut self, world: &mut World, door: usize, at: usize, outcome: u8) {
        let count = world.doors[door].flying.borrow().len();
        if count == 0 {
            return;
        }
        world.doors[door].flying.borrow_mut().swap(0, at % count);
        let number = world.doors[door].flying.borrow()[0].1;
        let settles = outcome < 6 || (outcome == 7 && !is_repeatable(number));
        if settles {
            let known = self.records[&(door, number)].1;
            assert!(
                !known,
                "record {number} was handed over after it was settled"
            );
            self.records.get_mut(&(door, number)).unwrap().1 = true;
        }
        world.end(
            door,
            match outcome {
                0 => refused(ReasonKind::Invalid),
                1 => refused(ReasonKind::ConditionFalse),
                2..6 => delivered(),
                6 => gave_up(),
                _ => uncertain(),
            },
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_record_is_settled_once_and_no_cursor_passes_one_that_is_not(events in events()) {
        let mut world = world(vec![lane("a", Some(0)), lane("b", Some(1))], 2);
        let mut model = Model::default();
        for event in events {
            model.apply(&mut world, event);
            model.check(&world);
        }
        // Everything is mended: all of it is settled.
        for (request, place, ..) in std::mem::take(&mut model.held) {
            world.held.settle(request, place, None);
        }
        for door in &world.doors {
            door.opening.set(Opening::Open);
        }
        for _ in 0..200 {
            for door in 0..2 {
                while !world.doors[door].flying.borrow().is_empty() {
                    let number = world.end(door, delivered());
                    let record = model.records.get_mut(&(door, number)).unwrap();
                    prop_assert!(!record.1, "record {number} was settled before");
                    record.1 = true;
                }
            }
            world.pass(Duration::from_secs(1));
        }
        let open: Vec<_> = model.records.iter().filter(|(_, (_, settled))| !settled).collect();
        prop_assert!(open.is_empty(), "{open:?}");
        let ends = (world.cursor("a"), world.cursor("b"));
        prop_assert_eq!(ends, (model.stored, model.stored));
        prop_assert_eq!(world.doors[0].used.get() + world.doors[1].used.get(), 0);
    }
}
