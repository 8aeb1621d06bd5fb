//! AWS as a story sees it: tables, streams and topics of its own on an emulator, and readers that
//! ask the service itself.

use std::rc::Rc;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_sdk_kinesis::types::ShardIteratorType;
use aws_sdk_sqs::types::DeleteMessageBatchRequestEntry;

use sluicegate_audit::{AwsAccess, DynamodbSource, KinesisSource, Place, SnsSource, Source};

use super::{PATIENCE, unique};

const REGION: &str = "us-east-1";
/// A queue is read to its end when nothing came for so long.
const QUIET: Duration = Duration::from_secs(2);

/// An emulator of AWS that `tests/run` started.
pub(crate) struct Aws {
    pub(crate) endpoint: String,
    runtime: Rc<tokio::runtime::Runtime>,
}

/// The first emulator, or a loud skip of this story.
pub(crate) fn aws(story: &str) -> Option<Aws> {
    emulator("SLUICEGATE_TEST_AWS", story)
}

/// The second opinion: another emulator with bugs of its own, or a loud skip of this story.
pub(crate) fn roto(story: &str) -> Option<Aws> {
    emulator("SLUICEGATE_TEST_ROTO", story)
}

fn emulator(variable: &str, story: &str) -> Option<Aws> {
    let endpoint = sluicegate_testkit::backend(variable, story)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    Some(Aws {
        endpoint,
        runtime: Rc::new(runtime),
    })
}

/// A client of one of the SDK's crates for this emulator.
macro_rules! client {
    ($sdk:ident, $endpoint:expr) => {{
        use $sdk::config::{BehaviorVersion, Config, Credentials, Region};
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .credentials_provider(Credentials::new("test", "test", None, None, "stories"))
            .endpoint_url($endpoint)
            .build();
        $sdk::Client::from_conf(config)
    }};
}

/// A stream of one story.
pub(crate) struct Stream {
    pub(crate) name: String,
    endpoint: String,
    runtime: Rc<tokio::runtime::Runtime>,
}

/// A table of one story, with the string `pk` as its key.
pub(crate) struct Table {
    pub(crate) name: String,
    endpoint: String,
    runtime: Rc<tokio::runtime::Runtime>,
}

/// An SNS topic of one story, with a queue that is subscribed to it.
pub(crate) struct Topic {
    pub(crate) arn: String,
    queue: String,
    endpoint: String,
    runtime: Rc<tokio::runtime::Runtime>,
}

