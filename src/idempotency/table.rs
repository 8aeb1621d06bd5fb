//! All keys of this process, in parts behind a lock each that is held for a few look-ups and never
//! across a wait. Cores meet at one only for the same key or one of its few neighbours.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::window::{Bounds, Window};
use super::{Key, Reading};

/// Parts at most.
const PARTS_MAX: usize = 64;
/// Keys of a part at least: what is bounded in parts is bounded well only where each holds many.
const KEYS_PER_PART_MIN: usize = 4096;

/// The table.
#[derive(Debug)]
pub(super) struct Table {
    parts: Box<[Part]>,
}

#[derive(Debug)]
#[repr(align(64))]
struct Part(Mutex<Window>);

impl Table {
    /// An empty table that holds so much.
    #[must_use]
    pub(super) fn new(bounds: Bounds) -> Self {
        let parts = (bounds.keys / KEYS_PER_PART_MIN).clamp(1, PARTS_MAX);
        let parts = 1 << parts.ilog2();
        let share = Bounds {
            keys: (bounds.keys / parts).max(1),
            bytes: bounds.bytes / parts,
        };
        let parts = (0..parts).map(|_| Part(Mutex::new(Window::new(share))));
        Self {
            parts: parts.collect(),
        }
    }

    /// The part that a key is in.
    pub(super) fn part(&self, key: Key) -> MutexGuard<'_, Window> {
        // The number of parts is a power of two, so that the place is always there.
        let place = key as usize & (self.parts.len() - 1);
        lock(&self.parts[place])
    }

    /// What all parts hold.
    #[must_use]
    pub(super) fn reading(&self) -> Reading {
        let mut sum = Reading::default();
        for part in &self.parts {
            let window = lock(part);
            sum.keys += window.len() as u64;
            sum.running += window.running() as u64;
            sum.bytes += window.bytes() as u64;
            sum.forgotten += window.forgotten();
        }
        sum
    }
}

fn lock(part: &Part) -> MutexGuard<'_, Window> {
    // Every change of a window is whole before the lock is given back.
    part.0.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::window::Claim;
    use super::*;

    #[test]
    fn of_many_cores_one_gets_a_key() {
        let table = Table::new(Bounds {
            keys: 100_000,
            bytes: 64 << 20,
        });
        let granted: usize = std::thread::scope(|scope| {
            let claim = || {
                let keys = (0..5000_u128).map(|key| key * 0x9e37_79b9_7f4a_7c15);
                let granted =
                    |key: &u128| table.part(*key).claim(*key, 1, 0) == Claim::Granted(None);
                keys.filter(granted).count()
            };
            let cores: Vec<_> = (0..4).map(|_| scope.spawn(claim)).collect();
            cores.into_iter().map(|core| core.join().unwrap()).sum()
        });
        assert_eq!(granted, 5000);
        assert_eq!(
            (table.reading().keys, table.reading().running),
            (5000, 5000)
        );
    }
}
