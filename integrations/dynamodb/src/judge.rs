//! From answers of BatchWriteItem and PutItem to attempts. Pure.

use aws_sdk_dynamodb::operation::batch_write_item::BatchWriteItemOutput;
use aws_sdk_dynamodb::types::WriteRequest;
use sluicegate_aws::Place;
use sluicegate_contract::{Attempt, AttemptSink, Batch, Reason, ReasonKind, Receipt, Record};

use crate::item::{Attributes, item};
use crate::key::KeySchema;
use crate::request::{Write, accepts_false, nothing_returned, write};
use crate::same::same;
use crate::update::Update;

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
    let unprocessed: Vec<Option<Told<'_>>> = tables.values().flatten().map(told).collect();
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
    let ours: Vec<Option<(bool, Attributes)>> = batch.records().iter().map(ours).collect();
    let mut matched = vec![false; ours.len()];
    let mut strangers = 0_usize;
    for theirs in &unprocessed {
        let found = ours
            .iter()
            .zip(&mut matched)
            .enumerate()
            .find(|(_, (ours, matched))| {
                !**matched
                    && matches!(
                        (ours, theirs),
                        (Some((is_put, ours)), Some(theirs))
                            if *is_put == theirs.is_put && same(ours, theirs.attributes)
                    )
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

/// One request of an answer's list.
struct Told<'a> {
    is_put: bool,
    /// The item of a put, the key of a delete.
    attributes: &'a Attributes,
}

fn told(request: &WriteRequest) -> Option<Told<'_>> {
    let put = request.put_request().map(|put| Told {
        is_put: true,
        attributes: put.item(),
    });
    put.or_else(|| {
        request.delete_request().map(|delete| Told {
            is_put: false,
            attributes: delete.key(),
        })
    })
}

/// What a record's request holds: whether it is a put, and its item or key.
fn ours(record: &Record) -> Option<(bool, Attributes)> {
    match write(record)? {
        Write::Put(value) => Some((true, item(value).ok()?)),
        Write::Delete(key) => Some((false, item(key).ok()?)),
        Write::Update(_) => None,
    }
}

/// What a write is whose condition did not hold. `found` is what stands in its place.
///
/// After a lost answer the condition may be false because the first try made it so. It did where
/// the place is as the write leaves it: our own item, the attributes that an update sets, no item
/// where one was deleted. Then the record is delivered, and no conflict. Anything else proves
/// neither: the courier makes the refusal of such a record an unconfirmed one.
pub(crate) fn judge_condition(
    record: &Record,
    found: Option<&Attributes>,
    may_be_stored: bool,
    place: &Place,
) -> Attempt {
    if may_be_stored && has_come_true(record, found) {
        return Attempt::Stored(nothing_returned(record));
    }
    if accepts_false(record) {
        return Attempt::Stored(Receipt::AlreadyThere);
    }
    let detail = match found {
        Some(_) => format!("{place}: the condition does not hold for the item that is there"),
        None => format!("{place}: the condition does not hold, and no item is told to be there"),
    };
    Attempt::Refused(Reason::new(ReasonKind::ConditionFalse, detail))
}

fn has_come_true(record: &Record, found: Option<&Attributes>) -> bool {
    match (write(record), found) {
        (Some(Write::Put(put)), Some(found)) => item(put).is_ok_and(|ours| same(&ours, found)),
        (Some(Write::Update(update)), Some(found)) => {
            Update::read(update).is_ok_and(|update| update.has_come_true(found))
        }
        (Some(Write::Delete(_)), None) => true,
        _ => false,
    }
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

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
