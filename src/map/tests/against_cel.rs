//! Plain paths against the expression library: what a direct read gives is what evaluation gives.

use cel::{Context, Env};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;

fn event() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        (-1_000_000..1_000_000_i64).prop_map(|n| json!(n as f64 / 8.0)),
        "[a-c\"\\\\\n é😀]{0,6}".prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::vec(("[a-c]", inner), 0..4)
                .prop_map(|entries| Json::Object(entries.into_iter().collect())),
        ]
    })
}

/// `.a`, `.?a`, `[0]`, `[?0]`, `["a"]`
fn step() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-c]".prop_map(|name| format!(".{name}")),
        2 => "[a-c]".prop_map(|name| format!(".?{name}")),
        1 => "[a-c]".prop_map(|name| format!("[\"{name}\"]")),
        1 => (0..3).prop_map(|index| format!("[{index}]")),
        1 => (0..3).prop_map(|index| format!("[?{index}]")),
    ]
}

/// What the library gives for the path: `None` where it fails, `Some(None)` for an absent value.
fn evaluated(path: &str, event: &Json) -> Option<Option<Json>> {
    let text = serde_json::to_vec(event).unwrap();
    let value = cel_values::from_json(&text).unwrap();
    let program = Env::stdlib().compile(path).unwrap();
    let mut context = Context::default();
    context.add_variable_as_val("event", value.clone_as_boxed());
    let value = program.execute(&context).ok()?;
    match value {
        cel::Value::Opaque(opaque) => {
            let optional = opaque.downcast_ref::<cel::objects::OptionalValue>()?;
            Some(optional.value().map(|value| value.json().unwrap()))
        }
        value => Some(Some(value.json().unwrap())),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plain_path_is_what_the_library_finds(
        event in event(),
        steps in prop::collection::vec(step(), 0..4),
    ) {
        prop_assume!(event != json!([]));
        let path = format!("event{}", steps.concat());
        let plan = compiled(&json!({"record": {"put": {"v": format!("${{{path}}}")}}}), FIELDS);
        // One event even where it is an array: a batch of one.
        let body = format!("[{event}]");
        let ours = outcome(&plan, &body);
        let theirs = evaluated(&path, &event);
        match (ours, theirs) {
            (Ok(record), Some(theirs)) => {
                let record = record.unwrap();
                let Value::Map(entries) = record.value(4) else { panic!("{record:?}") };
                let ours: Option<Json> = entries.first().map(|(_, value)| {
                    serde_json::from_slice(value.as_bytes().unwrap()).unwrap()
                });
                prop_assert_eq!(ours, theirs, "{}", path);
            }
            // The library fails where a plain step behind an optional one meets a value without
            // fields; here that is as absent as a field that is not there.
            (Ok(record), None) if path.contains('?') => {
                let record = record.unwrap();
                prop_assert_eq!(record.value(4), &Value::Map(vec![]), "{}", path);
            }
            (Err(refusal), None) => prop_assert!(refusal.starts_with("field_missing"), "{}", refusal),
            (ours, theirs) => prop_assert!(false, "{path}: {ours:?} against {theirs:?}"),
        }
    }
}
