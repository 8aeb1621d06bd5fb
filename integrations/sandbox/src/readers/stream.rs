//! Kinesis: GetRecords from TRIM_HORIZON, shard by shard.

use std::time::{Duration, SystemTime};

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::types::{Record, ShardIteratorType, StreamStatus};
use serde_json::json;

use super::since;
use crate::Trouble;
use crate::kinesis::Streams;
use crate::values::text;
use crate::watcher::{Landed, Words};

/// Records of a stream; past it (by a quarter, so that it is rare) the oldest go.
const RECORDS_MAX: usize = 10_000;
/// Bytes of a stream's records; past it the older half goes.
const STREAM_BYTES_MAX: usize = 64 << 20;
/// Records of one GetRecords.
const RECORDS_PER_CALL: i32 = 500;

/// Looks at a new stream until it is active, and the pause between two.
const LOOKS_MAX: usize = 2000;
const LOOK_PAUSE: Duration = Duration::from_millis(5);

/// Reads one stream.
pub(crate) struct Reader {
    place: usize,
    client: Client,
    stream: String,
    shards: Vec<Shard>,
    /// [`Streams::puts`] when the stream was read last.
    puts_seen: u64,
    records: usize,
    bytes: usize,
}

struct Shard {
    id: String,
    /// The sequence number of the last record that was read.
    ///
    /// Each call begins from it: the iterator that follows an empty answer stands at the moment of
    /// that answer, and a record that was put in the same moment can lie before it.
    last: Option<String>,
}

/// The ids of the shards of a new stream, once it is active: it is made in the background, and has
/// none before.
pub(crate) async fn shards_of(client: &Client, stream: &str) -> Result<Vec<String>, Trouble> {
    let not_known = |error| Trouble::new("the stream is not known", &error);
    for _ in 0..LOOKS_MAX {
        let said = client.describe_stream().stream_name(stream).send().await;
        let said = said.map_err(not_known)?.stream_description;
        if let Some(said) = said.filter(|said| *said.stream_status() == StreamStatus::Active) {
            let id = |shard: &aws_sdk_kinesis::types::Shard| shard.shard_id().to_owned();
            return Ok(said.shards().iter().map(id).collect());
        }
        tokio::time::sleep(LOOK_PAUSE).await;
    }
    Err(Trouble::late(&format!("stream `{stream}`")))
}

impl Reader {
    pub(crate) fn new(place: usize, client: Client, stream: String, shards: Vec<String>) -> Self {
        let shards = shards
            .into_iter()
            .map(|id| Shard { id, last: None })
            .collect();
        Self {
            place,
            client,
            stream,
            shards,
            puts_seen: 0,
            records: 0,
            bytes: 0,
        }
    }

    pub(crate) async fn round(&mut self, streams: &Streams, words: &Words) -> usize {
        let puts = streams.puts();
        if puts == self.puts_seen {
            return 0;
        }
        let mut found = 0;
        let mut all_read = true;
        for index in 0..self.shards.len() {
            match self.read(index).await {
                Some((records, at_end)) => {
                    all_read &= at_end;
                    found += records.len();
                    for record in records {
                        words.landed(self.landed(&record, streams.last_put()));
                    }
                }
                None => all_read = false,
            }
        }
        if all_read {
            self.puts_seen = puts;
        }
        self.let_oldest_go(streams, words).await;
        found
    }

    /// The next records of a shard, and whether these were the last. `None`: ask again.
    async fn read(&mut self, index: usize) -> Option<(Vec<Record>, bool)> {
        let shard = self.shards.get_mut(index)?;
        let from = match &shard.last {
            Some(_) => ShardIteratorType::AfterSequenceNumber,
            None => ShardIteratorType::TrimHorizon,
        };
        let call = self
            .client
            .get_shard_iterator()
            .stream_name(&self.stream)
            .shard_id(&shard.id)
            .shard_iterator_type(from)
            .set_starting_sequence_number(shard.last.clone());
        let iterator = call.send().await.ok()?.shard_iterator;
        let call = self.client.get_records().limit(RECORDS_PER_CALL);
        match call.set_shard_iterator(iterator).send().await {
            Ok(read) => {
                if let Some(last) = read.records.last() {
                    shard.last = Some(last.sequence_number().to_owned());
                }
                let at_end = read.records.len() < RECORDS_PER_CALL as usize;
                Some((read.records, at_end))
            }
            Err(error) => {
                tracing::debug!(target: "sandbox", ?error, stream = self.stream, "not read back");
                None
            }
        }
    }

    fn landed(&mut self, record: &Record, last_put: i64) -> Landed {
        let data = record.data().as_ref();
        let partition_key = record.partition_key().unwrap_or_default();
        self.records += 1;
        self.bytes += data.len() + partition_key.len();
        Landed {
            time: SystemTime::now(),
            place: self.place,
            // The service says its own time in whole seconds only.
            took: since(last_put),
            key: Some(partition_key.to_owned()),
            bytes: data.len(),
            content: json!({ "partition_key": partition_key, "data": text(data) }),
        }
    }

    async fn let_oldest_go(&mut self, streams: &Streams, words: &Words) {
        let keep = if self.bytes > STREAM_BYTES_MAX {
            (self.records / 2).min(RECORDS_MAX)
        } else if self.records > RECORDS_MAX + RECORDS_MAX / 4 {
            RECORDS_MAX
        } else {
            return;
        };
        words.full("Kinesis", self.place);
        streams.let_oldest_go(&self.stream, keep).await;
        self.bytes = self.bytes / self.records.max(1) * keep;
        self.records = keep;
    }
}
