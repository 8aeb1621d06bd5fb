//! Where the admin port gets its numbers from.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sluicegate_contract::TargetState;

use super::{CoreSnapshot, TargetSnapshot};
use crate::spool::SpoolReading;

/// The running gateway, as the admin port sees it.
pub trait Sources: Send + Sync + 'static {
    /// A snapshot of each core, taken on that core. Asks through the cores' mailboxes and waits
    /// for at most a second, so it is called only on threads that may block. A core that does not
    /// answer in time is left out.
    fn cores(&self) -> Vec<CoreSnapshot>;
    /// A reading of each target, in the order of the settings.
    fn targets(&self) -> Vec<TargetReading>;
    /// The names of the routes, each once, in the order of the settings.
    fn routes(&self) -> &[Arc<str>];
    /// True while the listeners are up and the gateway is not draining. A target that is down
    /// does not matter here: restarting the gateway would not mend it.
    fn ready(&self) -> bool;
    /// What is known of idempotency keys, where any are kept.
    fn keys(&self) -> Option<crate::idempotency::Reading> {
        None
    }
    /// The settings as run, as YAML, secrets masked.
    fn shown_settings(&self) -> Arc<str>;
    /// The hash of the settings.
    fn hash(&self) -> Arc<str>;
    /// When the gateway started.
    fn started(&self) -> SystemTime;
    /// The driver that the cores run on: `uring`, `epoll`.
    fn driver(&self) -> String;
    /// The spool at this moment, where the files have one.
    fn spool(&self) -> Option<SpoolReading> {
        None
    }
    /// Bytes that the gateway may hold at most, computed from its settings.
    fn memory_ceiling_bytes(&self) -> u64;
}

/// A target at one moment.
#[derive(Clone, Debug)]
pub struct TargetReading {
    /// Its name in the file.
    pub name: Arc<str>,
    /// The kind of its room: `dynamodb`, `kafka`.
    pub room: &'static str,
    /// Whether it takes records.
    pub state: TargetState,
    /// Since when.
    pub state_since: SystemTime,
    /// The last error and when it was: one line, without secrets and payloads.
    pub last_error: Option<(SystemTime, String)>,
    /// Bytes in its queue.
    pub queue_bytes: u64,
    /// Bytes that its queue may hold.
    pub queue_limit_bytes: u64,
    /// Records in its queue, where that is known.
    pub queue_records: Option<u64>,
    /// How long the oldest record in its queue has waited.
    pub queue_oldest: Option<Duration>,
    /// What was counted of it.
    pub counters: TargetSnapshot,
    /// Its log, where it is one.
    pub log: Option<LogReading>,
}

/// A log on this machine's disk at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogReading {
    /// Bytes of its segments.
    pub bytes: u64,
    /// Bytes that they may have.
    pub limit_bytes: u64,
    /// Records in it.
    pub records: u64,
    /// When the oldest of them came.
    pub oldest: Option<SystemTime>,
    /// Syncs that failed.
    pub sync_errors: u64,
    /// Segments that were given up.
    pub poisoned: u64,
    /// Records that were lost in damaged places.
    pub lost: u64,
}

impl LogReading {
    /// How old its oldest record is; zero where it has none.
    #[must_use]
    pub fn age(&self) -> Duration {
        let age = self.oldest.and_then(|oldest| oldest.elapsed().ok());
        age.unwrap_or_default()
    }
}

impl TargetReading {
    /// How long the oldest record in the queue has waited, by whoever knows it.
    #[must_use]
    pub fn oldest(&self) -> Option<Duration> {
        self.queue_oldest.or(self.counters.queue_oldest)
    }
}
