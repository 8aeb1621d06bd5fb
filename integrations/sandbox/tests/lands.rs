//! What the real clients send to the sandbox is read back as it landed, and memory stays bounded.

#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use aws_sdk_kinesis::types::PutRecordsRequestEntry;
use aws_sdk_sns::types::{MessageAttributeValue, PublishBatchRequestEntry};
use aws_smithy_types::Blob;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::json;
use sluicegate_aws::Access;
use sluicegate_sandbox::{Landed, Sandbox, TableKey, Watched, Watcher};

const PATIENCE: Duration = Duration::from_secs(20);

struct Stage {
    sandbox: Sandbox,
    config: aws_config::SdkConfig,
    runtime: tokio::runtime::Runtime,
}

fn stage() -> Stage {
    let sandbox = Sandbox::start().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let config = runtime
        .block_on(sandbox.hallway().config(&Access::default()))
        .unwrap();
    Stage {
        sandbox,
        config,
        runtime,
    }
}

fn next(watcher: &mut Watcher) -> Landed {
    watcher.next(PATIENCE).expect("nothing landed")
}

#[test]
fn an_item_lands_even_where_it_changes_nothing() {
    let stage = stage();
    let keys = [
        TableKey {
            attribute: "pk",
            kind: "S",
        },
        TableKey {
            attribute: "sk",
            kind: "N",
        },
    ];
    let table = stage.sandbox.create_table("orders", &keys).unwrap();
    assert_eq!((table.service(), table.name()), ("DynamoDB", "orders"));
    let mut watcher = stage.sandbox.watch(vec![table]).unwrap();
    let client = aws_sdk_dynamodb::Client::new(&stage.config);
    for _ in 0..2 {
        let put = client
            .put_item()
            .table_name("orders")
            .item("pk", AttributeValue::S("a".into()))
            .item("sk", AttributeValue::N("7".into()))
            .item("total", AttributeValue::N("12.50".into()));
        stage.runtime.block_on(put.send()).unwrap();
        let landed = next(&mut watcher);
        assert_eq!(landed.key.as_deref(), Some("a / 7"));
        let put = json!({ "pk": "a", "sk": 7, "total": 12.50 });
        assert_eq!(landed.content, json!({ "put": put }));
        assert!(landed.took < PATIENCE && landed.bytes > 10);
    }
}

#[test]
fn stream_topic_and_kafka_records_land_with_what_belongs_to_them() {
    let stage = stage();
    let arn = "arn:aws:sns:eu-west-1:123456789012:alerts";
    let places: Vec<Watched> = vec![
        stage.sandbox.create_stream("clicks").unwrap(),
        stage.sandbox.create_topic(arn).unwrap(),
        stage.sandbox.create_kafka_topic("audit", 2).unwrap(),
    ];
    let mut watcher = stage.sandbox.watch(places).unwrap();

    let kinesis = aws_sdk_kinesis::Client::new(&stage.config);
    let entry = PutRecordsRequestEntry::builder()
        .partition_key("u1")
        .data(Blob::new("{\"a\":1}"));
    let put = kinesis
        .put_records()
        .stream_name("clicks")
        .records(entry.build().unwrap());
    assert_eq!(
        stage
            .runtime
            .block_on(put.send())
            .unwrap()
            .failed_record_count,
        Some(0)
    );
    let landed = next(&mut watcher);
    let expected = json!({ "partition_key": "u1", "data": "{\"a\":1}" });
    assert_eq!((landed.place, landed.content), (0, expected));

    publish(&stage, arn);
    let landed = next(&mut watcher);
    let expected = json!({ "message": "<ü> & +%", "attributes": { "type": "b & c" } });
    assert_eq!((landed.place, landed.content), (1, expected));

    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", stage.sandbox.kafka_bootstrap())
        .create()
        .unwrap();
    producer
        .send(
            BaseRecord::to("audit")
                .key("k")
                .payload("v")
                .partition(1)
                .timestamp(5),
        )
        .unwrap();
    producer.flush(PATIENCE).unwrap();
    let landed = next(&mut watcher);
    let expected = json!({ "partition": 1, "key": "k", "value": "v", "timestamp": 5 });
    assert_eq!((landed.place, landed.content), (2, expected));
}

