//! The open room: sends a batch by one PutRecords call.

use std::sync::Arc;

use aws_sdk_kinesis::Client;
use sluicegate_aws::{Hallway, Service, WholeAnswer};
use sluicegate_contract::{Attempt, AttemptSink, Batch, Integration, Limits, Reason, Record};

use crate::judge::judge;
use crate::request::{entries, weigh};
use crate::settings::{BOUNDS, Settings};

/// Opens the room of one stream. Touches no file, no environment and no socket: the client is
/// made at the first call, on the lane.
#[must_use]
pub fn open(name: &str, settings: &Settings, hallway: &Arc<Hallway>) -> Arc<dyn Integration> {
    tracing::debug!(target = name, "kinesis room opened");
    let target = settings
        .stream
        .as_deref()
        .or(settings.stream_arn.as_deref());
    Arc::new(KinesisRoom {
        limits: settings.limits.resolve(&BOUNDS),
        stream: Arc::new(Stream {
            name: settings.stream.clone(),
            arn: settings.stream_arn.clone(),
            service: Service::new(
                hallway,
                settings.access(),
                "KINESIS",
                ("stream", target.unwrap_or_default()),
                |config| {
                    let config = aws_sdk_kinesis::config::Builder::from(config)
                        .interceptor(WholeAnswer)
                        .build();
                    Client::from_conf(config)
                },
            ),
        }),
    })
}

struct KinesisRoom {
    limits: Limits,
    stream: Arc<Stream>,
}

struct Stream {
    name: Option<String>,
    arn: Option<String>,
    service: Service<Client>,
}

impl Integration for KinesisRoom {
    fn limits(&self) -> Limits {
        self.limits
    }

    fn weigh(&self, record: &Record) -> Result<usize, Reason> {
        weigh(record, &self.limits)
    }

    fn submit(&self, batch: Batch, sink: AttemptSink) {
        let stream = Arc::clone(&self.stream);
        tokio::spawn(async move { stream.put(&batch, sink).await });
    }
}

impl Stream {
    async fn put(&self, batch: &Batch, mut sink: AttemptSink) {
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
            .put_records()
            .set_stream_name(self.name.clone())
            .set_stream_arn(self.arn.clone())
            .set_records(Some(entries));
        // The SDK's future is some ten kilobytes: boxed, so that the task is not.
        match Box::pin(call.send()).await {
            Ok(answer) => judge(answer, batch.len(), &opened.place, &mut sink),
            Err(error) => {
                let attempt = self.service.failed(&opened, &error).await;
                sink.report_rest(&attempt);
            }
        }
    }
}
