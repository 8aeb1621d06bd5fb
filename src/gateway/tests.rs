//! One core whose steps are taken by hand: its targets say what they are told to, its log is in
//! memory.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sluicegate_appendlog::simulated::SimulatedDisk;
use sluicegate_appendlog::{Committer, Writer};
use sluicegate_contract::{Outcome, Producer, Reason, ReasonKind, Receipt, Record, RecordId, Room};

use super::{Core, CoreParts};
use crate::admit::Admission;
use crate::dead_letters::Clerk;
use crate::dispatch::{Parcel, Target};
use crate::http::{
    Head, HeadIndex, HeadScan, Parsed, ResponseWriter, Service as _, Ticket as _, parse,
};
use crate::observe::{CoreCounters, Shape};
use crate::rooms;
use crate::route::Routes;
use crate::settings::{Environment, load_text};
use crate::settle::{Mail, Mailboxes, Spooling};
use crate::spool::{Fate, Spool, entry, recover};

const PEER: ([u8; 4], u16) = ([127, 0, 0, 1], 40_000);

/// A target of dead letters that keeps all of them.
struct Rejects;

impl Producer for Rejects {
    fn flush(&self, _: Duration) {}
    fn weigh(&self, record: &Record) -> Result<usize, Reason> {
        Ok(record.bytes())
    }
    fn produce(&self, _: &Record, _: RecordId) -> Result<Option<Outcome>, Reason> {
        Ok(Some(Outcome::Delivered(Receipt::Nothing)))
    }
}

struct Story {
    core: Rc<Core>,
    targets: Arc<[Target]>,
    mailboxes: Mailboxes,
    disk: SimulatedDisk,
    spool: Arc<Spool>,
    committer: Committer,
    clerk: Clerk,
    ticket: Option<super::Ticket>,
}

const FILE: &str = "
sluicegate: 1
defaults: { auth: none, accept: { formats: [json, ndjson] } }
spool: { dir: spool }
targets:
  clicks: { kinesis: { stream: s, region: eu-west-1 }, dead_letter: rejects, queue_bytes: 64KiB }
  orders: { dynamodb: { table: orders, region: eu-west-1, key: { pk: S } }, dead_letter: rejects }
  rejects: { discard: {} }
x-record: &record { partition_key: k, data: '${event}' }
x-add: &add { update: { key: { pk: '${event.id}' }, add: { n: 1 } } }
routes:
  - route: POST /else
    to: [ { target: clicks, record: *record } ]
    reply: { else: spooled }
  - route: POST /any
    to: [ { target: clicks, record: *record }, { target: orders, record: *add } ]
    reply: { after: any, else: spooled }
  - route: POST /add
    to: [ { target: orders, record: *add } ]
    reply: { else: spooled }
  - route: POST /late
    to: [ { target: clicks, record: *record } ]
    reply: { else: spooled, within: 50ms }
  - route: POST /late-add
    to: [ { target: orders, record: *add } ]
    reply: { else: spooled, within: 50ms }
  - route: POST /live
    to: [ { target: clicks, record: *record } ]
  - route: POST /spooled
    to: [ { target: clicks, record: *record } ]
    reply: { after: spooled }
";

impl Story {
    fn begin() -> Self {
        let settings = load_text("test.yaml", FILE, &Environment::fixed([]));
        let settings = settings.unwrap_or_else(|wrong| panic!("{wrong}"));
        let mut targets = rooms::rehearsed(&settings);
        targets[2].room = Room::Producing(Arc::new(Rejects));
        let targets: Arc<[Target]> = targets.into();
        let mailboxes = Mailboxes::with_beside(1, 2);
        let disk = SimulatedDisk::new(1, 1 << 30);
        let written = settings.spool.as_ref().unwrap();
        let on = Arc::new(disk.clone());
        let (log, _) = recover(&settings, written, &targets, on, (1, true)).unwrap();
        let (writer, committer) = Writer::by_hand(log);
        let spool = Arc::new(Spool::new(writer, PathBuf::from("spool"), &targets));
        let clerk = Clerk::start(&settings, &targets, mailboxes.of(2).unwrap(), 2);
        let clerk = clerk.unwrap().unwrap();
        let bindings = |route: &Arc<crate::settings::Route>| {
            route.bindings.iter().map(|it| it.target).collect()
        };
        let shape = Shape {
            routes: settings.routes.iter().map(bindings).collect(),
            targets: targets.len(),
        };
        let core = Core::still(CoreParts {
            number: 0,
            routes: Routes::new(&settings.routes).unwrap(),
            admission: Arc::new(Admission::new(&settings)),
            server: settings.server.clone(),
            targets: Arc::clone(&targets),
            counters: CoreCounters::new(0, &shape),
            mailbox: Arc::clone(mailboxes.of(0).unwrap()),
            spool: Some(Arc::clone(&spool)),
            letters: Some(clerk.letters()),
            keys: None,
        });
        Self {
            core,
            targets,
            mailboxes,
            disk,
            spool,
            committer,
            clerk,
            ticket: None,
        }
    }

