//! The SNS room against real answers: what was confirmed is read back from a subscribed queue, and
//! what is wrong is named.

#![allow(clippy::unwrap_used, reason = "tests may panic, their helpers as well")]

#[path = "../../aws/tests/support/emulator.rs"]
mod emulator;

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_sqs::types::QueueAttributeName;
use emulator::{REGION, closed_port, config, emulators, hallway, send, unique};
use sluicegate_contract::{Attempt, Integration, ReasonKind, Receipt, Record, Value};
use sluicegate_sns::{Settings, open};

fn room(url: &str, topic_arn: &str) -> Arc<dyn Integration> {
    let settings = Settings {
        topic_arn: topic_arn.to_owned(),
        endpoint_url: Some(url.to_owned()),
        ..Settings::default()
    };
    settings.validate().unwrap();
    open("alerts", &settings, &hallway())
}

fn record(message: &str, kind: &str) -> Record {
    let attributes = Value::Map(vec![
        ("kind".into(), Value::Text(kind.into())),
        ("gone".into(), Value::Absent),
    ]);
    let message = Value::Json(message.to_owned().into());
    Record::new([message, attributes, Value::Text("An alert".into())])
}

/// A topic with a queue that takes its messages as they are: the topic's ARN and the queue's URL.
async fn create(url: &str) -> (String, aws_sdk_sqs::Client, String) {
    let sns = aws_sdk_sns::Client::new(&config(url));
    let sqs = aws_sdk_sqs::Client::new(&config(url));
    let topic = sns
        .create_topic()
        .name(unique("alerts"))
        .send()
        .await
        .unwrap();
    let topic = topic.topic_arn.unwrap();
    let queue = sqs
        .create_queue()
        .queue_name(unique("alerts"))
        .send()
        .await
        .unwrap();
    let queue = queue.queue_url.unwrap();
    let arn = sqs
        .get_queue_attributes()
        .queue_url(&queue)
        .attribute_names(QueueAttributeName::QueueArn)
        .send()
        .await
        .unwrap();
    let arn = arn.attributes().unwrap()[&QueueAttributeName::QueueArn].clone();
    sns.subscribe()
        .topic_arn(&topic)
        .protocol("sqs")
        .endpoint(arn)
        .attributes("RawMessageDelivery", "true")
        .send()
        .await
        .unwrap();
    (topic, sqs, queue)
}

/// Messages of the queue with their attribute `kind`.
async fn read_back(
    sqs: &aws_sdk_sqs::Client,
    queue: &str,
    expected: usize,
) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for _ in 0..20 {
        let answer = sqs
            .receive_message()
            .queue_url(queue)
            .max_number_of_messages(10)
            .message_attribute_names("All")
            .wait_time_seconds(1)
            .send()
            .await
            .unwrap();
        for message in answer.messages() {
            let attributes = message.message_attributes().unwrap();
            assert_eq!(attributes.len(), 1);
            let kind = attributes["kind"].string_value().unwrap().to_owned();
            let twice = found.insert(message.body().unwrap().to_owned(), kind);
            assert_eq!(twice, None, "nothing comes twice");
        }
        if found.len() >= expected {
            break;
        }
    }
    found
}

#[tokio::test]
async fn what_is_confirmed_comes_out_of_a_subscribed_queue() {
    for url in emulators("sns read back") {
        let (topic, sqs, queue) = create(&url).await;
        let room = room(&url, &topic);
        let sent: BTreeMap<String, String> = (0..10)
            .map(|n| {
                (
                    format!("{{ \"n\":{n}.0, \"x\" : \"é & <'>\"}}"),
                    format!("kind-{n}"),
                )
            })
            .collect();
        let records = sent
            .iter()
            .map(|(message, kind)| record(message, kind))
            .collect();
        for attempt in send(&room, records).await {
            let Attempt::Stored(Receipt::Message { id }) = attempt else {
                panic!("{attempt:?}");
            };
            assert!(!id.is_empty());
        }
        assert_eq!(read_back(&sqs, &queue, sent.len()).await, sent);
    }
}

#[tokio::test]
async fn a_missing_topic_blocks_and_is_named() {
    for url in emulators("sns missing topic") {
        let topic = format!("arn:aws:sns:{REGION}:000000000000:{}", unique("nowhere"));
        let attempts = send(&room(&url, &topic), vec![record("1", "k")]).await;
        let Attempt::Blocked(reason) = &attempts[0] else {
            panic!("{attempts:?}");
        };
        assert_eq!(reason.kind(), ReasonKind::TargetMissing);
        assert!(reason.detail().unwrap().contains(&topic), "{reason}");
    }
}

#[tokio::test]
async fn a_closed_port_is_certain_and_named() {
    let url = format!("http://127.0.0.1:{}", closed_port());
    let topic = format!("arn:aws:sns:{REGION}:000000000000:alerts");
    let attempts = send(&room(&url, &topic), vec![record("1", "k")]).await;
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
