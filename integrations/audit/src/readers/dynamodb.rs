//! A table by consistent scan. Each reading is of the whole table.

use std::borrow::Cow;
use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

use super::DynamodbSource;
use super::aws::said;
use crate::history::History;
use crate::holding::{Found, Holding};

pub(crate) struct DynamodbReader {
    source: DynamodbSource,
    client: Client,
}

impl DynamodbReader {
    pub(crate) async fn open(source: DynamodbSource) -> Self {
        let client = Client::new(&source.access.config().await);
        Self { source, client }
    }

    pub(crate) async fn read(
        &mut self,
        history: &History,
        holding: &mut Holding,
    ) -> Result<(), String> {
        holding.begin_again();
        let mut from = None;
        loop {
            let scan = self.client.scan().table_name(&self.source.table);
            let scan = scan.consistent_read(true).set_exclusive_start_key(from);
            let page = scan.send().await.map_err(|error| {
                said(&format!("DynamoDB's table {}", self.source.table), &error)
            })?;
            for item in page.items() {
                take_item(history, holding, &self.source, item);
            }
            from = page.last_evaluated_key;
            if from.is_none() {
                return Ok(());
            }
        }
    }
}

fn take_item(
    history: &History,
    holding: &mut Holding,
    source: &DynamodbSource,
    item: &HashMap<String, AttributeValue>,
) {
    let id = item.get(&source.id).and_then(|value| match value {
        AttributeValue::S(text) | AttributeValue::N(text) => Some(Cow::Borrowed(text.as_str())),
        _ => None,
    });
    let payload = source.payload.as_ref().map(|name| {
        let value = item.get(name);
        let bytes: &[u8] = match value {
            Some(AttributeValue::S(text)) => text.as_bytes(),
            Some(AttributeValue::B(bytes)) => bytes.as_ref(),
            // An item without it does not hold the event: that is no equal payload.
            _ => b"",
        };
        Cow::Borrowed(bytes)
    });
    let count = source.count.as_ref().and_then(|name| item.get(name));
    let copies = count.and_then(|value| value.as_n().ok()?.parse().ok());
    let found = Found {
        id,
        record: payload.as_deref().unwrap_or_default(),
        payload: payload.clone(),
        stream: 0,
        copies: copies.unwrap_or(1),
    };
    holding.take(history, &found);
}
