//! The running gateway as the admin port reads it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant, SystemTime};

use crate::dead_letters::Ways;
use crate::dispatch::Target;
use crate::idempotency::Store;
use crate::limits::{
    BODY_BYTES_PER_CORE_MAX, CONNECTION_BUFFER_BYTES, CONNECTIONS_PER_CORE_MAX,
    LETTERS_WAITING_BYTES_MAX,
};
use crate::observe::{CoreSnapshot, Sources, TargetReading};
use crate::settings::{KeyStore, Settings};
use crate::settle::{Mail, Mailboxes};
use crate::spool::{Spool, SpoolReading};

/// How long a core may take to answer a question of the admin port.
const SNAPSHOT_WAIT: Duration = Duration::from_secs(1);

/// What the admin port reads.
pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) targets: Arc<[Target]>,
    pub(super) mailboxes: Mailboxes,
    pub(super) spool: Option<Arc<Spool>>,
    pub(super) keys: Option<Arc<Store>>,
    pub(super) route_names: Vec<Arc<str>>,
    pub(super) started: SystemTime,
    pub(super) driver: &'static str,
    pub(super) draining: AtomicBool,
}

impl Sources for Shared {
    fn cores(&self) -> Vec<CoreSnapshot> {
        let all = self.mailboxes.all();
        let (sender, receiver) = sync_channel(all.len());
        for mailbox in all {
            mailbox.post(Mail::Snapshot(sender.clone()));
        }
        drop(sender);
        let end = Instant::now() + SNAPSHOT_WAIT;
        let mut snapshots = Vec::with_capacity(all.len());
        while snapshots.len() < all.len() {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(snapshot) = receiver.recv_timeout(left) else {
                break;
            };
            snapshots.push(snapshot);
        }
        snapshots
    }

    fn targets(&self) -> Vec<TargetReading> {
        let read = |target: &Target| {
            let health = target.gate.health().reading();
            let counters = target.counters.snapshot();
            TargetReading {
                name: Arc::clone(&target.name),
                room: target.kind,
                state: health.state,
                state_since: health.since,
                last_error: health.last_error,
                queue_bytes: target.gauge.used(),
                queue_limit_bytes: target.gauge.limit(),
                queue_records: None,
                queue_oldest: counters.queue_oldest,
                counters,
                log: target.log.as_ref().map(|look| look()),
            }
        };
        self.targets.iter().map(read).collect()
    }

    fn routes(&self) -> &[Arc<str>] {
        &self.route_names
    }

    fn ready(&self) -> bool {
        let writable = self.spool.as_ref().is_none_or(|spool| spool.is_writable());
        writable && !self.draining.load(Ordering::Acquire)
    }

    fn keys(&self) -> Option<crate::idempotency::Reading> {
        self.keys.as_ref().map(|keys| keys.reading())
    }

    fn shown_settings(&self) -> Arc<str> {
        self.settings.shown.as_str().into()
    }

    fn hash(&self) -> Arc<str> {
        self.settings.hash.as_str().into()
    }

    fn started(&self) -> SystemTime {
        self.started
    }

    fn driver(&self) -> String {
        self.driver.to_owned()
    }

    fn spool(&self) -> Option<SpoolReading> {
        self.spool.as_ref().map(|spool| spool.reading())
    }

    fn memory_ceiling_bytes(&self) -> u64 {
        // What waits may hold twice its bytes: see `OWNED_BODY_BYTES_MAX`.
        let queues = self
            .targets
            .iter()
            .map(|target| 2 * target.gauge.limit())
            .sum::<u64>();
        let connections = (CONNECTIONS_PER_CORE_MAX * CONNECTION_BUFFER_BYTES) as u64;
        let core = connections + BODY_BYTES_PER_CORE_MAX as u64;
        let spool = self
            .spool
            .as_ref()
            .map_or(0, |spool| spool.memory_ceiling_bytes());
        let letters = match Ways::of(&self.settings).is_empty() {
            true => 0,
            false => LETTERS_WAITING_BYTES_MAX,
        };
        let keys = match self.settings.idempotency.as_ref() {
            Some(keys) if matches!(keys.store, KeyStore::Log(_)) => keys.bounds.bytes as u64,
            _ => 0,
        };
        queues + letters + spool + keys + core * self.mailboxes.all().len() as u64
    }
}
