//! The embedded backends of a file set: what its targets name, made and watched.

use std::time::Duration;

use sluicegate_sandbox::{PARTITIONS, Sandbox, TableKey, Watched, Watcher};

pub use sluicegate_sandbox::Landed;

use super::{RoomContext, TargetSettings};
use crate::settings::Settings;

/// A place in an embedded backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// `DynamoDB`, `Kinesis`, `SNS`, `Kafka` or `Log`.
    pub service: &'static str,
    /// The name of the table, stream, topic or target.
    pub name: String,
    /// The targets that write there, by their place in [`Settings::targets`].
    pub targets: Vec<usize>,
    /// What was made up because the file does not say it.
    pub note: Option<String>,
}

/// The backends of a file set. They end with this.
#[derive(Debug)]
pub struct Embedded {
    sandbox: Sandbox,
    places: Vec<Place>,
}

/// What lands in the backends.
#[derive(Debug)]
pub struct Landings(Watcher);

impl Embedded {
    /// Starts the backends, and makes the tables, streams and topics that the targets name.
    ///
    /// # Errors
    /// What could not be made, and why.
    pub fn start(settings: &Settings) -> Result<(Self, Landings), String> {
        let sandbox = Sandbox::start().map_err(|trouble| trouble.to_string())?;
        let mut places: Vec<Place> = Vec::new();
        let mut watched = Vec::new();
        for (index, target) in settings.targets.iter().enumerate() {
            let (service, names) = named(&target.name, &target.room);
            for name in names {
                let same = |place: &&mut Place| place.service == service && place.name == name;
                if let Some(place) = places.iter_mut().find(same) {
                    place.targets.push(index);
                    continue;
                }
                let (made, note) = make(&sandbox, &target.room, &name)
                    .map_err(|why| format!("target `{}`: {why}", target.name))?;
                watched.extend(made);
                places.push(Place {
                    service,
                    name,
                    targets: vec![index],
                    note,
                });
            }
        }
        let watcher = sandbox
            .watch(watched)
            .map_err(|trouble| trouble.to_string())?;
        Ok((Self { sandbox, places }, Landings(watcher)))
    }

    /// Where the rooms find these backends.
    #[must_use]
    pub fn context(&self) -> RoomContext {
        RoomContext::embedded(
            self.sandbox.hallway(),
            self.sandbox.kafka_bootstrap(),
            self.sandbox.logs().to_owned(),
        )
    }

    /// The places; [`Landed::place`] is an index into this.
    #[must_use]
    pub fn places(&self) -> &[Place] {
        &self.places
    }
}

impl Landings {
    /// The next record that lands, waiting for it at most so long.
    pub fn next(&mut self, within: Duration) -> Option<Landed> {
        self.0.next(within)
    }

    /// Places whose oldest records go from now on: each service is said once.
    pub fn take_full(&mut self) -> Vec<usize> {
        self.0.take_full()
    }
}

/// The service of a target and the names of its places there; none for one that keeps nothing.
fn named(name: &str, target: &TargetSettings) -> (&'static str, Vec<String>) {
    let last = |text: &str, separator| text.rsplit(separator).next().unwrap_or(text).to_owned();
    match target {
        TargetSettings::Discard(_) => ("", Vec::new()),
        TargetSettings::Log(_) => ("Log", vec![name.to_owned()]),
        TargetSettings::Dynamodb(table) => ("DynamoDB", vec![last(&table.table, '/')]),
        TargetSettings::Kinesis(stream) => {
            let name = stream.stream.as_deref().or(stream.stream_arn.as_deref());
            ("Kinesis", vec![last(name.unwrap_or_default(), '/')])
        }
        // Topics of one name in two regions are two topics, so the whole ARN tells them apart.
        TargetSettings::Sns(topic) => ("SNS", vec![topic.topic_arn.clone()]),
        TargetSettings::Kafka(target) => {
            ("Kafka", target.all_topics().map(str::to_owned).collect())
        }
    }
}

type Made = (Option<Watched>, Option<String>);

fn make(sandbox: &Sandbox, target: &TargetSettings, name: &str) -> Result<Made, String> {
    let (made, note) = match target {
        TargetSettings::Discard(_) => return Ok((None, None)),
        TargetSettings::Log(_) => (Ok(sandbox.create_log(name)), None),
        TargetSettings::Dynamodb(table) => match &table.key {
            Some(key) => {
                let kinds: Vec<_> = key.0.iter().map(|(_, kind)| format!("{kind:?}")).collect();
                let keys = key.0.iter().zip(&kinds);
                let keys: Vec<_> = keys
                    .map(|((attribute, _), kind)| TableKey { attribute, kind })
                    .collect();
                (sandbox.create_table(name, &keys), None)
            }
            None => {
                let keys = [TableKey {
                    attribute: "pk",
                    kind: "S",
                }];
                let note = format!(
                    "table `{name}` is made with the key `pk`, since the file says no `key:`"
                );
                (sandbox.create_table(name, &keys), Some(note))
            }
        },
        TargetSettings::Kinesis(_) => (sandbox.create_stream(name), None),
        TargetSettings::Sns(_) => (sandbox.create_topic(name), None),
        TargetSettings::Kafka(_) => (sandbox.create_kafka_topic(name, PARTITIONS), None),
    };
    let made = made.map_err(|trouble| trouble.to_string())?;
    Ok((Some(made), note))
}