/// One good message and one that SNS refuses.
fn publish(stage: &Stage, arn: &str) {
    let sns = aws_sdk_sns::Client::new(&stage.config);
    let attribute = MessageAttributeValue::builder()
        .data_type("String")
        .string_value("b & c");
    let entry = |id: &str, message: &str| {
        PublishBatchRequestEntry::builder()
            .id(id)
            .message(message)
            .message_attributes("type", attribute.clone().build().unwrap())
            .build()
            .unwrap()
    };
    let publish = sns
        .publish_batch()
        .topic_arn(arn)
        .publish_batch_request_entries(entry("0", "<ü> & +%"))
        .publish_batch_request_entries(entry("1", ""));
    let published = stage.runtime.block_on(publish.send()).unwrap();
    assert_eq!(
        (published.successful().len(), published.failed().len()),
        (1, 1)
    );
    assert!(published.failed()[0].sender_fault);
}

#[test]
fn records_put_while_the_stream_is_read_are_all_read_back() {
    let stage = stage();
    let stream = stage.sandbox.create_stream("busy").unwrap();
    let mut watcher = stage.sandbox.watch(vec![stream]).unwrap();
    let kinesis = aws_sdk_kinesis::Client::new(&stage.config);
    for number in 0..300 {
        let put = kinesis
            .put_record()
            .stream_name("busy")
            .partition_key(number.to_string())
            .data(Blob::new("d"));
        stage.runtime.block_on(put.send()).unwrap();
    }
    let mut keys: Vec<_> = (0..300).map(|_| next(&mut watcher).key.unwrap()).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 300);
    assert!(watcher.next(Duration::from_millis(300)).is_none());
}

#[test]
fn the_services_refuse_what_the_real_ones_refuse() {
    let stage = stage();
    stage
        .sandbox
        .create_table(
            "table",
            &[TableKey {
                attribute: "pk",
                kind: "S",
            }],
        )
        .unwrap();
    let dynamodb = aws_sdk_dynamodb::Client::new(&stage.config);
    let put = dynamodb
        .put_item()
        .table_name("table")
        .item("other", AttributeValue::Bool(true));
    let said = stage
        .runtime
        .block_on(put.send())
        .unwrap_err()
        .into_service_error();
    assert_eq!(said.meta().code(), Some("ValidationException"), "{said:?}");
    let put = dynamodb
        .put_item()
        .table_name("gone")
        .item("pk", AttributeValue::S("a".into()));
    let said = stage
        .runtime
        .block_on(put.send())
        .unwrap_err()
        .into_service_error();
    assert!(said.is_resource_not_found_exception(), "{said:?}");

    let sns = aws_sdk_sns::Client::new(&stage.config);
    let publish = sns
        .publish()
        .topic_arn("arn:aws:sns:us-east-1:000000000000:gone")
        .message("m");
    let said = stage
        .runtime
        .block_on(publish.send())
        .unwrap_err()
        .into_service_error();
    assert!(said.is_not_found_exception(), "{said:?}");
    let kinesis = aws_sdk_kinesis::Client::new(&stage.config);
    let put = kinesis
        .put_record()
        .stream_name("gone")
        .partition_key("k")
        .data(Blob::new("d"));
    let said = stage
        .runtime
        .block_on(put.send())
        .unwrap_err()
        .into_service_error();
    assert!(said.is_resource_not_found_exception(), "{said:?}");
}

#[test]
fn the_oldest_rows_go_and_this_is_said_once() {
    let stage = stage();
    let keys = [TableKey {
        attribute: "pk",
        kind: "S",
    }];
    let table = stage.sandbox.create_table("many", &keys).unwrap();
    let mut watcher = stage.sandbox.watch(vec![table]).unwrap();
    let client = aws_sdk_dynamodb::Client::new(&stage.config);
    let rows = 10_200_usize;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            for chunk in 0..rows / 25 {
                let puts: Vec<_> = (chunk * 25..(chunk + 1) * 25)
                    .map(|row| {
                        let pk = AttributeValue::S(format!("{row:06}"));
                        let put = PutRequest::builder().item("pk", pk).build().unwrap();
                        WriteRequest::builder().put_request(put).build()
                    })
                    .collect();
                let write = client.batch_write_item().request_items("many", puts);
                runtime.as_ref().unwrap().block_on(write.send()).unwrap();
            }
        });
        for _ in 0..rows {
            next(&mut watcher);
        }
    });
    // The last deletions follow the last record that was read.
    assert!(watcher.next(Duration::from_millis(500)).is_none());
    assert_eq!(watcher.take_full(), [0]);
    let count = |start| {
        let scan = client
            .scan()
            .table_name("many")
            .set_exclusive_start_key(start);
        stage.runtime.block_on(scan.send()).unwrap()
    };
    let (mut there, mut start) = (0, None);
    loop {
        let page = count(start);
        there += page.count;
        start = page.last_evaluated_key;
        if start.is_none() {
            break;
        }
    }
    assert_eq!(there, 10_000);
}
