//! A look at a topic: whether it is there, and whether anybody listens. Publishes nothing.

use std::sync::Arc;

use aws_sdk_sns::Client;
use sluicegate_aws::{Hallway, Service, observed};
use sluicegate_contract::Observation;

use crate::settings::Settings;

const ACTION: &str = "sns:GetTopicAttributes";

/// What is seen of the topic.
pub async fn probe(settings: &Settings, hallway: &Arc<Hallway>) -> Vec<Observation> {
    let what = ("topic", settings.topic_arn.as_str());
    let service = Service::new(hallway, settings.access(), "SNS", what, Client::new);
    let opened = match service.open().await {
        Ok(opened) => opened,
        Err(attempt) => return vec![observed(&attempt, ACTION)],
    };
    let call = opened
        .client
        .get_topic_attributes()
        .topic_arn(&settings.topic_arn);
    let answer = match Box::pin(call.send()).await {
        Ok(answer) => answer,
        Err(error) => {
            let attempt = service.failed(&opened, &error).await;
            return vec![observed(&attempt, ACTION)];
        }
    };
    let attribute = |name: &str| answer.attributes()?.get(name).map(String::as_str);
    let count = |name: &str| attribute(name)?.parse::<u64>().ok();
    let mut seen = vec![Observation::good(format!("{} is there", opened.place))];
    if count("SubscriptionsConfirmed") == Some(0) {
        let pending = count("SubscriptionsPending").unwrap_or(0);
        seen.push(Observation::doubtful(
            format!("nobody is subscribed to it ({pending} subscriptions wait to be confirmed)"),
            "what is published now reaches nobody: subscribe a queue, a function or a mail address",
        ));
    }
    if attribute("KmsMasterKeyId").is_some_and(|key| !key.is_empty()) {
        seen.push(Observation::doubtful(
            "it encrypts what it holds with a key of KMS",
            "the credentials need `kms:GenerateDataKey` and `kms:Decrypt` on that key, too",
        ));
    }
    seen.push(Observation::doubtful(
        "whether it may be published to cannot be asked without publishing",
        "the credentials need `sns:Publish`",
    ));
    seen
}
