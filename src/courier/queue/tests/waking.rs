//! When a courier asks to be woken: not too late, and not again and again for nothing.

use super::*;

#[test]
fn a_start_that_passed_unseen_is_not_slept_over() {
    let mut story = Story::new();
    story.put(&["x"]);
    let (first, _) = story.call().unwrap();
    story.wait(Duration::from_millis(10));
    story.answer(first, vec![stored()]);
    story.put(&["x"]);
    let (_, _) = story.call().unwrap();
    story.put(&["y"]);
    assert!(story.call().is_none(), "it waits for its turn");
    story.wait(Duration::from_secs(1));
    let wake = story.queue.wake_at(story.now).unwrap();
    assert!(wake <= story.now, "the turn came between the two looks");
    assert_eq!(story.call().unwrap().1, ["y"]);
}

#[test]
fn what_waits_for_a_key_wakes_nobody_until_a_call_ends() {
    let mut story = Story::new();
    story.put(&["k1"]);
    let (call, _) = story.call().unwrap();
    story.put(&["k1"]);
    story.wait(Duration::from_secs(1));
    assert!(story.call().is_none());
    assert!(story.queue.wake_at(story.now).unwrap() > story.now);
    story.answer(call, vec![stored()]);
    assert_eq!(story.call().unwrap().1, ["k1"]);
}

#[test]
fn what_waits_for_a_key_wakes_nobody_while_the_breaker_waits_for_a_probe() {
    fastrand::seed(1);
    let mut story = Story::new();
    let failed = Attempt::Again {
        certain: true,
        after: None,
        reason: ReasonKind::Unavailable.into(),
    };
    for _ in 0..6 {
        story.put(&["k1"]);
        story.wait(RETRY_PAUSE_MAX);
        while let Some((call, records)) = story.call() {
            story.answer(call, vec![failed.clone(); records.len()]);
        }
    }
    assert!(story.queue.breaker.is_open());
    // The record that holds the key comes again later than the probe might go.
    let mut turns = 0;
    while let Some(at) = story.queue.wake_at(story.now) {
        story.now = at.max(story.now);
        turns += 1;
        assert!(turns < 100, "it is woken at once, again and again");
        if let Some((call, records)) = story.call() {
            story.answer(call, vec![stored(); records.len()]);
        }
    }
    assert_eq!(story.outcomes().len(), 6);
}

#[test]
fn a_probe_that_finds_its_target_blocked_is_not_the_last() {
    let mut story = Story::new();
    let failed = Attempt::Again {
        certain: true,
        after: None,
        reason: ReasonKind::Unavailable.into(),
    };
    for _ in 0..6 {
        story.put(&["x"]);
        story.wait(RETRY_PAUSE_MAX);
        while let Some((call, records)) = story.call() {
            story.answer(call, vec![failed.clone(); records.len()]);
        }
    }
    assert!(story.queue.breaker.is_open());
    story.wait(RETRY_PAUSE_MAX);
    let (probe, records) = story.call().unwrap();
    let blocked = Attempt::Blocked(ReasonKind::AccessDenied.into());
    story.answer(probe, vec![blocked; records.len()]);
    // Somebody mends it, and the next record comes.
    story.wait(RETRY_PAUSE_MAX);
    story.put(&["y"]);
    assert!(story.call().is_some(), "the courier calls its target again");
}
