//! What becomes of letters, told on a clock that stands still until it is moved.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use sluicegate_contract::{Producer, Reason, Receipt, TargetState, TargetWatch, Value};

use super::super::letter::tests::letter;
use super::*;
use crate::dispatch::{Gate, Gauge};
use crate::observe::{TargetCounters, TargetHealth};
use crate::rooms::Envelope;
use crate::settle::Ledger;

const OWNER: u8 = 3;

/// A room that keeps what it takes, and is told what to say of it.
#[derive(Default)]
struct Toy {
    taken: Mutex<Vec<RecordId>>,
    at_once: Mutex<Option<Outcome>>,
    full: AtomicBool,
    bytes_max: AtomicUsize,
}

impl Producer for Toy {
    fn weigh(&self, record: &Record) -> Result<usize, Reason> {
        let bytes = record.bytes();
        match bytes > self.bytes_max.load(Ordering::Relaxed) {
            true => Err(ReasonKind::TooLarge.into()),
            false => Ok(bytes),
        }
    }
    fn produce(&self, _: &Record, id: RecordId) -> Result<Option<Outcome>, Reason> {
        if self.full.load(Ordering::Relaxed) {
            return Err(ReasonKind::QueueFull.into());
        }
        self.taken.lock().unwrap().push(id);
        Ok(self.at_once.lock().unwrap().clone())
    }
    fn flush(&self, _: Duration) {}
}

struct Story {
    desk: Desk,
    room: Arc<Toy>,
    targets: Arc<[Target]>,
    now: Instant,
    ends: Arc<Mutex<Vec<LetterEnd>>>,
}

impl Story {
    fn new() -> Self {
        let room = Arc::new(Toy::default());
        room.bytes_max.store(usize::MAX, Ordering::Relaxed);
        let target = |name: &str| Target {
            name: name.into(),
            kind: "discard",
            room: Room::Producing(room.clone()),
            gauge: Arc::new(Gauge::new(3000)),
            gate: Arc::new(Gate::new(Arc::new(TargetHealth::new(name.into())))),
            inbox: None,
            counters: Arc::new(TargetCounters::new()),
            dead_letter: None,
            envelope: Some(Envelope::Payload("discard")),
            log: None,
        };
        let targets: Arc<[Target]> = [target("orders"), target("rejects")].into();
        Self {
            desk: Desk::new(Arc::clone(&targets), OWNER),
            room,
            targets,
            now: Instant::now(),
            ends: Arc::default(),
        }
    }

    /// Posts a letter for somebody who has the record until it is kept.
    fn post(&mut self) {
        let ends = Arc::clone(&self.ends);
        self.take(Some(Done::new(move |end| ends.lock().unwrap().push(end))));
    }

    fn take(&mut self, done: Option<Done>) {
        let posted = Posted {
            place: 1,
            from: Some(0),
            letter: letter(Value::Text("x".into())),
            done,
        };
        self.desk.take(self.now, posted);
    }

    fn taken(&self) -> Vec<RecordId> {
        self.room.taken.lock().unwrap().clone()
    }

    fn ends(&self) -> Vec<LetterEnd> {
        self.ends.lock().unwrap().clone()
    }

    fn counted(&self) -> (u64, u64) {
        let counted = self.targets[0].counters.snapshot();
        let kept = counted.dead_letters.iter().map(|(_, letters)| letters);
        (kept.sum(), counted.dead_letters_lost)
    }
}

fn refused() -> Outcome {
    Outcome::Refused(ReasonKind::Invalid.into())
}

#[test]
fn a_letter_is_kept_when_its_target_confirms_it() {
    let mut story = Story::new();
    story.post();
    assert_eq!(story.desk.send(story.now), None);
    let [id] = story.taken()[..] else {
        panic!("{:?}", story.taken())
    };
    assert_eq!(
        Ledger::core_of(id),
        usize::from(OWNER),
        "its outcome comes here"
    );
    assert_eq!((story.ends(), story.counted()), (vec![], (0, 0)));
    assert!(story.targets[1].gauge.used() > 0 && !story.desk.is_empty());
    story
        .desk
        .outcome(story.now, id, &Outcome::Delivered(Receipt::Nothing));
    assert_eq!(
        (story.ends(), story.counted()),
        (vec![LetterEnd::Kept], (1, 0))
    );
    assert_eq!(story.targets[1].gauge.used(), 0);
    assert!(story.desk.is_empty() && story.desk.take_ended_bytes() > 0);
    story.desk.outcome(story.now, id, &refused());
    assert_eq!(story.ends(), [LetterEnd::Kept], "an outcome counts once");
}

#[test]
fn a_letter_that_is_refused_goes_nowhere_else() {
    let mut story = Story::new();
    *story.room.at_once.lock().unwrap() = Some(refused());
    story.post();
    story.desk.send(story.now);
    assert_eq!(
        (story.ends(), story.counted()),
        (vec![LetterEnd::Never], (0, 0))
    );
    assert_eq!(story.taken().len(), 1);
    story.room.bytes_max.store(0, Ordering::Relaxed);
    story.post();
    assert_eq!(
        (story.ends(), story.counted()),
        (vec![LetterEnd::Never, LetterEnd::Never], (0, 0))
    );
    assert_eq!(story.taken().len(), 1, "what can never fit is not sent");
}

