//! How records leave the spool that are not delivered.

use std::time::Duration;

use sluicegate_contract::ReasonKind;

use super::{WEIGHT, World, delivered, gave_up, lane, refused, uncertain, world};
use crate::dead_letters::LetterEnd;
use crate::limits::{SPOOL_LETTER_WAIT_MAX, SPOOL_PAUSE_MAX};
use crate::spool::{Ended, Fate, LaneRules, LostRecord, Opening};

/// Past the age at which the worlds here let records go.
const TOO_OLD: Duration = Duration::from_secs(3601);

/// A world whose one target has a dead letter.
fn lettered() -> World {
    let lane = LaneRules {
        letters: true,
        ..lane("a", Some(0))
    };
    world(vec![lane], 1)
}

impl World {
    /// The one record that was lost since the last time.
    fn lost(&mut self) -> LostRecord {
        let mut lost = self.drain.take_lost();
        assert_eq!(lost.len(), 1, "{lost:?}");
        lost.remove(0)
    }

    /// The dead letter has a record, or would not have it. True where nobody has it any more.
    fn letter(&mut self, lost: &LostRecord, end: LetterEnd) -> bool {
        let clock = self.clock();
        let gone = self.drain.lettered(lost.id, end, clock);
        self.step();
        gone
    }
}

#[test]
fn what_expired_stays_until_its_dead_letter_has_it_and_is_not_delivered() {
    let mut world = lettered();
    world.doors[0].opening.set(Opening::Shut);
    world.shelf.store(1, &[("a", 1)], false);
    world.pass(TOO_OLD);
    let lost = world.lost();
    assert_eq!((lost.ended, world.cursor("a")), (Ended::Expired, 0));
    assert!(!world.letter(&lost, LetterEnd::NotNow));
    assert_eq!(world.cursor("a"), 0, "it is nowhere else");
    world.doors[0].opening.set(Opening::Open);
    world.pass(SPOOL_PAUSE_MAX);
    assert!(
        world.doors[0].numbers().is_empty(),
        "it is too old for that"
    );
    let lost = world.lost();
    assert_eq!((lost.ended, lost.request), (Ended::Expired, 1));
    world.letter(&lost, LetterEnd::Kept);
    assert_eq!(world.cursor("a"), 1);
}

#[test]
fn what_expired_does_not_wait_for_its_dead_letter_for_ever() {
    let mut world = lettered();
    world.doors[0].opening.set(Opening::Shut);
    world.shelf.store(1, &[("a", 1)], false);
    world.pass(TOO_OLD);
    let (mut waited, mut gone) = (Duration::ZERO, false);
    while world.cursor("a") == 0 {
        for lost in world.drain.take_lost() {
            gone |= world.letter(&lost, LetterEnd::NotNow);
        }
        world.pass(SPOOL_PAUSE_MAX);
        waited += SPOOL_PAUSE_MAX;
        assert!(waited < 2 * SPOOL_LETTER_WAIT_MAX, "it waits for ever");
    }
    assert!(gone && waited >= SPOOL_LETTER_WAIT_MAX, "{waited:?}");
}

#[test]
fn a_stop_leaves_what_expired_where_it_is() {
    let mut world = lettered();
    world.doors[0].opening.set(Opening::Shut);
    world.shelf.store(1, &[("a", 1)], false);
    world.pass(TOO_OLD);
    let lost = world.lost();
    world.shelf.store(2, &[("a", 2)], false);
    world.drain.stop();
    // The clerk ends, and says so of what it had.
    world.letter(&lost, LetterEnd::NotNow);
    world.pass(2 * TOO_OLD);
    assert!(world.drain.take_lost().is_empty(), "nobody would take it");
    assert_eq!(world.cursor("a"), 0);
}

#[test]
fn a_record_that_nobody_takes_holds_up_none_behind_it() {
    let mut world = lettered();
    for n in 0..3 {
        world.shelf.store(n.into(), &[("a", n)], false);
    }
    world.step();
    world.end(0, refused(ReasonKind::Invalid));
    let lost = world.lost();
    assert!(!world.letter(&lost, LetterEnd::NotNow));
    world.end(0, delivered());
    world.end(0, delivered());
    world.shelf.store(3, &[("a", 3)], false);
    world.step();
    assert_eq!(world.doors[0].numbers(), [3], "at once");
    world.end(0, delivered());
    assert_eq!(world.cursor("a"), 0, "the spool has the first one still");
    // Another that nobody takes does not put off the next try for the first.
    world.pass(SPOOL_PAUSE_MAX / 2);
    world.shelf.store(4, &[("a", 4)], false);
    world.step();
    world.end(0, refused(ReasonKind::Invalid));
    let other = world.lost();
    world.letter(&other, LetterEnd::NotNow);
    world.pass(SPOOL_PAUSE_MAX / 2);
    assert_eq!(
        world.doors[0].numbers(),
        [0, 4],
        "their target is asked again"
    );
    world.end(0, delivered());
    assert_eq!(world.cursor("a"), 4);
}

