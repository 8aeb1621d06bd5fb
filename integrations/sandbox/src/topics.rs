//! SNS, as much of it as a gateway and a reader need: topics, raw subscriptions of queues, and
//! publishing with the service's own limits.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::form::{Form, escaped};
use crate::front::{ACCOUNT, Answer, REGION};
use crate::sqs::Queues;

/// Entries of a PublishBatch.
const ENTRIES_MAX: usize = 10;
/// Bytes of a message, and of all messages of a batch.
const MESSAGE_BYTES_MAX: usize = 256 * 1024;
/// Topics of a sandbox.
const TOPICS_MAX: usize = 1000;

/// Topics, each with the names of the queues that take its messages.
pub(crate) struct Topics {
    topics: Mutex<BTreeMap<String, BTreeSet<String>>>,
    queues: Arc<Queues>,
}

/// A refusal: status, code, message.
type Refusal = (u16, &'static str, String);

impl Topics {
    pub(crate) fn new(queues: Arc<Queues>) -> Self {
        Self {
            topics: Mutex::default(),
            queues,
        }
    }

    /// Makes a topic of this ARN, if there is none.
    pub(crate) fn create(&self, arn: &str) {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        if topics.len() < TOPICS_MAX {
            topics.entry(arn.to_owned()).or_default();
        }
    }

    pub(crate) fn answer(&self, body: &[u8]) -> Answer {
        let form = Form::read(body);
        let action = form.get("Action").to_owned();
        let result = match action.as_str() {
            "CreateTopic" => self.create_topic(&form),
            "Subscribe" => self.subscribe(&form),
            "Publish" => self.publish(&form),
            "PublishBatch" => self.publish_batch(&form),
            _ => Err(invalid(format!("the sandbox's SNS has no {action}"))),
        };
        let request = Uuid::new_v4();
        let (status, body) = match result {
            Ok(result) => {
                let xml = format!(
                    "<{action}Response xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">\
                     <{action}Result>{result}</{action}Result><ResponseMetadata><RequestId>{request}\
                     </RequestId></ResponseMetadata></{action}Response>"
                );
                (200, xml)
            }
            Err((status, code, said)) => {
                let xml = format!(
                    "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error>\
                     <Type>Sender</Type><Code>{code}</Code><Message>{}</Message></Error>\
                     <RequestId>{request}</RequestId></ErrorResponse>",
                    escaped(&said)
                );
                (status, xml)
            }
        };
        Answer {
            status,
            content_type: "text/xml",
            body: body.into_bytes(),
        }
    }

    fn create_topic(&self, form: &Form) -> Result<String, Refusal> {
        let arn = format!("arn:aws:sns:{REGION}:{ACCOUNT}:{}", form.get("Name"));
        self.create(&arn);
        Ok(format!("<TopicArn>{}</TopicArn>", escaped(&arn)))
    }

    fn subscribe(&self, form: &Form) -> Result<String, Refusal> {
        let (arn, endpoint) = (form.get("TopicArn"), form.get("Endpoint"));
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        let queues = topics.get_mut(arn).ok_or_else(missing)?;
        let queue = endpoint.rsplit(':').next().unwrap_or(endpoint);
        queues.insert(queue.to_owned());
        Ok(format!(
            "<SubscriptionArn>{}:{}</SubscriptionArn>",
            escaped(arn),
            Uuid::new_v4()
        ))
    }

    fn publish(&self, form: &Form) -> Result<String, Refusal> {
        let queues = self.queues_of(form)?;
        check(form)?;
        if form.get("Message").len() > MESSAGE_BYTES_MAX {
            return Err(invalid("Invalid parameter: Message too long".to_owned()));
        }
        Ok(format!(
            "<MessageId>{}</MessageId>",
            self.deliver(&queues, form)
        ))
    }

    fn publish_batch(&self, form: &Form) -> Result<String, Refusal> {
        let queues = self.queues_of(form)?;
        let entries = form.groups("PublishBatchRequestEntries.member");
        let ids: BTreeSet<_> = entries.iter().map(|entry| entry.get("Id")).collect();
        let bytes: usize = entries.iter().map(|entry| entry.get("Message").len()).sum();
        let refuse = |code, said: &str| Err((400, code, said.to_owned()));
        match entries.len() {
            0 => {
                return refuse(
                    "EmptyBatchRequest",
                    "The batch request doesn't contain any entries.",
                );
            }
            1..=ENTRIES_MAX => {}
            _ => {
                return refuse(
                    "TooManyEntriesInBatchRequest",
                    "The batch has more than 10 entries.",
                );
            }
        }
        if ids.len() < entries.len() {
            return refuse(
                "BatchEntryIdsNotDistinct",
                "Two or more batch entries have the same Id.",
            );
        }
        if bytes > MESSAGE_BYTES_MAX {
            return refuse(
                "BatchRequestTooLong",
                "The length of all the messages is too long.",
            );
        }
        let (mut taken, mut failed) = (String::new(), String::new());
        for entry in &entries {
            let id = escaped(entry.get("Id"));
            // Writing to a string cannot fail.
            let _ = match check(entry) {
                Ok(()) => {
                    let message = self.deliver(&queues, entry);
                    write!(
                        taken,
                        "<member><Id>{id}</Id><MessageId>{message}</MessageId></member>"
                    )
                }
                Err((_, code, said)) => write!(
                    failed,
                    "<member><Id>{id}</Id><Code>{code}</Code><Message>{}</Message>\
                     <SenderFault>true</SenderFault></member>",
                    escaped(&said)
                ),
            };
        }
        Ok(format!(
            "<Failed>{failed}</Failed><Successful>{taken}</Successful>"
        ))
    }

    fn queues_of(&self, form: &Form) -> Result<Vec<String>, Refusal> {
        let topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        let queues = topics.get(form.get("TopicArn")).ok_or_else(missing)?;
        Ok(queues.iter().cloned().collect())
    }

    /// Puts the message into the queues, raw: body and attributes as they came. Gives its id.
    fn deliver(&self, queues: &[String], entry: &Form) -> Uuid {
        let id = Uuid::new_v4();
        let attributes: serde_json::Map<String, Json> = entry
            .groups("MessageAttributes.entry")
            .iter()
            .map(|group| {
                let mut value = json!({ "DataType": group.get("Value.DataType") });
                for kind in ["StringValue", "BinaryValue"] {
                    let given = group.get(&format!("Value.{kind}"));
                    if !given.is_empty() {
                        value[kind] = Json::from(given);
                    }
                }
                (group.get("Name").to_owned(), value)
            })
            .collect();
        for queue in queues {
            self.queues.put(queue, entry.get("Message"), &attributes);
        }
        id
    }
}

fn check(entry: &Form) -> Result<(), Refusal> {
    if entry.get("Message").is_empty() {
        return Err(invalid("Invalid parameter: Empty message".to_owned()));
    }
    Ok(())
}

fn missing() -> Refusal {
    (404, "NotFound", "Topic does not exist".to_owned())
}

fn invalid(said: String) -> Refusal {
    (400, "InvalidParameter", said)
}
