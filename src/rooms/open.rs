//! Opens the rooms of a file set's targets.

#[cfg(feature = "kafka")]
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
#[cfg(feature = "kafka")]
use std::time::Duration;

use sluicegate_contract::{Outcome, OutcomeSink, Reason, RecordId, Room, TargetWatch};
#[cfg(feature = "kafka")]
use sluicegate_contract::{Producer, ReasonKind, Record};

#[cfg(any(
    feature = "dynamodb",
    feature = "kinesis",
    feature = "sns",
    feature = "kafka"
))]
use super::ConnectionSettings;
use super::TargetSettings;
use crate::dispatch::{Gate, Gauge, Inbox, LogLook, Target};
use crate::observe::{LogReading, TargetCounters, TargetHealth};
use crate::settings::{self, Settings};

/// Where rooms find what is not in the file.
#[derive(Clone, Debug)]
pub struct RoomContext {
    #[cfg(any(feature = "dynamodb", feature = "kinesis", feature = "sns"))]
    hallway: Arc<sluicegate_aws::Hallway>,
    /// Stands in the place of every Kafka connection of the file.
    #[cfg(feature = "kafka")]
    kafka: Option<String>,
    /// Each log has its directory in this one, in the place of that in the file.
    logs: Option<PathBuf>,
}

impl RoomContext {
    /// The backends that the file names; credentials from where every AWS tool takes them.
    #[must_use]
    pub fn from_environment() -> Self {
        Self {
            #[cfg(any(feature = "dynamodb", feature = "kinesis", feature = "sns"))]
            hallway: sluicegate_aws::Hallway::from_environment(),
            #[cfg(feature = "kafka")]
            kafka: None,
            logs: None,
        }
    }

    /// Where AWS clients come from.
    #[cfg(feature = "dynamodb")]
    pub(super) fn hallway(&self) -> &Arc<sluicegate_aws::Hallway> {
        &self.hallway
    }

    /// Embedded backends, in the place of those that the file names.
    #[cfg(feature = "sandbox")]
    #[must_use]
    pub fn embedded(hallway: Arc<sluicegate_aws::Hallway>, kafka: String, logs: PathBuf) -> Self {
        Self {
            hallway,
            kafka: Some(kafka),
            logs: Some(logs),
        }
    }
}

/// Opens all targets. Nothing is connected yet: a target that is down opens too.
///
/// # Errors
/// A room's own settings cannot work (a certificate file that is not there), naming the target.
pub fn open(
    settings: &Settings,
    context: &RoomContext,
    outcomes: &Arc<dyn OutcomeSink>,
) -> Result<Vec<Target>, String> {
    let mut opening = Opening {
        settings,
        context,
        outcomes,
        log: None,
        #[cfg(feature = "kafka")]
        kafka: HashMap::new(),
    };
    let open = |written: &settings::Target| {
        let health = Arc::new(TargetHealth::new(Arc::clone(&written.name)));
        let gate = Arc::new(Gate::new(health));
        let watch: Arc<dyn TargetWatch> = gate.clone();
        let room = opening
            .room(written, &watch)
            .map_err(|reason| format!("target `{}`: {reason}", written.name))?;
        let log = opening.log.take();
        Ok(Target {
            log,
            ..target(written, room, gate)
        })
    };
    settings.targets.iter().map(open).collect()
}

/// Targets that weigh records as the open ones would, and take none.
#[must_use]
pub fn rehearsed(settings: &Settings) -> Vec<Target> {
    let context = RoomContext::from_environment();
    let outcomes: Arc<dyn OutcomeSink> = Arc::new(Unheard);
    let opening = Opening {
        settings,
        context: &context,
        outcomes: &outcomes,
        log: None,
        #[cfg(feature = "kafka")]
        kafka: HashMap::new(),
    };
    let rehearse = |written: &settings::Target| {
        let gate = Arc::new(Gate::new(Arc::new(TargetHealth::new(Arc::clone(
            &written.name,
        )))));
        target(written, opening.scales(written), gate)
    };
    settings.targets.iter().map(rehearse).collect()
}

