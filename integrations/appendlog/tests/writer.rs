//! The committer, turned by hand: who is answered what, and when.

#![allow(clippy::unwrap_used)] // A test program: a failed unwrap is a failed test.

mod kit;

use std::ops::Range;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use bytes::Bytes;
use kit::{append, is, rest, small};
use sluicegate_appendlog::simulated::SimulatedDisk;
use sluicegate_appendlog::{Append, AppendError, Committer, Log, Options, Writer};

type Answer = Result<Range<u64>, AppendError>;

struct Hand {
    disk: SimulatedDisk,
    writer: Writer,
    committer: Committer,
    told: mpsc::Sender<(u64, Answer)>,
    hear: mpsc::Receiver<(u64, Answer)>,
}

impl Hand {
    fn new(options: Options) -> Self {
        let disk = SimulatedDisk::new(1, 1 << 26);
        let (log, _) = Log::open(Arc::new(disk.clone()), options).unwrap();
        let (writer, committer) = Writer::by_hand(log);
        let (told, hear) = mpsc::channel();
        Self {
            disk,
            writer,
            committer,
            told,
            hear,
        }
    }

    fn append(&self, number: u64, records: Vec<Append>) {
        let told = self.told.clone();
        let done = move |answer| told.send((number, answer)).unwrap();
        self.writer.append(records, Box::new(done));
    }

    fn answers(&self) -> Vec<(u64, Answer)> {
        self.hear.try_iter().collect()
    }
}

fn large(bytes: usize) -> Append {
    Append {
        payload: Bytes::from(vec![1; bytes]),
        ..append(0)
    }
}

#[test]
fn all_that_waits_is_one_write_and_one_sync() {
    let mut hand = Hand::new(small());
    hand.append(100, vec![append(100)]);
    assert!(hand.committer.turn());
    assert_eq!(hand.answers(), [(100, Ok(0..1))]);
    let (syncs, writes) = (hand.disk.syncs(), hand.disk.writes());
    for number in 0..5 {
        hand.append(number, vec![append(number); 2]);
    }
    assert_eq!(hand.answers(), [], "nobody is answered before the sync");
    hand.committer.turn();
    assert_eq!(
        (hand.disk.syncs(), hand.disk.writes()),
        (syncs + 1, writes + 1)
    );
    let ranges = hand
        .answers()
        .into_iter()
        .map(|(number, answer)| (number, answer.unwrap()));
    assert!(ranges.eq((0..5).map(|number| (number, 1 + number * 2..3 + number * 2))));
    let stored = rest(&mut hand.writer.reader(1));
    assert!(
        stored
            .iter()
            .zip([0, 0, 1, 1, 2, 2])
            .all(|(it, number)| is(it, number))
    );
}

#[test]
fn a_failed_sync_answers_nobody_and_the_next_segment_all() {
    let mut hand = Hand::new(small());
    hand.append(0, vec![append(0)]);
    hand.committer.turn();
    hand.disk
        .fail_syncs(hand.disk.syncs()..hand.disk.syncs() + 1);
    hand.append(1, vec![append(1)]);
    hand.append(2, vec![append(2)]);
    hand.committer.turn();
    assert_eq!(
        hand.answers(),
        [(0, Ok(0..1)), (1, Ok(1..2)), (2, Ok(2..3))]
    );
    assert_eq!(
        (hand.writer.usage().poisoned, hand.writer.usage().segments),
        (1, 2)
    );
    hand.disk.fail_syncs(0..u64::MAX);
    hand.append(3, vec![append(3)]);
    hand.committer.turn();
    assert!(matches!(
        hand.answers()[..],
        [(3, Err(AppendError::Failed(_)))]
    ));
    hand.disk.fail_syncs(0..0);
    hand.append(4, vec![append(4)]);
    hand.committer.turn();
    assert_eq!(hand.answers(), [(4, Ok(3..4))]);
}

#[test]
fn what_waits_is_bounded() {
    let mut hand = Hand::new(Options {
        max_bytes: 1 << 30,
        ..small()
    });
    for number in 0..7 {
        hand.append(number, vec![large(10 << 20)]);
    }
    assert_eq!(
        hand.answers(),
        [(6, Err(AppendError::Full))],
        "64 MiB may wait"
    );
    hand.append(7, vec![large(60 << 20), large(60 << 20)]);
    hand.append(8, vec![large((64 << 20) + 1)]);
    let too_large = |number| (number, Err(AppendError::TooLarge));
    assert_eq!(hand.answers(), [too_large(7), too_large(8)]);
    hand.disk.set_capacity(1 << 30);
    for _ in 0..6 {
        hand.committer.turn();
    }
    let answers = hand.answers();
    assert_eq!(answers.len(), 6);
    assert!(
        answers.iter().all(|(_, answer)| answer.is_ok()),
        "{answers:?}"
    );
}

#[test]
fn a_group_that_does_not_fit_is_stored_as_far_as_it_does() {
    let mut hand = Hand::new(small());
    hand.append(0, vec![large(200 * 1024)]);
    hand.committer.turn();
    hand.append(1, vec![large(1000)]);
    hand.append(2, vec![large(100 * 1024)]);
    hand.append(3, vec![large(1000)]);
    hand.committer.turn();
    let stored: Vec<bool> = hand
        .answers()
        .iter()
        .map(|(_, answer)| answer.is_ok())
        .collect();
    assert_eq!(stored, [true, true, false, true]);
}

#[test]
fn cursors_are_synced_once_a_second_and_at_the_end() {
    let mut hand = Hand::new(small());
    hand.append(0, (0..10).map(append).collect());
    hand.committer.turn();
    hand.disk.pass(Duration::from_secs(2));
    hand.writer.advance("orders", 1);
    hand.committer.turn();
    let syncs = hand.disk.syncs();
    for next in 2..6 {
        hand.writer.advance("orders", next);
        hand.committer.turn();
    }
    assert_eq!(hand.disk.syncs(), syncs, "within the same second");
    assert_eq!(hand.writer.cursor("orders"), Some(5));
    hand.disk.pass(Duration::from_secs(1));
    hand.committer.turn();
    assert_eq!(hand.disk.syncs(), syncs + 1);
    hand.writer.advance("orders", 7);
    hand.append(1, vec![append(1)]);
    hand.writer.stop();
    while hand.committer.turn() {}
    assert_eq!(hand.disk.syncs(), syncs + 3, "the record, then the cursor");
    hand.disk.power_cut();
    let (log, _) = Log::open(Arc::new(hand.disk.clone()), small()).unwrap();
    assert_eq!(log.cursor("orders"), Some(7));
}

#[test]
fn whoever_waits_when_the_committer_ends_is_told() {
    let hand = Hand::new(small());
    hand.append(0, vec![append(0)]);
    hand.append(1, vec![append(1)]);
    let (writer, told, hear) = (hand.writer, hand.told, hand.hear);
    drop(hand.committer);
    let answers: Vec<_> = hear.try_iter().collect();
    assert_eq!(
        answers,
        [
            (0, Err(AppendError::Stopped)),
            (1, Err(AppendError::Stopped))
        ]
    );
    writer.append(
        vec![append(2)],
        Box::new(move |answer| told.send((2, answer)).unwrap()),
    );
    assert_eq!(hear.recv().unwrap(), (2, Err(AppendError::Stopped)));
}
