//! The gateway is killed where it stands, under load, again and again: what was acknowledged is
//! where it belongs, in order, and no more often than the doubts allow.
//!
//! In CI 25 times. `SLUICEGATE_LONG=1` kills 1,000 times, in rounds with targets of their own;
//! `SLUICEGATE_LONG_FROM=N` goes on at round N, and the seed of each round is its number.

use std::time::{Duration, Instant};

use sluicegate_audit::{Asked, Audit, Outcome, Place, Source};

use crate::kit::{Load, audited, aws, gateway, kafka, own_broker};

/// Kills of one round, which is what CI runs.
const KILLS: u64 = 25;
/// Rounds of the long form.
const ROUNDS: u64 = 40;
/// Events a second to all five targets: what the emulators take beside everything else.
const RATE: u64 = 150;
/// Events a second that the spool delivers to each target.
const SPOOL_RATE: u64 = 1000;
/// Events a second to Kafka alone.
const RATE_KAFKA: u64 = 1000;

/// Records for each target: whole events, by their key where the target knows keys, and in the
/// table a counter, so that a second write is seen.
const BINDINGS: &[&str] = &[
    "target: audit, record: { key: '${event.key}', value: '${event}' }",
    "target: clicks, record: { partition_key: '${event.key}', data: '${event}' }",
    "target: orders, record: { update: { key: { pk: '${event.id}' }, \
     set: { raw: '${json(event)}' }, add: { puts: 1 } } }",
    "target: alerts, record: { message: '${event}' }",
    "target: trail, record: { value: '${event}' }",
];

/// What a route answers after, and what follows from it.
#[derive(Clone, Copy)]
struct Promise {
    /// Keys of the route.
    route: &'static str,
    /// Whether the file has a spool.
    spool: bool,
}

const REQUIRED: Promise = Promise {
    route: "reply: { within: 20s }",
    spool: false,
};

/// Records of a spool go to a target side by side, except to Kafka, whose one producer keeps order,
/// and to a log.
const SPOOLED: Promise = Promise {
    route: "reply: { after: spooled }",
    spool: true,
};

fn rounds() -> std::ops::Range<u64> {
    if std::env::var_os("SLUICEGATE_LONG").is_none() {
        return 0..1;
    }
    let from = std::env::var("SLUICEGATE_LONG_FROM").ok();
    from.and_then(|text| text.parse().ok()).unwrap_or(0)..ROUNDS
}

/// Runs all rounds and says how far it is.
fn kill_in_rounds(story: &str, round: impl Fn(u64) -> u64) {
    let (began, rounds) = (Instant::now(), rounds());
    let (from, mut acknowledged) = (rounds.start, 0);
    for seed in rounds {
        acknowledged += round(seed);
        println!(
            "{story}: round {seed}: {} kills, {acknowledged} acknowledged, none lost, {:?}",
            (seed + 1 - from) * KILLS,
            began.elapsed()
        );
    }
}

fn all_five_are_killed_for(story: &str, promise: Promise) {
    let (Some(kafka), Some(aws)) = (kafka(story), aws(story)) else {
        return;
    };
    kill_in_rounds(story, |seed| {
        let (audit, stream) = (kafka.topic(4), aws.stream(2));
        let (table, topic) = (aws.table(), aws.topic());
        let mut opening = gateway()
            .target("audit", &audit.target())
            .target("clicks", &stream.target())
            .target("orders", &table.target())
            .target("alerts", &topic.target())
            .target("trail", "log: { dir: trail }")
            .fan_out("POST /events", BINDINGS, promise.route);
        if promise.spool {
            let spool = format!("spool: {{ dir: spool, rate: {SPOOL_RATE}/s }}\n");
            opening = opening.top(&spool);
        }
        let gateway = opening.start();
        let trail = Source::Log {
            dir: gateway.beside("trail"),
            place: Place::whole(&["id".to_owned()]),
        };
        let targets = Audit::open(vec![
            audited("Kafka", true, audit.source()),
            // Records of a spool go to a stream side by side.
            audited("Kinesis", !promise.spool, stream.source()),
            audited("DynamoDB", false, table.source()),
            audited("SNS", false, topic.source()),
            audited("log", true, trail),
        ]);
        kill(gateway, targets.unwrap(), seed, RATE, promise)
    });
}

