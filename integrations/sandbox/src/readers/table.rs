//! DynamoDB: consistent reads of the items whose keys were written. A scan would not show a put
//! that changes nothing.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::SystemTime;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, KeysAndAttributes, TransactWriteItem};
use serde_json::{Value as Json, json};

use crate::dynamodb::{Change, Tables, Written};
use crate::values::{attribute, item_bytes, item_json};
use crate::watcher::{Landed, Words};

/// Rows of a table; past it the oldest go.
const ROWS_MAX: usize = 10_000;
/// Keys of one BatchGetItem, as the service says.
const KEYS_PER_CALL: usize = 100;
/// Calls for what a BatchGetItem left over.
const CALLS_MAX: usize = 20;

type Item = HashMap<String, AttributeValue>;

/// Reads all tables.
pub(crate) struct Reader {
    client: Client,
    tables: HashMap<String, Table>,
}

struct Table {
    place: usize,
    keys: Vec<String>,
    /// Keys of rows that are there, the oldest first.
    rows: VecDeque<Item>,
    known: HashSet<String>,
}

impl Reader {
    pub(crate) fn new(client: Client) -> Self {
        Self {
            client,
            tables: HashMap::new(),
        }
    }

    pub(crate) fn add(&mut self, place: usize, name: String, keys: Vec<String>) {
        let table = Table {
            place,
            keys,
            rows: VecDeque::new(),
            known: HashSet::new(),
        };
        self.tables.insert(name, table);
    }

    pub(crate) async fn round(&mut self, tables: &Tables, words: &Words) -> usize {
        let written = tables.take_written(KEYS_PER_CALL);
        let found = written.len();
        let mut by_table: HashMap<String, Vec<Written>> = HashMap::new();
        for written in written {
            by_table
                .entry(written.table.clone())
                .or_default()
                .push(written);
        }
        for (name, written) in by_table {
            self.read(&name, &written, words).await;
            self.let_oldest_go(&name, words).await;
        }
        found
    }

    async fn read(&mut self, name: &str, written: &[Written], words: &Words) {
        let Some(table) = self.tables.get_mut(name) else {
            return;
        };
        let keys: HashMap<String, Item> = written
            .iter()
            .map(|written| (table.key_text(&written.item), table.key(&written.item)))
            .collect();
        let items = read_items(&self.client, name, keys.values().cloned().collect()).await;
        let items: HashMap<_, _> = items
            .into_iter()
            .map(|item| (table.key_text_of(&item), item))
            .collect();
        for written in written {
            let text = table.key_text(&written.item);
            let Some(item) = items.get(&text) else {
                if written.change == Change::Delete {
                    words.landed(table.deleted(written, text));
                }
                continue;
            };
            if let (true, Some(key)) = (table.known.insert(text.clone()), keys.get(&text)) {
                table.rows.push_back(key.clone());
            }
            words.landed(Landed {
                time: SystemTime::now(),
                place: table.place,
                took: written.at.elapsed(),
                key: Some(text),
                bytes: item_bytes(item),
                content: match written.change {
                    Change::Put => json!({ "put": item_json(item) }),
                    Change::Update | Change::Delete => json!({ "updated": item_json(item) }),
                },
            });
        }
    }

    async fn let_oldest_go(&mut self, name: &str, words: &Words) {
        let Some(table) = self.tables.get_mut(name) else {
            return;
        };
        while table.rows.len() > ROWS_MAX {
            words.full("DynamoDB", table.place);
            let Some(oldest) = table.rows.pop_front() else {
                return;
            };
            table.known.remove(&table.key_text_of(&oldest));
            // By a transaction, of which no hint is taken: nobody deleted this.
            let delete = Delete::builder().table_name(name).set_key(Some(oldest));
            let Ok(delete) = delete.build() else { return };
            let item = TransactWriteItem::builder().delete(delete).build();
            let call = self.client.transact_write_items().transact_items(item);
            if let Err(error) = call.send().await {
                tracing::debug!(target: "sandbox", ?error, table = name, "not deleted");
            }
        }
    }
}

impl Table {
    fn deleted(&self, written: &Written, text: String) -> Landed {
        let key = self.key(&written.item);
        Landed {
            time: SystemTime::now(),
            place: self.place,
            took: written.at.elapsed(),
            key: Some(text),
            bytes: item_bytes(&key),
            content: json!({ "delete": item_json(&key) }),
        }
    }

    /// The key of an item in DynamoDB's JSON.
    fn key(&self, item: &Json) -> Item {
        let part = |name: &String| Some((name.clone(), attribute(&item[name])?));
        self.keys.iter().filter_map(part).collect()
    }

    /// The key as people read it.
    fn key_text(&self, item: &Json) -> String {
        self.key_text_of(&self.key(item))
    }

    fn key_text_of(&self, item: &Item) -> String {
        let item = item_json(item);
        let part = |name: &String| match &item[name] {
            Json::String(text) => text.clone(),
            other => other.to_string(),
        };
        self.keys.iter().map(part).collect::<Vec<_>>().join(" / ")
    }
}

async fn read_items(client: &Client, table: &str, keys: Vec<Item>) -> Vec<Item> {
    let wanted = KeysAndAttributes::builder()
        .set_keys(Some(keys))
        .consistent_read(true)
        .build();
    let Ok(wanted) = wanted else {
        return Vec::new();
    };
    let mut wanted = HashMap::from([(table.to_owned(), wanted)]);
    let mut items = Vec::new();
    for _ in 0..CALLS_MAX {
        match client
            .batch_get_item()
            .set_request_items(Some(wanted))
            .send()
            .await
        {
            Ok(read) => {
                items.extend(
                    read.responses
                        .into_iter()
                        .flatten()
                        .flat_map(|(_, items)| items),
                );
                wanted = read.unprocessed_keys.unwrap_or_default();
            }
            Err(error) => {
                tracing::debug!(target: "sandbox", ?error, table, "not read back");
                break;
            }
        }
        if wanted.is_empty() {
            break;
        }
    }
    items
}
