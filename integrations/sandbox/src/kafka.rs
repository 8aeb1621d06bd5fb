//! Kafka: librdkafka's own cluster, on a loopback port of this process.
//!
//! It keeps the last 5 MiB or so of each partition and lets the oldest go by itself.

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

use crate::Trouble;

/// One broker in this process.
pub(crate) struct Kafka {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl Kafka {
    pub(crate) fn start() -> Result<Self, Trouble> {
        let cluster =
            MockCluster::new(1).map_err(|error| Trouble::new("no Kafka broker", &error))?;
        Ok(Self { cluster })
    }

    pub(crate) fn bootstrap_servers(&self) -> String {
        self.cluster.bootstrap_servers()
    }

    pub(crate) fn create_topic(&self, name: &str, partitions: i32) -> Result<(), Trouble> {
        let made = self.cluster.create_topic(name, partitions, 1);
        made.map_err(|error| Trouble::new(&format!("topic `{name}` could not be made"), &error))
    }
}
