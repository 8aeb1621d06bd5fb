//! SNS: ReceiveMessage from the queue that is subscribed raw, then DeleteMessageBatch.

use std::time::SystemTime;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, Message, MessageAttributeValue, MessageSystemAttributeName,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json, json};

use super::since;
use crate::sqs::Queues;
use crate::watcher::{Landed, Words};

/// Messages of one ReceiveMessage, as the service says.
const MESSAGES_PER_CALL: i32 = 10;

/// Reads one queue.
pub(crate) struct Reader {
    place: usize,
    client: Client,
    url: String,
}

impl Reader {
    pub(crate) fn new(place: usize, client: Client, url: String) -> Self {
        Self { place, client, url }
    }

    pub(crate) async fn round(&mut self, queues: &Queues, words: &Words) -> usize {
        if queues.take_gone(&self.url) > 0 {
            words.full("SNS", self.place);
        }
        if !queues.has_messages(&self.url) {
            return 0;
        }
        let call = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(MESSAGES_PER_CALL)
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp);
        let received = match call.send().await {
            Ok(received) => received.messages.unwrap_or_default(),
            Err(error) => {
                tracing::debug!(target: "sandbox", ?error, url = self.url, "not read back");
                return 0;
            }
        };
        for message in &received {
            words.landed(self.landed(message));
        }
        self.delete(&received).await;
        received.len()
    }

    async fn delete(&self, received: &[Message]) {
        let mut call = self.client.delete_message_batch().queue_url(&self.url);
        for (index, message) in received.iter().enumerate() {
            let entry = DeleteMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .set_receipt_handle(message.receipt_handle.clone());
            if let Ok(entry) = entry.build() {
                call = call.entries(entry);
            }
        }
        if let (false, Err(error)) = (received.is_empty(), call.send().await) {
            tracing::debug!(target: "sandbox", ?error, url = self.url, "not deleted");
        }
    }

    fn landed(&self, message: &Message) -> Landed {
        let body = message.body().unwrap_or_default();
        let sent = message
            .attributes()
            .and_then(|all| all.get(&MessageSystemAttributeName::SentTimestamp))
            .and_then(|at| at.parse().ok());
        let attributes: Map<String, Json> = message
            .message_attributes()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), attribute(value)))
            .collect();
        let mut content = json!({ "message": body });
        if !attributes.is_empty() {
            content["attributes"] = Json::Object(attributes);
        }
        Landed {
            time: SystemTime::now(),
            place: self.place,
            took: since(sent.unwrap_or(i64::MAX)),
            key: None,
            bytes: body.len(),
            content,
        }
    }
}

fn attribute(value: &MessageAttributeValue) -> Json {
    let is_json = value.data_type().starts_with("Number") || value.data_type() == "String.Array";
    match (value.string_value(), value.binary_value()) {
        (Some(text), _) if is_json => {
            serde_json::from_str(text).unwrap_or_else(|_| Json::from(text))
        }
        (Some(text), _) => Json::from(text),
        (None, Some(bytes)) => Json::from(STANDARD.encode(bytes.as_ref())),
        (None, None) => Json::Null,
    }
}
