//! Reads back what landed, through each service's own read call.

mod log;
mod queue;
pub(crate) mod stream;
mod table;
mod topic;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;

use crate::Trouble;
use crate::front::Front;
use crate::watcher::{Place, Watched, Words};

/// The readers of all places.
pub(crate) struct Readers {
    tables: table::Reader,
    streams: Vec<stream::Reader>,
    queues: Vec<queue::Reader>,
    topics: Option<topic::Reader>,
    logs: Vec<log::Reader>,
    front: Arc<Front>,
}

impl Readers {
    pub(crate) fn new(
        places: Vec<Watched>,
        config: &SdkConfig,
        kafka: &str,
        front: Arc<Front>,
    ) -> Result<Self, Trouble> {
        let mut tables = table::Reader::new(aws_sdk_dynamodb::Client::new(config));
        let (mut streams, mut queues, mut topics) = (Vec::new(), Vec::new(), Vec::new());
        let mut logs = Vec::new();
        let kinesis = aws_sdk_kinesis::Client::new(config);
        let sqs = aws_sdk_sqs::Client::new(config);
        for (index, Watched(place)) in places.into_iter().enumerate() {
            match place {
                Place::Table { name, keys } => tables.add(index, name, keys),
                Place::Stream { name, shards } => {
                    streams.push(stream::Reader::new(index, kinesis.clone(), name, shards));
                }
                Place::Queue { url, .. } => {
                    queues.push(queue::Reader::new(index, sqs.clone(), url));
                }
                Place::Topic { name, partitions } => topics.push((index, name, partitions)),
                Place::Log { directory, .. } => logs.push(log::Reader::new(index, &directory)),
            }
        }
        let topics = if topics.is_empty() {
            None
        } else {
            Some(topic::Reader::new(kafka, topics)?)
        };
        Ok(Self {
            tables,
            streams,
            queues,
            topics,
            logs,
            front,
        })
    }

    /// Reads from every place what is there. Gives how many records were found.
    pub(crate) async fn round(&mut self, words: &Words) -> usize {
        let mut found = 0;
        if let Some(topics) = &mut self.topics {
            found += topics.round(words);
        }
        for log in &mut self.logs {
            found += log.round(words);
        }
        for stream in &mut self.streams {
            found += stream.round(&self.front.streams, words).await;
        }
        for queue in &mut self.queues {
            found += queue.round(&self.front.queues, words).await;
        }
        found + self.tables.round(&self.front.tables, words).await
    }
}

/// From a service's own time, in milliseconds since 1970, until now.
fn since(milliseconds: i64) -> Duration {
    let then = Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0));
    let then = SystemTime::UNIX_EPOCH + then;
    SystemTime::now().duration_since(then).unwrap_or_default()
}
