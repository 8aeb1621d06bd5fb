//! Two gateways over one table that is a map, which fails where a test says so.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sluicegate_contract::{KeyTable, Outcome, Receipt};

use super::map_table::Map;
use super::{Asked, Ending, Fate, Finish, Settled, SettledRecord, SharedOptions, Store, Verdict};
use crate::settle::{Mail, Mailboxes};

/// The number of the next request, of all gateways.
static OWNERS: AtomicU64 = AtomicU64::new(1);

struct Gateway {
    store: Store,
    mailboxes: Mailboxes,
    /// Who asked last, and whose claims are stored.
    owner: Cell<u128>,
}

impl Gateway {
    fn over(table: &Arc<Map>, lease: Duration) -> Self {
        let mailboxes = Mailboxes::new(1);
        let table: Arc<dyn KeyTable> = Arc::<Map>::clone(table);
        let window = Duration::from_secs(3600);
        let options = SharedOptions { window, lease };
        let store = Store::open_shared(table, options, mailboxes.clone()).unwrap();
        Self {
            store,
            mailboxes,
            owner: Cell::default(),
        }
    }

    fn mail(&self) -> Mail {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(mail) = self.mailboxes.of(0).unwrap().take() {
                return mail;
            }
            assert!(Instant::now() < end, "no mail came");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn claim(&self, keys: &[(u128, u128)]) -> Vec<Verdict> {
        self.owner
            .set(OWNERS.fetch_add(1, Ordering::Relaxed).into());
        let asked = keys.iter().map(|(key, payload)| Asked {
            key: *key,
            payload: *payload,
            owner: self.owner.get(),
        });
        let asked: Vec<Asked> = asked.collect();
        assert_eq!(self.store.claim(0, 3, &asked), None, "it comes by mail");
        match self.mail() {
            Mail::Claimed(3, verdicts) => verdicts,
            _ => panic!("another mail came"),
        }
    }

    fn record(&self, key: u128, payload: u128, ending: Ending, settled: &Settled) {
        let finish = Finish {
            key,
            payload,
            owner: self.owner.get(),
            ending,
            stored: settled.encoded(),
        };
        self.store.record(0, 3, vec![finish]);
        assert!(matches!(self.mail(), Mail::Recorded(3)));
    }
}

fn settled(id: u128) -> Settled {
    let record = SettledRecord {
        event: 0,
        binding: "orders".into(),
        fate: Fate::Ended(Outcome::Delivered(Receipt::Nothing)),
    };
    Settled {
        id,
        records: vec![record],
    }
}

const LONG: Duration = Duration::from_secs(60);

#[test]
fn of_two_gateways_one_gets_a_key_and_the_other_its_answer() {
    let table = Arc::new(Map::default());
    let (one, other) = (Gateway::over(&table, LONG), Gateway::over(&table, LONG));
    assert_eq!(one.claim(&[(1, 7)]), [Verdict::Granted(None)]);
    assert_eq!(other.claim(&[(1, 7)]), [Verdict::Running]);
    assert_eq!(other.claim(&[(1, 8)]), [Verdict::Mismatch]);
    one.record(1, 7, Ending::Final, &settled(5));
    assert_eq!(other.claim(&[(1, 7)]), [Verdict::Answered(settled(5))]);
    assert_eq!(one.store.reading().keys, 0);
    one.store.stop();
    other.store.stop();
}

#[test]
fn what_one_has_given_back_the_other_goes_on_with() {
    let table = Arc::new(Map::default());
    let (one, other) = (Gateway::over(&table, LONG), Gateway::over(&table, LONG));
    assert_eq!(one.claim(&[(1, 7), (2, 7)]).len(), 2);
    one.record(2, 7, Ending::Partly, &settled(5));
    one.store.release(one.owner.get(), &[1]);
    one.store.stop();
    let granted = [
        Verdict::Granted(None),
        Verdict::Granted(Some(settled(5))),
        Verdict::Running,
        Verdict::Mismatch,
    ];
    assert_eq!(other.claim(&[(1, 7), (2, 7), (2, 7), (2, 8)]), granted);
    other.store.stop();
    assert_eq!(table.items.lock().unwrap().len(), 2);
}

#[test]
fn a_lease_that_ended_is_taken_over_and_one_that_is_renewed_is_not() {
    let table = Arc::new(Map::default());
    let lease = Duration::from_millis(300);
    let (one, other) = (Gateway::over(&table, lease), Gateway::over(&table, lease));
    assert_eq!(one.claim(&[(1, 7)]), [Verdict::Granted(None)]);
    std::thread::sleep(3 * lease);
    assert_eq!(other.claim(&[(1, 7)]), [Verdict::Running], "it is renewed");
    one.store.stop();
    let end = Instant::now() + Duration::from_secs(30);
    while other.claim(&[(1, 7)]) != [Verdict::Granted(None)] {
        assert!(Instant::now() < end, "nobody renews it any more");
        std::thread::sleep(Duration::from_millis(20));
    }
    other.store.stop();
}

#[test]
fn a_table_that_cannot_be_asked_gives_no_key_away() {
    let table = Arc::new(Map::default());
    let one = Gateway::over(&table, LONG);
    table.fails.store(true, Ordering::Relaxed);
    let verdicts = one.claim(&[(1, 7)]);
    assert!(matches!(&verdicts[..], [Verdict::Unavailable(_)]));
    assert!(one.store.reading().last_error.is_some());
    table.fails.store(false, Ordering::Relaxed);
    let end = Instant::now() + Duration::from_secs(30);
    while one.claim(&[(1, 7)]) != [Verdict::Granted(None)] {
        assert!(Instant::now() < end, "it is asked again after a pause");
        std::thread::sleep(Duration::from_millis(50));
    }
    table.fails.store(true, Ordering::Relaxed);
    one.record(1, 7, Ending::Final, &settled(5));
    let mut reading = one.store.reading();
    assert_eq!((reading.unrecorded, reading.keys), (1, 0));
    table.fails.store(false, Ordering::Relaxed);
    one.store.stop();
    reading = one.store.reading();
    assert_eq!(reading.store, "dynamodb");
}

#[test]
fn a_key_whose_taking_over_was_not_answered_keeps_what_was_confirmed() {
    let table = Arc::new(Map::default());
    let (one, other) = (Gateway::over(&table, LONG), Gateway::over(&table, LONG));
    assert_eq!(one.claim(&[(1, 7)]), [Verdict::Granted(None)]);
    one.record(1, 7, Ending::Partly, &settled(5));
    table.loses.store(true, Ordering::Relaxed);
    let verdicts = one.claim(&[(1, 7)]);
    assert!(matches!(&verdicts[..], [Verdict::Unavailable(_)]));
    table.loses.store(false, Ordering::Relaxed);
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        match &other.claim(&[(1, 7)])[..] {
            [Verdict::Running] => std::thread::sleep(Duration::from_millis(5)),
            verdicts => break assert_eq!(verdicts, [Verdict::Granted(Some(settled(5)))]),
        }
        assert!(Instant::now() < end, "it is given back");
    }
    one.store.stop();
    other.store.stop();
}

