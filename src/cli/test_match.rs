//! Compares what a test expects with what came of it: what is expected is a subset.

use serde_json::Value;

/// Any value.
const ANY: &str = "*";
/// No value.
const NONE: &str = "none";

/// Notes each difference as a line: where, what was expected, what came. `None`: nothing is there.
pub(super) fn compare(
    expected: &Value,
    actual: Option<&Value>,
    place: &str,
    out: &mut Vec<String>,
) {
    let word = expected.as_str();
    let Some(actual) = actual else {
        if word != Some(NONE) {
            out.push(format!(
                "{place}: expected {expected}, and nothing is there"
            ));
        }
        return;
    };
    if word == Some(ANY) {
        return;
    }
    match (expected, actual) {
        (Value::Object(members), Value::Object(found)) => {
            for (name, expected) in members {
                compare(expected, found.get(name), &format!("{place}.{name}"), out);
            }
        }
        (Value::Array(items), Value::Array(found)) => {
            if items.len() != found.len() {
                out.push(format!(
                    "{place}: expected {} elements, {} came",
                    items.len(),
                    found.len()
                ));
            }
            for (index, (expected, actual)) in items.iter().zip(found).enumerate() {
                compare(expected, Some(actual), &format!("{place}[{index}]"), out);
            }
        }
        // A payload is text here; what a test writes as a map or list is compared with its JSON.
        (Value::Object(_) | Value::Array(_), Value::String(text)) => {
            match serde_json::from_str::<Value>(text) {
                Ok(parsed) if !parsed.is_string() => compare(expected, Some(&parsed), place, out),
                _ => out.push(format!("{place}: expected {expected}, came {actual}")),
            }
        }
        _ if same(expected, actual) => {}
        _ => out.push(format!("{place}: expected {expected}, came {actual}")),
    }
}

/// Equal scalars. A number equals the text that it was sent as.
fn same(expected: &Value, actual: &Value) -> bool {
    match (expected, actual) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Number(_) | Value::Bool(_), Value::String(text)) => {
            let written = expected.to_string();
            written == *text
        }
        _ => expected == actual,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_expected_is_a_subset_of_what_came() {
        for (expected, actual, differs) in [
            (json!({"a": 1}), json!({"a": 1.0, "b": 2}), None),
            (json!({"a": {"b": "*"}}), json!({"a": {"b": [1]}}), None),
            (json!({"a": "none"}), json!({"b": 1}), None),
            (json!({"key": 5}), json!({"key": "5"}), None),
            (
                json!({"data": {"id": 7}}),
                json!({"data": "{\"id\": 7, \"x\": 1}"}),
                None,
            ),
            (json!([1, "*"]), json!([1, 2]), None),
            (
                json!({"a": 1}),
                json!({"a": 2}),
                Some("r.a: expected 1, came 2"),
            ),
            (
                json!({"a": "*"}),
                json!({}),
                Some("r.a: expected \"*\", and nothing is there"),
            ),
            (
                json!({"a": "none"}),
                json!({"a": 1}),
                Some("r.a: expected \"none\", came 1"),
            ),
            (
                json!([1]),
                json!([1, 2]),
                Some("r: expected 1 elements, 2 came"),
            ),
            (
                json!({"data": {"id": 7}}),
                json!({"data": "text"}),
                Some("came \"text\""),
            ),
            (json!("5"), json!(5), Some("r: expected \"5\", came 5")),
        ] {
            let mut out = Vec::new();
            compare(&expected, Some(&actual), "r", &mut out);
            match differs {
                None => assert!(out.is_empty(), "{expected} {actual}: {out:?}"),
                Some(says) => assert!(out.iter().any(|line| line.contains(says)), "{out:?}"),
            }
        }
    }
}
