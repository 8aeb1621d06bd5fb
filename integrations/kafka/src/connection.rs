//! A connection: one producer that all targets of a cluster share, replaced when it dies.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use crossbeam::channel::{Receiver, unbounded};
use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, Producer as _};
use sluicegate_contract::{Outcome, OutcomeSink, Reason, ReasonKind, TargetWatch};

use crate::caretaker;
use crate::events::{Care, Events, Shared};
use crate::health::Health;
use crate::properties::client_config;
use crate::reports::Sender;
use crate::settings::{BATCH_OVERHEAD_BYTES, ConnectionSettings, GIVE_UP_MAX, Settings};
use crate::topic::Topic;

/// What bounds a connection: the sums and maxima of the targets that share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Until a record is given up: the longest of its targets.
    pub give_up: Duration,
    /// Bytes of key, value and headers that its queue holds: the sum of its targets.
    pub queue_bytes: u64,
    /// Bytes of one record's key, value and headers: the most of its targets.
    pub record_bytes: usize,
}

/// One producer and what keeps it alive. Closed when the last target is dropped: what then waits
/// still ends with an outcome. Dropping it may block for about a second.
pub struct Connection {
    pub(crate) producers: Arc<Producers>,
    caretaker: Mutex<Option<JoinHandle<()>>>,
    /// Dropped after the producers, whose last reports may leave something here.
    _leftovers: Leftovers,
}

/// Ends what was sent to the caretaker when it was gone, so that every record has its outcome.
struct Leftovers {
    work: Receiver<Care>,
    outcomes: Arc<dyn OutcomeSink>,
}

/// The producers of a connection.
pub(crate) struct Producers {
    pub(crate) shared: Arc<Shared>,
    /// Takes the records. Read on every record, replaced only after a fatal error.
    pub(crate) current: ArcSwap<Sender>,
    /// Sends records one by one; made when a broker first refuses several as too large.
    alone: OnceLock<Sender>,
    config: ClientConfig,
}

impl Connection {
    /// Makes the producer. Returns at once: brokers that are down are tried until they are up.
    ///
    /// # Errors
    /// What librdkafka says of settings that cannot work (a certificate that is not there).
    pub fn open(
        settings: &ConnectionSettings,
        bounds: Bounds,
        outcomes: Arc<dyn OutcomeSink>,
    ) -> Result<Arc<Self>, Reason> {
        let (care, work) = unbounded();
        let leftovers = Leftovers {
            work: work.clone(),
            outcomes: outcomes.clone(),
        };
        let shared = Arc::new(Shared {
            outcomes,
            health: Health::new(&settings.bootstrap_servers),
            care,
            look_is_due: AtomicBool::new(false),
        });
        let producers = Arc::new(Producers::open(settings, bounds, shared)?);
        let caretaker = std::thread::Builder::new()
            .name("kafka-caretaker".into())
            .spawn({
                let producers = producers.clone();
                move || caretaker::run(&producers, &work)
            })
            .map_err(|error| Reason::new(ReasonKind::Unavailable, error.to_string()))?;
        Ok(Arc::new(Self {
            producers,
            caretaker: Mutex::new(Some(caretaker)),
            _leftovers: leftovers,
        }))
    }

    /// A target on this connection. `watch` is told when the cluster or the topic cannot take
    /// records, and when they can again.
    #[must_use]
    pub fn target(
        self: &Arc<Self>,
        settings: &Settings,
        watch: &Arc<dyn TargetWatch>,
    ) -> Arc<Topic> {
        let topics: Vec<Arc<str>> = settings.all_topics().map(Arc::from).collect();
        let shared = &self.producers.shared;
        for topic in &topics {
            shared.health.watch(Arc::clone(topic), Arc::clone(watch));
        }
        // The caretaker looks whether the topic is there, so that this is known before the first
        // record comes.
        shared.look();
        Arc::new(Topic::new(self.clone(), topics, settings.record_bytes()))
    }

    /// Waits until all records have their outcome, at most so long.
    pub(crate) fn flush(&self, within: Duration) {
        let end = Instant::now() + within;
        // What does not end in time ends as the connection closes: nothing to do about it here.
        let _ = self.producers.current.load().flush(within);
        if let Some(alone) = self.producers.alone.get() {
            let _ = alone.flush(end.saturating_duration_since(Instant::now()));
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let _ = self.producers.shared.care.send(Care::Stop);
        let caretaker = self
            .caretaker
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(caretaker) = caretaker.take() {
            let _ = caretaker.join();
        }
    }
}

impl Drop for Leftovers {
    fn drop(&mut self) {
        for care in self.work.try_iter() {
            if let Care::Again(_, id, _) = care {
                let outcome = Outcome::GaveUp {
                    certain: true,
                    reason: ReasonKind::Stopping.into(),
                };
                self.outcomes.outcome(id, outcome);
            }
        }
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

impl Producers {
    fn open(
        settings: &ConnectionSettings,
        bounds: Bounds,
        shared: Arc<Shared>,
    ) -> Result<Self, Reason> {
        let mut config = client_config(&settings.bootstrap_servers, &settings.properties);
        let milliseconds = bounds
            .give_up
            .clamp(Duration::from_millis(1), GIVE_UP_MAX)
            .as_millis();
        let message_bytes = bounds.record_bytes as u64 + BATCH_OVERHEAD_BYTES;
        // The gateway reserves a record's bytes before it comes here, so librdkafka's own bound
        // is never the first to be reached; it stands in case of a mistake of ours.
        let queue_kbytes = (bounds.queue_bytes / 1024 + 1).clamp(1, i32::MAX as u64);
        config
            .set("message.timeout.ms", milliseconds.to_string())
            .set(
                "message.max.bytes",
                message_bytes.clamp(1000, 1_000_000_000).to_string(),
            )
            .set("queue.buffering.max.kbytes", queue_kbytes.to_string())
            .set("queue.buffering.max.messages", i32::MAX.to_string());
        let current = make(&config, Events::new(shared.clone(), false))?;
        Ok(Self {
            shared,
            current: ArcSwap::from_pointee(current),
            alone: OnceLock::new(),
            config,
        })
    }

    /// Another producer of the same settings.
    ///
    /// # Errors
    /// What librdkafka says.
    pub(crate) fn make(&self) -> Result<Sender, Reason> {
        make(&self.config, Events::new(self.shared.clone(), false))
    }

    /// The producer that sends records one by one. Called by the caretaker only.
    ///
    /// # Errors
    /// What librdkafka says.
    pub(crate) fn alone(&self) -> Result<&Sender, Reason> {
        if self.alone.get().is_none() {
            let mut config = self.config.clone();
            config.set("batch.num.messages", "1").set("linger.ms", "0");
            config.set("max.in.flight.requests.per.connection", "5");
            let made = make(&config, Events::new(self.shared.clone(), true))?;
            return Ok(self.alone.get_or_init(|| made));
        }
        self.alone
            .get()
            .ok_or_else(|| Reason::from(ReasonKind::Unavailable))
    }
}

fn make(config: &ClientConfig, events: Events) -> Result<Sender, Reason> {
    let producer = config.create_with_context::<_, BaseProducer<Events>>(events);
    let producer = producer.map_err(|error: KafkaError| {
        // `ClientCreation` holds librdkafka's text; the others name the property.
        Reason::new(ReasonKind::TargetMismatch, error.to_string())
    })?;
    Sender::start(producer)
}
