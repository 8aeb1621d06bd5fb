//! Whole requests with idempotency keys on one core, whose targets say what a test tells them and
//! whose steps the test takes.

use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use sluicegate_appendlog::simulated::SimulatedDisk;
use sluicegate_contract::{
    Outcome, OutcomeSink, Producer, Reason, ReasonKind, Receipt, Record, RecordId, Room,
};

use super::{Core, CoreParts, Ticket};
use crate::admit::Admission;
use crate::dispatch::{Gate, Gauge, Target};
use crate::http::{Head, HeadIndex, HeadScan, ResponseWriter, Service as _, Ticket as _, parse};
use crate::idempotency::map_table::Map;
use crate::idempotency::{Bounds, SharedOptions, Store, boundless};
use crate::observe::{CoreCounters, Shape, TargetCounters, TargetHealth};
use crate::route::Routes;
use crate::settings::{Environment, load_text};
use crate::settle::Mailboxes;

/// `pair` asks for one record at each target, and one more at the second that nobody waits for.
const FILE: &str = "
sluicegate: 1
defaults: { auth: none }
idempotency: { store: { log: { dir: keys } } }
targets: { first: { discard: {} }, second: { discard: {} } }
routes:
  - route: POST /pair
    to:
      - { target: first, as: a }
      - { target: second, as: b }
      - { target: second, as: c, need: best_effort }
  - route: POST /many
    accept: { formats: [ndjson], events: 10000 }
    to: [ { target: first } ]
";

/// A room that takes everything and says nothing.
#[derive(Default)]
struct Toy(Mutex<Vec<RecordId>>);

impl Toy {
    /// What it took since the last time.
    fn taken(&self) -> Vec<RecordId> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Producer for Toy {
    fn weigh(&self, record: &Record) -> Result<usize, Reason> {
        Ok(record.bytes())
    }
    fn produce(&self, _: &Record, id: RecordId) -> Result<Option<Outcome>, Reason> {
        self.0.lock().unwrap().push(id);
        Ok(None)
    }
    fn flush(&self, _: Duration) {}
}

struct Gateway {
    core: Rc<Core>,
    store: Arc<Store>,
    mailboxes: Mailboxes,
    first: Arc<Toy>,
    second: Arc<Toy>,
}

impl Gateway {
    fn start(store: impl FnOnce(Mailboxes) -> Store) -> Self {
        let settings = load_text("test.yaml", FILE, &Environment::fixed([])).unwrap();
        let mailboxes = Mailboxes::new(1);
        let store = Arc::new(store(mailboxes.clone()));
        let (first, second) = (Arc::<Toy>::default(), Arc::<Toy>::default());
        let target = |name: &str, room: &Arc<Toy>| Target {
            name: name.into(),
            kind: "discard",
            room: Room::Producing(Arc::<Toy>::clone(room)),
            gauge: Arc::new(Gauge::new(64 << 20)),
            gate: Arc::new(Gate::new(Arc::new(TargetHealth::new(name.into())))),
            inbox: None,
            counters: Arc::new(TargetCounters::new()),
            dead_letter: None,
            envelope: None,
            log: None,
        };
        let bindings = |route: &Arc<crate::settings::Route>| {
            let targets = route.bindings.iter().map(|binding| binding.target);
            targets.collect()
        };
        let shape = Shape {
            routes: settings.routes.iter().map(bindings).collect(),
            targets: 2,
        };
        let core = Core::still(CoreParts {
            number: 0,
            routes: Routes::new(&settings.routes).unwrap(),
            admission: Arc::new(Admission::new(&settings)),
            server: settings.server.clone(),
            targets: [target("first", &first), target("second", &second)].into(),
            counters: CoreCounters::new(0, &shape),
            mailbox: Arc::clone(mailboxes.of(0).unwrap()),
            spool: None,
            letters: None,
            keys: Some(Arc::clone(&store)),
        });
        Self {
            core,
            store,
            mailboxes,
            first,
            second,
        }
    }

