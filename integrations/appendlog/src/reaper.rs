//! Frees files that have lost their names, a piece at a time on a thread of its own. Giving 64 MiB
//! back at once keeps a file system busy for some 100 ms (ext4 that discards), in which no sync of
//! any file comes to an end: not those of the committer either, and answers wait for them.

use std::fs::File;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Bytes that are freed at once.
pub(crate) const PIECE: u64 = 1 << 20;
/// Between two pieces while one file waits, and shorter the more there are.
const PAUSE: Duration = Duration::from_millis(10);
/// The most files that are held open here.
const WAITING_MAX: usize = 16;

/// Frees files off the caller's thread. Its own thread is there only while there are some.
#[derive(Default)]
pub(crate) struct Reaper {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<File>,
    /// How many wait until all is done.
    hurrying: usize,
    /// A thread is there, and looks once more before it goes.
    at_work: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        loop {
            let mut state = self.lock();
            let Some(file) = state.waiting.pop() else {
                state.at_work = false;
                self.changed.notify_all();
                return;
            };
            drop(state);
            self.free(&file);
        }
    }

    fn free(&self, file: &File) {
        let mut length = file.metadata().map_or(0, |it| it.len());
        while length > 0 {
            let state = self.lock();
            let pause = PAUSE.div_f64((1 + state.waiting.len()) as f64);
            let calm = |state: &mut State| state.hurrying == 0;
            let waited = self.changed.wait_timeout_while(state, pause, calm);
            let hurried = waited.is_ok_and(|(state, _)| state.hurrying > 0);
            length = if hurried {
                0
            } else {
                length.saturating_sub(PIECE)
            };
            // What it cannot cut goes when it is closed.
            if file.set_len(length).is_err() {
                return;
            }
        }
    }
}

impl Reaper {
    /// Frees unlinked files, open for writing, soon; past some they are closed, and so freed, at
    /// once. Whoever has one open sees it shrink.
    pub(crate) fn free(&self, files: Vec<File>) {
        let mut state = self.shared.lock();
        let mut files = files.into_iter();
        let room = WAITING_MAX.saturating_sub(state.waiting.len());
        state.waiting.extend(files.by_ref().take(room));
        let begins = !state.at_work && !state.waiting.is_empty();
        state.at_work |= begins;
        drop(state);
        if !begins {
            return;
        }
        let shared = Arc::clone(&self.shared);
        let thread = std::thread::Builder::new().name("sluicegate-free".to_owned());
        if thread.spawn(move || shared.work()).is_err() {
            // No thread to be had: they are closed here.
            let mut state = self.shared.lock();
            state.at_work = false;
            let closed = std::mem::take(&mut state.waiting);
            self.shared.changed.notify_all();
            drop(state);
            drop(closed);
        }
    }

    /// Waits until all of them are free.
    pub(crate) fn finish(&self) {
        let mut state = self.shared.lock();
        state.hurrying += 1;
        self.shared.changed.notify_all();
        let busy = |state: &mut State| state.at_work;
        let ended = self.shared.changed.wait_while(state, busy);
        ended.unwrap_or_else(PoisonError::into_inner).hurrying -= 1;
    }
}

impl Drop for Reaper {
    /// Nobody finds anything of them afterwards.
    fn drop(&mut self) {
        self.finish();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    const LENGTH: u64 = 3 * PIECE + 1;

    fn unlinked(folder: &Path, number: usize) -> File {
        let path = folder.join(number.to_string());
        let file = File::create(&path).unwrap();
        file.set_len(LENGTH).unwrap();
        std::fs::remove_file(&path).unwrap();
        file
    }

    /// What this process has open below a directory.
    fn open_below(folder: &Path) -> usize {
        let open = std::fs::read_dir("/proc/self/fd").unwrap();
        open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
            .filter(|target| target.starts_with(folder))
            .count()
    }

    #[test]
    fn what_was_handed_over_is_gone_at_the_finish() {
        let folder = tempfile::tempdir().unwrap();
        let reaper = Reaper::default();
        let files = (0..20)
            .map(|number| unlinked(folder.path(), number))
            .collect();
        assert_eq!(open_below(folder.path()), 20);
        std::thread::scope(|scope| {
            scope.spawn(|| reaper.free(files));
            scope.spawn(|| reaper.finish());
        });
        reaper.finish();
        assert_eq!(open_below(folder.path()), 0);
    }

    #[test]
    fn a_large_file_goes_in_pieces() {
        let folder = tempfile::tempdir().unwrap();
        let reaper = Reaper::default();
        let file = unlinked(folder.path(), 1);
        let seen = file.try_clone().unwrap();
        reaper.free(vec![file]);
        let mut lengths = BTreeSet::new();
        while !lengths.contains(&0) {
            lengths.insert(seen.metadata().unwrap().len());
        }
        assert!(lengths.len() > 1 && lengths.iter().all(|it| it % PIECE <= 1));
        assert!(lengths.iter().all(|it| *it <= LENGTH));
        assert!(
            lengths.iter().any(|it| (1..LENGTH).contains(it)),
            "{lengths:?}"
        );
    }
}
