//! A look at a table: whether it is there and has the key that the file says. Writes nothing.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    KeyType as SdkKeyType, ScalarAttributeType, TableDescription, TableStatus,
};
use sluicegate_aws::{Hallway, Service, observed};
use sluicegate_contract::Observation;

use crate::settings::{KeyAttributes, KeyType, Settings};

const ACTION: &str = "dynamodb:DescribeTable";

/// What is seen of the table.
pub async fn probe(settings: &Settings, hallway: &Arc<Hallway>) -> Vec<Observation> {
    let what = ("table", settings.table.as_str());
    let service = Service::new(hallway, settings.access(), "DYNAMODB", what, Client::new);
    let opened = match service.open().await {
        Ok(opened) => opened,
        Err(attempt) => return vec![observed(&attempt, ACTION)],
    };
    let call = opened.client.describe_table().table_name(&settings.table);
    let answer = match Box::pin(call.send()).await {
        Ok(answer) => answer,
        Err(error) => {
            let attempt = service.failed(&opened, &error).await;
            return vec![observed(&attempt, ACTION)];
        }
    };
    let Some(table) = answer.table() else {
        let what = format!("{}: the answer describes no table", opened.place);
        return vec![Observation::wrong(what, "look at `endpoint_url`")];
    };
    vec![
        status(table, &opened.place.to_string()),
        key(table, settings.key.as_ref()),
        Observation::doubtful(
            "whether it may be written to cannot be asked without writing",
            "the credentials need `dynamodb:BatchWriteItem`, and `dynamodb:PutItem` for records \
             that are calls of their own",
        ),
    ]
}

fn status(table: &TableDescription, place: &str) -> Observation {
    match table.table_status() {
        None | Some(TableStatus::Active) => Observation::good(format!("{place} is there")),
        Some(TableStatus::Updating) => Observation::good(format!("{place} is being changed")),
        Some(status) => Observation::wrong(
            format!("{place} is {}", status.as_str().to_lowercase()),
            "wait until it is active",
        ),
    }
}

fn key(table: &TableDescription, declared: Option<&KeyAttributes>) -> Observation {
    let real = real_key(table);
    let shown = shown(&real);
    match declared {
        None => Observation::doubtful(
            format!("its key is {shown}; the file does not say it"),
            format!("write `key: {shown}`, so that items are checked before they are sent"),
        ),
        Some(KeyAttributes(declared)) if *declared == real => {
            Observation::good(format!("its key is {shown}, as the file says"))
        }
        Some(declared) => Observation::wrong(
            format!(
                "its key is {shown}, and the file says {}",
                self::shown(&declared.0)
            ),
            format!("write `key: {shown}`, or name another table"),
        ),
    }
}

/// The table's key, the partition key first.
fn real_key(table: &TableDescription) -> Vec<(String, KeyType)> {
    let mut elements: Vec<_> = table.key_schema().iter().collect();
    elements.sort_by_key(|element| *element.key_type() != SdkKeyType::Hash);
    let type_of = |name: &str| {
        let mut definitions = table.attribute_definitions().iter();
        let found = definitions.find(|definition| definition.attribute_name() == name)?;
        Some(match found.attribute_type() {
            ScalarAttributeType::N => KeyType::N,
            ScalarAttributeType::B => KeyType::B,
            _ => KeyType::S,
        })
    };
    elements
        .iter()
        .map(|element| element.attribute_name())
        .map(|name| (name.to_owned(), type_of(name).unwrap_or(KeyType::S)))
        .collect()
}

fn shown(key: &[(String, KeyType)]) -> String {
    let one = |(name, kind): &(String, KeyType)| format!("{name}: {kind:?}");
    let all: Vec<String> = key.iter().map(one).collect();
    format!("{{ {} }}", all.join(", "))
}
