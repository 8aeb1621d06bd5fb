//! A table of idempotency keys: conditional writes of small items.
//!
//! | attribute | type | what it is |
//! |---|---|---|
//! | `key` | S | the partition key: 32 hexadecimal digits |
//! | `payload`, `owner` | S | 32 hexadecimal digits each |
//! | `state` | S | `running`, `partly` or `final` |
//! | `lease` | N | until when the owner holds it, in milliseconds since 1970 |
//! | `stored` | B | what became of its records |
//! | `expires` | N | when it is forgotten, in seconds since 1970: the table's time-to-live |

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use bytes::Bytes;
use sluicegate_aws::{Access, Hallway, Opened, Service, WholeAnswer};
use sluicegate_contract::{
    Asked, Attempt, KeyItem, KeyLease, KeyState, KeyTable, Reason, ReasonKind,
};

type Item = HashMap<String, AttributeValue>;

/// Opens a table of keys. Touches no file, no environment and no socket: the client is made at the
/// first call.
#[must_use]
pub fn open_keys(table: &str, access: Access, hallway: &Arc<Hallway>) -> Arc<dyn KeyTable> {
    let make = |config: &_| {
        let config = aws_sdk_dynamodb::config::Builder::from(config)
            .interceptor(WholeAnswer)
            .build();
        Client::from_conf(config)
    };
    Arc::new(Keys {
        table: table.to_owned(),
        service: Service::new(hallway, access, "DYNAMODB", ("table", table), make),
    })
}

struct Keys {
    table: String,
    service: Service<Client>,
}

impl KeyTable for Keys {
    fn claim<'a>(&'a self, lease: &'a KeyLease) -> Asked<'a, Option<KeyItem>> {
        Box::pin(self.put(lease))
    }

    fn take_over<'a>(&'a self, lease: &'a KeyLease, found: &'a KeyItem) -> Asked<'a, bool> {
        let change = Change::new(lease)
            .set("owner", number(lease.owner))
            .set("state", text(KeyState::Running.as_str()))
            .set("lease", digits(lease.until))
            .set("expires", digits(lease.expires))
            .only_if("owner", number(found.owner))
            .only_if("state", text(found.state.as_str()))
            .only_if("lease", digits(found.until));
        Box::pin(self.update(change))
    }

    fn store<'a>(
        &'a self,
        lease: &'a KeyLease,
        state: KeyState,
        stored: &'a Bytes,
    ) -> Asked<'a, bool> {
        let until = match state {
            KeyState::Running => lease.until,
            _ => 0,
        };
        let change = Change::new(lease)
            .set("state", text(state.as_str()))
            .set("stored", AttributeValue::B(Blob::new(stored.to_vec())))
            .set("lease", digits(until))
            .set("expires", digits(lease.expires))
            .only_if("owner", number(lease.owner))
            // What is over stays over, in whatever order two writes arrive.
            .only_if("state", text(KeyState::Running.as_str()));
        Box::pin(self.update(change))
    }

    fn renew<'a>(&'a self, lease: &'a KeyLease) -> Asked<'a, bool> {
        let change = Change::new(lease)
            .set("lease", digits(lease.until))
            .only_if("owner", number(lease.owner))
            .only_if("state", text(KeyState::Running.as_str()));
        Box::pin(self.update(change))
    }

    fn free<'a>(&'a self, lease: &'a KeyLease, keeps: bool) -> Asked<'a, bool> {
        if !keeps {
            return Box::pin(self.delete(lease));
        }
        let change = Change::new(lease)
            .set("state", text(KeyState::Partly.as_str()))
            .set("lease", digits(0))
            .only_if("owner", number(lease.owner))
            .only_if("state", text(KeyState::Running.as_str()));
        Box::pin(self.update(change))
    }
}

impl Keys {
    async fn put(&self, lease: &KeyLease) -> Result<Option<KeyItem>, Reason> {
        let opened = self.service.open().await.map_err(reason_of)?;
        let call = opened.client.put_item().table_name(&self.table);
        let call = call
            .item("key", number(lease.key))
            .item("payload", number(lease.payload))
            .item("owner", number(lease.owner))
            .item("state", text(KeyState::Running.as_str()))
            .item("lease", digits(lease.until))
            .item("expires", digits(lease.expires))
            .condition_expression("attribute_not_exists(#key) OR #expires <= :now")
            .expression_attribute_names("#key", "key")
            .expression_attribute_names("#expires", "expires")
            .expression_attribute_values(":now", digits(lease.now / 1000))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = Box::pin(call.send()).await else {
            return Ok(None);
        };
        let Some(PutItemError::ConditionalCheckFailedException(failed)) = error.as_service_error()
        else {
            return Err(self.failed(&opened, &error).await);
        };
        let item = match failed.item() {
            Some(item) => Some(item.clone()),
            None => self.get(&opened, lease).await?,
        };
        let item = item.as_ref().and_then(item_of);
        item.map(Some).ok_or_else(|| {
            let detail = format!("{}: an item is none of idempotency keys", opened.place);
            Reason::new(ReasonKind::TargetMismatch, detail)
        })
    }