fn reading(room: &sluicegate_log::LogRoom) -> LogReading {
    let usage = room.usage();
    LogReading {
        bytes: usage.bytes,
        limit_bytes: usage.max_bytes,
        records: usage.next.saturating_sub(usage.first),
        oldest: usage.oldest,
        sync_errors: usage.sync_errors,
        poisoned: usage.poisoned,
        lost: usage.lost,
    }
}

fn target(written: &settings::Target, room: Room, gate: Arc<Gate>) -> Target {
    Target {
        name: Arc::clone(&written.name),
        kind: written.room.kind(),
        inbox: matches!(room, Room::Batching(_)).then(Arc::<Inbox>::default),
        room,
        gauge: Arc::new(Gauge::new(written.queue_bytes)),
        gate,
        counters: Arc::new(TargetCounters::new()),
        dead_letter: written.dead_letter,
        // A target that cannot take dead letters is none that a file names as one.
        envelope: written.room.envelope().ok(),
        log: None,
    }
}

struct Opening<'s> {
    settings: &'s Settings,
    context: &'s RoomContext,
    outcomes: &'s Arc<dyn OutcomeSink>,
    /// How the log stands that was opened last.
    log: Option<LogLook>,
    /// Open Kafka connections by their place in the settings.
    #[cfg(feature = "kafka")]
    kafka: HashMap<usize, Arc<sluicegate_kafka::Connection>>,
}

