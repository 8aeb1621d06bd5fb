//! The corpora of `../shared/corpus` against a gateway that runs in this process: HTTP/1.1 requests,
//! JSON texts, the requirements on answers, and every limit of the edge. Where the corpus is not at
//! hand, what needs it says so and passes.

#![allow(clippy::unwrap_used)] // A test program: a failed unwrap is a failed test.

mod cases;
mod edge;
mod follows;
mod http1;
mod json;
mod limits;
mod parser;
mod rules;
mod talk;
mod verdict;

use std::io::Write;
use std::path::PathBuf;

/// A folder of the corpus; `None`, said loudly, where it is not there. `SLUICEGATE_CORPUS` names
/// the corpus elsewhere than beside this repository.
fn corpus(folder: &str, test: &str) -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus");
    let root = std::env::var_os("SLUICEGATE_CORPUS").unwrap_or_else(|| beside.into());
    let path = PathBuf::from(root).join(folder);
    if path.is_dir() {
        return Some(path);
    }
    sluicegate_testkit::skip(
        test,
        "the corpus is not there: SLUICEGATE_CORPUS names its folder",
    );
    None
}

/// Says something on the test program's output although the test passes.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Does all of something on this many threads at once, and gathers what each gave, in order.
fn all_at_once<T: Sync, R: Send>(
    things: &[T],
    threads: usize,
    act: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let mut given: Vec<(usize, R)> = std::thread::scope(|scope| {
        let work = || {
            let mut done = Vec::new();
            loop {
                let place = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let Some(thing) = things.get(place) else {
                    return done;
                };
                done.push((place, act(thing)));
            }
        };
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    given.sort_by_key(|(place, _)| *place);
    given.into_iter().map(|(_, given)| given).collect()
}
