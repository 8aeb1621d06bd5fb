//! Idempotent retries across crashes: clients that send until they are told, a gateway that is
//! killed again and again, and a target that counts.
//!
//! A round has 20,000 keys; with `SLUICEGATE_LONG=1` there are 50 of them. A round is known by its
//! seed, which it says when it begins; `SLUICEGATE_SEED` begins with another, to go on where a run
//! was stopped.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::{Duration, Instant};

use crate::kit::{Client, Gateway, Request, Stub, event, gateway, record_for, stub_target};

const KEYS: u64 = 20_000;
const ROUNDS: u64 = 50;
/// Clients: of each six one has a table as its target, one a topic, and the others send batches
/// whose events have keys.
const CLIENTS: u64 = 24;
/// Of hundred answered keys, so many are asked for once more.
const ASKED_AGAIN: u64 = 15;
const BATCH: usize = 25;

#[test]
fn idempotent_retries_across_crashes() {
    let given = std::env::var("SLUICEGATE_SEED").ok();
    let first = given.map_or(1, |seed| seed.parse().unwrap());
    let rounds = match std::env::var_os("SLUICEGATE_LONG") {
        Some(_) => first..=ROUNDS,
        None => first..=first,
    };
    for seed in rounds {
        let began = Instant::now();
        let told = round(seed);
        println!("seed {seed}: {told}, {:.1?}", began.elapsed());
    }
}

/// What a client knows of one key.
#[derive(Clone, Copy, Default)]
struct Known {
    /// Tries whose answer did not come, or said that nobody knows.
    ambiguous: u64,
    confirmed: bool,
}

struct Round {
    /// The gateway could not be started any more: nobody shall wait for it.
    broken: AtomicBool,
    address: RwLock<Option<SocketAddr>>,
    left: AtomicU64,
    replays: AtomicU64,
    known: Mutex<Vec<(u64, Known)>>,
}

fn start(alerts: &Stub, orders: &Stub, dir: &std::path::Path) -> Gateway {
    let condition = "{ put: { pk: '${event.id}', raw: '${json(event)}' }, condition: \
                     attribute_not_exists(pk), on_false: accept }";
    gateway()
        .top(&format!(
            "idempotency: {{ store: {{ log: {{ dir: '{}' }} }} }}\n",
            dir.display()
        ))
        .target("alerts", &stub_target(alerts, "sns"))
        .target("orders", &stub_target(orders, "dynamodb"))
        .route("POST /alerts", "alerts", record_for("sns"))
        .route("POST /orders", "orders", condition)
        .fan_out(
            "POST /batches",
            &[&format!("target: alerts, record: {}", record_for("sns"))],
            "idempotency: '${event.id}'",
        )
        .start()
}

/// Runs one round and says what happened in it.
fn round(seed: u64) -> String {
    let (alerts, orders) = (Stub::start(), Stub::start());
    let dir = tempfile::tempdir().unwrap();
    let round = Round {
        broken: AtomicBool::new(false),
        address: RwLock::new(None),
        left: AtomicU64::new(CLIENTS),
        replays: AtomicU64::new(0),
        known: Mutex::new(Vec::new()),
    };
    let mut random = fastrand_of(seed);
    let mut kills = 0;
    std::thread::scope(|scope| {
        for number in 0..CLIENTS {
            let round = &round;
            scope.spawn(move || {
                // Also where this client fails: the others must not be waited for without end.
                let _left = Left(&round.left);
                client(round, number, seed);
            });
        }
        let mut ended = Broken(&round.broken, true);
        while round.left.load(Ordering::Acquire) > 0 {
            let running = start(&alerts, &orders, dir.path());
            *round.address.write().unwrap() = Some(running.http);
            let until = Instant::now() + Duration::from_millis(1200 + random() % 1800);
            while Instant::now() < until && round.left.load(Ordering::Acquire) > 0 {
                std::thread::sleep(Duration::from_millis(5));
            }
            // Dropped, it is killed by SIGKILL.
            *round.address.write().unwrap() = None;
            drop(running);
            kills += 1;
        }
        ended.1 = false;
    });
    judge(&round, &alerts, &orders, kills)
}

/// Says so when it is dropped before the round has ended.
struct Broken<'r>(&'r AtomicBool, bool);

impl Drop for Broken<'_> {
    fn drop(&mut self) {
        self.0.store(self.1, Ordering::Release);
    }
}

struct Left<'r>(&'r AtomicU64);

impl Drop for Left<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn judge(round: &Round, alerts: &Stub, orders: &Stub, kills: u64) -> String {
    let known = round.known.lock().unwrap();
    assert_eq!(known.len() as u64, KEYS, "every key was answered");
    let (sent, put) = (alerts.store().counts(), orders.store().counts());
    let (mut twice, mut ambiguous) = (0, 0);
    for (key, known) in known.iter() {
        assert!(known.confirmed);
        let deduplicates = (key % CLIENTS).is_multiple_of(6);
        let times = if deduplicates { &put } else { &sent };
        let times = times.get(key).copied().unwrap_or(0) as u64;
        assert!(times >= 1, "{key} was answered and is lost");
        let most = if deduplicates { 0 } else { known.ambiguous };
        assert!(times - 1 <= most, "{key} is there {times} times: {most}");
        twice += times - 1;
        ambiguous += known.ambiguous;
    }
    let replays = round.replays.load(Ordering::Relaxed);
    assert!(kills > 2, "too few kills to prove anything: {kills}");
    assert!(
        ambiguous > 0 && replays > KEYS / 20,
        "{ambiguous}, {replays}"
    );
    format!(
        "{KEYS} keys, {kills} kills, {ambiguous} ambiguous tries, {twice} duplicates, {replays} replays"
    )
}