#[test]
fn a_letter_waits_for_room_in_its_turn() {
    let mut story = Story::new();
    for _ in 0..8 {
        story.post();
    }
    let look = story.desk.send(story.now);
    let taken = story.taken();
    assert!((1..8).contains(&taken.len()), "{}", taken.len());
    assert_eq!(look, Some(story.now + LETTER_LOOK));
    for id in &taken {
        story
            .desk
            .outcome(story.now, *id, &Outcome::Delivered(Receipt::Nothing));
    }
    story.desk.send(story.now);
    assert!(story.taken().len() > taken.len());
}

#[test]
fn a_letter_does_not_wait_for_ever() {
    let mut story = Story::new();
    let down = Reason::from(ReasonKind::ConnectionFailed);
    let gate = Arc::clone(&story.targets[1].gate);
    gate.state(TargetState::Down, Some(down));
    story.post();
    story.now += LETTER_WAIT_MAX / 2;
    story.post();
    assert!(story.desk.send(story.now).is_some());
    assert!(story.taken().is_empty(), "nothing is sent to what is down");
    story.now += LETTER_WAIT_MAX / 2;
    assert!(story.desk.send(story.now).is_some(), "the second waits on");
    assert_eq!(
        (story.ends(), story.counted()),
        (vec![LetterEnd::NotNow], (0, 0))
    );
    gate.state(TargetState::Up, None);
    assert_eq!(story.desk.send(story.now), None);
    assert_eq!(story.taken().len(), 1);
}

#[test]
fn what_is_left_at_the_end_is_told() {
    let mut story = Story::new();
    for _ in 0..8 {
        story.post();
    }
    story.desk.send(story.now);
    story.desk.give_up("the gateway stopped");
    assert_eq!(story.ends(), [LetterEnd::NotNow; 8]);
    assert_eq!(story.counted(), (0, 0));
    assert!(story.desk.is_empty());
}

#[test]
fn a_letter_waits_for_a_full_target_to_have_room_again() {
    let log_full = || Outcome::GaveUp {
        certain: true,
        reason: ReasonKind::LogFull.into(),
    };
    // A client library says it at once, a log on a disk a moment later.
    for at_once in [true, false] {
        let mut story = Story::new();
        story.room.full.store(at_once, Ordering::Relaxed);
        story.post();
        assert!(story.desk.send(story.now).is_some() || !at_once);
        for id in story.taken() {
            story.desk.outcome(story.now, id, &log_full());
        }
        assert_eq!((story.ends(), story.counted()), (vec![], (0, 0)));
        assert_eq!(story.targets[1].gauge.used(), 0);
        story.room.full.store(false, Ordering::Relaxed);
        let before = story.taken().len();
        assert!(story.desk.send(story.now).is_some());
        assert_eq!(story.taken().len(), before, "not at once");
        story.now += LETTER_PAUSE;
        story.desk.send(story.now);
        let id = *story.taken().last().unwrap();
        let kept = Outcome::Delivered(Receipt::Nothing);
        story.desk.outcome(story.now, id, &kept);
        assert_eq!(
            (story.ends(), story.counted()),
            (vec![LetterEnd::Kept], (1, 0))
        );
    }
}

#[test]
fn a_letter_does_not_wait_for_ever_for_what_is_full_nor_at_a_stop() {
    let mut story = Story::new();
    story.room.full.store(true, Ordering::Relaxed);
    story.post();
    let mut looks = 0;
    while story.ends().is_empty() {
        story.desk.send(story.now);
        story.now += LETTER_PAUSE;
        looks += 1;
        assert!(looks < 1000, "it waits for ever");
    }
    assert!(looks > 10, "{looks}");
    assert_eq!(
        (story.ends(), story.counted()),
        (vec![LetterEnd::NotNow], (0, 0))
    );
    story.post();
    story.desk.hurry();
    story.desk.send(story.now);
    assert_eq!(story.ends(), [LetterEnd::NotNow; 2]);
}

#[test]
fn who_posted_a_letter_is_told_where_the_desk_goes_down_with_it() {
    let mut story = Story::new();
    story.post();
    story.desk.send(story.now);
    story.post();
    let targets = Arc::clone(&story.targets);
    drop(std::mem::replace(
        &mut story.desk,
        Desk::new(targets, OWNER),
    ));
    assert_eq!(story.ends(), [LetterEnd::NotNow; 2]);
}

#[test]
fn a_letter_is_lost_where_nobody_has_its_record() {
    let mut story = Story::new();
    *story.room.at_once.lock().unwrap() = Some(refused());
    story.take(None);
    story.desk.send(story.now);
    assert_eq!(story.counted(), (0, 1));
    *story.room.at_once.lock().unwrap() = None;
    for _ in 0..8 {
        story.take(None);
    }
    story.desk.send(story.now);
    story.desk.give_up("the gateway stopped");
    assert_eq!(story.counted(), (0, 9));
}
