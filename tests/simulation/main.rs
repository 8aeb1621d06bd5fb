//! The gateway in a simulation: one thread, one seed, a clock that is set, targets that fail in
//! every way they can, crashes and restarts. The code that runs here is the code that runs; the
//! rules that judge it know nothing of it (`checks.rs`).
//!
//! ```text
//! cargo test --test simulation                      500 seeds and the planted bugs
//! SLUICEGATE_LONG=1 cargo test --test simulation    10,000 seeds
//! SLUICEGATE_SEED=7 cargo test --test simulation    one seed, with its journal
//! ```
#![allow(clippy::unwrap_used, reason = "what a test sets up may fail it")]

mod calls;
mod checks;
mod client;
mod gateway;
mod journal;
mod life;
mod plant;
mod room;
mod rules;
mod run;
mod spool;
mod tally;
mod target;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};

use plant::Plant;
use run::run;
use tally::Tally;

const SEEDS: u64 = 500;
const SEEDS_LONG: u64 = 10_000;
/// Seeds within which a planted bug must be found so often.
const SEEDS_PLANTED: u64 = 200;
const FINDS: usize = 3;

/// The seed that was asked for, if one was.
fn asked() -> Option<u64> {
    let seed = std::env::var("SLUICEGATE_SEED").ok()?;
    Some(seed.parse().expect("SLUICEGATE_SEED is a number"))
}

/// Runs a seed and gives what it counted, or what was wrong.
fn outcome(seed: u64, plant: Plant) -> Result<Tally, String> {
    let caught = std::panic::catch_unwind(|| run(seed, plant));
    caught.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(format!("it panicked: {}", text.unwrap_or("no text")))
    })
}

#[test]
fn nothing_is_lost_and_nothing_is_said_that_is_not_so() {
    if let Some(seed) = asked() {
        let tally =
            outcome(seed, Plant::Nothing).unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}"));
        println!("seed {seed}: {tally}");
        return;
    }
    let seeds = if std::env::var_os("SLUICEGATE_LONG").is_some() {
        SEEDS_LONG
    } else {
        SEEDS
    };
    let next = AtomicU64::new(0);
    let threads = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(8);
    let turn = || {
        let (mut all, mut wrong) = (Tally::default(), Vec::new());
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return (all, wrong);
            }
            match outcome(seed, Plant::Nothing) {
                Ok(tally) => all.add(&tally),
                Err(text) => wrong.push((seed, text)),
            }
            if seed > 0 && seed.is_multiple_of(1000) {
                println!("{seed} of {seeds} seeds");
            }
        }
    };
    let ended: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(turn)).collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let mut all = Tally::default();
    let mut wrong = Vec::new();
    for (tally, texts) in ended {
        all.add(&tally);
        wrong.extend(texts);
    }
    wrong.sort();
    let first = wrong
        .first()
        .map(|(seed, text)| format!("SLUICEGATE_SEED={seed} replays the first:\n{text}"));
    assert!(
        wrong.is_empty(),
        "{} of {seeds} seeds failed; {}",
        wrong.len(),
        first.unwrap_or_default()
    );
    println!("{seeds} seeds: {all}");
    all.is_worth_something(seeds);
}

#[test]
fn a_seed_replays_exactly() {
    for seed in [3, 11, 42] {
        let (first, again) = (outcome(seed, Plant::Nothing), outcome(seed, Plant::Nothing));
        assert_eq!(
            first.map(|tally| tally.journal),
            again.map(|tally| tally.journal),
            "seed {seed}"
        );
    }
}

#[test]
fn planted_bugs_are_found() {
    // What a planted bug breaks may panic on the way; the output is for those that nobody planted.
    for (plant, word) in Plant::ALL {
        let wrong = |seed| Some((seed, outcome(seed, *plant).err()?));
        let found: Vec<_> = (0..SEEDS_PLANTED).filter_map(wrong).take(FINDS).collect();
        for (seed, said) in &found {
            let line = said.lines().next().unwrap_or_default();
            println!("{plant:?}: found by seed {seed}: {line}");
        }
        assert_eq!(found.len(), FINDS, "{plant:?} was not found often enough");
        assert!(
            found.iter().any(|(_, said)| said.contains(word)),
            "{plant:?} was found as something else: {found:?}"
        );
    }
}
