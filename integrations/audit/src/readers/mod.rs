//! Reading back: each target through its own official client, from its beginning.

mod aws;
mod dynamodb;
mod kafka;
mod kinesis;
mod log;
mod sns;

use std::path::PathBuf;
use std::time::Duration;

pub use self::aws::AwsAccess;
use crate::history::History;
use crate::holding::{Found, Holding};
use crate::place::Place;

/// A reader gives up where nothing moves for so long.
const QUIET_MAX: Duration = Duration::from_secs(30);

/// A Kafka topic.
#[derive(Clone, Debug)]
pub struct KafkaSource {
    /// Brokers to start from.
    pub servers: String,
    /// The topic.
    pub topic: String,
    /// librdkafka's properties, of which those of a producer alone are left out.
    pub properties: Vec<(String, String)>,
    /// Where the event stands in a record's value.
    pub place: Place,
}

/// A Kinesis stream.
#[derive(Clone, Debug)]
pub struct KinesisSource {
    /// Its name or ARN.
    pub stream: String,
    /// How to reach it.
    pub access: AwsAccess,
    /// Where the event stands in a record's data.
    pub place: Place,
}

/// A DynamoDB table.
#[derive(Clone, Debug)]
pub struct DynamodbSource {
    /// Its name or ARN.
    pub table: String,
    /// How to reach it.
    pub access: AwsAccess,
    /// The attribute that holds the event's id.
    pub id: String,
    /// The attribute that holds the whole event as text or binary.
    pub payload: Option<String>,
    /// The attribute that each write adds 1 to: without it, a second put of a key is invisible.
    pub count: Option<String>,
}

/// An SNS topic.
#[derive(Clone, Debug)]
pub struct SnsSource {
    /// Its ARN.
    pub topic_arn: String,
    /// How to reach it, and SQS.
    pub access: AwsAccess,
    /// The URL of a queue that is subscribed to it already, with raw delivery. Without one, a
    /// queue is made before anything is sent, and deleted at the end.
    pub queue: Option<String>,
    /// Where the event stands in a message.
    pub place: Place,
}

/// Where a target's records are read.
#[derive(Clone, Debug)]
pub enum Source {
    /// A Kafka topic, by `assign()` from the beginning to the high watermark.
    Kafka(KafkaSource),
    /// A Kinesis stream, from TRIM_HORIZON, shard by shard, parents first.
    Kinesis(KinesisSource),
    /// A DynamoDB table, by consistent scan.
    Dynamodb(DynamodbSource),
    /// An SNS topic, through a queue that gets its messages raw.
    Sns(SnsSource),
    /// The directory of a target `log`, read only.
    Log {
        /// The directory.
        dir: PathBuf,
        /// Where the event stands in an entry's payload.
        place: Place,
    },
}

/// An open reader. Each read goes on where the last ended, except where it is a snapshot.
pub(crate) enum Reader {
    Kafka(kafka::KafkaReader),
    Kinesis(kinesis::KinesisReader),
    Dynamodb(dynamodb::DynamodbReader),
    Sns(Box<sns::SnsReader>),
    Log(log::LogReader),
}

impl Reader {
    /// Opens it. What must be there before anything is sent is made here.
    pub(crate) async fn open(source: Source) -> Result<Self, String> {
        Ok(match source {
            Source::Kafka(source) => Self::Kafka(kafka::KafkaReader::open(source)?),
            Source::Kinesis(source) => {
                Self::Kinesis(Box::pin(kinesis::KinesisReader::open(source)).await)
            }
            Source::Dynamodb(source) => {
                Self::Dynamodb(Box::pin(dynamodb::DynamodbReader::open(source)).await)
            }
            Source::Sns(source) => {
                Self::Sns(Box::new(Box::pin(sns::SnsReader::open(source)).await?))
            }
            Source::Log { dir, place } => Self::Log(log::LogReader::open(dir, place)?),
        })
    }

    /// Takes all that is there now into the holding.
    pub(crate) async fn read(
        &mut self,
        history: &History,
        holding: &mut Holding,
    ) -> Result<(), String> {
        match self {
            Self::Kafka(reader) => reader.read(history, holding),
            Self::Kinesis(reader) => Box::pin(reader.read(history, holding)).await,
            Self::Dynamodb(reader) => Box::pin(reader.read(history, holding)).await,
            Self::Sns(reader) => Box::pin(reader.read(history, holding)).await,
            Self::Log(reader) => reader.read(history, holding),
        }
    }

    /// Removes what it made.
    pub(crate) async fn close(self) -> Result<(), String> {
        match self {
            Self::Sns(reader) => Box::pin(reader.close()).await,
            _ => Ok(()),
        }
    }
}

/// Takes a record whose event stands somewhere in its JSON.
fn take_json(history: &History, holding: &mut Holding, place: &Place, record: &[u8], stream: u32) {
    let found = Found {
        id: place.id_in(record).map(Into::into),
        payload: place.payload_in(record),
        record,
        stream,
        copies: 1,
    };
    holding.take(history, &found);
}
