//! As much of DynamoDB's expressions as the stub needs: a condition of one term, and SET, ADD,
//! REMOVE and DELETE of whole attributes. What it does not understand holds, or changes nothing.

use serde_json::{Value, json};

/// Whether a write's condition holds for the item that is there.
pub(super) fn holds(body: &Value, there: Option<&Value>) -> bool {
    let Some(condition) = body["ConditionExpression"].as_str() else {
        return true;
    };
    let attribute = |alias: &str| there.map(|item| &item[name(body, alias)]);
    let is_there = |alias: &str| attribute(alias).is_some_and(|value| !value.is_null());
    let called = |function: &str| condition.strip_prefix(function)?.strip_suffix(')');
    if let Some(alias) = called("attribute_not_exists(") {
        return !is_there(alias);
    }
    if let Some(alias) = called("attribute_exists(") {
        return is_there(alias);
    }
    match condition.split_once(" = ") {
        Some((alias, value)) => attribute(alias) == Some(&body["ExpressionAttributeValues"][value]),
        None => true,
    }
}

/// The item as an update leaves it.
pub(super) fn updated(body: &Value, there: Option<&Value>) -> Value {
    let mut item = there.cloned().unwrap_or_else(|| body["Key"].clone());
    let text = body["UpdateExpression"].as_str().unwrap_or_default();
    let mut keyword = "";
    for action in text.split(", ") {
        let mut words: Vec<&str> = action.split(' ').collect();
        while let Some(place) = words.iter().position(|word| is_keyword(word)) {
            let rest = words.split_off(place);
            act(keyword, &words, body, &mut item);
            keyword = rest[0];
            words = rest[1..].to_vec();
        }
        act(keyword, &words, body, &mut item);
    }
    item
}

fn is_keyword(word: &str) -> bool {
    matches!(word, "SET" | "ADD" | "REMOVE" | "DELETE")
}

fn act(keyword: &str, words: &[&str], body: &Value, item: &mut Value) {
    let value = |bound: &str| body["ExpressionAttributeValues"][bound].clone();
    match (keyword, words) {
        ("SET", [alias, "=", bound]) if bound.starts_with(':') => {
            item[name(body, alias)] = value(bound);
        }
        ("REMOVE", [alias]) => {
            if let Some(attributes) = item.as_object_mut() {
                attributes.remove(&name(body, alias));
            }
        }
        ("ADD", [alias, bound]) => {
            let place = &mut item[name(body, alias)];
            let number = |value: &Value| value["N"].as_str().and_then(|n| n.parse::<i64>().ok());
            let sum = number(place).unwrap_or(0) + number(&value(bound)).unwrap_or(0);
            *place = json!({ "N": sum.to_string() });
        }
        _ => {}
    }
}

fn name(body: &Value, alias: &str) -> String {
    let name = &body["ExpressionAttributeNames"][alias];
    name.as_str().unwrap_or(alias).to_owned()
}
