//! A write that is a call of its own: PutItem, UpdateItem or DeleteItem.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use sluicegate_aws::{Opened, Service};
use sluicegate_contract::{Attempt, Receipt};

use crate::item::Attributes;
use crate::request::{Returning, Single, SingleWrite};
use crate::returned;

/// A write that was not confirmed.
pub(crate) enum Failed {
    /// Its condition did not hold for this item, or for the lack of one.
    Condition(Option<Attributes>),
    /// The call failed.
    Call(Attempt),
}

/// What the call gives back of the item.
type Answer = Result<Option<Attributes>, Failed>;

/// What all three calls have.
struct Terms {
    condition: Option<String>,
    names: Option<HashMap<String, String>>,
    values: Option<HashMap<String, AttributeValue>>,
    /// What stands in the place tells our own write from another's.
    on_false: Option<ReturnValuesOnConditionCheckFailure>,
}

/// Sends it, once.
///
/// # Errors
/// Why it is not confirmed.
pub(crate) async fn send(
    table: &str,
    single: Single,
    service: &Service<Client>,
    opened: &Opened<Client>,
) -> Answer {
    let Single {
        what,
        condition,
        mut values,
        returning,
    } = single;
    let (condition, mut names) = match condition {
        Some(condition) => (Some(condition.text), condition.names),
        None => (None, HashMap::new()),
    };
    if let SingleWrite::Update(_, expression) = &what {
        // The aliases of a condition are `#n0` and `:p0`, those of an update `#u0` and `:u0`.
        names.extend(expression.names.clone());
        values.extend(expression.values.clone());
    }
    let terms = Terms {
        on_false: condition
            .is_some()
            .then_some(ReturnValuesOnConditionCheckFailure::AllOld),
        condition,
        names: Some(names).filter(|names| !names.is_empty()),
        values: Some(values).filter(|values| !values.is_empty()),
    };
    // The SDK's futures are some ten kilobytes: boxed, so that the task is not.
    match what {
        SingleWrite::Put(item) => {
            Box::pin(put(table, item, terms, returning, service, opened)).await
        }
        SingleWrite::Update(key, expression) => {
            let text = expression.text;
            Box::pin(update(table, key, text, terms, returning, service, opened)).await
        }
        SingleWrite::Delete(key) => {
            Box::pin(delete(table, key, terms, returning, service, opened)).await
        }
    }
}

async fn put(
    table: &str,
    item: Attributes,
    terms: Terms,
    returning: Returning,
    service: &Service<Client>,
    opened: &Opened<Client>,
) -> Answer {
    let call = opened
        .client
        .put_item()
        .table_name(table)
        .set_item(Some(item))
        .set_condition_expression(terms.condition)
        .set_expression_attribute_names(terms.names)
        .set_expression_attribute_values(terms.values)
        .set_return_values_on_condition_check_failure(terms.on_false)
        .set_return_values(returning.asked());
    let error = match call.send().await {
        Ok(answer) => return Ok(answer.attributes),
        Err(error) => error,
    };
    if let Some(PutItemError::ConditionalCheckFailedException(failed)) = error.as_service_error() {
        return Err(Failed::Condition(failed.item().cloned()));
    }
    Err(Failed::Call(service.failed(opened, &error).await))
}

async fn update(
    table: &str,
    key: Attributes,
    expression: String,
    terms: Terms,
    returning: Returning,
    service: &Service<Client>,
    opened: &Opened<Client>,
) -> Answer {
    let call = opened
        .client
        .update_item()
        .table_name(table)
        .set_key(Some(key))
        .update_expression(expression)
        .set_condition_expression(terms.condition)
        .set_expression_attribute_names(terms.names)
        .set_expression_attribute_values(terms.values)
        .set_return_values_on_condition_check_failure(terms.on_false)
        .set_return_values(returning.asked());
    let error = match call.send().await {
        Ok(answer) => return Ok(answer.attributes),
        Err(error) => error,
    };
    if let Some(UpdateItemError::ConditionalCheckFailedException(failed)) = error.as_service_error()
    {
        return Err(Failed::Condition(failed.item().cloned()));
    }
    Err(Failed::Call(service.failed(opened, &error).await))
}

async fn delete(
    table: &str,
    key: Attributes,
    terms: Terms,
    returning: Returning,
    service: &Service<Client>,
    opened: &Opened<Client>,
) -> Answer {
    let call = opened
        .client
        .delete_item()
        .table_name(table)
        .set_key(Some(key))
        .set_condition_expression(terms.condition)
        .set_expression_attribute_names(terms.names)
        .set_expression_attribute_values(terms.values)
        .set_return_values_on_condition_check_failure(terms.on_false)
        .set_return_values(returning.asked());
    let error = match call.send().await {
        Ok(answer) => return Ok(answer.attributes),
        Err(error) => error,
    };
    if let Some(DeleteItemError::ConditionalCheckFailedException(failed)) = error.as_service_error()
    {
        return Err(Failed::Condition(failed.item().cloned()));
    }
    Err(Failed::Call(service.failed(opened, &error).await))
}

/// The receipt of a confirmed write. After an earlier try that may have been stored, the item as
/// it was before cannot be told.
pub(crate) fn receipt(
    returned: Option<&Attributes>,
    returning: Returning,
    may_be_stored: bool,
) -> Receipt {
    if returning == Returning::Nothing {
        return Receipt::Nothing;
    }
    let nothing = Attributes::new();
    let json = (!may_be_stored || !returning.is_of_before())
        .then(|| returned::json(returned.unwrap_or(&nothing)))
        .flatten();
    Receipt::Attributes { json }
}
