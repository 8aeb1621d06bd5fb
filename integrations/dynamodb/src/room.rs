//! The open room: sends a batch by one BatchWriteItem, a record that travels alone by a call of
//! its own.

use std::sync::{Arc, OnceLock};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::describe_table::DescribeTableOutput;
use aws_sdk_dynamodb::types::{KeyType as SdkKeyType, ScalarAttributeType};
use sluicegate_aws::{Hallway, Opened, Service, WholeAnswer};
use sluicegate_contract::{
    Attempt, AttemptSink, Batch, Integration, Limits, Reason, ReasonKind, Record,
};

use crate::judge::{judge_batch, judge_condition, judge_key};
use crate::key::{KeySchema, hash_whole};
use crate::request::{is_repeatable, is_single, key_of, single, weigh, write_request};
use crate::settings::{BOUNDS, KeyType, Settings};
use crate::single::{Failed, receipt, send};

/// Opens the room of one table. Touches no file, no environment and no socket: the client is made
/// at the first call, on the lane.
#[must_use]
pub fn open(name: &str, settings: &Settings, hallway: &Arc<Hallway>) -> Arc<dyn Integration> {
    tracing::debug!(target = name, "dynamodb room opened");
    Arc::new(DynamoRoom {
        limits: settings.limits.resolve(&BOUNDS),
        table: Arc::new(Table {
            name: settings.table.clone(),
            declared: settings.key.as_ref().map(KeySchema::from),
            learned: OnceLock::new(),
            learning: tokio::sync::Mutex::new(()),
            service: Service::new(
                hallway,
                settings.access(),
                "DYNAMODB",
                ("table", &settings.table),
                |config| {
                    let config = aws_sdk_dynamodb::config::Builder::from(config)
                        .interceptor(WholeAnswer)
                        .build();
                    Client::from_conf(config)
                },
            ),
        }),
    })
}

struct DynamoRoom {
    limits: Limits,
    table: Arc<Table>,
}

struct Table {
    name: String,
    /// From the file.
    declared: Option<KeySchema>,
    /// From the table; `None` within where it may not be asked, so that every put goes alone.
    learned: OnceLock<Option<KeySchema>>,
    /// Held while the table is asked, so that it is asked once.
    learning: tokio::sync::Mutex<()>,
    service: Service<Client>,
}

impl Integration for DynamoRoom {
    fn limits(&self) -> Limits {
        self.limits
    }

    fn weigh(&self, record: &Record) -> Result<usize, Reason> {
        weigh(record, self.table.key(), &self.limits)
    }

    fn key(&self, record: &Record) -> Option<u64> {
        match self.table.key() {
            Some(key) => key.hash(key_of(record)),
            None => Some(hash_whole(key_of(record))),
        }
    }

    /// Until the key is known, two puts of one key could meet in a call, which refuses it whole.
    fn travels_alone(&self, record: &Record) -> bool {
        is_single(record) || self.table.key().is_none()
    }

    fn repeatable(&self, record: &Record) -> bool {
        is_repeatable(record)
    }

    fn submit(&self, batch: Batch, sink: AttemptSink) {
        let table = Arc::clone(&self.table);
        tokio::spawn(async move { table.write(&batch, sink).await });
    }
}

impl Table {
    fn key(&self) -> Option<&KeySchema> {
        self.declared
            .as_ref()
            .or_else(|| self.learned.get().and_then(Option::as_ref))
    }

    async fn write(&self, batch: &Batch, mut sink: AttemptSink) {
        let opened = match self.service.open().await {
            Ok(opened) => opened,
            Err(attempt) => return sink.report_rest(&attempt),
        };
        if let Err(attempt) = self.learn(&opened).await {
            return sink.report_rest(&attempt);
        }
        match batch.records() {
            [record] if is_single(record) || self.key().is_none() => {
                let attempt = self
                    .write_one(record, batch.may_be_stored(0), &opened)
                    .await;
                sink.report(0, attempt);
            }
            records if records.iter().any(is_single) => {
                // The courier sends these alone; it takes a refused call of several apart.
                let reason = Reason::new(ReasonKind::Invalid, "a write of its own among others");
                sink.report_rest(&Attempt::Refused(reason));
            }
            _ => self.write_many(batch, &opened, &mut sink).await,
        }
    }

