//! From answers of BatchWriteItem and PutItem to attempts. Pure.

use aws_sdk_dynamodb::operation::batch_write_item::BatchWriteItemOutput;
use aws_sdk_dynamodb::types::AttributeValue;
use sluicegate_aws::Place;
use sluicegate_contract::{Attempt, AttemptSink, Batch, Reason, ReasonKind, Receipt, Record};

use crate::item::{Attributes, item};
use crate::key::KeySchema;
use crate::number::Number;
use crate::request::{accepts_false, put};

/// Reports on each record of a BatchWriteItem call.
///
/// The answer lists what was not written by its items, so those are matched by what they hold. An
/// answer without the list, or with an item that is none of ours, leaves what it does not explain
/// uncertain.
pub(crate) fn judge_batch(
    answer: &BatchWriteItemOutput,
    batch: &Batch,
    place: &Place,
    sink: &mut AttemptSink,
) {
    let Some(tables) = answer.unprocessed_items() else {
        let detail = format!("{place}: an answer without UnprocessedItems");
        return sink.report_rest(&unreadable(detail));
    };
    let unprocessed: Vec<Option<&Attributes>> = tables
        .values()
        .flatten()
        .map(|request| request.put_request().map(|put| put.item()))
        .collect();
    if unprocessed.is_empty() {
        return sink.report_rest(&Attempt::Stored(Receipt::Nothing));
    }
    let throttled = Attempt::Again {
        certain: true,
        after: None,
        reason: Reason::new(
            ReasonKind::Throttled,
            format!(
                "{place}: {} of {} items unprocessed",
                unprocessed.len(),
                batch.len()
            ),
        ),
    };
    let ours: Vec<Option<Attributes>> = batch
        .records()
        .iter()
        .map(|record| item(put(record)).ok())
        .collect();
    let mut matched = vec![false; ours.len()];
    let mut strangers = 0_usize;
    for theirs in &unprocessed {
        let found = ours
            .iter()
            .zip(&mut matched)
            .enumerate()
            .find(|(_, (ours, matched))| {
                !**matched
                    && matches!((ours, theirs), (Some(ours), Some(theirs)) if same(ours, theirs))
            });
        match found {
            Some((index, (_, matched))) => {
                *matched = true;
                sink.report(index, throttled.clone());
            }
            None => strangers += 1,
        }
    }
    if strangers > 0 {
        let detail = format!("{place}: {strangers} unprocessed items that were not sent");
        return sink.report_rest(&unreadable(detail));
    }
    sink.report_rest(&Attempt::Stored(Receipt::Nothing));
}

/// What a put is whose condition did not hold. `found` is what stands in its place.
///
/// After a lost answer, our own item in the place is what the first try stored, and no conflict.
pub(crate) fn judge_condition(
    record: &Record,
    found: Option<&Attributes>,
    may_be_stored: bool,
    place: &Place,
) -> Attempt {
    if may_be_stored {
        let ours = item(put(record)).ok();
        if matches!((&ours, found), (Some(ours), Some(found)) if same(ours, found)) {
            return Attempt::Stored(Receipt::Nothing);
        }
    }
    if accepts_false(record) {
        return Attempt::Stored(Receipt::AlreadyThere);
    }
    let detail = format!("{place}: the condition does not hold for the item that is there");
    Attempt::Refused(Reason::new(ReasonKind::ConditionFalse, detail))
}

/// What a refused call means where the refusal speaks of the table's key: with a key from the
/// file, which every item was checked against, it is the file that is wrong, and no record.
pub(crate) fn judge_key(attempt: Attempt, declared: Option<&KeySchema>, place: &Place) -> Attempt {
    const WORDS: &[&str] = &[
        "key element does not match the schema",
        "Missing the key",
        "Type mismatch for key",
    ];
    let Attempt::Refused(reason) = &attempt else {
        return attempt;
    };
    let said = reason.detail().unwrap_or_default();
    if reason.kind() != ReasonKind::Invalid || !WORDS.iter().any(|words| said.contains(words)) {
        return attempt;
    }
    match declared {
        Some(key) => Attempt::Blocked(Reason::new(
            ReasonKind::TargetMismatch,
            format!("the key of {place} is not `key: {key}` as the file says: correct it ({said})"),
        )),
        None => Attempt::Refused(Reason::new(
            ReasonKind::Invalid,
            format!("{said}: the item must hold the table's key attributes with their types"),
        )),
    }
}

fn unreadable(detail: String) -> Attempt {
    Attempt::Again {
        certain: false,
        after: None,
        reason: Reason::new(ReasonKind::AnswerUnreadable, detail),
    }
}

/// True where two items are one: numbers count by their value, as the service rewrites them.
fn same(left: &Attributes, right: &Attributes) -> bool {
    left.len() == right.len()
        && left.iter().all(|(name, value)| {
            right
                .get(name)
                .is_some_and(|other| same_value(value, other))
        })
}

fn same_value(left: &AttributeValue, right: &AttributeValue) -> bool {
    match (left, right) {
        (AttributeValue::N(left), AttributeValue::N(right)) => {
            left == right
                || matches!((Number::read(left), Number::read(right)), (Ok(l), Ok(r)) if l == r)
        }
        (AttributeValue::M(left), AttributeValue::M(right)) => same(left, right),
        (AttributeValue::L(left), AttributeValue::L(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| same_value(left, right))
        }
        (left, right) => left == right,
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
