//! The audit against real backends: it passes where all is well, and finds what was planted.

use std::time::Duration;

use sluicegate_audit::{
    Asked, Audit, Events, History, Outcome, Place, Rule, Source, Target, Template, Verdict,
};

use crate::kit::{Gateway, Load, audited, aws, gateway, kafka};

const BINDINGS: &[&str] = &[
    "target: Kafka, record: { key: '${event.key}', value: '${event}' }",
    "target: Kinesis, record: { partition_key: '${event.key}', data: '${event}' }",
    "target: DynamoDB, record: { update: { key: { pk: '${event.id}' }, \
     set: { raw: '${json(event)}' }, add: { puts: 1 } } }",
    "target: SNS, record: { message: '${event}' }",
    "target: log, record: { value: '${event}' }",
];

/// A gateway before all five targets, and where the audit reads them.
fn all_five(story: &str) -> Option<(Gateway, Vec<(Target, Source)>)> {
    let (kafka, aws) = (kafka(story)?, aws(story)?);
    let (topic, stream, table, alerts) = (kafka.topic(3), aws.stream(3), aws.table(), aws.topic());
    let gateway = gateway()
        .target("Kafka", &topic.target())
        .target("Kinesis", &stream.target())
        .target("DynamoDB", &table.target())
        .target("SNS", &alerts.target())
        .target("log", "log: { dir: kept }")
        .fan_out("POST /events", BINDINGS, "")
        .start();
    let log = Source::Log {
        dir: gateway.beside("kept"),
        place: Place::whole(&["id".to_owned()]),
    };
    let targets = vec![
        audited("Kafka", true, topic.source()),
        audited("Kinesis", true, stream.source()),
        audited("DynamoDB", false, table.source()),
        audited("SNS", false, alerts.source()),
        audited("log", true, log),
    ];
    Some((gateway, targets))
}

fn events() -> Events {
    Events::new(Template::parse(Template::DEFAULT).unwrap(), 3, 60)
}

fn post(gateway: &Gateway, payload: Vec<u8>) {
    let event = String::from_utf8(payload).unwrap();
    gateway.post("/events", &event).is(200);
}

/// Notes that these were sent one after another and acknowledged.
fn acknowledged(events: &Events, numbers: std::ops::Range<u64>) -> History {
    let mut history = History::of(events.clone());
    for number in numbers {
        history.sent(number, number * 10);
        history.answered(number, number * 10 + 5, Outcome::Ok);
    }
    history
}

/// The rules that do not hold, where so many duplicates are allowed.
fn broken(audit: &mut Audit, history: &History, duplicates_allowed: u64) -> Vec<Rule> {
    audit.read(history).unwrap();
    let asked = Asked {
        fresh: Some(Ok(Duration::ZERO)),
        duplicates_allowed,
        ..Asked::default()
    };
    let judged = audit.judge(history, &asked);
    let bad = |verdict| matches!(verdict, Verdict::Violated | Verdict::Void);
    let judged = judged.into_iter().filter(|one| bad(one.verdict));
    judged.map(|one| one.rule).collect()
}

#[test]
fn a_quiet_gateway_passes_at_all_five() {
    let Some((gateway, targets)) = all_five("a_quiet_gateway_passes_at_all_five") else {
        return;
    };
    let audit = Audit::open(targets).unwrap();
    let load = Load::begin(&gateway, "/events", 100);
    load.wait_for(200);
    assert!(load.judge(audit, Asked::default()) >= 200);
    gateway.stop();
}

#[test]
fn what_is_planted_is_found_at_each_of_the_five() {
    let Some((gateway, targets)) = all_five("what_is_planted_is_found_at_each_of_the_five") else {
        return;
    };
    let mut audits: Vec<_> = targets
        .into_iter()
        .map(|target| (target.0.name.clone(), Audit::open(vec![target]).unwrap()))
        .collect();
    let events = events();
    (0..10).for_each(|number| post(&gateway, events.payload(number)));
    let history = acknowledged(&events, 0..10);
    let more = acknowledged(&events, 0..11);
    let mut expect = |what: &str, history: &History, allowed: u64, rules: &[Rule]| {
        for (name, audit) in &mut audits {
            assert_eq!(broken(audit, history, allowed), rules, "{what} in {name}");
        }
    };
    expect("all is well", &history, 0, &[]);
    expect("one that was not sent", &more, 0, &[Rule::Lost]);

    post(&gateway, events.payload(9));
    expect("one twice", &history, 0, &[Rule::Duplicates]);
    expect("one twice, as allowed", &history, 1, &[]);

    post(&gateway, events.payload(60));
    expect("a stranger", &history, 1, &[Rule::Strangers]);

    let changed = String::from_utf8(events.payload(8)).unwrap();
    let changed = changed.replace("\"seq\":2", "\"seq\":3");
    post(&gateway, changed.into_bytes());
    let both = [Rule::Strangers, Rule::Payload];
    expect("a changed payload", &history, 2, &both);
    for (_, audit) in audits {
        audit.close().unwrap();
    }
    gateway.stop();
}

#[test]
fn a_key_in_the_wrong_order_is_found_where_order_is_promised() {
    let Some((gateway, mut targets)) =
        all_five("a_key_in_the_wrong_order_is_found_where_order_is_promised")
    else {
        return;
    };
    targets.retain(|(target, _)| target.ordered);
    assert_eq!(targets.len(), 3);
    let events = events();
    // 3 keys: 1 and 4 are of one.
    for number in [0, 4, 2, 3, 1, 5] {
        post(&gateway, events.payload(number));
    }
    let history = acknowledged(&events, 0..6);
    for target in targets {
        let name = target.0.name.clone();
        let mut audit = Audit::open(vec![target]).unwrap();
        assert_eq!(broken(&mut audit, &history, 0), [Rule::Order], "{name}");
    }
    gateway.stop();
}