    fn with_a_log() -> Self {
        Self::start(|mailboxes| {
            let disk = Arc::new(SimulatedDisk::new(1, 64 << 20));
            let bounds = Bounds {
                keys: 1000,
                bytes: 1 << 20,
            };
            let window = Duration::from_secs(3600);
            Store::open_on(disk, window, bounds, 1 << 20, mailboxes).unwrap()
        })
    }

    fn with_a_table(table: &Arc<Map>) -> Self {
        let options = SharedOptions {
            window: Duration::from_secs(3600),
            lease: Duration::from_secs(60),
        };
        let table = Arc::<Map>::clone(table);
        Self::start(|mailboxes| Store::open_shared(table, options, mailboxes).unwrap())
    }

    fn post(&self, key: &str) -> Ticket {
        self.send("/pair", "application/json", key, "{\"id\":1}".into())
    }

    fn send(&self, path: &str, kind: &str, key: &str, body: Bytes) -> Ticket {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: h\r\nContent-Type: {kind}\r\n\
             Content-Length: {}\r\nIdempotency-Key: {key}\r\n\r\n",
            body.len()
        );
        let mut index = HeadIndex::default();
        parse(head.as_bytes(), &mut HeadScan::default(), &mut index);
        let head = Head::new(head.as_bytes(), &index);
        let peer = ([127, 0, 0, 1], 40_000).into();
        let admitted = self.core.admit(&head, peer, Some(body.len() as u64));
        let permit = admitted.unwrap_or_else(|_| panic!("refused")).permit;
        self.core.accept(permit, &head, peer, body)
    }

    /// Goes on until something holds, with whatever the store's thread says meanwhile.
    fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let end = Instant::now() + Duration::from_secs(30);
        self.core.open_mail();
        while !holds() {
            assert!(Instant::now() < end, "{what}");
            std::thread::sleep(Duration::from_millis(1));
            self.core.open_mail();
        }
    }

    fn answer(&self, mut ticket: Ticket) -> u16 {
        let mut context = Context::from_waker(Waker::noop());
        self.until("it is answered", || {
            ticket.poll_ready(&mut context).is_ready()
        });
        let mut out = Vec::new();
        ticket.write(ResponseWriter::new(&mut out, true, false));
        let status = String::from_utf8_lossy(&out[9..12]).into_owned();
        status.parse().unwrap()
    }

    /// The records that a request sends to both targets.
    fn sent(&self) -> (Vec<RecordId>, Vec<RecordId>) {
        let (mut first, mut second) = (Vec::new(), Vec::new());
        self.until("it is sent", || {
            first.extend(self.first.taken());
            second.extend(self.second.taken());
            second.len() == 2
        });
        (first, second)
    }

    fn say(&self, outcomes: Vec<(RecordId, Outcome)>) {
        self.mailboxes.outcomes(outcomes);
        self.core.open_mail();
    }

    /// All that was under way ends, and nothing is left of it.
    fn stop(self) {
        self.until("nothing is under way", || self.core.is_idle());
        self.store.stop();
    }
}

fn delivered(id: RecordId) -> (RecordId, Outcome) {
    (id, Outcome::Delivered(Receipt::Nothing))
}

fn refused(id: RecordId) -> (RecordId, Outcome) {
    let detail = "it is too odd for this table, since ".repeat(5);
    let reason = Reason::new(ReasonKind::Invalid, detail);
    (id, Outcome::Refused(reason))
}

fn gave_up(id: RecordId) -> (RecordId, Outcome) {
    let (certain, reason) = (true, ReasonKind::ConnectionFailed.into());
    (id, Outcome::GaveUp { certain, reason })
}

