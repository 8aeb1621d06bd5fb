//! The window against a model that forgets nothing but what its time or its bounds take.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;

use super::window::{Bounds, Claim, Ending, KEY_OVERHEAD_BYTES, Window};

const ROOMY: Bounds = Bounds {
    keys: 1000,
    bytes: 1 << 20,
};

fn text(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

#[test]
fn a_key_is_claimed_once_and_then_answers() {
    let mut window = Window::new(ROOMY);
    assert_eq!(window.claim(1, 7, 0), Claim::Granted(None));
    assert_eq!(window.claim(1, 7, 0), Claim::Running);
    assert_eq!(window.claim(1, 8, 0), Claim::Mismatch);
    assert_eq!(window.claim(2, 8, 0), Claim::Granted(None), "another key");
    window.finish(1, Ending::Final, text("done"), 100);
    assert_eq!(window.claim(1, 7, 99), Claim::Answered(text("done")));
    assert_eq!(window.claim(1, 8, 99), Claim::Mismatch);
    assert_eq!(window.claim(1, 8, 100), Claim::Granted(None), "it is over");
    assert_eq!(window.running(), 2);
}

#[test]
fn what_was_confirmed_stays_while_the_rest_is_tried_again() {
    let mut window = Window::new(ROOMY);
    window.claim(1, 7, 0);
    window.finish(1, Ending::GoesOn, text("a"), 100);
    assert_eq!(window.claim(1, 7, 0), Claim::Running);
    window.finish(1, Ending::Partly, text("ab"), 100);
    assert_eq!(window.claim(1, 8, 0), Claim::Mismatch);
    assert_eq!(window.claim(1, 7, 0), Claim::Granted(Some(text("ab"))));
    window.release(1);
    assert_eq!(window.claim(1, 7, 0), Claim::Granted(Some(text("ab"))));
    window.finish(1, Ending::Final, text("abc"), 100);
    assert_eq!(window.claim(1, 7, 0), Claim::Answered(text("abc")));
    assert_eq!(window.bytes(), KEY_OVERHEAD_BYTES + 3);
}

#[test]
fn a_claim_that_came_to_nothing_leaves_nothing() {
    let mut window = Window::new(ROOMY);
    window.claim(1, 7, 0);
    window.release(1);
    assert!(window.is_empty() && window.bytes() == 0 && window.running() == 0);
    assert_eq!(window.claim(1, 8, 0), Claim::Granted(None));
}

#[test]
fn where_it_is_full_the_oldest_final_answers_go_and_claims_never() {
    let mut window = Window::new(Bounds {
        keys: 3,
        bytes: 1 << 20,
    });
    for key in 1..=3 {
        window.claim(key, 0, 0);
    }
    assert_eq!(window.claim(4, 0, 0), Claim::Full, "nothing but claims");
    window.finish(1, Ending::Partly, text("1"), 100);
    window.finish(2, Ending::Final, text("2"), 100);
    assert_eq!(window.claim(4, 0, 0), Claim::Granted(None), "2 went for it");
    assert_eq!(window.forgotten(), 1);
    assert_eq!(window.claim(1, 0, 0), Claim::Granted(Some(text("1"))));
    window.release(1);
    assert_eq!(window.claim(5, 0, 0), Claim::Granted(None), "1 went for it");
    assert_eq!(window.claim(6, 0, 0), Claim::Full);
    assert_eq!((window.len(), window.forgotten()), (3, 2));
}

#[test]
fn it_is_bounded_in_bytes_too() {
    let bytes = 4 * (KEY_OVERHEAD_BYTES + 10);
    let mut window = Window::new(Bounds { keys: 1000, bytes });
    for key in 0..50 {
        assert_eq!(window.claim(key, 0, 0), Claim::Granted(None));
        window.finish(key, Ending::Final, text("0123456789"), 100);
        assert!(window.bytes() <= bytes);
    }
    assert_eq!(window.len(), 4);
    assert_eq!(window.claim(49, 0, 0), Claim::Answered(text("0123456789")));
}

#[test]
fn keys_whose_time_has_passed_go_by_themselves() {
    let mut window = Window::new(ROOMY);
    for key in 0..100 {
        window.claim(key, 0, 0);
        window.finish(key, Ending::Final, text("x"), 100);
    }
    for key in 100..120 {
        window.claim(key, 0, 200);
        window.release(key);
    }
    assert!(window.is_empty(), "{}", window.len());
    assert_eq!(window.forgotten(), 0, "it was their time");
}

#[test]
fn an_earlier_life_is_taken_in() {
    let mut window = Window::new(ROOMY);
    window.restore(1, 7, false, text("a"), 100);
    window.restore(1, 7, true, text("ab"), 100);
    window.restore(2, 7, false, text("c"), 100);
    assert_eq!(window.claim(1, 7, 0), Claim::Answered(text("ab")));
    assert_eq!(window.claim(2, 7, 0), Claim::Granted(Some(text("c"))));
    assert_eq!((window.len(), window.running()), (2, 1));
}

/// The model's entry: payload, until, running, final, stored.
#[derive(Clone, Debug)]
struct Modelled {
    payload: u128,
    until: u64,
    running: bool,
    is_final: bool,
    stored: Option<Bytes>,
}

#[derive(Clone, Debug)]
enum Step {
    Claim(u128, u128),
    Finish(u128, Ending, usize),
    Release(u128),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let endings = prop_oneof![
        Just(Ending::Final),
        Just(Ending::Partly),
        Just(Ending::GoesOn)
    ];
    let step = prop_oneof![
        5 => (0..12_u128, 0..2_u128).prop_map(|(key, payload)| Step::Claim(key, payload)),
        4 => (0..12_u128, endings, 0..40_usize).prop_map(|(key, ending, bytes)| Step::Finish(key, ending, bytes)),
        2 => (0..12_u128).prop_map(Step::Release),
        1 => (0..60_u64).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 1..200)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// Without bounds that press, it says exactly what the model says.
    #[test]
    fn it_does_as_the_model(steps in steps()) {
        let mut window = Window::new(ROOMY);
        let mut model: BTreeMap<u128, Modelled> = BTreeMap::new();
        let mut now = 0;
        for step in steps {
            match step {
                Step::Wait(time) => now += time,
                Step::Claim(key, payload) => {
                    model.retain(|known, m| *known != key || m.running || m.until > now);
                    let expected = match model.get_mut(&key) {
                        Some(m) if m.payload != payload => Claim::Mismatch,
                        Some(m) if m.running => Claim::Running,
                        Some(m) if m.is_final => Claim::Answered(m.stored.clone().unwrap()),
                        Some(m) => {
                            m.running = true;
                            Claim::Granted(m.stored.clone())
                        }
                        None => {
                            model.insert(key, Modelled { payload, until: 0, running: true, is_final: false, stored: None });
                            Claim::Granted(None)
                        }
                    };
                    prop_assert_eq!(window.claim(key, payload, now), expected);
                }
                Step::Finish(key, ending, bytes) => {
                    let Some(m) = model.get_mut(&key).filter(|m| m.running) else { continue };
                    let stored = Bytes::from(vec![b'x'; bytes]);
                    m.stored = Some(stored.clone());
                    m.until = now + 50;
                    m.is_final = ending == Ending::Final;
                    m.running = ending == Ending::GoesOn;
                    window.finish(key, ending, stored, now + 50);
                }
                Step::Release(key) => {
                    window.release(key);
                    if let Some(m) = model.get_mut(&key) && m.running {
                        m.running = false;
                        if m.stored.is_none() {
                            model.remove(&key);
                        }
                    }
                }
            }
            let running = model.values().filter(|m| m.running).count();
            prop_assert_eq!(window.running(), running);
        }
        prop_assert_eq!(window.forgotten(), 0);
    }

    /// Whatever presses, its bounds hold, a claim is never forgotten, and nobody gets a key that
    /// another holds.
    #[test]
    fn its_bounds_hold(steps in steps(), keys in 1..8_usize) {
        let bounds = Bounds { keys, bytes: keys * (KEY_OVERHEAD_BYTES + 20) };
        let mut window = Window::new(bounds);
        let mut running: BTreeMap<u128, u128> = BTreeMap::new();
        let mut now = 0;
        for step in steps {
            match step {
                Step::Wait(time) => now += time,
                Step::Claim(key, payload) => match (window.claim(key, payload, now), running.get(&key)) {
                    (Claim::Granted(_), held) => {
                        prop_assert_eq!(held, None);
                        running.insert(key, payload);
                    }
                    (Claim::Running, held) => prop_assert_eq!(held, Some(&payload)),
                    (Claim::Mismatch, Some(held)) => prop_assert_ne!(*held, payload),
                    (Claim::Mismatch | Claim::Answered(_) | Claim::Full, held) => prop_assert!(held.is_none() || held != Some(&payload)),
                },
                Step::Finish(key, ending, bytes) if running.contains_key(&key) => {
                    window.finish(key, ending, Bytes::from(vec![b'x'; bytes]), now + 50);
                    if ending != Ending::GoesOn {
                        running.remove(&key);
                    }
                }
                Step::Finish(..) => {}
                Step::Release(key) => {
                    window.release(key);
                    running.remove(&key);
                }
            }
            prop_assert!(window.len() <= keys);
            prop_assert_eq!(window.running(), running.len());
            // What runs may hold more than its share: it is never forgotten.
            if window.running() == 0 {
                prop_assert!(window.bytes() <= bounds.bytes);
            }
        }
    }
}
