//! SQS, as much of it as reading back takes. Queues are bounded: the oldest message goes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use md5::{Digest, Md5};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use crate::front::{ACCOUNT, Answer, queue_arn};

/// Messages of a queue; past it the oldest goes.
const MESSAGES_MAX: usize = 10_000;
/// Bytes of all messages of a queue; past it the oldest go.
const QUEUE_BYTES_MAX: usize = 64 << 20;
/// Queues of a sandbox.
const QUEUES_MAX: usize = 1000;
/// Messages of one ReceiveMessage, as the service says.
const RECEIVE_MAX: u64 = 10;
/// How long a message that was received is hidden from others, as the service does by default.
const HIDDEN: Duration = Duration::from_secs(30);

/// Queues by name.
#[derive(Default)]
pub(crate) struct Queues(Mutex<BTreeMap<String, Queue>>);

#[derive(Default)]
struct Queue {
    messages: VecDeque<Message>,
    bytes: usize,
    gone: u64,
}

struct Message {
    id: String,
    body: String,
    attributes: Map<String, Json>,
    sent: SystemTime,
    hidden_until: Option<Instant>,
}

impl Queues {
    /// Puts a message at the end of a queue, if there is such a queue.
    pub(crate) fn put(&self, queue: &str, body: &str, attributes: &Map<String, Json>) {
        let mut queues = self.lock();
        let Some(queue) = queues.get_mut(queue) else {
            return;
        };
        queue.bytes += body.len();
        queue.messages.push_back(Message {
            id: Uuid::new_v4().to_string(),
            body: body.to_owned(),
            attributes: attributes.clone(),
            sent: SystemTime::now(),
            hidden_until: None,
        });
        while queue.messages.len() > MESSAGES_MAX || queue.bytes > QUEUE_BYTES_MAX {
            let Some(oldest) = queue.messages.pop_front() else {
                break;
            };
            queue.bytes -= oldest.body.len();
            queue.gone += 1;
        }
    }

    /// True where a message waits to be received.
    pub(crate) fn has_messages(&self, url: &str) -> bool {
        self.lock()
            .get(name_of(url))
            .is_some_and(|queue| !queue.messages.is_empty())
    }

    /// How many messages had to go unread, since this was asked last.
    pub(crate) fn take_gone(&self, url: &str) -> u64 {
        let mut queues = self.lock();
        queues
            .get_mut(name_of(url))
            .map_or(0, |queue| std::mem::take(&mut queue.gone))
    }

    pub(crate) fn answer(&self, operation: &str, body: &[u8]) -> Answer {
        let request: Json = serde_json::from_slice(body).unwrap_or_default();
        let answered = match operation {
            "CreateQueue" => self.create(&request),
            "ReceiveMessage" => self.receive(&request),
            "DeleteMessage" => self.delete(&request),
            "DeleteMessageBatch" => self.delete_batch(&request),
            "GetQueueAttributes" => self.attributes(&request),
            other => Err(("InvalidAction", format!("the sandbox's SQS has no {other}"))),
        };
        let (status, body) = match answered {
            Ok(answer) => (200, answer),
            Err((code, said)) => {
                let code = format!("com.amazonaws.sqs#{code}");
                (400, json!({ "__type": code, "message": said }))
            }
        };
        Answer {
            status,
            content_type: "application/x-amz-json-1.0",
            body: body.to_string().into_bytes(),
        }
    }

    fn create(&self, request: &Json) -> Result<Json, Refusal> {
        let name = request["QueueName"].as_str().unwrap_or_default();
        let mut queues = self.lock();
        if queues.len() >= QUEUES_MAX {
            return Err(("OverLimit", "too many queues".to_owned()));
        }
        queues.entry(name.to_owned()).or_default();
        Ok(json!({ "QueueUrl": format!("https://sqs.sandbox/{ACCOUNT}/{name}") }))
    }

    fn receive(&self, request: &Json) -> Result<Json, Refusal> {
        let most = request["MaxNumberOfMessages"]
            .as_u64()
            .unwrap_or(1)
            .clamp(1, RECEIVE_MAX);
        let now = Instant::now();
        self.with(request, |queue| {
            let visible =
                |message: &&mut Message| message.hidden_until.is_none_or(|end| end <= now);
            let messages: Vec<_> = queue
                .messages
                .iter_mut()
                .filter(visible)
                .take(most as usize)
                .map(|message| message.received(now))
                .collect();
            json!({ "Messages": messages })
        })
    }

    fn delete(&self, request: &Json) -> Result<Json, Refusal> {
        let id = request["ReceiptHandle"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        self.with(request, |queue| {
            queue.remove(&id);
            json!({})
        })
    }

    fn delete_batch(&self, request: &Json) -> Result<Json, Refusal> {
        let entries = request["Entries"].as_array().cloned().unwrap_or_default();
        self.with(request, |queue| {
            let deleted: Vec<_> = entries
                .iter()
                .map(|entry| {
                    queue.remove(entry["ReceiptHandle"].as_str().unwrap_or_default());
                    json!({ "Id": entry["Id"] })
                })
                .collect();
            json!({ "Successful": deleted, "Failed": [] })
        })
    }

    fn attributes(&self, request: &Json) -> Result<Json, Refusal> {
        let arn = queue_arn(request["QueueUrl"].as_str().unwrap_or_default());
        self.with(request, |queue| {
            let messages = queue.messages.len().to_string();
            json!({ "Attributes": { "ApproximateNumberOfMessages": messages, "QueueArn": arn } })
        })
    }

    fn with(&self, request: &Json, act: impl FnOnce(&mut Queue) -> Json) -> Result<Json, Refusal> {
        let name = name_of(request["QueueUrl"].as_str().unwrap_or_default());
        let mut queues = self.lock();
        let queue = queues.get_mut(name).ok_or_else(|| {
            (
                "QueueDoesNotExist",
                "The specified queue does not exist.".to_owned(),
            )
        })?;
        Ok(act(queue))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Queue>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A refusal: code, message.
type Refusal = (&'static str, String);

impl Queue {
    fn remove(&mut self, id: &str) {
        if let Some(place) = self.messages.iter().position(|message| message.id == id)
            && let Some(message) = self.messages.remove(place)
        {
            self.bytes -= message.body.len();
        }
    }
}

impl Message {
    /// The message as a receiver sees it. It is hidden from others for a while.
    fn received(&mut self, now: Instant) -> Json {
        self.hidden_until = Some(now + HIDDEN);
        let digest = Md5::digest(self.body.as_bytes());
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let sent = self
            .sent
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_millis();
        json!({
            "MessageId": self.id,
            "ReceiptHandle": self.id,
            "Body": self.body,
            "MD5OfBody": digest,
            "Attributes": { "SentTimestamp": sent.to_string() },
            "MessageAttributes": self.attributes,
        })
    }
}

fn name_of(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}
