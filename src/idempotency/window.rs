//! What is known of each key: a plain state machine that is handed the time.
//!
//! A key is claimed before anything of its request is sent, and holds what its records came to
//! until the window has passed. It is bounded in keys and in bytes: where it is full, the oldest
//! final answers go first, then the oldest confirmations; claims never go, and where there are
//! nothing but claims, nobody gets another.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;

use super::{Key, Milliseconds, Payload};

/// Bytes that a key takes beside what is stored of it: its place in the map and in a queue.
pub const KEY_OVERHEAD_BYTES: usize = 160;

/// All keys of a part of the table.
#[derive(Debug)]
pub struct Window {
    known: HashMap<Key, Known>,
    /// Keys with a final answer, and those with confirmations, in the order in which they came.
    /// An entry whose stamp is not its key's any more is passed over.
    finals: VecDeque<(Key, u64)>,
    parts: VecDeque<(Key, u64)>,
    stamp: u64,
    running: usize,
    bytes: usize,
    bounds: Bounds,
    /// Keys that went before their time, since there was no room.
    forgotten: u64,
}

/// How much a window may hold.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Keys.
    pub keys: usize,
    /// Bytes, [`KEY_OVERHEAD_BYTES`] for each key included.
    pub bytes: usize,
}

#[derive(Debug)]
struct Known {
    payload: Payload,
    /// When it is forgotten; of no meaning while it runs.
    until: Milliseconds,
    running: bool,
    is_final: bool,
    stored: Option<Bytes>,
    stamp: u64,
}

/// What a window says to who claims a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The key is theirs. With what was confirmed under it earlier, which is not to be sent again.
    Granted(Option<Bytes>),
    /// It has its final answer.
    Answered(Bytes),
    /// Another request holds it.
    Running,
    /// It belongs to another payload.
    Mismatch,
    /// There is no room for another key.
    Full,
}

/// What becomes of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It is over, and what is stored is the final answer.
    Final,
    /// It is over, and what is stored was confirmed; the rest is to be sent.
    Partly,
    /// It goes on, and what is stored was confirmed by now.
    GoesOn,
}

