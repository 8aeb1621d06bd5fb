//! What a courier decides, told call by call on a clock that stands still until it is moved.

mod waking;

use std::time::{Duration, Instant};

use bytes::Bytes;
use sluicegate_contract::{
    Attempt, AttemptSink, Batch, Integration, Limits, Outcome, Reason, ReasonKind, Receipt, Record,
    RecordId, TargetState, Value,
};

use super::{CallId, Change, Queue, Rules};
use crate::dispatch::Queued;
use crate::limits::{RETRY_PAUSE_MAX, RETRY_PAUSE_MIN};

/// A room whose record `kN…` has the key N, `a…` travels alone and `u…` must not be repeated.
struct Toy;

impl Integration for Toy {
    fn limits(&self) -> Limits {
        LIMITS
    }
    fn weigh(&self, record: &Record) -> Result<usize, Reason> {
        Ok(record.bytes())
    }
    fn key(&self, record: &Record) -> Option<u64> {
        let text = name(record);
        text.strip_prefix('k')
            .map(|rest| u64::from(rest.as_bytes()[0]))
    }
    fn travels_alone(&self, record: &Record) -> bool {
        let name = name(record);
        name.starts_with('a') || name.ends_with("alone")
    }
    fn repeatable(&self, record: &Record) -> bool {
        !name(record).starts_with('u')
    }
    fn submit(&self, _: Batch, _: AttemptSink) {}
}

const LIMITS: Limits = Limits {
    records: 25,
    call_bytes: 1000,
    record_bytes: 100,
    unique_keys: true,
    concurrent_calls: 4,
};

