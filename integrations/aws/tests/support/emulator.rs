//! What the tests of the AWS rooms share: emulators to speak to, and a batch sent through a room.
//!
//! `tests/run` starts the emulators and says where they are. Without them a test says loudly that
//! it was skipped.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use sluicegate_aws::Hallway;
use sluicegate_contract::{Attempt, AttemptSink, Batch, Integration, Record};

pub(crate) const REGION: &str = "us-east-1";

/// Where ministack is.
pub(crate) const MINISTACK: &str = "SLUICEGATE_TEST_AWS";
/// Where roto-aws is: a second opinion, with other bugs.
pub(crate) const ROTO: &str = "SLUICEGATE_TEST_ROTO";

/// The URL of each emulator that is running.
pub(crate) fn emulators(test: &str) -> Vec<String> {
    [MINISTACK, ROTO]
        .iter()
        .filter_map(|variable| sluicegate_testkit::backend(variable, test))
        .collect()
}

pub(crate) fn hallway() -> Arc<Hallway> {
    Hallway::with_credentials(credentials())
}

/// Configuration of the clients with which a test reads back.
pub(crate) fn config(url: &str) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(url)
        .credentials_provider(
            aws_credential_types::provider::SharedCredentialsProvider::new(credentials()),
        )
        .build()
}

fn credentials() -> Credentials {
    Credentials::new("test", "test", None, None, "tests")
}

/// A name that no other run has.
pub(crate) fn unique(name: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    format!("{name}-{:x}-{}", now.as_nanos(), std::process::id())
}

/// Sends one batch and waits for an attempt for each of its records.
pub(crate) async fn send(room: &Arc<dyn Integration>, records: Vec<Record>) -> Vec<Attempt> {
    for record in &records {
        room.weigh(record)
            .expect("a record of a test is one that may be sent");
    }
    send_batch(room, Batch::new(Arc::new(records))).await
}

/// As [`send`], without weighing.
pub(crate) async fn send_batch(room: &Arc<dyn Integration>, batch: Batch) -> Vec<Attempt> {
    let (report, attempts) = tokio::sync::oneshot::channel();
    let sink = AttemptSink::new(batch.len(), move |attempts| {
        let _ = report.send(attempts);
    });
    room.submit(batch, sink);
    tokio::time::timeout(Duration::from_secs(30), attempts)
        .await
        .expect("a batch is answered within its time")
        .expect("a sink reports when it is dropped")
}

/// A port of this machine that nobody listens on.
pub(crate) fn closed_port() -> u16 {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}
