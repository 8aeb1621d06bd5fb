//! The Kinesis room against real answers: what was confirmed is read back, and what is wrong is
//! named.

#![allow(clippy::unwrap_used, reason = "tests may panic, their helpers as well")]

#[path = "../../aws/tests/support/emulator.rs"]
mod emulator;

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::types::ShardIteratorType;
use emulator::{REGION, closed_port, config, emulators, hallway, send, unique};
use sluicegate_aws::{Access, Hallway};
use sluicegate_contract::{Attempt, Integration, ReasonKind, Receipt, Record, Value};
use sluicegate_kinesis::{Settings, open};

fn room(url: &str, stream: &str) -> Arc<dyn Integration> {
    let settings = Settings {
        stream: Some(stream.to_owned()),
        region: Some(REGION.to_owned()),
        endpoint_url: Some(url.to_owned()),
        ..Settings::default()
    };
    settings.validate().unwrap();
    open("clicks", &settings, &hallway())
}

fn record(key: &str, data: &str, hash: Option<&str>) -> Record {
    let hash = hash.map_or(Value::Absent, |hash| Value::Text(hash.into()));
    let data = Value::Json(data.to_owned().into());
    Record::new([Value::Text(key.into()), data, hash])
}

/// Creates a stream of two shards and waits until it can be written to.
async fn create(client: &Client, stream: &str) {
    client
        .create_stream()
        .stream_name(stream)
        .shard_count(2)
        .send()
        .await
        .unwrap();
    for _ in 0..100 {
        let summary = client
            .describe_stream_summary()
            .stream_name(stream)
            .send()
            .await
            .unwrap();
        let status = summary
            .stream_description_summary()
            .map(|s| s.stream_status().as_str().to_owned());
        if status.as_deref() == Some("ACTIVE") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{stream} did not become active");
}

/// Every record of the stream by its shard and sequence number: key and data.
async fn read_back(client: &Client, stream: &str) -> BTreeMap<(String, String), (String, String)> {
    let mut found = BTreeMap::new();
    let shards = client
        .list_shards()
        .stream_name(stream)
        .send()
        .await
        .unwrap();
    for shard in shards.shards() {
        let iterator = client
            .get_shard_iterator()
            .stream_name(stream)
            .shard_id(shard.shard_id())
            .shard_iterator_type(ShardIteratorType::TrimHorizon)
            .send()
            .await
            .unwrap();
        let answer = client
            .get_records()
            .set_shard_iterator(iterator.shard_iterator)
            .send()
            .await
            .unwrap();
        for record in answer.records() {
            let data = String::from_utf8(record.data().as_ref().to_vec()).unwrap();
            found.insert(
                (
                    shard.shard_id().to_owned(),
                    record.sequence_number().to_owned(),
                ),
                (record.partition_key().unwrap_or_default().to_owned(), data),
            );
        }
    }
    found
}

#[tokio::test]
async fn what_is_confirmed_is_read_back_byte_for_byte() {
    for url in emulators("kinesis read back") {
        let client = Client::new(&config(&url));
        let stream = unique("clicks");
        create(&client, &stream).await;
        let room = room(&url, &stream);
        let sent: Vec<(String, String)> = (0..20)
            .map(|n| {
                (
                    format!("user-{n}-ä"),
                    format!("{{ \"n\":{n}.0, \"x\" : \"é\"}}"),
                )
            })
            .collect();
        let records = sent
            .iter()
            .map(|(key, data)| record(key, data, None))
            .collect();
        let attempts = send(&room, records).await;
        let stored = read_back(&client, &stream).await;
        for (attempt, sent) in attempts.iter().zip(&sent) {
            let Attempt::Stored(Receipt::Sequence { shard, sequence }) = attempt else {
                panic!("{attempt:?}");
            };
            assert_eq!(
                stored.get(&(shard.to_string(), sequence.to_string())),
                Some(sent),
                "the receipt names the record"
            );
        }
        assert_eq!(stored.len(), sent.len(), "nothing twice, nothing else");
    }
}

#[tokio::test]
async fn a_hash_key_picks_the_shard() {
    for url in emulators("kinesis explicit hash key") {
        let client = Client::new(&config(&url));
        let stream = unique("clicks");
        create(&client, &stream).await;
        let most = u128::MAX.to_string();
        let records = vec![
            record("same", "1", Some("0")),
            record("same", "2", Some(&most)),
        ];
        let attempts = send(&room(&url, &stream), records).await;
        let shards: Vec<_> = attempts
            .iter()
            .map(|attempt| match attempt {
                Attempt::Stored(Receipt::Sequence { shard, .. }) => shard.clone(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_ne!(shards[0], shards[1]);
    }
}

#[tokio::test]
async fn a_missing_stream_blocks_and_is_named() {
    for url in emulators("kinesis missing stream") {
        let stream = unique("nowhere");
        let attempts = send(&room(&url, &stream), vec![record("k", "1", None)]).await;
        let Attempt::Blocked(reason) = &attempts[0] else {
            panic!("{attempts:?}");
        };
        assert_eq!(reason.kind(), ReasonKind::TargetMissing);
        let detail = reason.detail().unwrap();
        assert!(
            detail.contains(&stream) && detail.contains(REGION),
            "{detail}"
        );
    }
}

#[tokio::test]
async fn a_closed_port_is_certain_and_named() {
    let url = format!("http://127.0.0.1:{}", closed_port());
    let attempts = send(&room(&url, "clicks"), vec![record("k", "1", None)]).await;
    let Attempt::Again {
        certain: true,
        reason,
        ..
    } = &attempts[0]
    else {
        panic!("{attempts:?}");
    };
    assert_eq!(reason.kind(), ReasonKind::ConnectionFailed);
    assert!(reason.detail().unwrap().contains(&url), "{reason}");
}

#[tokio::test]
async fn missing_credentials_block_and_are_named_with_the_remedy() {
    let shared = Access {
        profile: Some("sluicegate-no-such-profile".to_owned()),
        ..Access::default()
    };
    let settings = Settings {
        stream: Some("clicks".to_owned()),
        region: Some(REGION.to_owned()),
        endpoint_url: Some(format!("http://127.0.0.1:{}", closed_port())),
        shared,
        ..Settings::default()
    };
    let room = open("clicks", &settings, &Hallway::from_environment());
    for _ in 0..2 {
        let attempts = send(&room, vec![record("k", "1", None)]).await;
        let Attempt::Blocked(reason) = &attempts[0] else {
            panic!("{attempts:?}");
        };
        assert_eq!(reason.kind(), ReasonKind::AuthenticationFailed);
        let detail = reason.detail().unwrap();
        for words in [
            "sluicegate-no-such-profile",
            "AWS_PROFILE",
            "stream `clicks`",
        ] {
            assert!(detail.contains(words), "{detail} names {words}");
        }
    }
}
