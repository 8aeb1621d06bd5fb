//! The DynamoDB room against real answers: what was confirmed is read back, and what is wrong is
//! named.

#![allow(clippy::unwrap_used, reason = "tests may panic, their helpers as well")]

#[path = "../../aws/tests/support/emulator.rs"]
mod emulator;

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType as SdkKeyType,
    ScalarAttributeType,
};
use emulator::{
    MINISTACK, REGION, closed_port, config, emulators, hallway, send, send_batch, unique,
};
use sluicegate_contract::{Attempt, Batch, Integration, ReasonKind, Receipt, Record, Value};
use sluicegate_dynamodb::{KeyAttributes, KeyType, Settings, open};
use sluicegate_testkit::backend;

type Key<'k> = &'k [(&'k str, KeyType)];
const KEY: Key<'static> = &[("pk", KeyType::S), ("sk", KeyType::N)];

fn room(url: &str, table: &str, key: Option<Key<'_>>) -> Arc<dyn Integration> {
    let key = key.map(|key| {
        key.iter()
            .map(|(name, t)| ((*name).to_owned(), *t))
            .collect()
    });
    let settings = Settings {
        table: table.to_owned(),
        key: key.map(KeyAttributes),
        region: Some(REGION.to_owned()),
        endpoint_url: Some(url.to_owned()),
        ..Settings::default()
    };
    settings.validate().unwrap();
    open("orders", &settings, &hallway())
}

fn json(text: &str) -> Value {
    Value::Json(text.to_owned().into())
}

fn put(text: &str) -> Record {
    Record::new([json(text)])
}

fn put_if(text: &str, condition: &str, values: Vec<Value>, accept: bool) -> Record {
    let condition = Value::Expression {
        text: condition.into(),
        values,
    };
    Record::new([json(text), condition, Value::Choice(u8::from(accept))])
}

/// Creates a table with the key `pk: S, sk: N`.
async fn create(client: &Client, table: &str) {
    let mut create = client
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest);
    let kinds = [
        ("pk", ScalarAttributeType::S, SdkKeyType::Hash),
        ("sk", ScalarAttributeType::N, SdkKeyType::Range),
    ];
    for (name, scalar, key) in kinds {
        create = create
            .attribute_definitions(
                AttributeDefinition::builder()
                    .attribute_name(name)
                    .attribute_type(scalar)
                    .build()
                    .unwrap(),
            )
            .key_schema(
                KeySchemaElement::builder()
                    .attribute_name(name)
                    .key_type(key)
                    .build()
                    .unwrap(),
            );
    }
    create.send().await.unwrap();
}

async fn read_back(
    client: &Client,
    table: &str,
    pk: &str,
    sk: &str,
) -> Option<HashMap<String, AttributeValue>> {
    client
        .get_item()
        .table_name(table)
        .key("pk", AttributeValue::S(pk.to_owned()))
        .key("sk", AttributeValue::N(sk.to_owned()))
        .consistent_read(true)
        .send()
        .await
        .unwrap()
        .item
}

async fn count(client: &Client, table: &str) -> i32 {
    client
        .scan()
        .table_name(table)
        .send()
        .await
        .unwrap()
        .count()
}

#[tokio::test]
async fn puts_of_a_batch_are_read_back_with_their_types() {
    for url in emulators("dynamodb read back") {
        let client = Client::new(&config(&url));
        let table = unique("orders");
        create(&client, &table).await;
        for key in [Some(KEY), None] {
            let room = room(&url, &table, key);
            let records = (0..25)
                .map(|n| put(&format!(r#"{{"pk":"acme","sk":{n},"total":12.5,"tags":["a",null,true],"o":{{"é":"\u00e9"}}}}"#)))
                .collect();
            for attempt in send(&room, records).await {
                assert_eq!(attempt, Attempt::Stored(Receipt::Nothing));
            }
        }
        assert_eq!(
            count(&client, &table).await,
            25,
            "the second run put the same items"
        );
        let item = read_back(&client, &table, "acme", "7").await.unwrap();
        assert_eq!(item["total"], AttributeValue::N("12.5".to_owned()));
        let tags = vec![
            AttributeValue::S("a".to_owned()),
            AttributeValue::Null(true),
            AttributeValue::Bool(true),
        ];
        assert_eq!(item["tags"], AttributeValue::L(tags));
        let inner = HashMap::from([("é".to_owned(), AttributeValue::S("é".to_owned()))]);
        assert_eq!(item["o"], AttributeValue::M(inner));
    }
}

#[tokio::test]
async fn the_key_is_learned_from_the_table_at_the_first_call() {
    for url in emulators("dynamodb learned key") {
        let client = Client::new(&config(&url));
        let table = unique("orders");
        create(&client, &table).await;
        let room = room(&url, &table, None);
        let good = put(r#"{"pk":"a","sk":1}"#);
        assert!(room.travels_alone(&good), "until the key is known");
        assert_eq!(
            send(&room, vec![good.clone()]).await,
            [Attempt::Stored(Receipt::Nothing)]
        );
        assert!(!room.travels_alone(&good));
        assert_eq!(
            room.key(&good),
            room.key(&put(r#"{"sk":1.0,"pk":"a","x":2}"#))
        );
        let reason = room.weigh(&put(r#"{"pk":"a"}"#)).unwrap_err();
        assert!(reason.detail().unwrap().contains("`sk`"), "{reason}");
    }
}

#[tokio::test]
async fn a_condition_that_fails_is_an_answer() {
    for url in emulators("dynamodb condition") {
        let client = Client::new(&config(&url));
        let table = unique("orders");
        create(&client, &table).await;
        let room = room(&url, &table, Some(KEY));
        let absent = "attribute_not_exists(pk)";
        let order = r#"{"pk":"a","sk":1,"status":"new","n":1.50}"#;
        let one = |record: Record| async { send(&room, vec![record]).await.remove(0) };

        let first = one(put_if(order, absent, vec![], false)).await;
        assert_eq!(first, Attempt::Stored(Receipt::Nothing));
        let Attempt::Refused(reason) = one(put_if(order, absent, vec![], false)).await else {
            panic!("a second put of one order is a conflict");
        };
        assert_eq!(reason.kind(), ReasonKind::ConditionFalse);
        let accepted = one(put_if(order, absent, vec![], true)).await;
        assert_eq!(accepted, Attempt::Stored(Receipt::AlreadyThere));

        // `status` is one of DynamoDB's reserved words.
        let paid = r#"{"pk":"a","sk":1,"status":"paid"}"#;
        let is_new = vec![Value::Text("new".into())];
        let stored = one(put_if(paid, "status = :p0", is_new.clone(), false)).await;
        assert_eq!(stored, Attempt::Stored(Receipt::Nothing));
        let conflict = one(put_if(paid, "status = :p0", is_new, false)).await;
        assert!(matches!(conflict, Attempt::Refused(_)), "{conflict:?}");
        let item = read_back(&client, &table, "a", "1").await.unwrap();
        assert_eq!(item["status"], AttributeValue::S("paid".to_owned()));
    }
}

#[tokio::test]
async fn our_own_item_after_a_lost_answer_is_no_conflict() {
    // roto-aws 0.10.1 does not say what stands in the place (ALL_OLD).
    if let Some(url) = backend(MINISTACK, "dynamodb uncertain condition") {
        let client = Client::new(&config(&url));
        let table = unique("orders");
        create(&client, &table).await;
        let room = room(&url, &table, Some(KEY));
        let absent = "attribute_not_exists(pk)";
        let order = put_if(r#"{"pk":"a","sk":1,"n":1.50}"#, absent, vec![], false);
        send(&room, vec![order.clone()]).await;
        let again = |record: &Record| {
            let batch = Batch::new(Arc::new(vec![record.clone()]));
            send_batch(&room, batch.after_uncertain(Arc::new([true])))
        };
        assert_eq!(again(&order).await, [Attempt::Stored(Receipt::Nothing)]);
        let other = put_if(r#"{"pk":"a","sk":1,"n":2}"#, absent, vec![], false);
        assert!(matches!(again(&other).await[0], Attempt::Refused(_)));
    }
}

#[tokio::test]
async fn a_missing_table_blocks_and_is_named() {
    for url in emulators("dynamodb missing table") {
        for key in [Some(KEY), None] {
            let table = unique("nowhere");
            let attempts = send(&room(&url, &table, key), vec![put(r#"{"pk":"a","sk":1}"#)]).await;
            let Attempt::Blocked(reason) = &attempts[0] else {
                panic!("{attempts:?}");
            };
            assert_eq!(reason.kind(), ReasonKind::TargetMissing);
            let detail = reason.detail().unwrap();
            assert!(
                detail.contains(&table) && detail.contains(REGION),
                "{detail}"
            );
        }
    }
}

#[tokio::test]
async fn a_wrong_key_in_the_file_blocks_and_is_named() {
    for url in emulators("dynamodb wrong key") {
        let client = Client::new(&config(&url));
        let table = unique("orders");
        create(&client, &table).await;
        for wrong in [&[("id", KeyType::S)][..], &[("pk", KeyType::N)][..]] {
            let room = room(&url, &table, Some(wrong));
            let attempts = send(&room, vec![put(r#"{"id":"a","pk":7}"#)]).await;
            let Attempt::Blocked(reason) = &attempts[0] else {
                panic!("{url} {wrong:?}: {attempts:?}");
            };
            assert_eq!(reason.kind(), ReasonKind::TargetMismatch);
        }
        assert_eq!(count(&client, &table).await, 0);
    }
}

#[tokio::test]
async fn a_closed_port_is_certain_and_named() {
    let url = format!("http://127.0.0.1:{}", closed_port());
    for key in [Some(KEY), None] {
        let attempts = send(
            &room(&url, "orders", key),
            vec![put(r#"{"pk":"a","sk":1}"#)],
        )
        .await;
        let Attempt::Again {
            certain: true,
            reason,
            ..
        } = &attempts[0]
        else {
            panic!("{attempts:?}");
        };
        assert_eq!(reason.kind(), ReasonKind::ConnectionFailed);
        assert!(reason.detail().unwrap().contains(&url), "{reason}");
    }
}