#[test]
fn what_its_dead_letter_refuses_for_good_is_gone() {
    let mut world = lettered();
    world.shelf.store(1, &[("a", 1)], false);
    world.step();
    world.end(0, refused(ReasonKind::Invalid));
    let lost = world.lost();
    assert!(world.letter(&lost, LetterEnd::Never));
    assert_eq!(world.cursor("a"), 1, "it would be refused for ever");
}

#[test]
fn a_record_that_is_larger_than_the_queue_does_not_block_those_behind_it() {
    let mut world = world(vec![lane("a", Some(0))], 1);
    world.doors[0].limit = WEIGHT - 1;
    world.shelf.store(1, &[("a", 1)], false);
    world.step();
    let lost = world.lost();
    assert_eq!(
        (lost.ended, lost.reason.kind()),
        (Ended::Refused, ReasonKind::TooLarge)
    );
    let said = lost.reason.detail().unwrap();
    assert!(
        said.contains(&WEIGHT.to_string()) && said.contains("queue_bytes"),
        "{said}"
    );
    assert_eq!(world.cursor("a"), 1);
    world.doors[0].limit = WEIGHT;
    world.shelf.store(2, &[("a", 2)], false);
    world.step();
    assert_eq!(world.doors[0].numbers(), [2], "one that just fits is sent");
}

#[test]
fn a_record_that_cannot_be_read_is_never_handed_over() {
    let mut world = lettered();
    world.shelf.store_unreadable(1, "a");
    world.shelf.store(2, &[("a", 2)], false);
    world.step();
    let lost = world.lost();
    assert_eq!(
        (lost.ended, lost.reason.kind()),
        (Ended::Refused, ReasonKind::Invalid)
    );
    let said = lost.reason.detail().unwrap().to_owned();
    assert!(said.contains("of_a_later_version"), "{said}");
    assert_eq!(world.end(0, delivered()), 2, "others go on");
    world.letter(&lost, LetterEnd::NotNow);
    for _ in 0..3 {
        world.pass(SPOOL_PAUSE_MAX);
        assert!(
            world.doors[0].numbers().is_empty(),
            "there is nothing to send"
        );
        assert_eq!(world.cursor("a"), 0, "and it stays");
        let lost = world.lost();
        assert_eq!(lost.reason.detail(), Some(&*said));
        world.letter(&lost, LetterEnd::NotNow);
    }
    world.pass(SPOOL_PAUSE_MAX);
    let lost = world.lost();
    world.letter(&lost, LetterEnd::Kept);
    assert_eq!(world.cursor("a"), 2);
}

#[test]
fn what_must_not_be_done_twice_is_not_sent_again_once_its_answer_was_lost() {
    for letters in [false, true] {
        let lane = LaneRules {
            letters,
            ..lane("a", Some(0))
        };
        let mut world = world(vec![lane], 1);
        for n in 1..4 {
            world.shelf.store(n.into(), &[("a", n)], false);
        }
        world.step();
        // The first may be repeated, the second was surely not stored, the third is neither.
        world.end(0, uncertain());
        world.end(0, gave_up());
        assert_eq!(world.end(0, uncertain()), 3);
        let lost = world.lost();
        assert_eq!((lost.request, lost.ended), (3, Ended::Uncertain));
        assert_eq!(lost.reason.kind(), ReasonKind::AnswerLost);
        if letters {
            world.letter(&lost, LetterEnd::NotNow);
        }
        world.pass(SPOOL_PAUSE_MAX);
        assert_eq!(world.doors[0].numbers(), [1, 2]);
        world.end(0, delivered());
        world.end(0, delivered());
        if letters {
            assert_eq!(world.cursor("a"), 2, "it waits for its dead letter");
            let lost = world.lost();
            assert_eq!((lost.request, lost.ended), (3, Ended::Uncertain));
            world.letter(&lost, LetterEnd::Kept);
        }
        assert_eq!(world.cursor("a"), 3);
        assert!(world.doors[0].numbers().is_empty());
    }
}

#[test]
fn what_a_courier_lost_the_answer_of_is_not_sent_again_from_the_spool() {
    for read_before in [false, true] {
        let mut world = world(vec![lane("a", Some(0))], 1);
        world.held.hold(1, [0, 1]);
        world.shelf.store(1, &[("a", 3), ("a", 4)], true);
        if read_before {
            world.step();
        }
        world.held.settle(1, 0, Some(Fate::Uncertain));
        world.held.settle(1, 1, None);
        world.step();
        let lost = world.lost();
        assert_eq!((lost.stored.number, lost.ended), (0, Ended::Uncertain));
        assert_eq!(world.doors[0].numbers(), [4], "the other is the drain's");
        world.end(0, delivered());
        assert_eq!(world.cursor("a"), 1);
    }
}
