//! A table of keys that is a map, and fails where a test says so.

use std::collections::HashMap;
use std::future::ready;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use sluicegate_contract::{Asked as Answer, KeyItem, KeyLease, KeyState, KeyTable, ReasonKind};

#[derive(Default)]
pub(crate) struct Map {
    pub(crate) items: Mutex<HashMap<u128, KeyItem>>,
    pub(crate) fails: AtomicBool,
    /// Whoever asks dies of it.
    pub(crate) kills: AtomicBool,
    /// Claims are said to be renewed, and are not.
    pub(crate) forgets: AtomicBool,
    /// Keys are taken over, and who did it is not told so.
    pub(crate) loses: AtomicBool,
}

impl Map {
    fn answer<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut HashMap<u128, KeyItem>) -> T,
    ) -> Answer<'_, T> {
        assert!(!self.kills.load(Ordering::Relaxed), "a fault of the lane");
        if self.fails.load(Ordering::Relaxed) {
            return Box::pin(ready(Err(ReasonKind::ConnectionFailed.into())));
        }
        Box::pin(ready(Ok(change(&mut self.items.lock().unwrap()))))
    }
}

fn taken(lease: &KeyLease, stored: Option<Bytes>) -> KeyItem {
    KeyItem {
        payload: lease.payload,
        owner: lease.owner,
        state: KeyState::Running,
        until: lease.until,
        stored,
    }
}

fn own<'m>(items: &'m mut HashMap<u128, KeyItem>, lease: &KeyLease) -> Option<&'m mut KeyItem> {
    let item = items.get_mut(&lease.key);
    item.filter(|item| item.owner == lease.owner && item.state == KeyState::Running)
}

impl KeyTable for Map {
    fn claim<'a>(&'a self, lease: &'a KeyLease) -> Answer<'a, Option<KeyItem>> {
        self.answer(|items| match items.get(&lease.key) {
            Some(found) => Some(found.clone()),
            None => {
                items.insert(lease.key, taken(lease, None));
                None
            }
        })
    }

    fn take_over<'a>(&'a self, lease: &'a KeyLease, found: &'a KeyItem) -> Answer<'a, bool> {
        let answer = self.answer(|items| {
            let same = items.get(&lease.key) == Some(found);
            if same {
                items.insert(lease.key, taken(lease, found.stored.clone()));
            }
            same
        });
        if self.loses.load(Ordering::Relaxed) {
            return Box::pin(ready(Err(ReasonKind::AnswerLost.into())));
        }
        answer
    }

    fn store<'a>(
        &'a self,
        lease: &'a KeyLease,
        state: KeyState,
        stored: &'a Bytes,
    ) -> Answer<'a, bool> {
        self.answer(|items| {
            own(items, lease).is_some_and(|item| {
                (item.state, item.stored) = (state, Some(stored.clone()));
                true
            })
        })
    }

    fn renew<'a>(&'a self, lease: &'a KeyLease) -> Answer<'a, bool> {
        self.answer(|items| {
            own(items, lease).is_some_and(|item| {
                if !self.forgets.load(Ordering::Relaxed) {
                    item.until = lease.until;
                }
                true
            })
        })
    }

    fn free<'a>(&'a self, lease: &'a KeyLease, keeps: bool) -> Answer<'a, bool> {
        self.answer(|items| {
            let owned = own(items, lease).map(|item| item.state = KeyState::Partly);
            if owned.is_some() && !keeps {
                items.remove(&lease.key);
            }
            owned.is_some()
        })
    }
}
