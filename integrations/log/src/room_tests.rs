//! A log as a target, on a real directory.

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use sluicegate_contract::{Name, Standing, TimeSpan, Value};

use super::*;
use crate::{FIELDS, Kept, Tail, letter, probe};

#[derive(Default)]
struct Heard {
    outcomes: Mutex<HashMap<u64, Outcome>>,
    states: Mutex<Vec<TargetState>>,
}

impl OutcomeSink for Heard {
    fn outcome(&self, id: RecordId, outcome: Outcome) {
        let before = self.outcomes.lock().unwrap().insert(id.0, outcome);
        assert_eq!(before, None, "one outcome a record");
    }
}

impl TargetWatch for Heard {
    fn state(&self, state: TargetState, _: Option<Reason>) {
        self.states.lock().unwrap().push(state);
    }
}

struct Story {
    heard: Arc<Heard>,
    room: Arc<LogRoom>,
}

fn settings(directory: &Path) -> Settings {
    Settings {
        dir: directory.join("log"),
        max_bytes: None,
        max_age: None,
        when_full: WhenFull::Refuse,
    }
}

impl Story {
    fn open(settings: &Settings) -> Self {
        let heard = Arc::new(Heard::default());
        let outcomes: Arc<dyn OutcomeSink> = heard.clone();
        let watch: Arc<dyn TargetWatch> = heard.clone();
        let room = open(settings, &outcomes, &watch).unwrap();
        Self { heard, room }
    }

    fn produce(&self, id: u64, record: &Record) {
        assert_eq!(self.room.produce(record, RecordId(id)), Ok(None));
    }

    fn outcome(&self, id: u64) -> Outcome {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(outcome) = self.heard.outcomes.lock().unwrap().get(&id) {
                return outcome.clone();
            }
            assert!(Instant::now() < end, "no outcome of {id}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn record(value: &'static [u8]) -> Record {
    Record::new([
        Value::Bytes(Bytes::from_static(value)),
        Value::Text("k1".into()),
        Value::Map(vec![(Name::from("source"), Value::Text("shop".into()))]),
    ])
}

fn logged(sequence: u64) -> Outcome {
    Outcome::Delivered(Receipt::Logged { sequence })
}

#[test]
fn records_are_there_when_they_are_confirmed_and_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let settings = settings(directory.path());
    let story = Story::open(&settings);
    story.produce(1, &record(b"{\"id\":1}"));
    assert_eq!(story.outcome(1), logged(0));
    let mut tail = Tail::new(&settings.dir, 0);
    let stored = tail.read(10).unwrap();
    let Some(Kept::Record(read)) = Kept::read(&stored[0]).unwrap() else {
        panic!("{stored:?}")
    };
    assert_eq!(*read, record(b"{\"id\":1}"));
    story.room.flush(Duration::ZERO);
    let again = Story::open(&settings);
    again.produce(2, &record(b"{\"id\":2}"));
    assert_eq!(again.outcome(2), logged(1));
    let read = tail.read(10).unwrap();
    assert_eq!(read.iter().map(|it| it.sequence).collect::<Vec<_>>(), [1]);
    assert_eq!(again.room.usage().next, 2);
}

#[test]
fn a_dead_letter_stands_in_the_log_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let settings = settings(directory.path());
    let story = Story::open(&settings);
    let stored = Bytes::from_static(b"a letter");
    story.produce(1, &letter(stored.clone()));
    assert_eq!(story.outcome(1), logged(0));
    let read = Tail::new(&settings.dir, 0).read(1).unwrap();
    assert_eq!(Kept::read(&read[0]), Ok(Some(Kept::Letter(stored))));
}

#[test]
fn files_are_for_their_owner_alone() {
    let directory = tempfile::tempdir().unwrap();
    let settings = settings(directory.path());
    let story = Story::open(&settings);
    story.produce(1, &record(b"1"));
    story.outcome(1);
    for entry in std::fs::read_dir(&settings.dir).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.path());
    }
}

#[test]
fn a_log_has_one_owner() {
    let directory = tempfile::tempdir().unwrap();
    let settings = settings(directory.path());
    let story = Story::open(&settings);
    let outcomes: Arc<dyn OutcomeSink> = story.heard.clone();
    let watch: Arc<dyn TargetWatch> = story.heard.clone();
    let Err(reason) = open(&settings, &outcomes, &watch) else {
        panic!("two have one directory")
    };
    assert!(
        reason.to_string().contains("held by another process"),
        "{reason}"
    );
    story.room.flush(Duration::ZERO);
    assert!(open(&settings, &outcomes, &watch).is_ok());
}