    /// Sends these events as one request.
    fn post(&mut self, path: &str, events: &[&str]) {
        let body = Bytes::from(events.join("\n"));
        let bytes = format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-ndjson\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        let mut index = HeadIndex::default();
        let parsed = parse(bytes.as_bytes(), &mut HeadScan::default(), &mut index);
        assert!(matches!(parsed, Parsed::Head(_)), "{parsed:?}");
        let head = Head::new(bytes.as_bytes(), &index);
        let peer = SocketAddr::from(PEER);
        let admitted = self.core.admit(&head, peer, Some(body.len() as u64));
        let permit = admitted.unwrap_or_else(|_| panic!("refused")).permit;
        self.ticket = Some(self.core.accept(permit, &head, peer, body));
        self.core.hand_over_waiting();
    }

    /// What the courier of a target was handed.
    fn handed(&self, target: usize) -> Vec<RecordId> {
        let mut ids = Vec::new();
        self.targets[target].inbox.as_ref().unwrap().take_all(|it| {
            if let Parcel::Records(records) = it {
                ids.extend(records.iter().map(|queued| queued.id));
            }
        });
        ids
    }

    /// Records end so.
    fn end(&self, outcomes: impl IntoIterator<Item = (RecordId, Outcome)>) {
        let outcomes = outcomes.into_iter().collect();
        self.mailboxes.of(0).unwrap().post(Mail::Outcomes(outcomes));
        self.core.open_mail();
    }

