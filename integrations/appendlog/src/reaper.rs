//! Frees files that have lost their names, a piece at a time on a thread of its own. Giving 64 MiB
//! back at once keeps a file system busy for some 100 ms (ext4 that discards), in which no sync of
//! any file comes to an end: not those of the committer either, and answers wait for them.

use std::fs::File;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Bytes that are freed at once.
const PIECE: u64 = 1 << 20;
/// Between two pieces, while nobody is in a hurry: some 70 MiB a second.
const PAUSE: Duration = Duration::from_millis(10);

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

impl State {
    fn is_calm(&mut self) -> bool {
        self.waiting.is_empty() && self.hurrying == 0
    }
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
            let hurried = self.lock().hurrying > 0;
            length = if hurried {
                0
            } else {
                length.saturating_sub(PIECE)
            };
            // What it cannot cut goes when it is closed.
            if file.set_len(length).is_err() {
                return;
            }
            let calm = |state: &mut State| state.is_calm();
            drop(self.changed.wait_timeout_while(self.lock(), PAUSE, calm));
        }
    }
}

impl Reaper {
    /// Frees an unlinked file, open for writing, soon. Whoever has it open sees it shrink.
    pub(crate) fn free(&self, file: File) {
        let mut state = self.shared.lock();
        state.waiting.push(file);
        self.shared.changed.notify_all();
        if state.at_work {
            return;
        }
        state.at_work = true;
        drop(state);
        let shared = Arc::clone(&self.shared);
        let thread = std::thread::Builder::new().name("sluicegate-free".to_owned());
        if thread.spawn(move || shared.work()).is_err() {
            // No thread to be had: slower, but done.
            self.shared.work();
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What this process has open below a directory.
    fn open_below(folder: &std::path::Path) -> usize {
        let open = std::fs::read_dir("/proc/self/fd").unwrap();
        open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
            .filter(|target| target.starts_with(folder))
            .count()
    }

    #[test]
    fn what_was_handed_over_is_gone_at_the_finish() {
        let folder = tempfile::tempdir().unwrap();
        let reaper = Reaper::default();
        let mut files = Vec::new();
        for number in 0..20 {
            let path = folder.path().join(number.to_string());
            files.push(File::create(&path).unwrap());
            files[number].set_len(3 * PIECE + 1).unwrap();
            std::fs::remove_file(&path).unwrap();
        }
        assert_eq!(open_below(folder.path()), 20);
        for file in files {
            reaper.free(file);
        }
        reaper.finish();
        assert_eq!(open_below(folder.path()), 0);
    }
}
