//! What is settled: where the readers stand, what may go, and what goes by its age.

use std::io;
use std::ops::Range;
use std::time::{Duration, SystemTime};

use super::Log;
use crate::cursors::CursorState;
use crate::segment_name;
use crate::state::Shared;

impl Log {
    /// Where a reader stands: everything below is settled. `None` if it never was heard of.
    #[must_use]
    pub fn cursor(&self, name: &str) -> Option<u64> {
        self.shared.lock().cursors.get(name).copied()
    }

    /// Moves a cursor forward, never back, and makes it if it is not there. Durable after `sync`.
    pub fn advance(&mut self, name: &str, next: u64) {
        let mut state = self.shared.lock();
        let next = next.min(state.next);
        let cursor = state.cursors.entry(name.to_owned()).or_default();
        *cursor = next.max(*cursor);
    }

    /// Forgets a reader: it does not hold records any more.
    pub fn remove_cursor(&mut self, name: &str) {
        self.shared.lock().cursors.remove(name);
    }

    /// Makes the cursors durable, THEN unlinks the segments that all of them have passed, THEN
    /// syncs the directory. Does nothing where nothing changed.
    pub fn sync(&mut self) -> io::Result<()> {
        let done = self.sync_cursors().and_then(|()| self.remove_settled());
        if done.is_err() {
            self.shared.lock().sync_errors += 1;
        }
        done
    }

    fn sync_cursors(&mut self) -> io::Result<()> {
        let state = self.shared.lock();
        let wanted = CursorState {
            next: state.next,
            floor: state.floor,
            cursors: state.cursors.clone(),
        };
        drop(state);
        let same = wanted.cursors == self.durable.cursors && wanted.floor == self.durable.floor;
        if !same {
            self.cursor_files.write(self.disk.as_ref(), &wanted)?;
            self.durable = wanted;
        }
        Ok(())
    }

    fn remove_settled(&mut self) -> io::Result<()> {
        // What is durable counts here, not what is in memory.
        let settled = self.durable.settled();
        let active = self.active.as_ref().map(|active| active.header.base);
        let mut removed = false;
        loop {
            let front = self.shared.lock().segments.front().cloned();
            let Some(segment) =
                front.filter(|it| it.next <= settled && active != Some(it.header.base))
            else {
                break;
            };
            match self.disk.remove(&segment_name(segment.header.base)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {
                    let mut state = self.shared.lock();
                    state.segments.pop_front();
                    // A cursor that is made later, and further back, does not ask for these.
                    state.floor = state.floor.max(segment.next);
                }
            }
            removed = true;
        }
        if removed {
            self.disk.sync_directory()?;
        }
        Ok(())
    }

    /// Gives the segment that is written to back to a disk without room, if all its records are
    /// settled: nothing else would free it, since a segment goes only when the next one has begun.
    pub(super) fn free_active(&mut self) -> bool {
        let state = self.shared.lock();
        let settled = state.settled();
        let last = state.segments.back();
        let whole = last.is_some_and(|it| it.next > it.header.base && it.next <= settled);
        drop(state);
        let Some(active) = self.active.take_if(|_| whole) else {
            return false;
        };
        self.close(&active);
        self.sync().is_ok()
    }

    /// The sequences whose records are older than the log keeps them, at `now`. Nothing is removed
    /// yet: deal with those that a cursor has not passed, then call `discard`.
    #[must_use]
    pub fn expired(&self, now: SystemTime) -> Option<Range<u64>> {
        expired(&self.shared, self.options.max_age, now)
    }

    /// Gives up all records below a sequence: cursors move up to it. Durable, and gone from the
    /// disk, after `sync`.
    pub fn discard(&mut self, below: u64) {
        let mut state = self.shared.lock();
        let below = below.min(state.next);
        state.floor = state.floor.max(below);
        for cursor in state.cursors.values_mut() {
            *cursor = below.max(*cursor);
        }
        let whole = state.segments.back().is_some_and(|it| it.next <= below);
        drop(state);
        // The last segment goes only if nothing is written to it any more.
        if whole && let Some(active) = self.active.take() {
            self.close(&active);
        }
    }
}

pub(crate) fn expired(
    shared: &Shared,
    max_age: Option<Duration>,
    now: SystemTime,
) -> Option<Range<u64>> {
    let before = now.checked_sub(max_age?)?;
    let state = shared.lock();
    let first = state.segments.front()?.header.base;
    let old = state.segments.iter();
    let old = old.take_while(|segment| segment.newest.is_some_and(|newest| newest < before));
    let below = old.last()?.next;
    (below > state.floor).then_some(first.max(state.floor)..below)
}
