//! Stand-ins for what the protocols are used with: each promises as little as the real one.

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Condvar, Mutex};

/// A queue of which only the length counts. Like `SegQueue`, it makes what was pushed visible to
/// who sees it, and orders nothing else.
pub(crate) struct Queue {
    pushed: AtomicUsize,
    popped: AtomicUsize,
}

impl Queue {
    pub(crate) fn new() -> Self {
        Self {
            pushed: AtomicUsize::new(0),
            popped: AtomicUsize::new(0),
        }
    }

    pub(crate) fn push(&self) {
        self.pushed.fetch_add(1, Ordering::Release);
    }

    /// Called by the one reader.
    pub(crate) fn pop(&self) -> Option<()> {
        let popped = self.popped.load(Ordering::Relaxed);
        if self.pushed.load(Ordering::Acquire) == popped {
            return None;
        }
        self.popped.store(popped + 1, Ordering::Relaxed);
        Some(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pushed.load(Ordering::Acquire) == self.popped.load(Ordering::Relaxed)
    }
}

/// What the waiting side sleeps on: a byte in a socket, or a permit of a `Notify`. A wake that
/// comes before the wait is kept.
pub(crate) struct Sleep {
    /// Wakes that nobody waited for yet, and all.
    woken: Mutex<(usize, usize)>,
    changed: Condvar,
}

impl Sleep {
    pub(crate) fn new() -> Self {
        Self {
            woken: Mutex::new((0, 0)),
            changed: Condvar::new(),
        }
    }

    pub(crate) fn wake(&self) {
        let mut woken = self.woken.lock().unwrap();
        *woken = (woken.0 + 1, woken.1 + 1);
        drop(woken);
        self.changed.notify_one();
    }

    /// loom fails the model where this would wait for ever.
    pub(crate) fn wait(&self) {
        let mut woken = self.woken.lock().unwrap();
        while woken.0 == 0 {
            woken = self.changed.wait(woken).unwrap();
        }
        woken.0 = 0;
    }

    /// All wakes so far.
    pub(crate) fn wakes(&self) -> usize {
        self.woken.lock().unwrap().1
    }
}

/// Set for the process that runs a planted bug.
const PLANTED: &str = "SLUICEGATE_PLANTED";

/// Runs a model in which loom must find something wrong: as a process of its own, since a thread
/// that waits for ever ends loom, and with it the program.
pub(crate) fn must_fail(model: impl Fn() + Sync + Send + 'static) {
    if std::env::var_os(PLANTED).is_some() {
        return loom::model(model);
    }
    let test = std::thread::current().name().unwrap().to_owned();
    let ended = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &test, "--nocapture"])
        .env(PLANTED, "1")
        .env_remove("RUST_BACKTRACE")
        .output()
        .unwrap();
    assert!(!ended.status.success(), "the planted bug was not found");
    let said = String::from_utf8_lossy(&ended.stderr);
    let found = ["deadlock", "assertion"]
        .iter()
        .any(|word| said.contains(word));
    assert!(found, "it failed for another reason: {said}");
}