#[test]
fn a_lease_that_ended_is_not_taken_from_a_request_of_the_same_gateway() {
    let table = Arc::new(Map::default());
    let lease = Duration::from_millis(100);
    let (one, other) = (Gateway::over(&table, lease), Gateway::over(&table, lease));
    assert_eq!(one.claim(&[(1, 7)]), [Verdict::Granted(None)]);
    let first = one.owner.get();
    table.forgets.store(true, Ordering::Relaxed);
    std::thread::sleep(3 * lease);
    assert_eq!(one.claim(&[(1, 7)]), [Verdict::Running]);
    one.owner.set(first);
    one.record(1, 7, Ending::Final, &settled(5));
    assert_eq!(other.claim(&[(1, 7)]), [Verdict::Answered(settled(5))]);
    assert_eq!(one.store.reading().unrecorded, 0);
    one.store.stop();
    other.store.stop();
}

#[test]
fn a_request_that_lost_its_key_stores_and_frees_nothing_of_who_has_it_now() {
    let table = Arc::new(Map::default());
    let one = Gateway::over(&table, LONG);
    assert_eq!(one.claim(&[(1, 7), (2, 7)]).len(), 2);
    let older = one.owner.get();
    // Somebody has emptied the table.
    table.items.lock().unwrap().clear();
    let granted = [Verdict::Granted(None), Verdict::Granted(None)];
    assert_eq!(one.claim(&[(1, 7), (2, 7)]), granted);
    let newer = one.owner.replace(older);
    one.record(1, 7, Ending::Final, &settled(5));
    assert_eq!(one.store.reading().unrecorded, 1);
    one.store.release(older, &[2]);
    one.owner.set(newer);
    one.record(1, 7, Ending::Final, &settled(6));
    one.record(2, 7, Ending::Final, &settled(6));
    assert_eq!(one.claim(&[(1, 7)]), [Verdict::Answered(settled(6))]);
    assert_eq!(one.claim(&[(2, 7)]), [Verdict::Answered(settled(6))]);
    let reading = one.store.reading();
    assert_eq!((reading.unrecorded, reading.keys), (1, 0));
    one.store.stop();
}

#[test]
fn a_task_that_died_keeps_nobody_waiting_nor_does_a_lane_that_ended() {
    let table = Arc::new(Map::default());
    let one = Gateway::over(&table, LONG);
    let asked: [&[(u128, u128)]; 2] = [&[(1, 7)], &[(2, 7), (3, 7)]];
    assert_eq!(one.claim(&[(4, 7)]), [Verdict::Granted(None)]);
    let first = one.owner.get();
    let fails = || {
        for keys in asked {
            let verdicts = one.claim(keys);
            let told = verdicts
                .iter()
                .filter(|it| matches!(it, Verdict::Unavailable(_)));
            assert_eq!(told.count(), keys.len());
        }
        one.owner.set(first);
        one.record(4, 7, Ending::Final, &settled(5));
    };
    table.kills.store(true, Ordering::Relaxed);
    fails();
    assert_eq!(one.store.reading().keys, 0, "nor is a key held for ever");
    table.kills.store(false, Ordering::Relaxed);
    assert_eq!(one.claim(&[(1, 7)]), [Verdict::Granted(None)]);
    one.store.stop();
    fails();
}
