//! The backends of `sluicegate sandbox`: DynamoDB, Kinesis, SNS, SQS and Kafka in this process.
//!
//! The AWS services stand behind one [`SharedHttpClient`] that the real SDK clients are given, so
//! the rooms run the same code as in production and no socket is opened. Kafka is librdkafka's own
//! cluster on a loopback port, reached by the real Kafka room.
//!
//! * `front`: takes the SDKs' calls and hands each to its service.
//! * `dynamodb`, `kinesis`, `topics`, `kafka`: the services; `logs`: a directory for logs.
//! * `watcher` and `readers`: read back each record as it lands, through the service's own read
//!   call, and let the oldest go where a service holds too many.

mod dynamodb;
mod form;
mod front;
mod kafka;
mod kinesis;
mod logs;
mod readers;
mod sqs;
mod topics;
mod values;
mod watcher;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::error::display::DisplayErrorContext;
use sluicegate_aws::{Access, Hallway};

pub use front::ACCOUNT;
pub use watcher::{Landed, Watched, Watcher};

use front::Front;
use kafka::Kafka;
use logs::Logs;
use watcher::Place;

/// Shards of a stream, and partitions of a topic where nothing else is asked for.
pub const PARTITIONS: i32 = 4;

/// What went wrong in the sandbox, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble(String);

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Trouble {
    fn new(what: &str, error: &(impl std::error::Error + 'static)) -> Self {
        Self(format!("{what}: {}", DisplayErrorContext(error)))
    }

    /// Something that should be there by now is not.
    fn late(what: &str) -> Self {
        Self(format!("{what} is not ready"))
    }
}

/// A key of a table: its attribute and that attribute's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableKey<'a> {
    /// The attribute's name.
    pub attribute: &'a str,
    /// `S`, `N` or `B`.
    pub kind: &'a str,
}

/// The backends, for as long as this lives.
pub struct Sandbox {
    front: Arc<Front>,
    kafka: Kafka,
    logs: Logs,
    hallway: Arc<Hallway>,
    /// Where the services' own tasks run, and this type's calls.
    runtime: tokio::runtime::Runtime,
}

