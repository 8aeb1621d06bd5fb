//! A target: one topic of a connection, or several of which each record names one. A record comes
//! in here, from any core.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::BaseRecord;
use sluicegate_contract::{Outcome, Producer, Reason, ReasonKind, Record, RecordId, Value};

use crate::connection::Connection;
use crate::judge::{denied, missing, said_of, too_large};
use crate::{HEADERS, KEY, PARTITION, TIMESTAMP, TOPIC, VALUE};

/// Bytes that a record takes in a batch beside key, value and headers, at most.
const RECORD_OVERHEAD_BYTES: usize = 32;
/// Bytes that a header takes beside its name and value: two lengths.
const HEADER_OVERHEAD_BYTES: usize = 10;

// A record's id travels through librdkafka as its opaque pointer.
const _: () = assert!(size_of::<usize>() >= size_of::<u64>());

/// The topics of a target on a connection.
#[derive(Debug)]
pub struct Topic {
    connection: Arc<Connection>,
    /// Never empty.
    topics: Vec<Arc<str>>,
    record_bytes_max: usize,
}

impl Topic {
    pub(crate) fn new(
        connection: Arc<Connection>,
        topics: Vec<Arc<str>>,
        record_bytes_max: usize,
    ) -> Self {
        Self {
            connection,
            topics,
            record_bytes_max,
        }
    }

    /// The reason of a record that librdkafka did not take.
    fn not_taken(&self, code: Code, record: &Record) -> Reason {
        let topic = topic_of(&self.topics, record).unwrap_or_default();
        let shared = &self.connection.producers.shared;
        let blocked = |reason: Reason| {
            shared.health.topic_blocked(topic, &reason);
            shared.look();
            reason
        };
        match code {
            Code::QueueFull => Reason::from(ReasonKind::QueueFull),
            Code::MessageSizeTooLarge => too_large(topic, record.bytes()),
            Code::UnknownTopic | Code::UnknownTopicOrPartition => blocked(missing(topic)),
            Code::TopicAuthorizationFailed => blocked(denied(topic)),
            Code::UnknownPartition | Code::InvalidArgument => {
                said_of(ReasonKind::Invalid, topic, code)
            }
            _ => said_of(ReasonKind::Unavailable, topic, code),
        }
    }
}

impl Producer for Topic {
    fn weigh(&self, record: &Record) -> Result<usize, Reason> {
        weigh(&self.topics, self.record_bytes_max, record)
    }

    fn produce(&self, record: &Record, id: RecordId) -> Result<Option<Outcome>, Reason> {
        let bytes = |field| record.value(field).as_bytes().map(|bytes| bytes.as_ref());
        // Lossless: asserted above.
        let message = BaseRecord::<[u8], [u8], usize> {
            topic: topic_of(&self.topics, record)?,
            partition: integer(record.value(PARTITION)).and_then(|n| i32::try_from(n).ok()),
            payload: bytes(VALUE),
            key: bytes(KEY),
            timestamp: integer(record.value(TIMESTAMP)),
            headers: headers(record.value(HEADERS)),
            delivery_opaque: id.0 as usize,
        };
        let sent = self.connection.producers.current.load().send(message);
        let Err((error, message)) = sent else {
            return Ok(None);
        };
        let code = error.rdkafka_error_code().unwrap_or(Code::Unknown);
        if code == Code::Fatal {
            // The producer died and its successor may stand already.
            if self
                .connection
                .producers
                .current
                .load()
                .send(message)
                .is_ok()
            {
                return Ok(None);
            }
        }
        Err(self.not_taken(code, record))
    }

    fn flush(&self, within: Duration) {
        self.connection.flush(within);
    }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Integer(number) => Some(*number),
        _ => None,
    }
}

fn headers(value: &Value) -> Option<OwnedHeaders> {
    let Value::Map(entries) = value else {
        return None;
    };
    let mut headers = OwnedHeaders::new_with_capacity(entries.len());
    for (name, value) in entries {
        // `weigh` refused names with a NUL, on which the library would panic.
        debug_assert!(!name.contains('\0'));
        if let Some(value) = value.as_bytes() {
            let value = Some(value.as_ref());
            headers = headers.insert(Header { key: name, value });
        }
    }
    Some(headers)
}

/// The topic of a record: the only one, or the declared one that it names.
fn topic_of<'t>(topics: &'t [Arc<str>], record: &Record) -> Result<&'t str, Reason> {
    /// Names come from outside: what is quoted of them is bounded.
    const CHARACTERS_MAX: usize = 64;
    let undeclared = |said: String| Reason::new(ReasonKind::Invalid, said);
    match (record.value(TOPIC).as_text(), topics) {
        (None, [only]) => Ok(only),
        (None, _) => Err(undeclared(
            "the record names no topic, and its target has several".to_owned(),
        )),
        (Some(name), _) => {
            let declared = topics.iter().find(|topic| ***topic == *name);
            declared.map(|topic| &**topic).ok_or_else(|| {
                let shown: String = name.chars().take(CHARACTERS_MAX).collect();
                let shown = shown.escape_debug();
                undeclared(format!(
                    "topic `{shown}` is not among the target's `topics`"
                ))
            })
        }
    }
}

/// Bytes of a record of these topics, or why it can never be sent.
pub(crate) fn weigh(
    topics: &[Arc<str>],
    record_bytes_max: usize,
    record: &Record,
) -> Result<usize, Reason> {
    let topic = topic_of(topics, record)?;
    if record.value(VALUE).is_absent() && record.value(KEY).is_absent() {
        let said = "a record without a value deletes its key, and this one has neither";
        return Err(Reason::new(ReasonKind::Invalid, said));
    }
    let of = |field| {
        record
            .value(field)
            .as_bytes()
            .map_or(0, |bytes| bytes.len())
    };
    let mut bytes = of(KEY) + of(VALUE);
    if let Value::Map(headers) = record.value(HEADERS) {
        for (name, value) in headers {
            // librdkafka's names end at a NUL.
            if name.contains('\0') {
                let said = format!("a header's name for topic `{}` holds a NUL", topic);
                return Err(Reason::new(ReasonKind::Invalid, said));
            }
            let value = value.as_bytes().map_or(0, |value| value.len());
            bytes += name.len() + value + HEADER_OVERHEAD_BYTES;
        }
    }
    if bytes > record_bytes_max {
        let said = format!(
            "a record of {bytes} bytes is more than the limit of topic `{}`, {} bytes",
            topic, record_bytes_max
        );
        return Err(Reason::new(ReasonKind::TooLarge, said));
    }
    Ok(bytes + RECORD_OVERHEAD_BYTES)
}
