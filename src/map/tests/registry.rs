//! Every function's example gives its stated result.

use serde_json::json;

use super::*;
use crate::map::functions;

#[test]
fn every_example_gives_its_result() {
    for function in functions::all() {
        // In our own form where it has one, and by the expression library alone.
        for off in [false, true] {
            formula::SWITCHED_OFF.set(off);
            let given = gives("data", &json!(format!("${{{}}}", function.example)), EVENT);
            formula::SWITCHED_OFF.set(false);
            let given = given.strip_prefix("bytes ").unwrap_or(&given);
            if function.result == "UUID" {
                assert_eq!(uuid::Uuid::parse_str(given).unwrap().get_version_num(), 4);
                continue;
            }
            assert_eq!(given, function.result, "{}", function.name);
        }
    }
}

#[test]
fn names_are_told_once_and_the_reference_has_them_all() {
    let reference = functions::reference();
    for (index, function) in functions::all().iter().enumerate() {
        assert!(reference.contains(function.signature) && reference.contains(function.doc));
        let others = &functions::all()[index + 1..];
        assert!(
            others.iter().all(|other| other.name != function.name),
            "{}",
            function.name
        );
    }
    assert!(functions::environment().is_some());
}
