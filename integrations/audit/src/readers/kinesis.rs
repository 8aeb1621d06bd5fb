//! A stream from TRIM_HORIZON, shard by shard, parents before their children.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::types::{Shard, ShardIteratorType};

use super::aws::said;
use super::{KinesisSource, QUIET_MAX, take_json};
use crate::history::History;
use crate::holding::Holding;

/// A shard answers five times a second.
const EMPTY_PAUSE: Duration = Duration::from_millis(220);
const SHARDS_MAX: usize = 100_000;

pub(crate) struct KinesisReader {
    source: KinesisSource,
    client: Client,
    /// The number of each shard, and the last sequence number that was read of it.
    shards: HashMap<String, (u32, Option<String>)>,
}

impl KinesisReader {
    pub(crate) async fn open(source: KinesisSource) -> Self {
        let client = Client::new(&source.access.config().await);
        Self {
            source,
            client,
            shards: HashMap::new(),
        }
    }

    pub(crate) async fn read(
        &mut self,
        history: &History,
        holding: &mut Holding,
    ) -> Result<(), String> {
        for shard in parents_first(self.list().await?) {
            let id = shard.shard_id().to_owned();
            let next = u32::try_from(self.shards.len()).unwrap_or(u32::MAX);
            let number = self.shards.entry(id.clone()).or_insert((next, None)).0;
            let parents = [shard.parent_shard_id(), shard.adjacent_parent_shard_id()];
            let parents = parents.into_iter().flatten();
            let parents: Vec<u32> = parents
                .filter_map(|parent| Some(self.shards.get(parent)?.0))
                .collect();
            if !parents.is_empty() {
                holding.stream_follows(number, parents);
            }
            Box::pin(self.read_shard(&id, number, history, holding)).await?;
        }
        Ok(())
    }

    async fn list(&self) -> Result<Vec<Shard>, String> {
        let (mut shards, mut token) = (Vec::new(), None);
        loop {
            let request = self.client.list_shards();
            // A token stands instead of the stream.
            let request = match token.take() {
                Some(token) => request.next_token(token),
                None if self.source.stream.starts_with("arn:") => {
                    request.stream_arn(&self.source.stream)
                }
                None => request.stream_name(&self.source.stream),
            };
            let page = request.send().await.map_err(|error| self.said(&error))?;
            token = page.next_token;
            shards.extend(page.shards.unwrap_or_default());
            if token.is_none() || shards.len() > SHARDS_MAX {
                return Ok(shards);
            }
        }
    }

    async fn read_shard(
        &mut self,
        id: &str,
        number: u32,
        history: &History,
        holding: &mut Holding,
    ) -> Result<(), String> {
        let last = self.shards.get(id).and_then(|(_, last)| last.clone());
        let mut next = self.iterator(id, last).await?;
        let mut moved = Instant::now();
        while let Some(iterator) = next.take() {
            let page = self
                .client
                .get_records()
                .shard_iterator(iterator)
                .limit(10_000);
            let page = page.send().await.map_err(|error| self.said(&error))?;
            for record in &page.records {
                let data = record.data.as_ref();
                take_json(history, holding, &self.source.place, data, number);
            }
            if let Some(record) = page.records.last() {
                let last = Some(record.sequence_number.clone());
                self.shards.insert(id.to_owned(), (number, last));
                moved = Instant::now();
                next = page.next_shard_iterator;
            } else if page.millis_behind_latest.unwrap_or(0) > 0 {
                if moved.elapsed() > QUIET_MAX {
                    return Err(format!(
                        "shard {id} of {} gave nothing for {QUIET_MAX:?} although there is more",
                        self.source.stream
                    ));
                }
                tokio::time::sleep(EMPTY_PAUSE).await;
                next = page.next_shard_iterator;
            }
        }
        Ok(())
    }

    async fn iterator(&self, shard: &str, last: Option<String>) -> Result<Option<String>, String> {
        let request = self.client.get_shard_iterator().shard_id(shard);
        let request = match self.source.stream.starts_with("arn:") {
            true => request.stream_arn(&self.source.stream),
            false => request.stream_name(&self.source.stream),
        };
        let request = match last {
            Some(last) => request
                .shard_iterator_type(ShardIteratorType::AfterSequenceNumber)
                .starting_sequence_number(last),
            None => request.shard_iterator_type(ShardIteratorType::TrimHorizon),
        };
        let given = request.send().await.map_err(|error| self.said(&error))?;
        Ok(given.shard_iterator)
    }

    fn said(&self, error: &impl std::error::Error) -> String {
        said(&format!("Kinesis' stream {}", self.source.stream), error)
    }
}

/// Shards so that none stands before one that it goes on from.
fn parents_first(mut shards: Vec<Shard>) -> Vec<Shard> {
    let mut sorted: Vec<Shard> = Vec::with_capacity(shards.len());
    while !shards.is_empty() {
        let waits = |shard: &Shard| {
            let parents = [shard.parent_shard_id(), shard.adjacent_parent_shard_id()];
            let is_parent = |other: &Shard| parents.contains(&Some(other.shard_id()));
            shards.iter().any(is_parent)
        };
        let (later, now): (Vec<Shard>, Vec<Shard>) = shards.iter().cloned().partition(waits);
        if now.is_empty() {
            // Shards that are each other's parents cannot be: they are read as they come.
            sorted.extend(later);
            return sorted;
        }
        sorted.extend(now);
        shards = later;
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(id: &str, parent: Option<&str>, other: Option<&str>) -> Shard {
        Shard::builder()
            .shard_id(id)
            .set_parent_shard_id(parent.map(str::to_owned))
            .set_adjacent_parent_shard_id(other.map(str::to_owned))
            .build()
            .unwrap()
    }

    #[test]
    fn parents_are_read_before_their_children() {
        let shards = vec![
            shard("merged", Some("b"), Some("c")),
            shard("b", Some("a"), None),
            shard("c", Some("a"), None),
            shard("a", Some("expired"), None),
        ];
        let sorted = parents_first(shards);
        let ids: Vec<&str> = sorted.iter().map(Shard::shard_id).collect();
        assert_eq!(ids, ["a", "b", "c", "merged"]);
        let ring = vec![shard("x", Some("y"), None), shard("y", Some("x"), None)];
        assert_eq!(parents_first(ring).len(), 2);
    }
}
