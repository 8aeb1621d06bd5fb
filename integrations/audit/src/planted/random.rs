//! Random runs: those without a violation pass, and each violation that is planted is found.

use proptest::prelude::*;

use super::*;

fn outcomes() -> impl Strategy<Value = Vec<Outcome>> {
    let outcome = prop_oneof![
        6 => Just(Outcome::Ok),
        1 => Just(Outcome::Failed),
        2 => Just(Outcome::Unknown),
    ];
    // Two acknowledged, a refused and one in doubt are always there, so that each rule can break.
    proptest::collection::vec(outcome, 0..120).prop_map(|mut outcomes| {
        let some = [Outcome::Ok, Outcome::Ok, Outcome::Failed, Outcome::Unknown];
        outcomes.extend(some.iter().flat_map(|outcome| [*outcome; 8]));
        outcomes
    })
}

/// A run without a violation, which looks as wild as one may: events in doubt are there never, once
/// or twice, at any place; acknowledged ones are there again behind themselves.
fn good_run() -> impl Strategy<Value = Run> {
    (outcomes(), 1..6_u64, any::<u64>()).prop_map(|(outcomes, keys, seed)| {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut run = Run::of(keys, &outcomes);
        let doubts = run.history.tally().unknown;
        let mut duplicates = random.u64(..=doubts);
        for number in numbers(&run, Outcome::Unknown) {
            for copy in 0..random.u64(..3) {
                if copy > 0 && duplicates == 0 {
                    break;
                }
                duplicates -= u64::from(copy > 0);
                run.store(number);
                let moved = run.stored.pop().unwrap();
                let at = random.usize(..=run.stored.len());
                run.stored.insert(at, moved);
            }
        }
        for _ in 0..duplicates {
            let at = random.usize(..run.stored.len());
            let again = run.stored[at].clone();
            let behind = random.usize(at + 1..=run.stored.len());
            run.stored.insert(behind, again);
        }
        run
    })
}

fn numbers(run: &Run, outcome: Outcome) -> Vec<u64> {
    let entries = run.history.entries();
    let of = entries.filter(|(_, entry)| entry.outcome == outcome);
    of.map(|(number, _)| number).collect()
}

fn holds(run: &Run, number: u64) -> impl Fn(&Stored) -> bool + use<> {
    let record = run.history.events().unwrap().payload(number);
    move |stored| stored.record == record
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_run_without_a_violation_passes(run in good_run()) {
        prop_assert_eq!(run.broken(), []);
    }

    #[test]
    fn a_lost_event_is_found(mut run in good_run(), pick in any::<prop::sample::Index>()) {
        let number = *pick.get(&numbers(&run, Outcome::Ok));
        let gone = holds(&run, number);
        run.stored.retain(|stored| !gone(stored));
        prop_assert_eq!(run.broken(), [(Rule::Lost, Verdict::Violated)]);
    }

    #[test]
    fn a_stranger_is_found(
        mut run in good_run(),
        pick in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        refused in any::<bool>(),
        beyond in 0..1_000_000_u64,
    ) {
        let number = match refused {
            true => *pick.get(&numbers(&run, Outcome::Failed)),
            false => run.history.end() + beyond,
        };
        run.store(number);
        let stranger = run.stored.pop().unwrap();
        let at = at.index(run.stored.len() + 1);
        run.stored.insert(at, stranger);
        prop_assert_eq!(run.broken(), [(Rule::Strangers, Verdict::Violated)]);
    }

    /// Whatever bit of a record is flipped, the run does not pass.
    #[test]
    fn a_flipped_bit_is_found(
        mut run in good_run(),
        pick in any::<prop::sample::Index>(),
        byte in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        run.target.exclusive = true;
        let number = *pick.get(&numbers(&run, Outcome::Ok));
        let one = holds(&run, number);
        let stored = run.stored.iter_mut().find(|stored| one(stored)).unwrap();
        let byte = byte.index(stored.record.len());
        stored.record[byte] ^= 1 << bit;
        prop_assert!(!run.broken().is_empty());
    }

    #[test]
    fn two_events_of_a_key_in_the_wrong_order_are_found(
        mut run in good_run(),
        pick in any::<prop::sample::Index>(),
    ) {
        let ok = numbers(&run, Outcome::Ok);
        let key = |number: u64| run.history.entry(number).key;
        let pairs: Vec<(u64, u64)> = ok
            .windows(12)
            .filter_map(|some| {
                let later = some.iter().skip(1).find(|other| key(**other) == key(some[0]));
                Some((some[0], *later?))
            })
            .collect();
        prop_assume!(!pairs.is_empty());
        let (one, other) = *pick.get(&pairs);
        let first = |run: &Run, number: u64| {
            let found = holds(run, number);
            run.stored.iter().position(found).unwrap()
        };
        let (from, to) = (first(&run, one), first(&run, other));
        let late = run.stored[from].clone();
        let gone = holds(&run, one);
        // All copies of the earlier one go behind the later one.
        run.stored.insert(to + 1, late);
        let mut place = 0;
        run.stored.retain(|stored| {
            place += 1;
            place > to || !gone(stored)
        });
        prop_assert_eq!(run.broken(), [(Rule::Order, Verdict::Violated)]);
    }

    #[test]
    fn one_duplicate_too_many_is_found(
        mut run in good_run(),
        picks in proptest::collection::vec(any::<prop::sample::Index>(), 1..200),
    ) {
        let mut holding = 0;
        let ok = numbers(&run, Outcome::Ok);
        let doubts = run.history.tally().unknown;
        let distinct: std::collections::BTreeSet<_> =
            run.stored.iter().map(|stored| stored.record.clone()).collect();
        let mut duplicates = (run.stored.len() - distinct.len()) as u64;
        while duplicates <= doubts {
            run.store(*picks[holding % picks.len()].get(&ok));
            duplicates += 1;
            holding += 1;
        }
        prop_assert_eq!(run.broken(), [(Rule::Duplicates, Verdict::Violated)]);
        run.stored.pop();
        prop_assert_eq!(run.broken(), [], "as many as doubts are allowed");
    }

    #[test]
    fn any_bytes_of_a_history_file_are_read_or_refused(bytes in any::<Vec<u8>>()) {
        let _ = crate::history_file::read(bytes.as_slice());
    }
}
