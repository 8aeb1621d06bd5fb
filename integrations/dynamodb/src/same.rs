//! When two items are one: numbers count by their value and sets have no order, as the service
//! rewrites them.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_types::Blob;

use crate::item::Attributes;
use crate::number::Number;

/// True where two items are one: numbers count by their value, as the service rewrites them.
pub(crate) fn same(left: &Attributes, right: &Attributes) -> bool {
    left.len() == right.len()
        && left.iter().all(|(name, value)| {
            right
                .get(name)
                .is_some_and(|other| same_value(value, other))
        })
}

pub(crate) fn same_value(left: &AttributeValue, right: &AttributeValue) -> bool {
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
        (AttributeValue::Ns(left), AttributeValue::Ns(right)) => {
            members(left, |text| canonical(text)) == members(right, |text| canonical(text))
        }
        (AttributeValue::Ss(left), AttributeValue::Ss(right)) => {
            members(left, String::clone) == members(right, String::clone)
        }
        (AttributeValue::Bs(left), AttributeValue::Bs(right)) => {
            members(left, octets) == members(right, octets)
        }
        (left, right) => left == right,
    }
}

/// True where a set has every member of another of its kind.
pub(crate) fn contains_all(set: &AttributeValue, other: &AttributeValue) -> bool {
    compare(set, other, |members, others| others.is_subset(members))
}

/// True where a set has no member of another of its kind.
pub(crate) fn contains_none(set: &AttributeValue, other: &AttributeValue) -> bool {
    compare(set, other, |members, others| members.is_disjoint(others))
}

fn compare(
    set: &AttributeValue,
    other: &AttributeValue,
    holds: impl Fn(&BTreeSet<Vec<u8>>, &BTreeSet<Vec<u8>>) -> bool,
) -> bool {
    let bytes = |text: &String| text.clone().into_bytes();
    match (set, other) {
        (AttributeValue::Ss(set), AttributeValue::Ss(other)) => {
            holds(&members(set, bytes), &members(other, bytes))
        }
        (AttributeValue::Ns(set), AttributeValue::Ns(other)) => {
            let bytes = |text: &String| canonical(text).into_bytes();
            holds(&members(set, bytes), &members(other, bytes))
        }
        (AttributeValue::Bs(set), AttributeValue::Bs(other)) => {
            holds(&members(set, octets), &members(other, octets))
        }
        _ => false,
    }
}

fn members<T, M: Ord>(set: &[T], member: impl Fn(&T) -> M) -> BTreeSet<M> {
    set.iter().map(member).collect()
}

fn canonical(text: &str) -> String {
    Number::read(text).map_or_else(|_| text.to_owned(), |number| number.canonical())
}

fn octets(blob: &Blob) -> Vec<u8> {
    blob.as_ref().to_vec()
}
