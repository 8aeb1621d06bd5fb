//! Who waits for a store: told exactly once, also where the closure or task that was to tell it is
//! dropped half-way, by a panic for one. Their slots would never go free otherwise.

use std::sync::Arc;

use super::Verdict;
use crate::settle::{CoreMailbox, Mail, Mailboxes, Slot};

/// A request that waits for verdicts on its keys.
pub(super) struct Claimant {
    /// `None` once it is told.
    mailbox: Option<Arc<CoreMailbox>>,
    slot: Slot,
    keys: usize,
}

/// A request that waits until what it came to is stored, or cannot be: it is told when this is
/// dropped.
pub(super) struct Recorder {
    mailbox: Option<Arc<CoreMailbox>>,
    slot: Slot,
}

impl Claimant {
    /// The request in this slot of a core, with so many keys.
    pub(super) fn new(mailboxes: &Mailboxes, core: usize, slot: Slot, keys: usize) -> Self {
        Self {
            mailbox: mailboxes.of(core).map(Arc::clone),
            slot,
            keys,
        }
    }

    pub(super) fn tell(mut self, verdicts: Vec<Verdict>) {
        if let Some(mailbox) = self.mailbox.take() {
            mailbox.post(Mail::Claimed(self.slot, verdicts));
        }
    }
}

impl Drop for Claimant {
    fn drop(&mut self) {
        if let Some(mailbox) = self.mailbox.take() {
            let why = "asking for it has ended without an answer";
            let verdicts = vec![Verdict::Unavailable(why.to_owned()); self.keys];
            mailbox.post(Mail::Claimed(self.slot, verdicts));
        }
    }
}

impl Recorder {
    /// The request in this slot of a core.
    pub(super) fn new(mailboxes: &Mailboxes, core: usize, slot: Slot) -> Self {
        Self {
            mailbox: mailboxes.of(core).map(Arc::clone),
            slot,
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if let Some(mailbox) = self.mailbox.take() {
            mailbox.post(Mail::Recorded(self.slot));
        }
    }
}
