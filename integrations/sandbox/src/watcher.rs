//! Watches places, and says what lands in them.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};
use serde_json::Value as Json;

use crate::Trouble;
use crate::front::Front;
use crate::readers::Readers;

/// Records that were read back and not yet taken; the watcher waits when there are more.
const LANDED_WAITING_MAX: usize = 64;
/// Between two rounds in which nothing was found.
const ROUND_PAUSE: Duration = Duration::from_millis(5);

/// A place that can be watched: a table, a stream or a topic of a sandbox.
#[derive(Clone, Debug)]
pub struct Watched(pub(crate) Place);

#[derive(Clone, Debug)]
pub(crate) enum Place {
    Table { name: String, keys: Vec<String> },
    Stream { name: String, shards: Vec<String> },
    Queue { topic: String, url: String },
    Topic { name: String, partitions: Vec<i32> },
    Log { name: String, directory: PathBuf },
}

impl Watched {
    pub(crate) fn new(place: Place) -> Self {
        Self(place)
    }

    /// The service: `DynamoDB`, `Kinesis`, `SNS`, `Kafka` or `Log`.
    #[must_use]
    pub fn service(&self) -> &'static str {
        match &self.0 {
            Place::Table { .. } => "DynamoDB",
            Place::Stream { .. } => "Kinesis",
            Place::Queue { .. } => "SNS",
            Place::Topic { .. } => "Kafka",
            Place::Log { .. } => "Log",
        }
    }

    /// The name of the table, stream, topic or log.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.0 {
            Place::Table { name, .. }
            | Place::Stream { name, .. }
            | Place::Topic { name, .. }
            | Place::Log { name, .. } => name,
            Place::Queue { topic, .. } => topic,
        }
    }
}

/// A record that was read back from its service.
#[derive(Clone, Debug)]
pub struct Landed {
    /// When it was seen.
    pub time: SystemTime,
    /// The place where it landed: an index into the list that is watched.
    pub place: usize,
    /// From when the service got it, as the service itself says, until it was seen.
    pub took: Duration,
    /// Its key: partition key, item key, or the key of the Kafka record.
    pub key: Option<String>,
    /// Bytes of its payload.
    pub bytes: usize,
    /// The record, by the fields of its room.
    pub content: Json,
}

/// What a watcher says.
#[derive(Clone, Debug)]
enum Word {
    Landed(Box<Landed>),
    /// The oldest records of this place go from now on: said once for each service.
    Full(usize),
}

/// Reads back what lands, until it is dropped.
#[derive(Debug)]
pub struct Watcher {
    words: Receiver<Word>,
    full: Vec<usize>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    pub(crate) fn start(
        places: Vec<Watched>,
        config: &SdkConfig,
        kafka: &str,
        front: Arc<Front>,
    ) -> Result<Self, Trouble> {
        let (send, words) = bounded(LANDED_WAITING_MAX);
        let stop = Arc::new(AtomicBool::new(false));
        let readers = Readers::new(places, config, kafka, front)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Trouble::new("no runtime to read back", &error))?;
        let thread = std::thread::Builder::new()
            .name("sandbox-watcher".into())
            .spawn({
                let stop = stop.clone();
                move || runtime.block_on(watch(readers, &Words::new(send), &stop))
            })
            .map_err(|error| Trouble::new("no thread to read back", &error))?;
        Ok(Self {
            words,
            full: Vec::new(),
            stop,
            thread: Some(thread),
        })
    }

    /// The next record that lands, waiting for it at most so long.
    pub fn next(&mut self, within: Duration) -> Option<Landed> {
        let end = std::time::Instant::now() + within;
        loop {
            let left = end.saturating_duration_since(std::time::Instant::now());
            match self.words.recv_timeout(left) {
                Ok(Word::Landed(landed)) => return Some(*landed),
                Ok(Word::Full(place)) => self.full.push(place),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    /// Places whose oldest records go from now on, since this was asked last. Each service is said
    /// once.
    pub fn take_full(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.full)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // A watcher that waits for somebody to take a record wakes by this.
        let (_, nothing) = bounded(1);
        drop(std::mem::replace(&mut self.words, nothing));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Takes what the readers find.
pub(crate) struct Words {
    send: Sender<Word>,
    said_full: std::sync::Mutex<HashSet<&'static str>>,
}

impl Words {
    fn new(send: Sender<Word>) -> Self {
        Self {
            send,
            said_full: std::sync::Mutex::default(),
        }
    }

    /// Waits where nobody takes what was found, so that memory stays bounded.
    pub(crate) fn landed(&self, landed: Landed) {
        // Nobody listens any more only while the watcher stops.
        let _ = self.send.send(Word::Landed(Box::new(landed)));
    }

    /// The oldest of this place go: said once for each service.
    pub(crate) fn full(&self, service: &'static str, place: usize) {
        let mut said = self
            .said_full
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if said.insert(service) {
            let _ = self.send.send(Word::Full(place));
        }
    }
}

async fn watch(mut readers: Readers, words: &Words, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        if readers.round(words).await == 0 {
            tokio::time::sleep(ROUND_PAUSE).await;
        }
    }
}