impl Window {
    /// An empty one.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self {
            known: HashMap::new(),
            finals: VecDeque::new(),
            parts: VecDeque::new(),
            stamp: 0,
            running: 0,
            bytes: 0,
            bounds,
            forgotten: 0,
        }
    }

    /// Claims a key for a payload.
    pub fn claim(&mut self, key: Key, payload: Payload, now: Milliseconds) -> Claim {
        self.forget_passed(now);
        if self
            .known
            .get(&key)
            .is_some_and(|known| !known.running && known.until <= now)
        {
            self.remove(key);
        }
        if let Some(known) = self.known.get_mut(&key) {
            if known.payload != payload {
                return Claim::Mismatch;
            }
            if known.running {
                return Claim::Running;
            }
            if known.is_final {
                return Claim::Answered(known.stored.clone().unwrap_or_default());
            }
            known.running = true;
            self.running += 1;
            return Claim::Granted(known.stored.clone());
        }
        if !self.make_room(KEY_OVERHEAD_BYTES, 1) {
            return Claim::Full;
        }
        let known = Known {
            payload,
            until: 0,
            running: true,
            is_final: false,
            stored: None,
            stamp: 0,
        };
        self.known.insert(key, known);
        self.running += 1;
        self.bytes += KEY_OVERHEAD_BYTES;
        Claim::Granted(None)
    }

    /// Stores what a claim came to. It is kept `until` then, or until there is no room.
    pub fn finish(&mut self, key: Key, ending: Ending, stored: Bytes, until: Milliseconds) {
        let Some(known) = self.known.get_mut(&key).filter(|known| known.running) else {
            debug_assert!(false, "only a claim is finished");
            return;
        };
        self.bytes -= known.stored.as_ref().map_or(0, Bytes::len);
        self.bytes += stored.len();
        known.stored = Some(stored);
        known.until = until;
        if ending != Ending::GoesOn {
            known.is_final = ending == Ending::Final;
            self.ended(key);
        }
        self.make_room(0, 0);
    }

    /// Gives a claim back: nothing more was confirmed.
    pub fn release(&mut self, key: Key) {
        let Some(known) = self.known.get(&key).filter(|known| known.running) else {
            return;
        };
        if known.stored.is_some() {
            self.ended(key);
            self.make_room(0, 0);
        } else {
            self.remove(key);
        }
    }

    /// Takes in what an earlier life has stored; what comes later stands over what came before.
    pub fn restore(
        &mut self,
        key: Key,
        payload: Payload,
        is_final: bool,
        stored: Bytes,
        until: Milliseconds,
    ) {
        self.remove(key);
        self.bytes += KEY_OVERHEAD_BYTES + stored.len();
        let known = Known {
            payload,
            until,
            running: true,
            is_final,
            stored: Some(stored),
            stamp: 0,
        };
        self.known.insert(key, known);
        self.running += 1;
        self.ended(key);
        self.make_room(0, 0);
    }

    /// Keys that are held, those that run included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// True where nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Keys whose request is under way.
    #[must_use]
    pub fn running(&self) -> usize {
        self.running
    }

    /// Bytes that are held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Keys that went before their time, since there was no room.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// A claim is over: it waits in the queue of its kind for its time to pass.
    fn ended(&mut self, key: Key) {
        let Some(known) = self.known.get_mut(&key) else {
            return;
        };
        known.running = false;
        self.running -= 1;
        self.stamp += 1;
        known.stamp = self.stamp;
        let queue = if known.is_final {
            &mut self.finals
        } else {
            &mut self.parts
        };
        queue.push_back((key, self.stamp));
        // A key that is claimed again and again leaves stale entries behind.
        if queue.len() > 2 * self.known.len() + 16 {
            let known = &self.known;
            queue.retain(|(key, stamp)| is_current(known, *key, *stamp));
        }
    }

    fn remove(&mut self, key: Key) {
        if let Some(known) = self.known.remove(&key) {
            self.running -= usize::from(known.running);
            self.bytes -= KEY_OVERHEAD_BYTES + known.stored.map_or(0, |stored| stored.len());
        }
    }

    /// Lets some of those go whose time has passed. A few at a time, so that no call takes long.
    fn forget_passed(&mut self, now: Milliseconds) {
        const AT_ONCE: usize = 8;
        for is_final in [true, false] {
            for _ in 0..AT_ONCE {
                let queue = if is_final { &self.finals } else { &self.parts };
                let Some((key, stamp)) = queue.front().copied() else {
                    break;
                };
                let current = is_current(&self.known, key, stamp);
                if current && self.known.get(&key).is_some_and(|known| known.until > now) {
                    break;
                }
                if current {
                    self.remove(key);
                }
                self.pop(is_final);
            }
        }
    }

    /// Makes room for so many more bytes and keys. False where only claims are left.
    fn make_room(&mut self, bytes: usize, keys: usize) -> bool {
        while self.bytes + bytes > self.bounds.bytes || self.known.len() + keys > self.bounds.keys {
            let is_final = !self.finals.is_empty();
            let Some((key, stamp)) = self.pop(is_final) else {
                return false;
            };
            if is_current(&self.known, key, stamp) {
                self.remove(key);
                self.forgotten += 1;
            }
        }
        true
    }

    fn pop(&mut self, is_final: bool) -> Option<(Key, u64)> {
        if is_final {
            self.finals.pop_front()
        } else {
            self.parts.pop_front()
        }
    }
}

fn is_current(known: &HashMap<Key, Known>, key: Key, stamp: u64) -> bool {
    let known = known.get(&key);
    known.is_some_and(|known| !known.running && known.stamp == stamp)
}