impl Opening<'_> {
    fn room(
        &mut self,
        target: &settings::Target,
        watch: &Arc<dyn TargetWatch>,
    ) -> Result<Room, Reason> {
        match &target.room {
            TargetSettings::Discard(_) => Ok(Room::Producing(sluicegate_discard::open())),
            TargetSettings::Log(written) => {
                let mut written = written.clone();
                if let Some(logs) = &self.context.logs {
                    written.dir = logs.join(&*target.name);
                }
                let room = sluicegate_log::open(&written, self.outcomes, watch)?;
                let looked = Arc::downgrade(&room);
                self.log = Some(Arc::new(move || {
                    looked
                        .upgrade()
                        .map(|room| reading(&room))
                        .unwrap_or_default()
                }));
                Ok(Room::Producing(room))
            }
            #[cfg(feature = "kafka")]
            TargetSettings::Kafka(written) => {
                let connection = self.kafka_connection(target, written)?;
                Ok(Room::Producing(connection.target(written, watch)))
            }
            #[cfg(any(feature = "dynamodb", feature = "kinesis", feature = "sns"))]
            _ => Ok(self.scales(target)),
        }
    }

    /// A room that can weigh. Those of AWS touch nothing until their first call, so the open room
    /// itself will do.
    fn scales(&self, target: &settings::Target) -> Room {
        #[cfg(any(feature = "dynamodb", feature = "kinesis", feature = "sns"))]
        let (hallway, access) = (&self.context.hallway, self.access(target));
        match &target.room {
            TargetSettings::Discard(_) => Room::Producing(sluicegate_discard::open()),
            TargetSettings::Log(_) => Room::Producing(sluicegate_log::scales()),
            #[cfg(feature = "dynamodb")]
            TargetSettings::Dynamodb(written) => {
                let written = sluicegate_dynamodb::Settings {
                    shared: access,
                    ..written.clone()
                };
                Room::Batching(sluicegate_dynamodb::open(&target.name, &written, hallway))
            }
            #[cfg(feature = "kinesis")]
            TargetSettings::Kinesis(written) => {
                let written = sluicegate_kinesis::Settings {
                    shared: access,
                    ..written.clone()
                };
                Room::Batching(sluicegate_kinesis::open(&target.name, &written, hallway))
            }
            #[cfg(feature = "sns")]
            TargetSettings::Sns(written) => {
                let written = sluicegate_sns::Settings {
                    shared: access,
                    ..written.clone()
                };
                Room::Batching(sluicegate_sns::open(&target.name, &written, hallway))
            }
            #[cfg(feature = "kafka")]
            TargetSettings::Kafka(written) => Room::Producing(Arc::new(Scales(written.clone()))),
        }
    }

    /// What the target's connection says of how to reach AWS.
    #[cfg(any(feature = "dynamodb", feature = "kinesis", feature = "sns"))]
    fn access(&self, target: &settings::Target) -> sluicegate_aws::Access {
        let connection = target
            .connection
            .and_then(|place| self.settings.connections.get(place));
        match connection.map(|connection| &connection.settings) {
            Some(ConnectionSettings::Aws(access)) => access.clone(),
            _ => sluicegate_aws::Access::default(),
        }
    }

    #[cfg(feature = "kafka")]
    fn kafka_connection(
        &mut self,
        target: &settings::Target,
        written: &sluicegate_kafka::Settings,
    ) -> Result<Arc<sluicegate_kafka::Connection>, Reason> {
        if let Some(open) = target.connection.and_then(|place| self.kafka.get(&place)) {
            return Ok(Arc::clone(open));
        }
        let shared = target
            .connection
            .and_then(|place| self.settings.connections.get(place));
        let mut connection = match shared.map(|connection| &connection.settings) {
            Some(ConnectionSettings::Kafka(connection)) => connection.clone(),
            _ => written.own_connection().ok_or_else(|| {
                Reason::new(ReasonKind::TargetMissing, "it names no Kafka connection")
            })?,
        };
        if let Some(embedded) = &self.context.kafka {
            connection = sluicegate_kafka::ConnectionSettings {
                bootstrap_servers: embedded.clone(),
                properties: sluicegate_kafka::Properties::default(),
            };
        }
        let outcomes = Arc::clone(self.outcomes);
        let bounds = self.kafka_bounds(target, written);
        let open = sluicegate_kafka::Connection::open(&connection, bounds, outcomes)?;
        if let Some(place) = target.connection {
            self.kafka.insert(place, Arc::clone(&open));
        }
        Ok(open)
    }

    /// The bounds of a connection follow from those of all targets that share it.
    #[cfg(feature = "kafka")]
    fn kafka_bounds(
        &self,
        target: &settings::Target,
        written: &sluicegate_kafka::Settings,
    ) -> sluicegate_kafka::Bounds {
        let mut bounds = sluicegate_kafka::Bounds {
            give_up: target.give_up,
            queue_bytes: target.queue_bytes,
            record_bytes: written.record_bytes(),
        };
        let others = self.settings.targets.iter().filter(|other| {
            target.connection.is_some()
                && other.connection == target.connection
                && other.name != target.name
        });
        for other in others {
            if let TargetSettings::Kafka(room) = &other.room {
                bounds.give_up = bounds.give_up.max(other.give_up);
                bounds.queue_bytes = bounds.queue_bytes.saturating_add(other.queue_bytes);
                bounds.record_bytes = bounds.record_bytes.max(room.record_bytes());
            }
        }
        bounds
    }
}

/// Weighs records for Kafka without a producer, which would look for its brokers.
#[cfg(feature = "kafka")]
struct Scales(sluicegate_kafka::Settings);

#[cfg(feature = "kafka")]
impl Producer for Scales {
    fn weigh(&self, record: &Record) -> Result<usize, Reason> {
        self.0.weigh(record)
    }

    fn produce(&self, _: &Record, _: RecordId) -> Result<Option<Outcome>, Reason> {
        Err(ReasonKind::Stopping.into())
    }

    fn flush(&self, _: Duration) {}
}

/// Nobody waits for outcomes in a rehearsal, where nothing is sent.
struct Unheard;

impl OutcomeSink for Unheard {
    fn outcome(&self, _: RecordId, _: Outcome) {}
}
