//! Power cuts and failing syncs: what was confirmed is there, whatever the disk lost.

#![allow(clippy::unwrap_used)] // A test program: a failed unwrap is a failed test.

mod kit;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use fastrand::Rng;
use kit::{Lives, for_seeds, is, rest, small};
use sluicegate_appendlog::simulated::SimulatedDisk;
use sluicegate_appendlog::{AppendError, Log};

/// Some lives, each ended by a power cut (or the death of the process) between any two calls.
fn lives(seed: u64, lie: Option<&str>) {
    let mut random = Rng::with_seed(seed);
    let mut lives = Lives::new(seed, small());
    for _ in 0..3 {
        if let Some(names) = lie {
            lives.disk.lie(names);
        }
        // It may stop while it opens, or later.
        if random.bool() {
            lives.disk.stop_after(random.u64(0..60));
        }
        if random.u32(0..4) == 0 {
            let first = lives.disk.syncs() + random.u64(0..20);
            lives.disk.fail_syncs(first..first + random.u64(1..4));
        }
        if let Some((mut log, _)) = lives.open() {
            lives.disk.stop_after(random.u64(0..200));
            lives.live(&mut log, 40);
        }
        if random.u32(0..4) == 0 {
            kit::tell(|| "the process dies".to_owned());
            lives.disk.process_kill();
        } else {
            kit::tell(|| "the power fails".to_owned());
            lives.disk.power_cut();
        }
    }
    lives.disk.fail_syncs(0..0);
    lives.disk.stop_after(u64::MAX);
    let (mut log, _) = lives.open().expect("a log always starts");
    lives.live(&mut log, 5);
}

#[test]
fn nothing_confirmed_is_lost_by_power_cuts() {
    // Each seed has three cuts.
    for_seeds("power cuts / 3", 2_000 / 3 + 1, 100_000 / 3 + 1, |seed| {
        lives(seed, None)
    });
}

/// A proof that cannot fail proves nothing: with syncs that do nothing it finds a loss.
#[test]
fn the_proof_finds_syncs_that_lie() {
    for names in ["", "0", "cursors"] {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let found = (0..500)
            .find(|seed| catch_unwind(AssertUnwindSafe(|| lives(*seed, Some(names)))).is_err());
        std::panic::set_hook(hook);
        assert!(
            found.is_some(),
            "no seed noticed that syncs of `{names}…` lie"
        );
    }
}

#[test]
fn no_answer_depends_on_a_sync_that_failed() {
    for count in 1..4 {
        for number in 1..=50 {
            a_sync_fails(number, count);
        }
    }
}

/// The n-th sync from now, and some after it, fail; power goes after each answer, on a copy.
fn a_sync_fails(number: u64, count: u64) {
    let mut lives = Lives::new(number, small());
    let (mut log, _) = lives.open().unwrap();
    let first = lives.disk.syncs() + number - 1;
    lives.disk.fail_syncs(first..first + count);
    let mut confirmed = Vec::new();
    let mut refused = 0;
    for number in 0..60 {
        match log.append(&[kit::append(number)]) {
            Ok(range) => confirmed.push((range.start, number)),
            Err(error) => {
                assert!(matches!(error, AppendError::Failed(_)), "{error}");
                refused += 1;
            }
        }
        let copy = lives.disk.fork();
        copy.power_cut();
        holds(&copy, &confirmed);
    }
    // One failing sync costs nobody an answer; several cost as many as there were in a row.
    assert!(
        refused <= count / 2,
        "{refused} refused by {count} failing syncs"
    );
    let usage = log.usage();
    assert!(
        usage.sync_errors > 0 && usage.sync_errors <= count,
        "{usage:?}"
    );
    assert!(lives.disk.syncs() > first + count, "the failing syncs came");
    drop(log);
    holds(&lives.disk, &confirmed);
}

fn holds(disk: &SimulatedDisk, confirmed: &[(u64, u64)]) {
    disk.process_kill();
    let (log, _) = Log::open(Arc::new(disk.clone()), small()).unwrap();
    let stored = rest(&mut log.reader(0));
    for (sequence, number) in confirmed {
        let found: Vec<_> = stored
            .iter()
            .filter(|it| it.sequence == *sequence)
            .collect();
        assert_eq!(found.len(), 1, "{sequence}");
        assert!(
            found.iter().all(|it| is(it, *number)),
            "{sequence} is not {number}"
        );
    }
    for record in &stored {
        let times = stored
            .iter()
            .filter(|it| it.payload == record.payload)
            .count();
        assert_eq!(times, 1, "{record:?} is there twice");
    }
}

/// A disk that fails for long refuses all, and the log goes on as soon as it works again.
#[test]
fn a_disk_that_works_again_is_used_at_once() {
    let disk = SimulatedDisk::new(7, 1 << 26);
    let (mut log, _) = Log::open(Arc::new(disk.clone()), small()).unwrap();
    log.append(&[kit::append(0)]).unwrap();
    for fail in [SimulatedDisk::fail_syncs, SimulatedDisk::fail_writes] {
        fail(&disk, 0..u64::MAX);
        for number in 1..20 {
            let refused = log.append(&[kit::append(number)]);
            assert!(
                matches!(refused, Err(AppendError::Failed(_))),
                "{refused:?}"
            );
        }
        fail(&disk, 0..0);
        log.append(&[kit::append(20)]).unwrap();
    }
    assert!(log.usage().poisoned >= 2);
    drop(log);
    disk.power_cut();
    let (log, _) = Log::open(Arc::new(disk), small()).unwrap();
    let stored = rest(&mut log.reader(0));
    let numbers = [0, 20, 20];
    assert_eq!(stored.len(), numbers.len(), "{stored:?}");
    assert!(
        stored
            .iter()
            .zip(numbers)
            .all(|(it, number)| is(it, number))
    );
}
