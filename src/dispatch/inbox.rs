//! How records and answers reach a courier, from any thread.

use std::fmt;

use crossbeam::queue::SegQueue;
use sluicegate_contract::Attempt;
use tokio::sync::Notify;

use super::closing::Closing;
use super::{Queued, Told};

/// Something for a courier.
#[derive(Debug)]
pub enum Parcel {
    /// What one tick of a core had for its target.
    Records(Vec<Queued>),
    /// What became of the call of this number, for each of its records.
    Done(usize, Vec<Attempt>),
}

/// A courier's inbox. It has no bound of its own: the bytes in it were reserved at the target's
/// gauge, and a record takes at least `RECORD_OVERHEAD_BYTES` of those.
#[derive(Default)]
pub struct Inbox {
    queue: SegQueue<Parcel>,
    bell: Notify,
    closing: Closing,
}

impl Inbox {
    /// Hands records over.
    pub fn records(&self, records: Vec<Queued>) {
        self.put(Parcel::Records(records));
    }

    /// No more records will come: the courier ends when the last has its outcome.
    pub fn stop(&self) {
        self.closing.stop();
        self.bell.notify_one();
    }

    /// The courier ends what is not in a call at once.
    pub fn hurry(&self) {
        self.closing.hurry();
        self.bell.notify_one();
    }

    /// What became of the call of this number.
    pub fn done(&self, call: usize, attempts: Vec<Attempt>) {
        self.put(Parcel::Done(call, attempts));
    }

    fn put(&self, parcel: Parcel) {
        self.queue.push(parcel);
        self.bell.notify_one();
    }

    /// Takes all that is there, oldest first, and says what the courier was told before.
    pub fn take_all(&self, each: impl FnMut(Parcel)) -> Told {
        self.closing.take_all(|| self.queue.pop(), each)
    }

    /// Resolves after the next `put` or `stop`, at once if there was one since the last time.
    pub async fn rung(&self) {
        self.bell.notified().await;
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox")
            .field("parcels", &self.queue.len())
            .finish_non_exhaustive()
    }
}
