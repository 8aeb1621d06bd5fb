//! What answers of DynamoDB say of the records of their call.

use std::collections::HashMap;
use std::sync::{Arc, mpsc};

use aws_sdk_dynamodb::types::WriteRequest;
use sluicegate_contract::Value;

use super::*;
use crate::request::write_request;
use crate::settings::{KeyAttributes, KeyType};

fn place() -> Place {
    Place {
        what: "table",
        name: "orders".to_owned(),
        region: "eu-west-1".to_owned(),
        endpoint: None,
        profile: None,
    }
}

fn record(put: &str) -> Record {
    Record::new([Value::Json(put.to_owned().into())])
}

fn request(put: &str) -> WriteRequest {
    write_request(&record(put)).unwrap()
}

fn attempts(unprocessed: Option<Vec<WriteRequest>>, puts: &[&str]) -> Vec<Attempt> {
    let (send, receive) = mpsc::channel();
    let mut sink = AttemptSink::new(puts.len(), move |attempts| send.send(attempts).unwrap());
    let batch = Batch::new(Arc::new(puts.iter().map(|put| record(put)).collect()));
    let unprocessed = unprocessed.map(|requests| match requests.as_slice() {
        [] => HashMap::new(),
        _ => HashMap::from([("orders".to_owned(), requests)]),
    });
    let answer = BatchWriteItemOutput::builder()
        .set_unprocessed_items(unprocessed)
        .build();
    judge_batch(&answer, &batch, &place(), &mut sink);
    drop(sink);
    receive.recv().unwrap()
}

/// `s`tored, surely `n`ot, `m`aybe.
fn words(attempts: &[Attempt]) -> String {
    attempts
        .iter()
        .map(|attempt| match attempt {
            Attempt::Stored(_) => 's',
            Attempt::Again { certain: true, .. } => 'n',
            Attempt::Again { certain: false, .. } => 'm',
            _ => '?',
        })
        .collect()
}

#[test]
fn exactly_the_unprocessed_items_are_tried_again() {
    let puts = [
        r#"{"pk":"a"}"#,
        r#"{"pk":"b","n":1.50,"l":[1e2]}"#,
        r#"{"pk":"c"}"#,
    ];
    assert_eq!(words(&attempts(Some(vec![]), &puts)), "sss");
    let rewritten = request(r#"{"l":[100],"n":1.5,"pk":"b"}"#);
    assert_eq!(words(&attempts(Some(vec![rewritten]), &puts)), "sns");
    let all = puts.iter().map(|put| request(put)).collect();
    assert_eq!(words(&attempts(Some(all), &puts)), "nnn");
}

#[test]
fn an_answer_that_does_not_match_its_call_confirms_nobody_it_may_mean() {
    let puts = [r#"{"pk":"a"}"#, r#"{"pk":"b"}"#];
    assert_eq!(words(&attempts(None, &puts)), "mm");
    let stranger = || request(r#"{"pk":"z"}"#);
    assert_eq!(words(&attempts(Some(vec![stranger()]), &puts)), "mm");
    let one_of_ours = vec![stranger(), request(r#"{"pk":"b"}"#)];
    assert_eq!(words(&attempts(Some(one_of_ours), &puts)), "mn");
    let twice = vec![request(r#"{"pk":"b"}"#), request(r#"{"pk":"b"}"#)];
    assert_eq!(words(&attempts(Some(twice), &puts)), "mn");
    assert_eq!(
        words(&attempts(
            Some(vec![WriteRequest::builder().build()]),
            &puts
        )),
        "mm"
    );
}

#[test]
fn a_false_condition_is_an_answer_unless_it_is_our_own_item() {
    let put = Value::Json(r#"{"pk":"a","n":1.0}"#.to_owned().into());
    let with = |on_false: u8| Record::new([put.clone(), Value::Absent, Value::Choice(on_false)]);
    let own = item(&Value::Json(r#"{"n":1,"pk":"a"}"#.to_owned().into())).unwrap();
    let other = item(&Value::Json(r#"{"n":2,"pk":"a"}"#.to_owned().into())).unwrap();
    let kind = |attempt: Attempt| match attempt {
        Attempt::Stored(Receipt::Nothing) => "stored",
        Attempt::Stored(Receipt::AlreadyThere) => "already there",
        Attempt::Refused(reason) if reason.kind() == ReasonKind::ConditionFalse => "conflict",
        _ => "?",
    };
    for (on_false, found, may_be_stored, expected) in [
        (0, Some(&own), true, "stored"),
        (0, Some(&own), false, "conflict"),
        (0, Some(&other), true, "conflict"),
        (0, None, true, "conflict"),
        (1, Some(&own), true, "stored"),
        (1, Some(&own), false, "already there"),
        (1, Some(&other), false, "already there"),
    ] {
        let attempt = judge_condition(&with(on_false), found, may_be_stored, &place());
        assert_eq!(kind(attempt), expected, "{on_false} {may_be_stored}");
    }
}

#[test]
fn a_wrong_key_is_the_files_fault_where_the_file_declares_it() {
    let declared = KeySchema::from(&KeyAttributes(vec![("pk".to_owned(), KeyType::S)]));
    let said = |message: &str| Attempt::Refused(Reason::new(ReasonKind::Invalid, message));
    let wrong = "ValidationException: One or more parameter values were invalid: Missing the key id in the item";
    let Attempt::Blocked(reason) = judge_key(said(wrong), Some(&declared), &place()) else {
        panic!("a declared key that is not the table's blocks");
    };
    assert_eq!(reason.kind(), ReasonKind::TargetMismatch);
    assert!(reason.detail().unwrap().contains("{ pk: S }"), "{reason}");
    assert!(matches!(
        judge_key(said(wrong), None, &place()),
        Attempt::Refused(_)
    ));
    let index = said("Type mismatch for Index Key gsi Expected: S Actual: N");
    assert_eq!(judge_key(index.clone(), Some(&declared), &place()), index);
}
