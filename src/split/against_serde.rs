//! The scan against another reader of JSON: what is taken, what is refused, and what is captured.

use proptest::prelude::*;
use serde_json::Value;

use super::tests::{accept, cut, only, wanted};
use super::{Step, Wanted};
use crate::error::Code;

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-c\"\\\\\u{0}-\u{7f}é😀]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(("[a-c\"é]{1,2}", inner), 0..5)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

fn find<'v>(value: &'v Value, steps: &[Step]) -> Option<&'v Value> {
    steps.iter().try_fold(value, |value, step| match step {
        Step::Name(name) => value.as_object()?.get(name),
        Step::Index(index) => value.as_array()?.get(*index),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn captures_are_what_serde_json_finds(
        value in json(),
        paths in prop::collection::vec(
            prop::collection::vec(
                prop_oneof![
                    "[a-c\"é]{1,2}".prop_map(Step::Name),
                    (0..3_usize).prop_map(Step::Index),
                ],
                0..4,
            ),
            0..6,
        ),
        pretty in any::<bool>(),
    ) {
        let mut wanted = Wanted::default();
        let ids: Vec<_> = paths.iter().map(|path| wanted.add(path).unwrap()).collect();
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        let text = text.unwrap();
        prop_assume!(text != "[]");
        // Read back first: this reader's own numbers do not survive their text in every bit.
        let value: Value = serde_json::from_str(&text).unwrap();
        let events = cut("", text.as_bytes(), &only("json"), &wanted).unwrap();
        for (path, id) in paths.iter().zip(ids) {
            let captured = events[0].1[usize::from(id.0)].as_deref();
            let captured: Option<Value> = captured.map(|text| serde_json::from_str(text).unwrap());
            prop_assert_eq!(captured.as_ref(), find(&value, path));
        }
    }

    #[test]
    fn what_serde_json_refuses_is_refused_and_the_other_way_round(
        value in json(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(b"{}[]\",:\\u0d8.eE+- tn\n\x01\xff".to_vec())), 0..4),
        cut_at in any::<prop::sample::Index>(),
        shorten in any::<bool>(),
    ) {
        let mut bytes = serde_json::to_vec(&value).unwrap();
        for (place, byte) in edits {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if shorten {
            bytes.truncate(cut_at.index(bytes.len()));
        }
        let ours = cut("", &bytes, &only("json"), &Wanted::default());
        let theirs = serde_json::from_slice::<Value>(&bytes);
        match (ours, theirs) {
            (Ok(_), Ok(_)) => {}
            (Err(refusal), Ok(value)) => {
                prop_assert!(refusal.code == Code::BodyEmpty && value == Value::Array(vec![]), "{}", refusal.detail);
            }
            // Numbers of any size are kept as text here.
            (Ok(_), Err(error)) => prop_assert!(error.to_string().contains("out of range"), "{error}"),
            (Err(_), Err(_)) => {}
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), lines in any::<bool>()) {
        let content_type = if lines { "application/x-ndjson" } else { "" };
        let _ = cut(content_type, &bytes, &accept(), &wanted(&["a", "0.b"]));
    }
}