impl Sandbox {
    /// Starts the backends. They hold nothing yet.
    ///
    /// # Errors
    /// What the machine refuses: memory, threads, a loopback port for Kafka.
    pub fn start() -> Result<Self, Trouble> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("sandbox")
            .enable_all()
            .build()
            .map_err(|error| Trouble::new("no runtime for the sandbox", &error))?;
        let front = Arc::new(Front::new()?);
        let hallway = Hallway::in_process(front::client(&front));
        Ok(Self {
            front,
            kafka: Kafka::start()?,
            logs: Logs::start()?,
            hallway,
            runtime,
        })
    }

    /// The client that reaches the AWS services of this sandbox and nothing else.
    #[must_use]
    pub fn http_client(&self) -> SharedHttpClient {
        front::client(&self.front)
    }

    /// The hallway through which the AWS rooms reach this sandbox.
    #[must_use]
    pub fn hallway(&self) -> Arc<Hallway> {
        self.hallway.clone()
    }

    /// `host:port` of the Kafka cluster.
    #[must_use]
    pub fn kafka_bootstrap(&self) -> String {
        self.kafka.bootstrap_servers()
    }

    /// The directory of all logs: each has one in it, by the name of its target. It goes with this.
    #[must_use]
    pub fn logs(&self) -> &Path {
        self.logs.path()
    }

    /// A log of this name, which its target makes when it opens.
    #[must_use]
    pub fn create_log(&self, name: &str) -> Watched {
        Watched::new(Place::Log {
            name: name.to_owned(),
            directory: self.logs.path().join(name),
        })
    }

    /// Creates a table with this hash key and, where there are two, this range key.
    ///
    /// # Errors
    /// What DynamoDB says.
    pub fn create_table(&self, name: &str, keys: &[TableKey<'_>]) -> Result<Watched, Trouble> {
        let what = format!("table `{name}` could not be made");
        self.runtime.block_on(async {
            let config = self.config().await?;
            let mut call = aws_sdk_dynamodb::Client::new(&config)
                .create_table()
                .table_name(name)
                .billing_mode(BillingMode::PayPerRequest);
            for (key, role) in keys.iter().zip([KeyType::Hash, KeyType::Range]) {
                let element = KeySchemaElement::builder()
                    .attribute_name(key.attribute)
                    .key_type(role);
                let definition = AttributeDefinition::builder()
                    .attribute_name(key.attribute)
                    .attribute_type(ScalarAttributeType::from(key.kind));
                let said = |error| Trouble::new(&what, &error);
                call = call
                    .key_schema(element.build().map_err(said)?)
                    .attribute_definitions(definition.build().map_err(said)?);
            }
            call.send()
                .await
                .map_err(|error| Trouble::new(&what, &error))?;
            let keys = keys.iter().map(|key| key.attribute.to_owned()).collect();
            Ok(Watched::new(Place::Table {
                name: name.to_owned(),
                keys,
            }))
        })
    }

    /// Creates a stream of [`PARTITIONS`] shards.
    ///
    /// # Errors
    /// What Kinesis says.
    pub fn create_stream(&self, name: &str) -> Result<Watched, Trouble> {
        let what = format!("stream `{name}` could not be made");
        self.runtime.block_on(async {
            let config = self.config().await?;
            let kinesis = aws_sdk_kinesis::Client::new(&config);
            let call = kinesis
                .create_stream()
                .stream_name(name)
                .shard_count(PARTITIONS);
            call.send()
                .await
                .map_err(|error| Trouble::new(&what, &error))?;
            let shards = readers::stream::shards_of(&kinesis, name).await?;
            Ok(Watched::new(Place::Stream {
                name: name.to_owned(),
                shards,
            }))
        })
    }

    /// Creates an SNS topic by name or ARN, and behind it a queue to read it back.
    ///
    /// # Errors
    /// What SNS or SQS say.
    pub fn create_topic(&self, name_or_arn: &str) -> Result<Watched, Trouble> {
        let what = format!("SNS topic `{name_or_arn}` could not be made");
        self.runtime.block_on(async {
            let config = self.config().await?;
            let name = name_or_arn.rsplit(':').next().unwrap_or(name_or_arn);
            let arn = if name_or_arn.starts_with("arn:") {
                // SNS takes names only; an ARN of another account or region is put in as it is.
                self.front.topics.create(name_or_arn);
                name_or_arn.to_owned()
            } else {
                let made = aws_sdk_sns::Client::new(&config)
                    .create_topic()
                    .name(name)
                    .send()
                    .await;
                let made = made.map_err(|error| Trouble::new(&what, &error))?;
                made.topic_arn.unwrap_or_default()
            };
            let sqs = aws_sdk_sqs::Client::new(&config);
            let queue = sqs
                .create_queue()
                .queue_name(format!("sandbox-{name}"))
                .send()
                .await;
            let queue = queue.map_err(|error| Trouble::new(&what, &error))?;
            let url = queue.queue_url.unwrap_or_default();
            aws_sdk_sns::Client::new(&config)
                .subscribe()
                .topic_arn(&arn)
                .protocol("sqs")
                .endpoint(front::queue_arn(&url))
                .attributes("RawMessageDelivery", "true")
                .send()
                .await
                .map_err(|error| Trouble::new(&what, &error))?;
            Ok(Watched::new(Place::Queue {
                topic: name.to_owned(),
                url,
            }))
        })
    }

    /// Creates a Kafka topic.
    ///
    /// # Errors
    /// What the cluster says.
    pub fn create_kafka_topic(&self, name: &str, partitions: i32) -> Result<Watched, Trouble> {
        self.kafka.create_topic(name, partitions)?;
        let partitions = (0..partitions).collect();
        Ok(Watched::new(Place::Topic {
            name: name.to_owned(),
            partitions,
        }))
    }

    /// Reads back what lands in these places from now on.
    ///
    /// # Errors
    /// What the machine refuses: a thread, a Kafka consumer.
    pub fn watch(&self, places: Vec<Watched>) -> Result<Watcher, Trouble> {
        let config = self.runtime.block_on(self.config())?;
        Watcher::start(
            places,
            &config,
            &self.kafka.bootstrap_servers(),
            self.front.clone(),
        )
    }

    async fn config(&self) -> Result<aws_config::SdkConfig, Trouble> {
        let config = self.hallway.config(&Access::default()).await;
        config.map_err(|attempt| Trouble(format!("the sandbox has no AWS client: {attempt:?}")))
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").finish_non_exhaustive()
    }
}
