//! DynamoDB: the operations of dynoxide, in memory. Its own HTTP front needs a socket and its
//! dispatcher is private, so the operations are called from here.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::Trouble;
use crate::front::Answer;

/// Writes that wait to be read back. A writer waits when there are more, so that rows are never
/// made faster than the oldest can go.
const WRITES_WAITING_MAX: usize = 4096;
/// Between two looks of a writer that waits.
const WAIT: Duration = Duration::from_millis(2);

/// Tables in memory, and which of their items were written.
pub(crate) struct Tables {
    database: Database,
    written: Mutex<VecDeque<Written>>,
}

/// How an item was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Put,
    Update,
    Delete,
}

/// A hint that an item was written: what there is, is read back by the service's own call.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) table: String,
    pub(crate) change: Change,
    /// The item of a put, the key of another change, in DynamoDB's JSON.
    pub(crate) item: Json,
    pub(crate) at: Instant,
}

impl Tables {
    pub(crate) fn new() -> Result<Self, Trouble> {
        let database =
            Database::memory().map_err(|error| Trouble::new("no table store", &error))?;
        Ok(Self {
            database,
            written: Mutex::default(),
        })
    }

    /// Takes hints out, the oldest first, at most so many.
    pub(crate) fn take_written(&self, most: usize) -> Vec<Written> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let many = written.len().min(most);
        written.drain(..many).collect()
    }

    pub(crate) async fn answer(&self, operation: &str, body: Vec<u8>) -> Answer {
        // Only what makes rows waits: the reader must get through.
        while matches!(
            operation,
            "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem"
        ) && self.waiting() > WRITES_WAITING_MAX
        {
            tokio::time::sleep(WAIT).await;
        }
        let at = Instant::now();
        match self.run(operation, &body) {
            Ok(answer) => {
                self.note(operation, &body, &answer, at);
                json(200, answer)
            }
            Err(error) => json(error.status_code(), error.to_json().into_bytes()),
        }
    }

    fn waiting(&self) -> usize {
        self.written
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    fn run(&self, operation: &str, body: &[u8]) -> Result<Vec<u8>, DynoxideError> {
        let db = &self.database;
        match operation {
            "PutItem" => call(body, |request| db.put_item(request)),
            "BatchWriteItem" => call(body, |request| db.batch_write_item(request)),
            "TransactWriteItems" => call(body, |request| db.transact_write_items(request)),
            "UpdateItem" => call(body, |request| db.update_item(request)),
            "DeleteItem" => call(body, |request| db.delete_item(request)),
            "GetItem" => call(body, |request| db.get_item(request)),
            "BatchGetItem" => call(body, |request| db.batch_get_item(request)),
            "TransactGetItems" => call(body, |request| db.transact_get_items(request)),
            "Query" => call(body, |request| db.query(request)),
            "Scan" => call(body, |request| db.scan(request)),
            "CreateTable" => call(body, |request| db.create_table(request)),
            "DescribeTable" => call(body, |request| db.describe_table(request)),
            "ListTables" => call(body, |request| db.list_tables(request)),
            "DeleteTable" => call(body, |request| db.delete_table(request)),
            other => {
                let said = format!("the sandbox's DynamoDB has no {other}");
                Err(DynoxideError::ValidationException(said))
            }
        }
    }

    /// Notes the items that a write put.
    fn note(&self, operation: &str, body: &[u8], answer: &[u8], at: Instant) {
        let Ok(request) = serde_json::from_slice::<Json>(body) else {
            return;
        };
        let mut items = Vec::new();
        let mut note = |table: &Json, change, item: &Json| {
            items.push((table.clone(), change, item.clone()));
        };
        let table = &request["TableName"];
        match operation {
            "PutItem" => note(table, Change::Put, &request["Item"]),
            "UpdateItem" => note(table, Change::Update, &request["Key"]),
            "DeleteItem" => note(table, Change::Delete, &request["Key"]),
            "BatchWriteItem" => {
                let left: Json = serde_json::from_slice(answer).unwrap_or_default();
                for (table, writes) in request["RequestItems"].as_object().into_iter().flatten() {
                    let left = left["UnprocessedItems"][table].as_array();
                    for write in writes.as_array().into_iter().flatten() {
                        if left.is_some_and(|left| left.contains(write)) {
                            continue;
                        }
                        let table = Json::from(table.as_str());
                        note(&table, Change::Put, &write["PutRequest"]["Item"]);
                        note(&table, Change::Delete, &write["DeleteRequest"]["Key"]);
                    }
                }
            }
            _ => {}
        }
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        for (table, change, item) in items {
            if let (Some(table), true) = (table.as_str(), item.is_object()) {
                let table = table.rsplit('/').next().unwrap_or(table).to_owned();
                written.push_back(Written {
                    table,
                    change,
                    item,
                    at,
                });
            }
        }
    }
}

fn call<Q: DeserializeOwned, R: Serialize>(
    body: &[u8],
    run: impl FnOnce(Q) -> Result<R, DynoxideError>,
) -> Result<Vec<u8>, DynoxideError> {
    let request = serde_json::from_slice(body).map_err(|error| {
        // dynoxide's own readers mark what is a matter of validation.
        let said = error.to_string();
        match said.split_once("VALIDATION:") {
            Some((_, said)) => {
                let said = said.split(" at line ").next().unwrap_or(said);
                DynoxideError::ValidationException(said.to_owned())
            }
            None => DynoxideError::SerializationException(said),
        }
    })?;
    let answer = run(request)?;
    serde_json::to_vec(&answer)
        .map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

fn json(status: u16, body: Vec<u8>) -> Answer {
    Answer {
        status,
        content_type: "application/x-amz-json-1.0",
        body,
    }
}
