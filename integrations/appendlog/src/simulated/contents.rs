//! What the simulated disk remembers of files and names: what is seen, what is durable, and what is
//! on its way.

use std::collections::BTreeMap;

use fastrand::Rng;

/// Bytes that a disk writes whole or not at all.
const SECTOR: usize = 512;

#[derive(Default, Clone)]
pub(super) struct Contents {
    pub(super) seen: Vec<u8>,
    pub(super) durable: Vec<u8>,
    pub(super) pending: Vec<Pending>,
}

#[derive(Clone)]
pub(super) enum Pending {
    Write(u64, Vec<u8>),
    Length(u64),
    /// At least so long.
    Reserve(u64),
}

#[derive(Clone)]
pub(super) enum Change {
    Make(String, usize),
    /// From, to, and the file that had the name: an entry names its file, not another entry.
    Rename(String, String, usize),
    Remove(String),
}

impl Change {
    pub(super) fn apply(self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Make(name, file) => {
                names.insert(name, file);
            }
            Self::Rename(from, to, file) => {
                names.remove(&from);
                names.insert(to, file);
            }
            Self::Remove(name) => {
                names.remove(&name);
            }
        }
    }
}

impl Pending {
    pub(super) fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::Write(at, bytes) => {
                let (at, end) = (*at as usize, *at as usize + bytes.len());
                if to.len() < end {
                    to.resize(end, 0);
                }
                if let Some(place) = to.get_mut(at..end) {
                    place.copy_from_slice(bytes);
                }
            }
            Self::Length(length) => to.resize(*length as usize, 0),
            Self::Reserve(length) => to.resize(to.len().max(*length as usize), 0),
        }
    }

    pub(super) fn apply_torn(&self, to: &mut Vec<u8>, random: &mut Rng, kept: f64) {
        let Self::Write(at, bytes) = self else {
            if random.f64() < kept {
                self.apply(to);
            }
            return;
        };
        let mut begin = 0;
        while begin < bytes.len() {
            let room = SECTOR - (*at as usize + begin) % SECTOR;
            let end = (begin + room).min(bytes.len());
            if random.f64() < kept {
                let part = bytes.get(begin..end).unwrap_or_default().to_vec();
                Self::Write(at + begin as u64, part).apply(to);
            }
            begin = end;
        }
    }
}
