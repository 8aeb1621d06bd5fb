//! The broker of the measurement: a running one that `SLUICEGATE_TEST_KAFKA` names, or the one that
//! `tests/run --serve` starts. Topics are made for each measurement and deleted after it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

use crate::Failure;

const PARTITIONS: i32 = 4;
const WAIT: Duration = Duration::from_secs(30);

/// A broker.
pub(crate) struct Kafka {
    /// Its address.
    pub(crate) bootstrap: String,
    backends: Option<Child>,
    /// The backends' output: closing it would end them.
    _output: Option<BufReader<ChildStdout>>,
}

impl Kafka {
    /// Finds or starts a broker.
    pub(crate) fn find() -> Result<Self, Failure> {
        if let Ok(bootstrap) = std::env::var("SLUICEGATE_TEST_KAFKA") {
            return Ok(Self {
                bootstrap,
                backends: None,
                _output: None,
            });
        }
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/run");
        eprintln!("starting Apache Kafka through tests/run --serve");
        let mut child = Command::new(script)
            .arg("--serve")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|fault| format!("tests/run --serve: {fault}"))?;
        let mut output = BufReader::new(child.stdout.take().ok_or("no output")?);
        let mut kafka = Self {
            bootstrap: String::new(),
            backends: Some(child),
            _output: None,
        };
        let mut line = String::new();
        while output.read_line(&mut line)? > 0 {
            if let Some(address) = line.strip_prefix("export SLUICEGATE_TEST_KAFKA=") {
                address.trim_end().clone_into(&mut kafka.bootstrap);
                kafka._output = Some(output);
                return Ok(kafka);
            }
            line.clear();
        }
        Err("tests/run --serve ended without a broker".into())
    }

    /// Makes a topic of four partitions.
    pub(crate) fn create(&self, topic: &str) -> Result<(), Failure> {
        let new = NewTopic::new(topic, PARTITIONS, TopicReplication::Fixed(1));
        let results = block_on(
            self.admin()?
                .create_topics(&[new], &AdminOptions::new().operation_timeout(Some(WAIT))),
        )??;
        for result in results {
            result.map_err(|(topic, fault)| format!("{topic}: {fault}"))?;
        }
        Ok(())
    }

    /// Deletes a topic: a long run would fill the disk.
    pub(crate) fn delete(&self, topic: &str) -> Result<(), Failure> {
        block_on(
            self.admin()?
                .delete_topics(&[topic], &AdminOptions::new().operation_timeout(Some(WAIT))),
        )??;
        Ok(())
    }

    /// Records that a topic holds.
    pub(crate) fn records(&self, topic: &str) -> Result<u64, Failure> {
        let consumer: BaseConsumer = self.client().create()?;
        let mut sum = 0;
        for partition in 0..PARTITIONS {
            let (low, high) = consumer.fetch_watermarks(topic, partition, WAIT)?;
            sum += u64::try_from(high - low)?;
        }
        Ok(sum)
    }

    fn admin(&self) -> Result<AdminClient<DefaultClientContext>, Failure> {
        Ok(self.client().create()?)
    }

    fn client(&self) -> ClientConfig {
        let mut settings = ClientConfig::new();
        settings.set("bootstrap.servers", &self.bootstrap);
        settings
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        let Some(mut child) = self.backends.take() else {
            return;
        };
        // SIGTERM: the script stops its own children, which SIGKILL would leave behind.
        let _ = Command::new("kill").arg(child.id().to_string()).status();
        let _ = child.wait();
    }
}

fn block_on<F: Future>(future: F) -> Result<F::Output, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    Ok(runtime.block_on(future))
}