#[test]
fn a_full_log_refuses_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let settings = Settings {
        max_bytes: Some(ByteSize(1 << 20)),
        ..settings(directory.path())
    };
    let story = Story::open(&settings);
    let large = Record::new([Value::Bytes(vec![b'x'; 60 << 10].into())]);
    let outcomes: Vec<_> = (0..40)
        .map(|id| {
            story.produce(id, &large);
            story.outcome(id)
        })
        .collect();
    let stored = outcomes.iter().filter(|o| o.is_delivered()).count();
    assert!(
        (5..17).contains(&stored),
        "{stored} records of 60 KiB in 1 MiB"
    );
    let Outcome::GaveUp {
        certain: true,
        reason,
    } = &outcomes[39]
    else {
        panic!("{:?}", outcomes[39])
    };
    assert_eq!(reason.kind(), ReasonKind::LogFull);
    assert!(
        story.heard.states.lock().unwrap().is_empty(),
        "full is not down"
    );
}

#[test]
fn where_the_file_says_so_the_oldest_go() {
    let directory = tempfile::tempdir().unwrap();
    let settings = Settings {
        max_bytes: Some(ByteSize(1 << 20)),
        when_full: WhenFull::DropOldest,
        ..settings(directory.path())
    };
    let story = Story::open(&settings);
    let large = Record::new([Value::Bytes(vec![b'x'; 60 << 10].into())]);
    let end = Instant::now() + Duration::from_secs(60);
    let (mut id, mut stored) = (0, 0);
    // What goes leaves the disk within a second or two, so that some are refused meanwhile.
    while stored < 20 {
        assert!(Instant::now() < end, "{stored} of {id} were stored");
        story.produce(id, &large);
        stored += usize::from(story.outcome(id).is_delivered());
        id += 1;
        std::thread::sleep(Duration::from_millis(20));
    }
    let usage = story.room.usage();
    assert!(usage.first > 0 && usage.bytes <= 1 << 20, "{usage:?}");
}

#[test]
fn records_that_are_too_old_go_where_an_age_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let settings = Settings {
        max_age: Some(TimeSpan(Duration::from_secs(60))),
        ..settings(directory.path())
    };
    let disk = RealDisk::open(&settings.dir).unwrap();
    let (mut log, _) = Log::open(Arc::new(disk), settings.options()).unwrap();
    let old = SystemTime::now() - Duration::from_secs(3600);
    log.append(&[kept::append(&record(b"old"), old)]).unwrap();
    drop(log);
    let story = Story::open(&settings);
    story.produce(1, &record(b"new"));
    story.outcome(1);
    let end = Instant::now() + Duration::from_secs(20);
    while story.room.usage().first == 0 {
        assert!(Instant::now() < end, "{:?}", story.room.usage());
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(Tail::new(&settings.dir, 0).read(10).unwrap().len(), 1);
}

#[test]
fn what_is_too_large_for_any_log_is_known_at_the_edge() {
    let huge = Record::new([Value::Bytes(vec![0; RECORD_BYTES_MAX].into())]);
    let reason = scales().weigh(&huge).unwrap_err();
    assert_eq!(reason.kind(), ReasonKind::TooLarge);
    let mut payload = Vec::new();
    sluicegate_contract::stored::encode(&record(b"x"), FIELDS, &mut payload);
    assert!(weigh(&record(b"x")).unwrap() >= payload.len());
}

#[test]
fn a_look_says_how_the_directory_stands() {
    let directory = tempfile::tempdir().unwrap();
    let settings = settings(directory.path());
    let standing = |seen: &[sluicegate_contract::Observation]| {
        seen.iter().map(|it| it.standing).collect::<Vec<_>>()
    };
    assert_eq!(standing(&probe(&settings)), [Standing::Good]);
    assert!(!settings.dir.exists(), "a look writes nothing");
    let story = Story::open(&settings);
    story.produce(1, &record(b"1"));
    story.outcome(1);
    let seen = probe(&settings);
    assert!(seen[1].what.contains("held by a process"), "{seen:?}");
    assert!(
        seen[2].what.starts_with("1 records in 1 segments"),
        "{seen:?}"
    );
    story.room.flush(Duration::ZERO);
    assert!(!probe(&settings).iter().any(|it| it.what.contains("held")));
    std::fs::write(directory.path().join("file"), "x").unwrap();
    let file = Settings {
        dir: directory.path().join("file"),
        ..settings
    };
    assert_eq!(standing(&probe(&file)), [Standing::Wrong]);
}

/// Space comes back by the segment, however few records stand in the oldest one.
#[test]
fn a_log_that_is_nearly_full_lets_at_least_a_segment_go() {
    let usage = |first_segment_ends| Usage {
        bytes: 100,
        max_bytes: 100,
        first: 10,
        first_segment_ends,
        next: 90,
        ..Usage::default()
    };
    assert_eq!(room_below(WhenFull::DropOldest, &usage(15)), Some(20));
    assert_eq!(room_below(WhenFull::DropOldest, &usage(50)), Some(50));
    assert_eq!(room_below(WhenFull::Refuse, &usage(50)), None);
}
