//! Every function's example gives its stated result.

use serde_json::json;

use super::*;
use crate::map::functions;

#[test]
fn every_example_gives_its_result() {
    for function in functions::all() {
        let mapping = json!({"record": {"data": format!("${{{}}}", function.example)}});
        let plan = Plan::compile(&source(&mapping, FIELDS));
        let plan = plan.unwrap_or_else(|issues| panic!("{}: {issues:?}", function.name));
        let record = outcome(&plan, EVENT);
        let record = record.unwrap_or_else(|refusal| panic!("{}: {refusal}", function.name));
        let given = record
            .unwrap()
            .value(1)
            .as_bytes()
            .cloned()
            .unwrap_or_default();
        let given = String::from_utf8(given.to_vec()).unwrap();
        if function.result == "UUID" {
            assert_eq!(uuid::Uuid::parse_str(&given).unwrap().get_version_num(), 4);
            continue;
        }
        assert_eq!(given, function.result, "{}", function.name);
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