    async fn write_many(&self, batch: &Batch, opened: &Opened<Client>, sink: &mut AttemptSink) {
        let requests: Result<Vec<_>, Reason> = batch.records().iter().map(write_request).collect();
        let requests = match requests {
            Ok(requests) => requests,
            Err(reason) => return sink.report_rest(&Attempt::Refused(reason)),
        };
        let call = opened
            .client
            .batch_write_item()
            .request_items(&self.name, requests);
        // The SDK's future is some ten kilobytes: boxed, so that the task is not.
        match Box::pin(call.send()).await {
            Ok(answer) => judge_batch(&answer, batch, &opened.place, sink),
            Err(error) => {
                let attempt = self.service.failed(opened, &error).await;
                sink.report_rest(&judge_key(attempt, self.declared.as_ref(), &opened.place));
            }
        }
    }

    async fn write_one(
        &self,
        record: &Record,
        may_be_stored: bool,
        opened: &Opened<Client>,
    ) -> Attempt {
        let single = match single(record) {
            Ok(single) => single,
            Err(reason) => return Attempt::Refused(reason),
        };
        let returning = single.returning;
        match send(&self.name, single, &self.service, opened).await {
            Ok(returned) => Attempt::Stored(receipt(returned.as_ref(), returning, may_be_stored)),
            Err(Failed::Condition(found)) => {
                judge_condition(record, found.as_ref(), may_be_stored, &opened.place)
            }
            Err(Failed::Call(attempt)) => judge_key(attempt, self.declared.as_ref(), &opened.place),
        }
    }

    /// Asks the table for its key, unless it is known or may not be asked.
    async fn learn(&self, opened: &Opened<Client>) -> Result<(), Attempt> {
        let known = || self.declared.is_some() || self.learned.get().is_some();
        if known() {
            return Ok(());
        }
        let _asking = self.learning.lock().await;
        if known() {
            return Ok(());
        }
        let call = opened.client.describe_table().table_name(&self.name);
        let learned = match Box::pin(call.send()).await {
            Ok(answer) => Some(key_in(&answer).ok_or_else(|| {
                let detail = format!("{}: DescribeTable names no key", opened.place);
                not_sent(Reason::new(ReasonKind::AnswerUnreadable, detail))
            })?),
            Err(error) => match self.service.failed(opened, &error).await {
                Attempt::Blocked(reason) if reason.kind() == ReasonKind::AccessDenied => {
                    tracing::warn!(
                        table = self.name,
                        "dynamodb:DescribeTable is denied, so writes go one by one: \
                         write the table's `key` into the file"
                    );
                    None
                }
                Attempt::Again { after, reason, .. } => {
                    return Err(Attempt::Again {
                        certain: true,
                        after,
                        reason,
                    });
                }
                // A table that may not be described as it is called may not be written to either.
                Attempt::Refused(reason) => {
                    let reason = Reason::new(
                        ReasonKind::TargetMismatch,
                        reason.detail().unwrap_or_default(),
                    );
                    return Err(Attempt::Blocked(reason));
                }
                other => return Err(other),
            },
        };
        let _ = self.learned.set(learned);
        Ok(())
    }
}

/// What was not even sent is surely not stored.
fn not_sent(reason: Reason) -> Attempt {
    Attempt::Again {
        certain: true,
        after: None,
        reason,
    }
}

/// The key in a table's description, the partition key first.
fn key_in(answer: &DescribeTableOutput) -> Option<KeySchema> {
    let table = answer.table()?;
    let mut elements: Vec<_> = table.key_schema().iter().collect();
    elements.sort_by_key(|element| *element.key_type() != SdkKeyType::Hash);
    let attributes = elements.into_iter().map(|element| {
        let name = element.attribute_name();
        let definition = table
            .attribute_definitions()
            .iter()
            .find(|definition| definition.attribute_name() == name)?;
        let key_type = match definition.attribute_type() {
            ScalarAttributeType::S => KeyType::S,
            ScalarAttributeType::N => KeyType::N,
            ScalarAttributeType::B => KeyType::B,
            _ => return None,
        };
        Some((name.to_owned(), key_type))
    });
    KeySchema::new(attributes.collect::<Option<_>>()?)
}