/// Kills a gateway at random points under load; gives how many events were acknowledged.
fn kill(
    mut gateway: crate::kit::Gateway,
    targets: Audit,
    seed: u64,
    rate: u64,
    promise: Promise,
) -> u64 {
    let mut random = fastrand::Rng::with_seed(seed);
    let load = Load::begin(&gateway, "/events", rate);
    for _ in 0..KILLS {
        // At least one goes through each time: a gateway that never serves loses nothing.
        load.wait_for(1);
        std::thread::sleep(Duration::from_millis(random.u64(0..500)));
        gateway.kill_and_start_again();
    }
    load.wait_for(1);
    let asked = Asked {
        acknowledged_min: KILLS,
        faults: KILLS,
        faults_min: KILLS,
        // A spool's cursors are durable a few times a second: what was delivered since goes out again.
        duplicates_allowed: if promise.spool {
            KILLS * SPOOL_RATE / 2
        } else {
            0
        },
        ..Asked::default()
    };
    let acknowledged = load.judge(targets, asked);
    gateway.stop();
    acknowledged
}

#[test]
fn what_required_targets_confirmed_survives_kills_of_the_gateway() {
    all_five_are_killed_for(
        "what_required_targets_confirmed_survives_kills_of_the_gateway",
        REQUIRED,
    );
}

#[test]
fn what_was_spooled_survives_kills_of_the_gateway() {
    all_five_are_killed_for("what_was_spooled_survives_kills_of_the_gateway", SPOOLED);
}

#[test]
fn what_kafka_confirmed_survives_kills_of_the_gateway_in_order() {
    let story = "what_kafka_confirmed_survives_kills_of_the_gateway_in_order";
    let Some(kafka) = kafka(story) else { return };
    kill_in_rounds(story, |seed| {
        let topic = kafka.topic(4);
        let gateway = gateway()
            .target("audit", &topic.target())
            .fan_out("POST /events", &BINDINGS[..1], REQUIRED.route)
            .start();
        let targets = Audit::open(vec![audited("Kafka", true, topic.source())]).unwrap();
        kill(gateway, targets, seed, RATE_KAFKA, REQUIRED)
    });
}

#[test]
fn the_last_acknowledged_event_of_a_key_is_what_a_table_holds() {
    let Some(aws) = aws("the_last_acknowledged_event_of_a_key_is_what_a_table_holds") else {
        return;
    };
    let table = aws.table();
    let mut gateway = gateway()
        .target("users", &table.target())
        .route(
            "POST /events",
            "users",
            "{ put: { pk: '${event.key}', raw: '${json(event)}' } }",
        )
        .start();
    let load = Load::begin(&gateway, "/events", RATE);
    for _ in 0..5 {
        load.wait_for(100);
        gateway.kill_and_start_again();
    }
    load.wait_for(100);
    let history = load.end();
    let events = history.events().unwrap();
    let mut last = vec![None; usize::try_from(events.keys()).unwrap()];
    for (number, entry) in history.entries() {
        if entry.outcome == Outcome::Ok {
            last[entry.key as usize] = Some(number);
        }
    }
    for item in table.read() {
        let item: serde_json::Value = serde_json::from_str(&item).unwrap();
        let number = events.number_of(item["id"].as_str().unwrap()).unwrap();
        let key = events.key_of(number) as usize;
        // What stands behind the last acknowledged one can only be one in doubt.
        assert!(
            Some(number) >= last[key],
            "{item} stands over {:?}",
            last[key]
        );
        last[key] = None;
    }
    assert_eq!(last.iter().flatten().next(), None, "a key is missing");
    gateway.stop();
}

#[test]
fn what_kafka_confirmed_survives_kills_of_its_broker() {
    let story = "what_kafka_confirmed_survives_kills_of_its_broker";
    let Some(mut broker) = own_broker(story) else {
        return;
    };
    let topic = broker.kafka.topic(4);
    let gateway = gateway()
        .target("audit", &topic.target())
        .fan_out("POST /events", &BINDINGS[..1], "reply: { within: 60s }")
        .start();
    let targets = Audit::open(vec![audited("Kafka", true, topic.source())]).unwrap();
    let load = Load::begin(&gateway, "/events", RATE_KAFKA);
    let kills = if std::env::var_os("SLUICEGATE_LONG").is_some() {
        20
    } else {
        2
    };
    for _ in 0..kills {
        load.wait_for(500);
        broker.kill_and_start_again();
    }
    load.wait_for(500);
    let asked = Asked {
        faults: kills,
        faults_min: kills,
        ..Asked::default()
    };
    let acknowledged = load.judge(targets, asked);
    println!("{story}: {kills} kills, {acknowledged} acknowledged, none lost");
    gateway.stop();
}
