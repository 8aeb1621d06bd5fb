//! What the drain does, case by case.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sluicegate_contract::ReasonKind;

use super::{WEIGHT, delivered, gave_up, lane, rated, refused, world};
use crate::dead_letters::LetterEnd;
use crate::limits::SPOOL_PAUSE_MAX;
use crate::spool::entry::ENTRY_KIND;
use crate::spool::{Drain, DrainRules, Ended, Fate, LaneRules, Opening};

#[test]
fn records_are_handed_over_in_order_and_the_cursor_follows_what_is_confirmed() {
    let mut world = world(vec![lane("a", Some(0)), lane("b", Some(1))], 2);
    for n in 0..3 {
        world.shelf.store(n.into(), &[("a", n), ("b", n)], false);
    }
    world.step();
    assert_eq!(world.doors[0].numbers(), [0, 1, 2]);
    assert_eq!(world.doors[1].numbers(), [0, 1, 2]);
    assert_eq!(
        (world.cursor("a"), world.doors[0].used.get()),
        (0, 3 * WEIGHT)
    );
    world.end(0, delivered());
    assert_eq!((world.cursor("a"), world.cursor("b")), (1, 0));
    // The second of the rest first: the cursor waits for the one before.
    world.doors[0].flying.borrow_mut().swap(0, 1);
    world.end(0, delivered());
    assert_eq!(world.cursor("a"), 1);
    world.end(0, delivered());
    assert_eq!((world.cursor("a"), world.doors[0].used.get()), (3, 0));
    assert!(!world.drain.is_idle(), "b waits for its outcomes");
}

#[test]
fn an_entry_without_records_of_a_target_is_passed() {
    let mut world = world(vec![lane("a", Some(0)), lane("b", Some(1))], 2);
    world.shelf.store(1, &[("a", 1)], false);
    world.shelf.put(0, Bytes::new());
    world.step();
    assert_eq!((world.cursor("a"), world.cursor("b")), (0, 2));
    world.end(0, delivered());
    assert_eq!(world.cursor("a"), 2);
}

#[test]
fn what_is_given_up_stops_the_lane_and_goes_again_from_the_lowest() {
    let mut world = world(vec![lane("a", Some(0))], 1);
    for n in 0..4 {
        world.shelf.store(n.into(), &[("a", n)], false);
    }
    world.step();
    world.end(0, gave_up());
    world.end(0, delivered());
    world.end(0, gave_up());
    world.shelf.store(9, &[("a", 9)], false);
    world.step();
    assert_eq!(
        world.doors[0].numbers(),
        [3],
        "nothing new while something flies"
    );
    world.end(0, delivered());
    assert!(
        world.doors[0].numbers().is_empty(),
        "and a pause after that"
    );
    world.pass(SPOOL_PAUSE_MAX);
    assert_eq!(
        world.doors[0].numbers(),
        [0, 2, 9],
        "only what is not confirmed, in order"
    );
    assert_eq!(world.cursor("a"), 0);
    for _ in 0..3 {
        world.end(0, delivered());
    }
    assert_eq!((world.cursor("a"), world.doors[0].used.get()), (5, 0));
}

#[test]
fn a_target_that_is_shut_gets_one_probe() {
    let mut world = world(vec![lane("a", Some(0))], 1);
    for n in 0..3 {
        world.shelf.store(n.into(), &[("a", n)], false);
    }
    world.doors[0].opening.set(Opening::Shut);
    let wake = world.step();
    assert!(wake.is_some() && world.doors[0].numbers().is_empty());
    world.doors[0].opening.set(Opening::Probe);
    world.step();
    assert_eq!(world.doors[0].numbers(), [0]);
    world.doors[0].opening.set(Opening::Open);
    world.end(0, delivered());
    assert_eq!(world.doors[0].numbers(), [1, 2]);
}

