//! What one tick of a core's loop sends to each courier, handed over as one vector.

use sluicegate_contract::{Record, RecordId};

use super::Target;

/// A record on its way through a courier.
#[derive(Debug)]
pub struct Queued {
    /// Its id.
    pub id: RecordId,
    /// The record.
    pub record: Record,
    /// Bytes that it takes in a call, as encoded.
    pub encoded: usize,
}

impl Queued {
    /// A record that was not tried yet.
    #[must_use]
    pub fn new(id: RecordId, record: Record, encoded: usize) -> Self {
        Self {
            id,
            record,
            encoded,
        }
    }
}

/// One list for each target.
#[derive(Debug)]
pub struct Outboxes {
    lists: Vec<Vec<Queued>>,
    waiting: usize,
}

impl Outboxes {
    /// Empty lists for so many targets.
    #[must_use]
    pub fn new(targets: usize) -> Self {
        Self {
            lists: (0..targets).map(|_| Vec::new()).collect(),
            waiting: 0,
        }
    }

    /// Adds a record to a target's list.
    pub fn put(&mut self, target: u16, queued: Queued) {
        if let Some(list) = self.lists.get_mut(usize::from(target)) {
            list.push(queued);
            self.waiting += 1;
        }
    }

    /// True where nothing waits to be handed over.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Hands every list to its courier.
    pub fn flush(&mut self, targets: &[Target]) {
        if self.waiting == 0 {
            return;
        }
        self.waiting = 0;
        for (list, target) in self.lists.iter_mut().zip(targets) {
            if let Some(inbox) = &target.inbox
                && !list.is_empty()
            {
                let room = Vec::with_capacity(list.len());
                inbox.records(std::mem::replace(list, room));
            }
        }
    }
}
