//! Apache Kafka as a story sees it: topics of its own, and a reader.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

use sluicegate_audit::{KafkaSource, Place, Source};

use tempfile::TempDir;

use super::{PATIENCE, unique};

/// The broker that `tests/run` started.
pub(crate) struct Kafka {
    pub(crate) servers: String,
}

/// The broker, or a loud skip of this story.
pub(crate) fn kafka(story: &str) -> Option<Kafka> {
    let servers = sluicegate_testkit::backend("SLUICEGATE_TEST_KAFKA", story)?;
    Some(Kafka { servers })
}

/// A node of one story's own, which it may kill. It ends with the story.
pub(crate) struct OwnBroker {
    child: Child,
    said: BufReader<ChildStdout>,
    _folder: TempDir,
    pub(crate) kafka: Kafka,
}

/// Starts a node, or skips this story loudly.
pub(crate) fn own_broker(story: &str) -> Option<OwnBroker> {
    let libraries = sluicegate_testkit::backend("SLUICEGATE_TEST_KAFKA_LIBRARIES", story)?;
    let folder = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/backends/broker.py");
    let mut child = Command::new("python3")
        .arg(script)
        .arg(libraries)
        .arg(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    let servers = ready(&mut said);
    Some(OwnBroker {
        child,
        said,
        _folder: folder,
        kafka: Kafka { servers },
    })
}

/// Waits for the line that says where the node listens.
fn ready(said: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    let port = line.trim().strip_prefix("ready ");
    format!(
        "127.0.0.1:{}",
        port.unwrap_or_else(|| panic!("the node said {line:?}"))
    )
}

impl OwnBroker {
    /// Kills it with SIGKILL and waits until it is there again, on the same port and data.
    pub(crate) fn kill_and_start_again(&mut self) {
        self.child
            .stdin
            .as_mut()
            .unwrap()
            .write_all(b"kill\n")
            .unwrap();
        assert_eq!(ready(&mut self.said), self.kafka.servers);
    }
}

impl Drop for OwnBroker {
    fn drop(&mut self) {
        // The end of its input ends the node, and then the script.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// A topic of one story.
pub(crate) struct Topic {
    pub(crate) name: String,
    servers: String,
}

impl Kafka {
    /// A new topic with so many partitions.
    pub(crate) fn topic(&self, partitions: i32) -> Topic {
        let name = unique("topic");
        let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
            .set("bootstrap.servers", &self.servers)
            .create()
            .unwrap();
        let new = NewTopic::new(&name, partitions, TopicReplication::Fixed(1));
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let made = runtime
            .block_on(admin.create_topics([&new], &options))
            .unwrap();
        assert!(made.iter().all(Result::is_ok), "{made:?}");
        Topic {
            name,
            servers: self.servers.clone(),
        }
    }
}

impl Topic {
    /// Where the audit reads it.
    pub(crate) fn source(&self) -> Source {
        Source::Kafka(KafkaSource {
            servers: self.servers.clone(),
            topic: self.name.clone(),
            properties: Vec::new(),
            place: Place::whole(&["id".to_owned()]),
        })
    }

    /// The YAML of a target that writes to it.
    pub(crate) fn target(&self) -> String {
        format!(
            "kafka: {{ bootstrap_servers: '{}', topic: {} }}",
            self.servers, self.name
        )
    }

    /// The values of all its records, from the beginning to the high watermark.
    pub(crate) fn read(&self) -> Vec<String> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.servers)
            .set("group.id", "stories")
            .set("enable.auto.commit", "false")
            .create()
            .unwrap();
        let metadata = consumer.fetch_metadata(Some(&self.name), PATIENCE).unwrap();
        let mut from = TopicPartitionList::new();
        let mut expected = 0;
        for partition in metadata.topics()[0].partitions() {
            let id = partition.id();
            let (low, high) = consumer.fetch_watermarks(&self.name, id, PATIENCE).unwrap();
            expected += usize::try_from(high - low).unwrap();
            from.add_partition_offset(&self.name, id, Offset::Beginning)
                .unwrap();
        }
        consumer.assign(&from).unwrap();
        let mut found = Vec::with_capacity(expected);
        let end = Instant::now() + PATIENCE;
        while found.len() < expected {
            assert!(
                Instant::now() < end,
                "read {} of {expected} records",
                found.len()
            );
            if let Some(message) = consumer.poll(Duration::from_millis(100)) {
                let message = message.unwrap();
                found.push(String::from_utf8_lossy(message.payload().unwrap_or_default()).into());
            }
        }
        found
    }
}