#[test]
fn one_dead_target_does_not_keep_another_waiting() {
    let mut world = world(vec![lane("dead", Some(0)), lane("alive", Some(1))], 2);
    world.doors[0].opening.set(Opening::Shut);
    for n in 0..100_000_u64 {
        world
            .shelf
            .store(n.into(), &[("dead", n), ("alive", n)], false);
    }
    let mut seen = 0;
    while seen < 100_000 {
        world.step();
        let flying = world.doors[1].flying.borrow().len();
        assert!(flying > 0, "after {seen}");
        for _ in 0..flying {
            let (id, number) = world.doors[1].flying.borrow_mut().pop_front().unwrap();
            assert_eq!(number, seen);
            seen += 1;
            let clock = world.clock();
            world.drain.outcome(id, delivered(), &world.doors, clock);
        }
    }
    world.step();
    assert_eq!((world.cursor("dead"), world.cursor("alive")), (0, 100_000));
}

#[test]
fn the_spool_takes_half_of_a_queue_at_most_and_waits_while_it_is_full() {
    let mut world = world(vec![lane("a", Some(0))], 1);
    world.doors[0].limit = 4 * WEIGHT;
    for n in 0..4 {
        world.shelf.store(n.into(), &[("a", n)], false);
    }
    world.step();
    assert_eq!(world.doors[0].numbers(), [0, 1]);
    world.end(0, delivered());
    assert_eq!(world.doors[0].numbers(), [1, 2]);
    world.end(0, delivered());
    world.end(0, delivered());
    // Live traffic has it all.
    world.end(0, delivered());
    world.shelf.store(7, &[("a", 7)], false);
    world.doors[0].used.set(4 * WEIGHT);
    assert!(world.step().is_some());
    assert!(world.doors[0].numbers().is_empty());
    world.doors[0].used.set(0);
    world.pass(Duration::from_secs(1));
    assert_eq!(world.doors[0].numbers(), [7]);
}

#[test]
fn a_refusal_is_told_and_passed_and_a_false_condition_is_an_answer() {
    let mut world = world(vec![lane("a", Some(0))], 1);
    for n in 0..3 {
        world.shelf.store(n.into(), &[("a", n)], false);
    }
    world.step();
    world.end(0, refused(ReasonKind::Invalid));
    world.end(0, refused(ReasonKind::ConditionFalse));
    let lost = world.drain.take_lost();
    assert_eq!(lost.len(), 1);
    assert_eq!((lost[0].request, lost[0].ended), (0, Ended::Refused));
    assert_eq!(lost[0].reason.kind(), ReasonKind::Invalid);
    assert_eq!((world.cursor("a"), world.doors[0].used.get()), (2, WEIGHT));
}

#[test]
fn with_a_dead_letter_the_cursor_waits_until_that_has_it() {
    let letters = LaneRules {
        letters: true,
        ..lane("a", Some(0))
    };
    let mut world = world(vec![letters], 1);
    for n in 0..2 {
        world.shelf.store(n.into(), &[("a", n)], false);
    }
    world.step();
    world.end(0, refused(ReasonKind::TooLarge));
    world.end(0, delivered());
    let lost = world.drain.take_lost().remove(0);
    assert_eq!(world.cursor("a"), 0);
    let clock = world.clock();
    world.drain.lettered(lost.id, LetterEnd::NotNow, clock);
    world.pass(SPOOL_PAUSE_MAX);
    assert_eq!(world.doors[0].numbers(), [0], "it is asked once more");
    world.end(0, refused(ReasonKind::TooLarge));
    let lost = world.drain.take_lost().remove(0);
    world.drain.lettered(lost.id, LetterEnd::Kept, clock);
    world.step();
    assert_eq!(world.cursor("a"), 2);
}

#[test]
fn what_a_courier_still_has_is_left_to_it() {
    let mut world = world(vec![lane("a", Some(0))], 1);
    world.held.hold(1, [0, 1, 2]);
    world
        .shelf
        .store(1, &[("a", 10), ("a", 11), ("a", 12)], true);
    world.shelf.store(2, &[("a", 20)], false);
    world.step();
    assert_eq!(world.doors[0].numbers(), [20], "others go on");
    world.end(0, delivered());
    assert_eq!(world.cursor("a"), 0);
    world.held.settle(1, 0, Some(Fate::Delivered));
    world.held.settle(1, 2, None);
    world.step();
    assert_eq!(world.doors[0].numbers(), [12], "given up, so it is ours");
    world.end(0, delivered());
    world.held.settle(1, 1, Some(Fate::Delivered));
    world.step();
    assert_eq!(world.cursor("a"), 2);
}

