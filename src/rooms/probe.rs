//! A look at the targets of a file set, before anything is sent to them.

use std::sync::Arc;
use std::time::Duration;

use sluicegate_contract::Observation;
use tokio::task::JoinSet;

#[cfg(any(
    feature = "dynamodb",
    feature = "kinesis",
    feature = "sns",
    feature = "kafka"
))]
use super::ConnectionSettings;
use super::TargetSettings;
use crate::settings::{Settings, Target};

/// What was seen of a target.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its name.
    pub target: Arc<str>,
    /// Its kind's name.
    pub kind: &'static str,
    /// What was seen, in the order of the questions.
    pub observations: Vec<Observation>,
}

/// Looks at all targets at once; none may take longer than `within`. Blocks, and writes nothing.
///
/// # Errors
/// The machine has no thread or socket left for the questions.
pub fn probe(settings: &Settings, within: Duration) -> Result<Vec<Seen>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let looks = runtime.block_on(async {
        #[cfg(any(feature = "dynamodb", feature = "kinesis", feature = "sns"))]
        let hallway = sluicegate_aws::Hallway::from_environment();
        let mut looks = JoinSet::new();
        for (place, target) in settings.targets.iter().enumerate() {
            let look = Look {
                room: target.room.clone(),
                #[cfg(any(feature = "dynamodb", feature = "kinesis", feature = "sns"))]
                access: access(settings, target),
                #[cfg(any(feature = "dynamodb", feature = "kinesis", feature = "sns"))]
                hallway: Arc::clone(&hallway),
                #[cfg(feature = "kafka")]
                kafka: kafka(settings, target),
                within,
            };
            looks.spawn(async move {
                let seen = tokio::time::timeout(within, Box::pin(look.ask())).await;
                (place, seen.unwrap_or_else(|_| vec![late(within)]))
            });
        }
        looks.join_all().await
    });
    // A question that a library still waits for is not waited for here.
    runtime.shutdown_background();
    let mut looks = looks;
    looks.sort_by_key(|(place, _)| *place);
    let seen = looks.into_iter().zip(&settings.targets);
    Ok(seen
        .map(|((_, observations), target)| Seen {
            target: Arc::clone(&target.name),
            kind: target.room.kind(),
            observations,
        })
        .collect())
}

fn late(within: Duration) -> Observation {
    Observation::wrong(
        format!("no answer within {within:?}"),
        "look at the address and the network, or give it longer with `--timeout`",
    )
}

/// One target with what it takes to ask it.
struct Look {
    room: TargetSettings,
    #[cfg(any(feature = "dynamodb", feature = "kinesis", feature = "sns"))]
    access: sluicegate_aws::Access,
    #[cfg(any(feature = "dynamodb", feature = "kinesis", feature = "sns"))]
    hallway: Arc<sluicegate_aws::Hallway>,
    #[cfg(feature = "kafka")]
    kafka: Option<sluicegate_kafka::ConnectionSettings>,
    #[cfg_attr(
        not(feature = "kafka"),
        expect(dead_code, reason = "only Kafka's client takes a time of its own")
    )]
    within: Duration,
}

impl Look {
    async fn ask(self) -> Vec<Observation> {
        match self.room {
            TargetSettings::Discard(_) => vec![Observation::good("it takes everything")],
            TargetSettings::Log(settings) => {
                let asked = tokio::task::spawn_blocking(move || sluicegate_log::probe(&settings));
                asked.await.unwrap_or_default()
            }
            #[cfg(feature = "dynamodb")]
            TargetSettings::Dynamodb(written) => {
                let settings = sluicegate_dynamodb::Settings {
                    shared: self.access,
                    ..written
                };
                sluicegate_dynamodb::probe(&settings, &self.hallway).await
            }
            #[cfg(feature = "kinesis")]
            TargetSettings::Kinesis(written) => {
                let settings = sluicegate_kinesis::Settings {
                    shared: self.access,
                    ..written
                };
                sluicegate_kinesis::probe(&settings, &self.hallway).await
            }
            #[cfg(feature = "sns")]
            TargetSettings::Sns(written) => {
                let settings = sluicegate_sns::Settings {
                    shared: self.access,
                    ..written
                };
                sluicegate_sns::probe(&settings, &self.hallway).await
            }
            #[cfg(feature = "kafka")]
            TargetSettings::Kafka(written) => {
                let Some(connection) = self.kafka.or_else(|| written.own_connection()) else {
                    return vec![Observation::wrong(
                        "it names no cluster",
                        "add a connection",
                    )];
                };
                // Its own time ends first, so that its own words are heard.
                let count = u32::try_from(written.all_topics().count())
                    .unwrap_or(1)
                    .max(1);
                let within = self.within.mul_f64(0.9) / count;
                let asked = tokio::task::spawn_blocking(move || {
                    let look = |topic| sluicegate_kafka::probe(&connection, topic, within);
                    written.all_topics().flat_map(look).collect()
                });
                asked.await.unwrap_or_default()
            }
        }
    }
}

/// What the target's connection says of how to reach AWS.
#[cfg(any(feature = "dynamodb", feature = "kinesis", feature = "sns"))]
pub(super) fn access(settings: &Settings, target: &Target) -> sluicegate_aws::Access {
    match connection(settings, target) {
        Some(ConnectionSettings::Aws(access)) => access.clone(),
        _ => sluicegate_aws::Access::default(),
    }
}

#[cfg(feature = "kafka")]
pub(super) fn kafka(
    settings: &Settings,
    target: &Target,
) -> Option<sluicegate_kafka::ConnectionSettings> {
    match connection(settings, target) {
        Some(ConnectionSettings::Kafka(connection)) => Some(connection.clone()),
        _ => None,
    }
}

#[cfg(any(
    feature = "dynamodb",
    feature = "kinesis",
    feature = "sns",
    feature = "kafka"
))]
fn connection<'s>(settings: &'s Settings, target: &Target) -> Option<&'s ConnectionSettings> {
    let connection = settings.connections.get(target.connection?)?;
    Some(&connection.settings)
}