impl Aws {
    /// A new stream with so many shards.
    pub(crate) fn stream(&self, shards: i32) -> Stream {
        let (name, client) = (unique("stream"), client!(aws_sdk_kinesis, &self.endpoint));
        self.runtime.block_on(async {
            let create = client
                .create_stream()
                .stream_name(&name)
                .shard_count(shards);
            create.send().await.unwrap();
            let end = Instant::now() + PATIENCE;
            loop {
                let summary = client
                    .describe_stream_summary()
                    .stream_name(&name)
                    .send()
                    .await;
                let active = summary.is_ok_and(|summary| {
                    let summary = summary.stream_description_summary();
                    summary.is_some_and(|summary| summary.stream_status().as_str() == "ACTIVE")
                });
                if active {
                    break;
                }
                assert!(Instant::now() < end, "{name} does not become active");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        Stream {
            name,
            endpoint: self.endpoint.clone(),
            runtime: Rc::clone(&self.runtime),
        }
    }

    /// A new table for idempotency keys: its name.
    pub(crate) fn keys(&self) -> String {
        self.table_with("key").name
    }

    /// A new table.
    pub(crate) fn table(&self) -> Table {
        self.table_with("pk")
    }

    fn table_with(&self, key: &str) -> Table {
        let (name, client) = (unique("table"), client!(aws_sdk_dynamodb, &self.endpoint));
        let attribute = AttributeDefinition::builder()
            .attribute_name(key)
            .attribute_type(ScalarAttributeType::S);
        let key = KeySchemaElement::builder()
            .attribute_name(key)
            .key_type(KeyType::Hash);
        let create = client
            .create_table()
            .table_name(&name)
            .key_schema(key.build().unwrap())
            .attribute_definitions(attribute.build().unwrap())
            .billing_mode(BillingMode::PayPerRequest);
        self.runtime.block_on(create.send()).unwrap();
        Table {
            name,
            endpoint: self.endpoint.clone(),
            runtime: Rc::clone(&self.runtime),
        }
    }

    /// A new topic, and a queue that gets its messages raw.
    pub(crate) fn topic(&self) -> Topic {
        let sns = client!(aws_sdk_sns, &self.endpoint);
        let sqs = client!(aws_sdk_sqs, &self.endpoint);
        let (arn, queue) = self.runtime.block_on(async {
            let topic = sns
                .create_topic()
                .name(unique("topic"))
                .send()
                .await
                .unwrap();
            let arn = topic.topic_arn().unwrap().to_owned();
            let queue = sqs
                .create_queue()
                .queue_name(unique("queue"))
                .send()
                .await
                .unwrap();
            let queue = queue.queue_url().unwrap().to_owned();
            let asked = sqs.get_queue_attributes().queue_url(&queue);
            let asked = asked
                .attribute_names("QueueArn".into())
                .send()
                .await
                .unwrap();
            let queue_arn = asked.attributes().unwrap()[&"QueueArn".into()].clone();
            let subscribe = sns
                .subscribe()
                .topic_arn(&arn)
                .protocol("sqs")
                .endpoint(queue_arn);
            subscribe
                .attributes("RawMessageDelivery", "true")
                .send()
                .await
                .unwrap();
            (arn, queue)
        });
        let (endpoint, runtime) = (self.endpoint.clone(), Rc::clone(&self.runtime));
        Topic {
            arn,
            queue,
            endpoint,
            runtime,
        }
    }
}

fn access(endpoint: &str) -> AwsAccess {
    AwsAccess {
        region: Some(REGION.to_owned()),
        endpoint_url: Some(endpoint.to_owned()),
        profile: None,
    }
}

impl Stream {
    /// Where the audit reads it.
    pub(crate) fn source(&self) -> Source {
        Source::Kinesis(KinesisSource {
            stream: self.name.clone(),
            access: access(&self.endpoint),
            place: Place::whole(&["id".to_owned()]),
        })
    }

    /// The YAML of a target that writes to it.
    pub(crate) fn target(&self) -> String {
        let Self { name, endpoint, .. } = self;
        format!("kinesis: {{ stream: {name}, region: {REGION}, endpoint_url: '{endpoint}' }}")
    }

    /// The data of all its records, read from the horizon of each shard.
    pub(crate) fn read(&self) -> Vec<String> {
        let client = client!(aws_sdk_kinesis, &self.endpoint);
        let mut found = Vec::new();
        self.runtime.block_on(async {
            let shards = client
                .list_shards()
                .stream_name(&self.name)
                .send()
                .await
                .unwrap();
            for shard in shards.shards() {
                let from = client
                    .get_shard_iterator()
                    .stream_name(&self.name)
                    .shard_id(shard.shard_id())
                    .shard_iterator_type(ShardIteratorType::TrimHorizon);
                let mut next = from.send().await.unwrap().shard_iterator;
                while let Some(iterator) = next.take() {
                    let page = client.get_records().shard_iterator(iterator).limit(10_000);
                    let page = page.send().await.unwrap();
                    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                    found.extend(page.records.iter().map(|record| text(record.data.as_ref())));
                    if !page.records.is_empty() || page.millis_behind_latest.unwrap_or(0) > 0 {
                        next = page.next_shard_iterator;
                    }
                }
            }
        });
        found
    }
}

impl Table {
    /// Where the audit reads it: items with `pk`, `raw` and, where writes count, `puts`.
    pub(crate) fn source(&self) -> Source {
        Source::Dynamodb(DynamodbSource {
            table: self.name.clone(),
            access: access(&self.endpoint),
            id: "pk".to_owned(),
            payload: Some("raw".to_owned()),
            count: Some("puts".to_owned()),
        })
    }

    /// The YAML of a target that writes to it.
    pub(crate) fn target(&self) -> String {
        let Self { name, endpoint, .. } = self;
        format!(
            "dynamodb: {{ table: {name}, key: {{ pk: S }}, region: {REGION}, \
             endpoint_url: '{endpoint}' }}"
        )
    }

    /// The attribute `raw` of all its items.
    pub(crate) fn read(&self) -> Vec<String> {
        self.texts("raw")
    }

    /// An attribute of all items that have it as text, by a consistent scan.
    pub(crate) fn texts(&self, attribute: &str) -> Vec<String> {
        let client = client!(aws_sdk_dynamodb, &self.endpoint);
        self.runtime.block_on(async {
            let (mut found, mut from) = (Vec::new(), None);
            loop {
                let scan = client.scan().table_name(&self.name).consistent_read(true);
                let page = scan.set_exclusive_start_key(from).send().await.unwrap();
                let raw = |item: &std::collections::HashMap<_, _>| {
                    let raw: &aws_sdk_dynamodb::types::AttributeValue = item.get(attribute)?;
                    raw.as_s().ok().cloned()
                };
                found.extend(page.items().iter().filter_map(raw));
                from = page.last_evaluated_key;
                if from.is_none() {
                    return found;
                }
            }
        })
    }
}

impl Topic {
    /// Where the audit reads it: through a queue of its own.
    pub(crate) fn source(&self) -> Source {
        Source::Sns(SnsSource {
            topic_arn: self.arn.clone(),
            access: access(&self.endpoint),
            queue: None,
            place: Place::whole(&["id".to_owned()]),
        })
    }

    /// The YAML of a target that publishes to it.
    pub(crate) fn target(&self) -> String {
        let Self { arn, endpoint, .. } = self;
        format!("sns: {{ topic_arn: '{arn}', region: {REGION}, endpoint_url: '{endpoint}' }}")
    }

    /// The messages that its queue holds, taken until `expected` are there, and then until it
    /// stays quiet, so that one too many is seen.
    pub(crate) fn read(&self, expected: usize) -> Vec<String> {
        let client = client!(aws_sdk_sqs, &self.endpoint);
        self.runtime.block_on(async {
            let (mut found, mut last) = (Vec::new(), Instant::now());
            loop {
                let receive = client.receive_message().queue_url(&self.queue);
                let page = receive.max_number_of_messages(10).send().await.unwrap();
                let messages = page.messages.unwrap_or_default();
                let patience = if found.len() >= expected {
                    QUIET / 4
                } else {
                    QUIET * 5
                };
                if messages.is_empty() {
                    if last.elapsed() > patience {
                        return found;
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                }
                last = Instant::now();
                let mut done = client.delete_message_batch().queue_url(&self.queue);
                for (place, message) in messages.iter().enumerate() {
                    let receipt = message.receipt_handle().unwrap_or_default();
                    let entry = DeleteMessageBatchRequestEntry::builder().id(place.to_string());
                    done = done.entries(entry.receipt_handle(receipt).build().unwrap());
                }
                done.send().await.unwrap();
                found.extend(messages.into_iter().filter_map(|message| message.body));
            }
        })
    }
}