#[test]
fn what_couriers_of_an_earlier_process_had_is_delivered() {
    let mut world = world(vec![lane("a", Some(0))], 1);
    world.shelf.store(1, &[("a", 10)], true);
    world.step();
    assert_eq!(world.doors[0].numbers(), [10]);
}

#[test]
fn what_is_too_old_is_told_and_passed_whether_its_target_is_there_or_not() {
    let mut world = world(vec![lane("a", Some(0)), lane("gone", None)], 1);
    world.doors[0].opening.set(Opening::Shut);
    world.shelf.store(1, &[("a", 1), ("gone", 2)], false);
    world.step();
    assert_eq!((world.cursor("a"), world.cursor("gone")), (0, 0));
    world.pass(Duration::from_secs(3601));
    let lost = world.drain.take_lost();
    assert_eq!(lost.len(), 2);
    assert!(lost.iter().all(|lost| lost.ended == Ended::Expired));
    assert_eq!(world.cursor("a"), 1);
}

#[test]
fn a_target_that_left_keeps_its_records_and_no_more_than_those() {
    let mut world = world(
        vec![lane("a", Some(0)), lane("gone", None), lane("empty", None)],
        1,
    );
    world.drain = Drain::new(DrainRules {
        mailbox: 9,
        born: 2,
        rate: None,
        max_age: Duration::from_secs(3600),
        lanes: vec![lane("a", Some(0)), lane("gone", None), lane("empty", None)],
        held: Arc::clone(&world.held),
    });
    world.shelf.store(1, &[("a", 1)], false);
    world.shelf.store(2, &[("gone", 2)], false);
    world.shelf.store(3, &[("a", 3)], false);
    world.step();
    assert_eq!(
        world.cursor("gone"),
        1,
        "what is before it holds nothing for it"
    );
    assert_eq!(world.shelf.removed, ["empty:kafka"]);
    assert!(world.drain.take_lost().is_empty());
}

#[test]
fn a_rate_bounds_what_a_target_gets() {
    let mut world = rated(vec![lane("a", Some(0))], 1, Some(100.0));
    for n in 0..200 {
        world.shelf.store(n.into(), &[("a", n)], false);
    }
    let wake = world.step();
    assert!(wake.is_some());
    let first = world.doors[0].numbers().len();
    assert!(first <= 10, "{first} at once");
    for _ in 0..100 {
        world.pass(Duration::from_millis(10));
    }
    let after = world.doors[0].numbers().len();
    assert!((90..=115).contains(&after), "{after} within a second");
}

#[test]
fn a_stop_hands_over_nothing_more_and_takes_what_comes() {
    let mut world = world(vec![lane("a", Some(0))], 1);
    world.shelf.store(1, &[("a", 1)], false);
    world.step();
    world.drain.stop();
    world.shelf.store(2, &[("a", 2)], false);
    world.step();
    assert_eq!(world.doors[0].numbers(), [1]);
    assert!(!world.drain.is_idle());
    world.end(0, delivered());
    assert!(world.drain.is_idle());
    assert_eq!(world.cursor("a"), 1);
}

#[test]
fn an_outcome_that_is_known_at_once_is_one() {
    let mut world = world(vec![lane("a", Some(0))], 1);
    *world.doors[0].known.borrow_mut() = Some(delivered());
    world.shelf.store(1, &[("a", 1)], false);
    world.step();
    assert_eq!((world.cursor("a"), world.doors[0].used.get()), (1, 0));
}

#[test]
fn an_entry_of_a_later_version_is_not_passed_over() {
    let mut world = world(vec![lane("a", Some(0))], 1);
    world
        .shelf
        .put(ENTRY_KIND, Bytes::from_static(b"\x84\x02\x41a\x61a\x80"));
    world.shelf.store(1, &[("a", 1)], false);
    assert!(world.step().is_some());
    assert!(world.doors[0].numbers().is_empty());
    assert_eq!(world.cursor("a"), 0);
}

#[test]
fn lanes_at_one_place_share_what_is_read() {
    let lanes = (0..8).map(|n| lane(&format!("t{n}"), Some(n))).collect();
    let mut world = world(lanes, 8);
    for n in 0..50 {
        world.shelf.store(n.into(), &[("t3", n)], false);
    }
    world.step();
    let reads = world.shelf.reads.get();
    assert!(reads <= 60, "{reads} reads of 50 entries");
}