fn name(record: &Record) -> String {
    let bytes = record.value(0).as_bytes().unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

struct Story {
    queue: Queue,
    now: Instant,
    next_id: u64,
}

impl Story {
    fn new() -> Self {
        let (give_up, linger) = (Duration::from_secs(60), Duration::ZERO);
        let queue = Queue::new(Rules {
            limits: LIMITS,
            give_up,
            linger,
        });
        Self {
            queue,
            now: Instant::now(),
            next_id: 0,
        }
    }

    fn put(&mut self, names: &[&str]) {
        let queued = |name: &&str| {
            self.next_id += 1;
            let value = Value::Bytes(Bytes::copy_from_slice(name.as_bytes()));
            Queued::new(RecordId(self.next_id), Record::new([value]), name.len())
        };
        let records = names.iter().map(queued).collect();
        self.queue.put(self.now, records, &Toy);
    }

    fn call(&mut self) -> Option<(CallId, Vec<String>)> {
        let (call, batch) = self.queue.next(self.now)?;
        Some((call, batch.records().iter().map(name).collect()))
    }

    fn answer(&mut self, call: CallId, attempts: Vec<Attempt>) -> Option<Change> {
        self.queue.complete(self.now, call, attempts)
    }

    /// Ids and outcomes since the last time, in the order of the ids.
    fn outcomes(&mut self) -> Vec<(u64, Outcome)> {
        let mut outcomes: Vec<_> = self
            .queue
            .take_outcomes()
            .into_iter()
            .map(|(id, outcome)| (id.0, outcome))
            .collect();
        outcomes.sort_by_key(|(id, _)| *id);
        outcomes
    }

    fn wait(&mut self, pause: Duration) {
        self.now += pause;
    }
}

fn stored() -> Attempt {
    Attempt::Stored(Receipt::Nothing)
}

fn again(certain: bool) -> Attempt {
    Attempt::Again {
        certain,
        after: None,
        reason: ReasonKind::Throttled.into(),
    }
}

fn lost() -> Attempt {
    Attempt::Again {
        certain: false,
        after: None,
        reason: ReasonKind::AnswerLost.into(),
    }
}

fn refused() -> Attempt {
    Attempt::Refused(ReasonKind::Invalid.into())
}

#[test]
fn what_waits_together_shares_a_call() {
    let mut story = Story::new();
    story.put(&["x", "y", "z"]);
    let (call, names) = story.call().unwrap();
    assert_eq!(names, ["x", "y", "z"]);
    assert!(story.call().is_none());
    story.answer(call, vec![stored(), stored(), stored()]);
    assert!(
        story
            .outcomes()
            .iter()
            .all(|(_, outcome)| outcome.is_delivered())
    );
    assert!(story.queue.is_empty());
}

#[test]
fn exactly_the_failed_records_go_again() {
    let mut story = Story::new();
    story.put(&["x", "y", "z"]);
    let (call, _) = story.call().unwrap();
    story.answer(call, vec![stored(), again(true), stored()]);
    assert_eq!(story.outcomes().len(), 2);
    story.wait(RETRY_PAUSE_MAX);
    let (call, names) = story.call().unwrap();
    assert_eq!(names, ["y"]);
    story.answer(call, vec![stored()]);
    assert!(matches!(story.outcomes()[..], [(2, Outcome::Delivered(_))]));
}

#[test]
fn one_bad_record_among_twenty_five_costs_itself_only() {
    let mut story = Story::new();
    let names: Vec<String> = (0..25).map(|n| format!("r{n}")).collect();
    story.put(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let mut calls = 0;
    while let Some((call, names)) = story.call() {
        calls += 1;
        let bad = names.iter().any(|name| name == "r13");
        let attempt = if bad { refused() } else { stored() };
        story.answer(call, vec![attempt; names.len()]);
        assert!(calls < 20, "halving ends");
    }
    let outcomes = story.outcomes();
    assert_eq!(outcomes.len(), 25);
    for (id, outcome) in outcomes {
        assert_eq!(outcome.is_delivered(), id != 14, "{id}: {outcome:?}");
    }
}

#[test]
fn records_of_one_key_neither_share_a_call_nor_overtake() {
    let mut story = Story::new();
    story.put(&["k1-first", "k2", "k1-second"]);
    let (call, names) = story.call().unwrap();
    assert_eq!(names, ["k1-first", "k2"]);
    assert!(story.call().is_none(), "the second waits for the first");
    story.answer(call, vec![again(true), stored()]);
    story.wait(RETRY_PAUSE_MAX);
    let (call, names) = story.call().unwrap();
    assert_eq!(names, ["k1-first"], "and while the first is tried again");
    story.answer(call, vec![stored()]);
    let (_, names) = story.call().unwrap();
    assert_eq!(names, ["k1-second"]);
}

#[test]
fn what_travels_alone_has_its_own_call_beside_others() {
    let mut story = Story::new();
    story.put(&["a1", "a2"]);
    let (first, names) = story.call().unwrap();
    assert_eq!(names, ["a1"]);
    story.answer(first, vec![stored()]);
    assert_eq!(story.call().unwrap().1, ["a2"]);
}

#[test]
fn what_is_passed_over_is_not_overtaken_by_its_own_key() {
    let mut story = Story::new();
    story.put(&["k1", "k2-alone", "k2-later"]);
    let (first, names) = story.call().unwrap();
    assert_eq!(names, ["k1"]);
    assert_eq!(story.call().unwrap().1, ["k2-alone"]);
    story.answer(first, vec![stored()]);
    assert_eq!(story.call(), None);
}

#[test]
fn an_uncertain_try_of_what_must_not_be_repeated_is_the_last() {
    let mut story = Story::new();
    story.put(&["u", "x"]);
    let (call, _) = story.call().unwrap();
    story.answer(call, vec![lost(), lost()]);
    let outcomes = story.outcomes();
    assert!(
        matches!(outcomes[..], [(1, Outcome::GaveUp { certain: false, .. })]),
        "{outcomes:?}"
    );
    story.wait(RETRY_PAUSE_MAX);
    assert_eq!(story.call().unwrap().1, ["x"]);
}

#[test]
fn the_room_is_told_what_an_earlier_try_may_have_stored() {
    let mut story = Story::new();
    story.put(&["x", "y"]);
    let (call, _) = story.call().unwrap();
    story.answer(call, vec![lost(), again(true)]);
    story.wait(RETRY_PAUSE_MAX);
    let (_, batch) = story.queue.next(story.now).unwrap();
    let told: Vec<_> = (0..2).map(|place| batch.may_be_stored(place)).collect();
    assert_eq!(told, [true, false]);
}

#[test]
fn a_refusal_after_an_uncertain_try_is_not_sure() {
    let mut story = Story::new();
    story.put(&["x"]);
    let (call, _) = story.call().unwrap();
    story.answer(call, vec![lost()]);
    story.wait(RETRY_PAUSE_MAX);
    let (call, _) = story.call().unwrap();
    story.answer(call, vec![refused()]);
    assert!(matches!(
        story.outcomes()[..],
        [(1, Outcome::GaveUp { certain: false, .. })]
    ));
}

#[test]
fn what_waits_too_long_is_given_up_with_the_last_reason() {
    let mut story = Story::new();
    story.put(&["x"]);
    let (call, _) = story.call().unwrap();
    story.answer(call, vec![again(true)]);
    story.wait(Duration::from_secs(61));
    assert!(story.call().is_none());
    let outcomes = story.outcomes();
    let [
        (
            1,
            Outcome::GaveUp {
                certain: true,
                reason,
            },
        ),
    ] = &outcomes[..]
    else {
        panic!("{outcomes:?}")
    };
    let (kind, attempts) = (reason.kind(), reason.attempts());
    assert_eq!((kind, attempts), (ReasonKind::Throttled, 1));
}

#[test]
fn a_blocked_target_ends_all_that_waits_and_judges_no_record() {
    let mut story = Story::new();
    story.put(&["x", "a", "y"]);
    let (call, names) = story.call().unwrap();
    assert_eq!(names, ["x", "y"]);
    let denied = Attempt::Blocked(ReasonKind::AccessDenied.into());
    let change = story.answer(call, vec![denied.clone(), denied]).unwrap();
    assert_eq!(change.state, TargetState::Blocked);
    let outcomes = story.outcomes();
    assert_eq!(outcomes.len(), 3);
    for (_, outcome) in outcomes {
        assert!(
            matches!(outcome, Outcome::GaveUp { certain: true, .. }),
            "{outcome:?}"
        );
    }
}

#[test]
fn a_failing_target_is_probed_by_one_call_at_a_time() {
    let mut story = Story::new();
    story.put(&["x"]);
    let mut calls = 0;
    let start = story.now;
    let mut down = false;
    while story.now - start < Duration::from_secs(30) {
        if let Some((call, _)) = story.call() {
            calls += 1;
            assert!(story.call().is_none());
            let change = story.answer(call, vec![lost()]);
            down |= change.is_some_and(|change| change.state == TargetState::Down);
        }
        story.wait(Duration::from_millis(10));
    }
    assert!(down);
    assert!((5..40).contains(&calls), "{calls} calls in 30 seconds");
}

#[test]
fn the_pause_that_a_target_asks_for_is_kept() {
    let mut story = Story::new();
    story.put(&["x"]);
    let (call, _) = story.call().unwrap();
    let after = Some(Duration::from_secs(9));
    let reason = ReasonKind::Throttled.into();
    story.answer(
        call,
        vec![Attempt::Again {
            certain: true,
            after,
            reason,
        }],
    );
    story.wait(Duration::from_secs(8));
    assert!(story.call().is_none());
    story.wait(Duration::from_secs(1));
    assert!(story.call().is_some());
}

#[test]
fn a_target_that_throttles_some_is_asked_again_soon_however_often() {
    let mut story = Story::new();
    for _ in 0..40 {
        story.put(&["x", "y"]);
        let (call, _) = story.call().unwrap();
        story.answer(call, vec![stored(), again(true)]);
        story.wait(RETRY_PAUSE_MIN * 2);
        let (call, names) = story.call().unwrap();
        assert_eq!(names, ["y"]);
        story.answer(call, vec![stored()]);
    }
    assert_eq!(story.outcomes().len(), 80);
}

#[test]
fn bytes_close_a_batch() {
    let mut story = Story::new();
    let long = "x".repeat(400);
    story.put(&[&long, &long, &long]);
    assert_eq!(story.call().unwrap().1.len(), 2);
}
