//! The open room: sends a batch by one PublishBatch call.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use aws_sdk_sns::Client;
use sluicegate_aws::{Hallway, Service, WholeAnswer};
use sluicegate_contract::{Attempt, AttemptSink, Batch, Integration, Limits, Reason, Record};

use crate::judge::judge;
use crate::request::{entries, group, weigh};
use crate::settings::{BOUNDS, Settings};

/// Opens the room of one topic. Touches no file, no environment and no socket: the client is made
/// at the first call, on the lane.
#[must_use]
pub fn open(name: &str, settings: &Settings, hallway: &Arc<Hallway>) -> Arc<dyn Integration> {
    tracing::debug!(target = name, "sns room opened");
    let is_fifo = settings.is_fifo();
    Arc::new(SnsRoom {
        limits: Limits {
            // A group's next message waits for the one before: a failed entry must not be overtaken.
            unique_keys: is_fifo,
            ..settings.limits.resolve(&BOUNDS)
        },
        is_fifo,
        topic: Arc::new(Topic {
            arn: settings.topic_arn.clone(),
            service: Service::new(
                hallway,
                settings.access(),
                "SNS",
                ("topic", &settings.topic_arn),
                |config| {
                    let config = aws_sdk_sns::config::Builder::from(config)
                        .interceptor(WholeAnswer)
                        .build();
                    Client::from_conf(config)
                },
            ),
        }),
    })
}

struct SnsRoom {
    limits: Limits,
    is_fifo: bool,
    topic: Arc<Topic>,
}

struct Topic {
    arn: String,
    service: Service<Client>,
}

impl Integration for SnsRoom {
    fn limits(&self) -> Limits {
        self.limits
    }

    fn weigh(&self, record: &Record) -> Result<usize, Reason> {
        weigh(record, &self.limits, self.is_fifo)
    }

    fn key(&self, record: &Record) -> Option<u64> {
        let group = group(record).filter(|_| self.is_fifo)?;
        let mut hasher = DefaultHasher::new();
        group.hash(&mut hasher);
        Some(hasher.finish())
    }

    fn submit(&self, batch: Batch, sink: AttemptSink) {
        let topic = Arc::clone(&self.topic);
        tokio::spawn(async move { topic.publish(&batch, sink).await });
    }
}

impl Topic {
    async fn publish(&self, batch: &Batch, mut sink: AttemptSink) {
        let opened = match self.service.open().await {
            Ok(opened) => opened,
            Err(attempt) => return sink.report_rest(&attempt),
        };
        let entries = match entries(batch) {
            Ok(entries) => entries,
            Err(reason) => return sink.report_rest(&Attempt::Refused(reason)),
        };
        let call = opened
            .client
            .publish_batch()
            .topic_arn(&self.arn)
            .set_publish_batch_request_entries(Some(entries));
        // The SDK's future is some ten kilobytes: boxed, so that the task is not.
        match Box::pin(call.send()).await {
            Ok(answer) => judge(&answer, &opened.place, &mut sink),
            Err(error) => {
                let attempt = self.service.failed(&opened, &error).await;
                sink.report_rest(&attempt);
            }
        }
    }
}
