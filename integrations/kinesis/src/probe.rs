//! A look at a stream: whether it is there, and how wide it is. Writes nothing.

use std::sync::Arc;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::types::{StreamMode, StreamStatus};
use sluicegate_aws::{Hallway, Service, observed};
use sluicegate_contract::Observation;

use crate::settings::Settings;

const ACTION: &str = "kinesis:DescribeStreamSummary";

/// What is seen of the stream.
pub async fn probe(settings: &Settings, hallway: &Arc<Hallway>) -> Vec<Observation> {
    let (name, arn) = (settings.stream.clone(), settings.stream_arn.clone());
    let shown = name.as_deref().or(arn.as_deref()).unwrap_or_default();
    let what = ("stream", shown);
    let service = Service::new(hallway, settings.access(), "KINESIS", what, Client::new);
    let opened = match service.open().await {
        Ok(opened) => opened,
        Err(attempt) => return vec![observed(&attempt, ACTION)],
    };
    let call = opened
        .client
        .describe_stream_summary()
        .set_stream_name(name.clone())
        .set_stream_arn(arn.clone());
    let answer = match Box::pin(call.send()).await {
        Ok(answer) => answer,
        Err(error) => {
            let attempt = service.failed(&opened, &error).await;
            return vec![observed(&attempt, ACTION)];
        }
    };
    let place = &opened.place;
    let Some(stream) = answer.stream_description_summary() else {
        let what = format!("{place}: the answer describes no stream");
        return vec![Observation::wrong(what, "look at `endpoint_url`")];
    };
    let mode = stream
        .stream_mode_details()
        .map(|details| details.stream_mode());
    let shards = stream.open_shard_count();
    let width = match mode {
        Some(StreamMode::OnDemand) => format!("on demand, {shards} open shards now"),
        _ => format!(
            "{shards} open shards, which take {} records a second",
            i64::from(shards) * 1000
        ),
    };
    let status = match stream.stream_status() {
        StreamStatus::Active | StreamStatus::Updating => {
            Observation::good(format!("{place} is there: {width}"))
        }
        status => Observation::wrong(
            format!("{place} is {}", status.as_str().to_lowercase()),
            "wait until it is active",
        ),
    };
    vec![
        status,
        Observation::doubtful(
            "whether it may be written to cannot be asked without writing",
            "the credentials need `kinesis:PutRecords`",
        ),
    ]
}