    /// The time of the request to be answered passes: it goes to the spool.
    fn pass_within(&self) {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            self.core.answer_late();
            let state = self.core.state.borrow();
            if state.ledger.entry(0).unwrap().spooling == Spooling::Waiting {
                return;
            }
            assert!(Instant::now() < end, "it does not go to the spool");
            drop(state);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn request_id(&self) -> u128 {
        self.core.state.borrow().ledger.entry(0).unwrap().id
    }

    /// The disk takes what waits for it.
    fn commit(&mut self) {
        self.committer.turn();
        self.core.open_mail();
    }

    /// The status of the answer.
    fn answer(&mut self) -> u16 {
        let mut out = Vec::new();
        let ticket = self.ticket.take().unwrap();
        ticket.write(ResponseWriter::new(&mut out, true, false));
        let text = String::from_utf8(out).unwrap();
        text[9..12].parse().unwrap_or_else(|_| panic!("{text}"))
    }

    /// Letters about records of a target that are kept, once none is on its way.
    fn letters(&self, target: usize) -> u64 {
        self.clerk.finish(Duration::from_secs(20));
        let counted = self.targets[target].counters.snapshot();
        assert_eq!(counted.dead_letters_lost, 0);
        counted
            .dead_letters
            .iter()
            .map(|(_, letters)| letters)
            .sum()
    }

    /// The places of the records in the spool, as they stand there.
    fn spooled(&self) -> Vec<u32> {
        let mut reader = self.spool.writer().reader(0);
        let mut places = Vec::new();
        while let Some(stored) = reader.next().unwrap() {
            let request = entry::decode(&stored.payload).unwrap();
            places.extend(request.records.iter().map(|record| record.number));
        }
        places
    }
}

fn gave_up(certain: bool) -> Outcome {
    Outcome::GaveUp {
        certain,
        reason: ReasonKind::AnswerLost.into(),
    }
}

fn refused() -> Outcome {
    Outcome::Refused(ReasonKind::Invalid.into())
}

fn delivered() -> Outcome {
    Outcome::Delivered(Receipt::Nothing)
}

const TWO: [&str; 2] = [r#"{"id":"1"}"#, r#"{"id":"2"}"#];

#[test]
fn what_is_refused_has_its_letter_also_where_another_event_goes_to_the_spool() {
    // Whichever comes last makes the request ready.
    for last in [0, 1] {
        let mut story = Story::begin();
        story.post("/else", &TWO);
        let ids = story.handed(0);
        let mut outcomes = vec![(ids[0], gave_up(true)), (ids[1], refused())];
        outcomes.swap(1, last);
        story.end(outcomes);
        story.commit();
        assert_eq!(story.spooled(), [0]);
        assert_eq!(story.letters(0), 1, "last: {last}");
    }
}

#[test]
fn what_was_given_up_beside_a_delivery_has_its_letter_whoever_decides() {
    let mut story = Story::begin();
    story.post("/any", &TWO);
    let (clicks, orders) = (story.handed(0), story.handed(1));
    // The first event is at one of its targets, the second at none.
    story.end([(clicks[0], gave_up(true)), (orders[0], delivered())]);
    story.end([(clicks[1], gave_up(true)), (orders[1], gave_up(true))]);
    story.commit();
    assert_eq!(story.spooled(), [2, 3]);
    assert_eq!(story.letters(0), 1);
}

#[test]
fn what_the_spool_does_not_take_has_its_letter_where_its_target_refused_it() {
    let mut story = Story::begin();
    story.post("/late", &[TWO[0]]);
    let ids = story.handed(0);
    story.pass_within();
    // While it is on its way to the disk, its target says what it thinks of it.
    story.end([(ids[0], refused())]);
    story.disk.fail_writes(0..u64::MAX);
    story.commit();
    assert!(story.spooled().is_empty());
    assert_eq!((story.answer(), story.letters(0)), (422, 1));
}

#[test]
fn what_must_not_be_done_twice_is_a_504_once_its_answer_was_lost() {
    for (certain, status, spooled) in [(true, 202, vec![0]), (false, 504, vec![])] {
        let mut story = Story::begin();
        story.post("/add", &[TWO[0]]);
        let ids = story.handed(1);
        story.end([(ids[0], gave_up(certain))]);
        story.commit();
        assert_eq!((story.answer(), story.spooled()), (status, spooled));
    }
    // What may be repeated is.
    let mut story = Story::begin();
    story.post("/else", &[TWO[0]]);
    let ids = story.handed(0);
    story.end([(ids[0], gave_up(false))]);
    story.commit();
    assert_eq!((story.answer(), story.spooled()), (202, vec![0]));
}

#[test]
fn the_drain_hears_that_an_answer_was_lost_of_what_must_not_be_done_twice() {
    for (outcome, fate) in [
        (gave_up(false), Some(Fate::Uncertain)),
        (gave_up(true), None),
        (delivered(), Some(Fate::Delivered)),
    ] {
        let mut story = Story::begin();
        story.post("/late-add", &[TWO[0]]);
        let ids = story.handed(1);
        story.pass_within();
        story.commit();
        let id = story.request_id();
        assert_eq!(story.spool.held().look((id, 0)), Some(Fate::Held));
        assert_eq!(story.answer(), 202);
        story.end([(ids[0], outcome)]);
        assert_eq!(story.spool.held().look((id, 0)), fate);
    }
}

#[test]
fn an_event_that_is_larger_than_the_queue_of_its_target_is_refused_at_once() {
    let large = format!(r#"{{"id":"{}"}}"#, "x".repeat(70_000));
    for path in ["/else", "/spooled", "/live"] {
        let mut story = Story::begin();
        story.post(path, &[&large]);
        assert_eq!(story.answer(), 413, "{path}");
        story.commit();
        assert!(story.spooled().is_empty() && story.handed(0).is_empty());
    }
    // The others of its batch go on.
    let mut story = Story::begin();
    story.post("/spooled", &[TWO[0], &large, TWO[1]]);
    story.commit();
    assert_eq!(story.spooled(), [0, 1]);
}