/// One client with its keys: those whose number is its own.
fn client(round: &Round, number: u64, seed: u64) {
    let mut random = fastrand_of(seed ^ (number + 1) << 32);
    let keys: Vec<u64> = (0..KEYS).filter(|key| key % CLIENTS == number).collect();
    let known = match number % 6 {
        0 => one_by_one(round, "/orders", &keys, &mut random),
        1 => one_by_one(round, "/alerts", &keys, &mut random),
        _ => in_batches(round, &keys, &mut random),
    };
    round.known.lock().unwrap().extend(known);
}

/// A connection to the gateway as it stands, made anew for each life of it.
struct Line<'r> {
    round: &'r Round,
    open: Option<(SocketAddr, Client)>,
}

impl Line<'_> {
    /// `None`: it was sent, and no answer came. While there is no gateway, it waits.
    fn try_send(&mut self, request: &Request<'_>) -> Option<crate::kit::Answer> {
        let address = loop {
            assert!(!self.round.broken.load(Ordering::Acquire), "no gateway");
            if let Some(address) = *self.round.address.read().unwrap() {
                break address;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let fresh = self
            .open
            .as_ref()
            .is_none_or(|(known, _)| *known != address);
        if fresh {
            self.open = Some((address, Client::to(address)));
        }
        let (_, client) = self.open.as_mut()?;
        client.try_send(request).ok()
    }
}

fn one_by_one(
    round: &Round,
    target: &str,
    keys: &[u64],
    random: &mut impl FnMut() -> u64,
) -> Vec<(u64, Known)> {
    let mut line = Line { round, open: None };
    let mut found: Vec<(u64, Known)> = Vec::new();
    for key in keys {
        let mut known = Known::default();
        while !known.confirmed {
            match send(&mut line, target, *key) {
                Some((200, _)) => known.confirmed = true,
                Some((409 | 503, _)) => {}
                Some((502 | 504, _)) | None => known.ambiguous += 1,
                Some((status, _)) => panic!("{key}: {status}"),
            }
        }
        found.push((*key, known));
        if random() % 100 < ASKED_AGAIN {
            let (again, _) = found[random() as usize % found.len()];
            loop {
                match send(&mut line, target, again) {
                    // What was answered once is never sent again: it is a replay whatever happened.
                    Some((200, replayed)) => {
                        assert!(replayed, "{again} was sent again after its confirmation");
                        round.replays.fetch_add(1, Ordering::Relaxed);
                        break;
                    }
                    None | Some((503, _)) => {}
                    Some((status, _)) => panic!("{again}: {status} after its confirmation"),
                }
            }
        }
    }
    found
}

fn send(line: &mut Line<'_>, target: &str, key: u64) -> Option<(u16, bool)> {
    let name = format!("\"key-{key}\"");
    let body = event(key);
    let fields = [
        ("Content-Type", "application/json"),
        ("Idempotency-Key", name.as_str()),
    ];
    let answer = line.try_send(&Request {
        method: "POST",
        target,
        fields: &fields,
        body: body.as_bytes(),
    })?;
    Some((
        answer.status,
        answer.field("idempotency-replayed") == Some("true"),
    ))
}

/// As a client library that regroups: what is not confirmed goes into the next batch with others,
/// and some that are confirmed.
fn in_batches(round: &Round, keys: &[u64], random: &mut impl FnMut() -> u64) -> Vec<(u64, Known)> {
    let mut line = Line { round, open: None };
    let mut waiting: Vec<u64> = keys.to_vec();
    let mut known = std::collections::HashMap::<u64, Known>::new();
    let mut done: Vec<u64> = Vec::new();
    while !waiting.is_empty() {
        let mut batch: Vec<u64> = Vec::new();
        for _ in 0..(1 + random() as usize % BATCH).min(waiting.len()) {
            let place = random() as usize % waiting.len().min(4 * BATCH);
            batch.push(waiting.swap_remove(place));
        }
        let fresh = batch.len();
        for _ in 0..fresh * ASKED_AGAIN as usize / 100 {
            if let Some(again) = done.get(random() as usize % done.len().max(1))
                && !batch.contains(again)
            {
                batch.push(*again);
            }
        }
        let events: Vec<String> = batch.iter().map(|key| event(*key)).collect();
        let fields = [("Prefer", "return=representation")];
        let answer = line.try_send(&Request {
            method: "POST",
            target: "/batches",
            fields: &fields,
            body: format!("[{}]", events.join(",")).as_bytes(),
        });
        let events = answer.map(|answer| answer.json()["events"].clone());
        for (place, key) in batch.iter().enumerate() {
            let event = events.as_ref().map(|events| &events[place]);
            let is_known = known.entry(*key).or_default();
            match event {
                Some(event) if event["outcome"] == "all" => {
                    if is_known.confirmed {
                        assert_eq!(event["repeated"], true, "{key} was sent again");
                        round.replays.fetch_add(1, Ordering::Relaxed);
                    } else {
                        is_known.confirmed = true;
                        done.push(*key);
                    }
                    continue;
                }
                Some(event) if event["outcome"] == "unknown" => is_known.ambiguous += 1,
                Some(_) => {}
                None => is_known.ambiguous += 1,
            }
            if !is_known.confirmed {
                waiting.push(*key);
            }
        }
    }
    known.into_iter().collect()
}

/// Numbers that follow from a seed (xorshift).
fn fastrand_of(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state >> 3
    }
}