#[test]
fn what_was_confirmed_stays_known_when_the_last_outcomes_come_in_one_breath() {
    for gateway in [
        Gateway::with_a_log(),
        Gateway::with_a_table(&Arc::default()),
    ] {
        let ticket = gateway.post("k");
        let (first, second) = gateway.sent();
        gateway.say(vec![delivered(first[0])]);
        // The second decides the request, the third ends it: what is stored of the first is on
        // its way yet.
        gateway.say(second.into_iter().map(gave_up).collect());
        assert_eq!(gateway.answer(ticket), 502);
        gateway.until("it is stored", || gateway.core.is_idle());
        let again = gateway.post("k");
        let (first, second) = gateway.sent();
        assert_eq!(first, [], "it was confirmed");
        gateway.say(second.into_iter().map(delivered).collect());
        assert_eq!(gateway.answer(again), 200);
        gateway.stop();
    }
}

#[test]
fn a_key_of_which_nothing_new_was_confirmed_keeps_what_was() {
    for gateway in [
        Gateway::with_a_log(),
        Gateway::with_a_table(&Arc::default()),
    ] {
        for turn in 0..3 {
            let ticket = gateway.post("k");
            let (first, second) = gateway.sent();
            assert_eq!(first.len(), usize::from(turn == 0));
            let outcomes = first.into_iter().map(delivered);
            gateway.say(outcomes.chain(second.into_iter().map(gave_up)).collect());
            assert_eq!(gateway.answer(ticket), 502);
            gateway.until("it is over", || gateway.core.is_idle());
        }
        gateway.stop();
    }
}

#[test]
fn a_client_that_goes_before_its_keys_are_known_leaves_nothing_behind() {
    let table = Arc::new(Map::default());
    let (one, other) = (Gateway::with_a_table(&table), Gateway::with_a_table(&table));
    let ticket = one.post("runs");
    let (first, second) = one.sent();
    // Another gateway holds the key; then it has its answer.
    drop(other.post("runs"));
    other.until("its slot is free", || other.core.is_idle());
    let all = first.into_iter().chain(second);
    one.say(all.map(delivered).collect());
    assert_eq!(one.answer(ticket), 200);
    drop(other.post("runs"));
    other.until("its slot is free", || other.core.is_idle());
    // The table cannot be asked.
    table.fails.store(true, Ordering::Relaxed);
    drop(other.post("fails"));
    other.until("its slot is free", || other.core.is_idle());
    assert!(other.first.taken().is_empty() && other.second.taken().is_empty());
    one.stop();
    other.stop();
}

#[test]
fn a_large_answer_of_which_a_part_was_refused_is_given_again_as_it_was() {
    let gateway = Gateway::with_a_log();
    let send = || {
        let body = "{\"id\":1}\n".repeat(5000).into();
        gateway.send("/many", "application/x-ndjson", "k", body)
    };
    let ticket = send();
    let sent = gateway.first.taken();
    assert_eq!(sent.len(), 5000);
    let outcome = |(place, id)| match place % 2 {
        0 => delivered(id),
        _ => refused(id),
    };
    gateway.say(sent.into_iter().enumerate().map(outcome).collect());
    let status = gateway.answer(ticket);
    assert!(status >= 400, "{status}");
    assert_eq!(gateway.answer(send()), status);
    assert!(gateway.first.taken().is_empty());
    gateway.stop();
}

#[test]
fn where_it_is_not_known_what_a_key_came_to_nothing_is_sent_and_nothing_is_claimed() {
    let table = Arc::new(Map::default());
    let gateway = Gateway::with_a_table(&table);
    let untold = boundless().fitted();
    for last in [delivered, gave_up] {
        let ticket = gateway.post("k");
        let (first, second) = gateway.sent();
        let all = first.into_iter().map(delivered);
        gateway.say(all.chain(second.into_iter().map(last)).collect());
        gateway.answer(ticket);
        gateway.until("it is over", || gateway.core.is_idle());
        for item in table.items.lock().unwrap().values_mut() {
            item.stored = Some(untold.clone());
        }
        for _ in 0..2 {
            assert_eq!(gateway.answer(gateway.post("k")), 409);
        }
        assert!(gateway.first.taken().is_empty() && gateway.second.taken().is_empty());
        table.items.lock().unwrap().clear();
    }
    gateway.stop();
}
