//! A topic through a queue that gets its messages raw, made before anything is sent.

use std::time::{Duration, Instant};

use aws_sdk_sns::Client as Sns;
use aws_sdk_sqs::Client as Sqs;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, QueueAttributeName};
use tokio::task::JoinSet;

use super::aws::said;
use super::{SnsSource, take_json};
use crate::history::History;
use crate::holding::Holding;

/// The queue is empty where nothing came for so long: a topic delivers within milliseconds.
const QUIET: Duration = Duration::from_millis(700);
/// Receives at once. A FIFO queue's order asks for one.
const RECEIVERS: usize = 4;
/// Messages stay for two weeks, which is the most that SQS keeps.
const RETENTION_SECONDS: &str = "1209600";

pub(crate) struct SnsReader {
    source: SnsSource,
    sns: Sns,
    sqs: Sqs,
    queue: String,
    /// The subscription and the queue are ours to remove.
    subscription: Option<String>,
}

impl SnsReader {
    pub(crate) async fn open(source: SnsSource) -> Result<Self, String> {
        let config = source.access.config().await;
        let (sns, sqs) = (Sns::new(&config), Sqs::new(&config));
        let mut reader = Self {
            queue: source.queue.clone().unwrap_or_default(),
            source,
            sns,
            sqs,
            subscription: None,
        };
        if reader.source.queue.is_none() {
            reader.make_queue().await?;
        }
        Ok(reader)
    }

    async fn make_queue(&mut self) -> Result<(), String> {
        let name = format!("sluicegate-audit-{:016x}", fastrand::u64(..));
        let create = self.sqs.create_queue();
        let create = match self.is_fifo() {
            true => create
                .queue_name(format!("{name}.fifo"))
                .attributes(QueueAttributeName::FifoQueue, "true"),
            false => create.queue_name(name),
        };
        let create = create.attributes(
            QueueAttributeName::MessageRetentionPeriod,
            RETENTION_SECONDS,
        );
        let made = create
            .send()
            .await
            .map_err(|error| said("SQS makes no queue", &error))?;
        self.queue = made.queue_url.unwrap_or_default();
        let asked = self.sqs.get_queue_attributes().queue_url(&self.queue);
        let asked = asked
            .attribute_names(QueueAttributeName::QueueArn)
            .send()
            .await;
        let asked = asked.map_err(|error| said("SQS does not show its queue", &error))?;
        let arn = asked
            .attributes()
            .and_then(|attributes| attributes.get(&QueueAttributeName::QueueArn))
            .ok_or("SQS does not say the queue's ARN")?;
        let policy = serde_json::json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Service": "sns.amazonaws.com" },
                "Action": "sqs:SendMessage",
                "Resource": arn,
                "Condition": { "ArnEquals": { "aws:SourceArn": self.source.topic_arn } },
            }],
        });
        let allow = self.sqs.set_queue_attributes().queue_url(&self.queue);
        let allow = allow
            .attributes(QueueAttributeName::Policy, policy.to_string())
            .send()
            .await;
        allow.map_err(|error| said("SQS does not let the topic in", &error))?;
        let subscribe = self.sns.subscribe().topic_arn(&self.source.topic_arn);
        let subscribe = subscribe
            .protocol("sqs")
            .endpoint(arn)
            .attributes("RawMessageDelivery", "true")
            .return_subscription_arn(true);
        let made = subscribe
            .send()
            .await
            .map_err(|error| said(&format!("SNS' topic {}", self.source.topic_arn), &error))?;
        self.subscription = made.subscription_arn;
        Ok(())
    }

    fn is_fifo(&self) -> bool {
        self.source.topic_arn.ends_with(".fifo")
    }

    /// Takes messages until the queue is quiet. What was taken is gone from it.
    pub(crate) async fn read(
        &mut self,
        history: &History,
        holding: &mut Holding,
    ) -> Result<(), String> {
        let receivers = if self.is_fifo() { 1 } else { RECEIVERS };
        let mut last = Instant::now();
        while last.elapsed() < QUIET {
            let mut receives = JoinSet::new();
            for _ in 0..receivers {
                receives.spawn(Box::pin(receive(self.sqs.clone(), self.queue.clone())));
            }
            let mut count = 0;
            while let Some(received) = receives.join_next().await {
                for message in received.map_err(|error| error.to_string())?? {
                    let body = message.body().unwrap_or_default().as_bytes();
                    take_json(history, holding, &self.source.place, body, 0);
                    count += 1;
                }
            }
            if count > 0 {
                last = Instant::now();
            } else {
                tokio::time::sleep(QUIET / 10).await;
            }
        }
        Ok(())
    }

    pub(crate) async fn close(self) -> Result<(), String> {
        let Some(subscription) = &self.subscription else {
            return Ok(());
        };
        let unsubscribed = self
            .sns
            .unsubscribe()
            .subscription_arn(subscription)
            .send()
            .await;
        let deleted = self.sqs.delete_queue().queue_url(&self.queue).send().await;
        unsubscribed.map_err(|error| said("SNS keeps the audit's subscription", &error))?;
        deleted.map_err(|error| said("SQS keeps the audit's queue", &error))?;
        Ok(())
    }
}

/// Up to ten messages, which are deleted before they are counted: one that could come again would
/// look like a duplicate.
async fn receive(sqs: Sqs, queue: String) -> Result<Vec<Message>, String> {
    let receive = sqs
        .receive_message()
        .queue_url(&queue)
        .max_number_of_messages(10);
    let received = receive.send().await;
    let received = received.map_err(|error| said("SQS gives no messages", &error))?;
    let messages = received.messages.unwrap_or_default();
    if messages.is_empty() {
        return Ok(messages);
    }
    let mut delete = sqs.delete_message_batch().queue_url(&queue);
    for (place, message) in messages.iter().enumerate() {
        let receipt = message.receipt_handle().unwrap_or_default();
        let entry = DeleteMessageBatchRequestEntry::builder().id(place.to_string());
        let entry = entry.receipt_handle(receipt).build();
        delete = delete.entries(entry.map_err(|error| error.to_string())?);
    }
    let deleted = delete.send().await;
    let deleted = deleted.map_err(|error| said("SQS deletes no messages", &error))?;
    if deleted.failed().is_empty() {
        Ok(messages)
    } else {
        Err("SQS did not delete a message that was read: it may come again".to_owned())
    }
}
