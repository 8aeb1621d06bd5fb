//! Frees files that have lost their names, on a thread of its own: giving the blocks of 64 MiB back
//! takes a file system some 100 ms (ext4), which all answers would wait for if the committer did it.

use std::fs::File;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Closes files off the caller's thread. Its own thread is there only while there are some.
#[derive(Default)]
pub(crate) struct Reaper {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    idle: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<File>,
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
            let files = std::mem::take(&mut state.waiting);
            if files.is_empty() {
                state.at_work = false;
                self.idle.notify_all();
                return;
            }
            drop(state);
            drop(files);
        }
    }
}

impl Reaper {
    /// Closes an unlinked file, soon; its space is free after that, if nobody else has it open.
    pub(crate) fn close(&self, file: File) {
        let mut state = self.shared.lock();
        state.waiting.push(file);
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

    /// Waits until all of them are closed.
    pub(crate) fn wait(&self) {
        let state = self.shared.lock();
        let busy = |state: &mut State| state.at_work;
        drop(self.shared.idle.wait_while(state, busy));
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
    fn what_was_handed_over_is_closed_after_the_wait() {
        let folder = tempfile::tempdir().unwrap();
        let reaper = Reaper::default();
        let mut files = Vec::new();
        for number in 0..20 {
            let path = folder.path().join(number.to_string());
            files.push(File::create(&path).unwrap());
            std::fs::remove_file(&path).unwrap();
        }
        assert_eq!(open_below(folder.path()), 20);
        for file in files {
            reaper.close(file);
        }
        reaper.wait();
        assert_eq!(open_below(folder.path()), 0);
    }
}