    async fn get(&self, opened: &Opened<Client>, lease: &KeyLease) -> Result<Option<Item>, Reason> {
        let call = opened.client.get_item().table_name(&self.table);
        let call = call.key("key", number(lease.key)).consistent_read(true);
        match Box::pin(call.send()).await {
            Ok(answer) => Ok(answer.item),
            Err(error) => Err(self.failed(opened, &error).await),
        }
    }

    async fn update(&self, change: Change) -> Result<bool, Reason> {
        let opened = self.service.open().await.map_err(reason_of)?;
        let call = opened.client.update_item().table_name(&self.table);
        let call = call
            .key("key", number(change.key))
            .update_expression(format!("SET {}", change.sets.join(", ")))
            .condition_expression(change.conditions.join(" AND "))
            .set_expression_attribute_names(Some(change.names))
            .set_expression_attribute_values(Some(change.values));
        let Err(error) = Box::pin(call.send()).await else {
            return Ok(true);
        };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(false),
            _ => Err(self.failed(&opened, &error).await),
        }
    }

    async fn delete(&self, lease: &KeyLease) -> Result<bool, Reason> {
        let opened = self.service.open().await.map_err(reason_of)?;
        let call = opened.client.delete_item().table_name(&self.table);
        let call = call
            .key("key", number(lease.key))
            .condition_expression("#owner = :owner AND #state = :state")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":owner", number(lease.owner))
            .expression_attribute_values(":state", text(KeyState::Running.as_str()));
        let Err(error) = Box::pin(call.send()).await else {
            return Ok(true);
        };
        match error.as_service_error() {
            Some(DeleteItemError::ConditionalCheckFailedException(_)) => Ok(false),
            _ => Err(self.failed(&opened, &error).await),
        }
    }

    async fn failed<E>(&self, opened: &Opened<Client>, error: &SdkError<E, HttpResponse>) -> Reason
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        reason_of(self.service.failed(opened, error).await)
    }
}

/// What an attempt that stored nothing says.
fn reason_of(attempt: Attempt) -> Reason {
    match attempt {
        Attempt::Stored(_) => ReasonKind::AnswerUnreadable.into(),
        Attempt::Again { reason, .. } | Attempt::Refused(reason) | Attempt::Blocked(reason) => {
            reason
        }
    }
}

/// An update of one item. The table's names are words that DynamoDB keeps for itself, so that all
/// stand as aliases.
struct Change {
    key: u128,
    sets: Vec<String>,
    conditions: Vec<String>,
    names: HashMap<String, String>,
    values: Item,
}

impl Change {
    fn new(lease: &KeyLease) -> Self {
        Self {
            key: lease.key,
            sets: Vec::new(),
            conditions: Vec::new(),
            names: HashMap::new(),
            values: HashMap::new(),
        }
    }

    fn set(mut self, name: &str, value: AttributeValue) -> Self {
        self.sets.push(format!("#{name} = :new_{name}"));
        self.values.insert(format!(":new_{name}"), value);
        self.named(name)
    }

    fn only_if(mut self, name: &str, value: AttributeValue) -> Self {
        self.conditions.push(format!("#{name} = :old_{name}"));
        self.values.insert(format!(":old_{name}"), value);
        self.named(name)
    }

    fn named(mut self, name: &str) -> Self {
        self.names.insert(format!("#{name}"), name.to_owned());
        self
    }
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn number(number: u128) -> AttributeValue {
    AttributeValue::S(format!("{number:032x}"))
}

fn digits(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn item_of(item: &Item) -> Option<KeyItem> {
    let text = |name: &str| item.get(name)?.as_s().ok().map(String::as_str);
    let number = |name: &str| u128::from_str_radix(text(name)?, 16).ok();
    let stored = item.get("stored").and_then(|stored| stored.as_b().ok());
    Some(KeyItem {
        payload: number("payload")?,
        owner: number("owner")?,
        state: KeyState::of(text("state")?)?,
        until: item.get("lease")?.as_n().ok()?.parse().ok()?,
        stored: stored.map(|blob| Bytes::copy_from_slice(blob.as_ref())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_read_as_it_was_written() {
        let mut item = Item::from([
            ("key".to_owned(), number(1)),
            ("payload".to_owned(), number(u128::MAX)),
            ("owner".to_owned(), number(7)),
            ("state".to_owned(), text("partly")),
            ("lease".to_owned(), digits(0)),
        ]);
        let expected = KeyItem {
            payload: u128::MAX,
            owner: 7,
            state: KeyState::Partly,
            until: 0,
            stored: None,
        };
        assert_eq!(item_of(&item), Some(expected));
        item.insert("state".to_owned(), text("odd"));
        assert_eq!(item_of(&item), None);
    }
}
