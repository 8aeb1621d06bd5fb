//! A target as the cores see it: its door, how full its queue is, and whether it takes anything.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sluicegate_contract::Room;

use super::{Gate, Inbox};
use crate::observe::{LogReading, TargetCounters};
use crate::rooms::Envelope;

/// A target, shared by all cores.
#[derive(Clone)]
pub struct Target {
    /// Its name in the file.
    pub name: Arc<str>,
    /// The kind of its room.
    pub kind: &'static str,
    /// Its door.
    pub room: Room,
    /// How full its queue is.
    pub gauge: Arc<Gauge>,
    /// Whether it takes anything.
    pub gate: Arc<Gate>,
    /// Its courier's inbox, where it has a courier.
    pub inbox: Option<Arc<Inbox>>,
    /// What is counted of it.
    pub counters: Arc<TargetCounters>,
    /// The place of the target that takes its dead letters.
    pub dead_letter: Option<u16>,
    /// How the dead letters of others become its records; `None` where it cannot take any.
    pub envelope: Option<Envelope>,
    /// How its log stands, where it is one.
    pub log: Option<LogLook>,
}

/// A look at a log on this machine's disk.
pub type LogLook = Arc<dyn Fn() -> LogReading + Send + Sync>;

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .finish()
    }
}

/// Bytes that a target's queue holds, of those that it may. Shared by all cores: bytes that were
/// split among them would refuse one core's events while another's share lies idle.
#[derive(Debug)]
pub struct Gauge {
    used: AtomicU64,
    limit: u64,
}

impl Gauge {
    /// An empty queue of at most `limit` bytes.
    #[must_use]
    pub fn new(limit: u64) -> Self {
        Self {
            used: AtomicU64::new(0),
            limit,
        }
    }

    /// Takes bytes, or leaves all as it was and returns false where they do not fit.
    #[must_use]
    pub fn reserve(&self, bytes: u64) -> bool {
        let before = self.used.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) <= self.limit {
            return true;
        }
        self.used.fetch_sub(bytes, Ordering::Relaxed);
        false
    }

    /// Gives bytes back.
    pub fn release(&self, bytes: u64) {
        let before = self.used.fetch_sub(bytes, Ordering::Relaxed);
        debug_assert!(before >= bytes, "only what was reserved is released");
    }

    /// Bytes held now.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Bytes that may be held.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.limit
    }
}
