//! Records that went to the spool while their courier still had them: a request was answered when
//! its time had passed. The drain leaves them alone until it is known what became of them.
//!
//! A core touches this only for requests that were late, and holds its lock for a look into a map.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::limits::SPOOL_HELD_MAX;

/// A record by the id of its request and its place in it.
pub(super) type RecordKey = (u128, u32);

/// What became of a record that its courier still had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Its courier has it.
    Held,
    /// It was confirmed since.
    Delivered,
    /// It was given up, may be at its target all the same, and must not be sent twice.
    Uncertain,
}

/// All such records of this process. Those of an earlier one are nobody's: the drain has them.
#[derive(Debug, Default)]
pub struct Held {
    fates: Mutex<HashMap<RecordKey, Fate>>,
    /// Something was settled since the drain looked.
    changed: AtomicBool,
}

impl Held {
    /// The couriers of these records of a request have them. Called before the request is handed
    /// to the log, so that it is known when the drain reads of them. Past [`SPOOL_HELD_MAX`]
    /// records are forgotten, and may be delivered twice.
    pub fn hold(&self, request: u128, records: impl IntoIterator<Item = u32>) {
        let mut fates = self.lock();
        for record in records {
            if fates.len() < SPOOL_HELD_MAX {
                fates.insert((request, record), Fate::Held);
            }
        }
    }

    /// A record had its outcome. Without a fate it is the drain's from now on, to be delivered.
    pub fn settle(&self, request: u128, record: u32, fate: Option<Fate>) {
        let mut fates = self.lock();
        match (fate, fates.get_mut(&(request, record))) {
            (Some(fate), Some(known)) => *known = fate,
            (Some(_), None) => {}
            (None, _) => {
                fates.remove(&(request, record));
            }
        }
        drop(fates);
        self.changed.store(true, Ordering::Release);
    }

    /// Nothing of this request was stored.
    pub fn forget(&self, request: u128, records: impl IntoIterator<Item = u32>) {
        let mut fates = self.lock();
        for record in records {
            fates.remove(&(request, record));
        }
    }

    /// What became of a record; `None` where no courier has it and it is to be delivered. What has
    /// ended is told once, and forgotten.
    #[must_use]
    pub fn look(&self, key: RecordKey) -> Option<Fate> {
        let mut fates = self.lock();
        let fate = fates.get(&key).copied();
        if fate.is_some_and(|fate| fate != Fate::Held) {
            fates.remove(&key);
        }
        fate
    }

    /// True where something was settled since the last call.
    pub(super) fn take_changed(&self) -> bool {
        self.changed.load(Ordering::Acquire) && self.changed.swap(false, Ordering::AcqRel)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RecordKey, Fate>> {
        // Nothing that holds the lock can leave the map half changed.
        self.fates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_the_drains_unless_its_courier_has_it_or_delivered_it() {
        let held = Held::default();
        held.hold(1, [0, 1, 2]);
        assert_eq!(held.look((1, 0)), Some(Fate::Held));
        assert_eq!(held.look((2, 0)), None, "nobody held it");
        assert!(!held.take_changed());
        held.settle(1, 0, Some(Fate::Delivered));
        held.settle(1, 1, None);
        assert!(held.take_changed() && !held.take_changed());
        assert_eq!(held.look((1, 0)), Some(Fate::Delivered));
        assert_eq!(held.look((1, 0)), None, "told once");
        assert_eq!(held.look((1, 1)), None, "given up");
        held.forget(1, 0..3);
        assert_eq!(held.look((1, 2)), None, "never stored");
        held.settle(1, 2, Some(Fate::Delivered));
        assert_eq!(
            held.look((1, 2)),
            None,
            "and its delivery is nobody's business"
        );
    }
}
