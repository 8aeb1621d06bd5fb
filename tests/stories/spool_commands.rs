//! `sluicegate spool`: what stands in a log, live and dead, and how it is mended.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde_json::Value as Json;
use sluicegate::rooms::{self, MARK_LETTER};
use sluicegate::spool::entry::{self, ToStore};
use sluicegate_appendlog::{Append, Log, Options, RealDisk};
use sluicegate_contract::{Field, Kind, Record, Value, stored, text};

use crate::kit::run;

const SOON: Duration = Duration::from_secs(20);

/// Runs a command; gives its exit code and what it said on both pipes.
fn says(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = run(folder, &[&["spool"], arguments].concat(), SOON);
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(!said.contains("panicked"), "{said}");
    (output.status.code().unwrap_or(-1), said)
}

/// The JSON lines that a command prints.
fn listed(folder: &Path, arguments: &[&str]) -> Vec<Json> {
    let (code, said) = says(folder, arguments);
    assert_eq!(code, 0, "{said}");
    let lines = said.lines().filter(|line| line.starts_with('{'));
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn open(dir: &Path) -> Log {
    let disk = RealDisk::open(dir).unwrap();
    Log::open(Arc::new(disk), Options::default()).unwrap().0
}

fn at(second: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_790_000_000 + second)
}

/// A Kafka record with a key.
fn kafka(key: &str) -> Vec<u8> {
    let fields = rooms::fields("kafka");
    let values = fields.iter().map(|field| match field.name {
        "key" => Value::Text(key.into()),
        "value" => Value::Bytes(Bytes::from(format!("{{\"id\":\"{key}\"}}"))),
        _ => Value::Absent,
    });
    let mut out = Vec::new();
    stored::encode(&Record::new(values), fields, &mut out);
    out
}

/// What the spool stores of a request: a record for each of these targets.
fn request(second: u64, key: &str, targets: &[&str]) -> Append {
    let fields = rooms::fields("kafka");
    let record = stored::decode(&kafka(key).into(), fields).unwrap();
    let records = (0..).zip(targets).map(|(number, target)| ToStore {
        number,
        event: 0,
        target,
        room: "kafka",
        fields,
        binding: "trail",
        held: false,
        record: &record,
    });
    let mut entries = entry::encode(u128::from(second), "POST /orders", records);
    Append {
        kind: entry::ENTRY_KIND,
        time: at(second),
        payload: entries.remove(0),
    }
}

/// A dead letter as a log keeps it.
fn letter(second: u64, key: &str, reason: &str) -> Append {
    let field = |name, kind| Field {
        name,
        kind,
        required: false,
        default: None,
        doc: "",
    };
    let of_text = || Kind::Text {
        characters_min: 0,
        characters_max: 1000,
    };
    let number = || Kind::Integer {
        min: 0,
        max: i64::MAX,
    };
    let said = |words: &str| Value::Text(text(Bytes::from(words.to_owned())).unwrap());
    let parts = [
        (
            field("time", number()),
            Value::Integer(1_790_000_000_000 + second as i64 * 1000),
        ),
        (
            field("request", of_text()),
            said("00000000-0000-0000-0000-00000000002a"),
        ),
        (field("route", of_text()), said("POST /orders")),
        (field("target", of_text()), said("orders")),
        (field("kind", of_text()), said("kafka")),
        (field("reason", of_text()), said(reason)),
        (field("detail", of_text()), said("no such topic\u{1b}[31m")),
        (field("attempts", number()), Value::Integer(3)),
        (
            field("record", Kind::Payload),
            Value::Bytes(kafka(key).into()),
        ),
    ];
    let (fields, values): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    let mut payload = Vec::new();
    stored::encode(&Record::new(values), &fields, &mut payload);
    Append {
        kind: MARK_LETTER,
        time: at(second),
        payload: payload.into(),
    }
}

#[test]
fn ls_tells_how_far_each_target_is_behind_on_a_live_and_on_a_dead_log() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(&folder.path().join("spool"));
    for second in 0..10 {
        let targets: &[&str] = if second < 4 {
            &["orders", "gone"]
        } else {
            &["orders"]
        };
        log.append(&[request(second, "o", targets)]).unwrap();
    }
    log.advance("orders:kafka", 7);
    log.advance("gone:kafka", 0);
    log.sync().unwrap();
    let (code, said) = says(folder.path(), &["ls", "spool"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("held by a running process"), "{said}");
    assert!(said.contains("10 entries (0 to 9)"), "{said}");
    assert!(said.contains("orders (kafka)  3 entries"), "{said}");
    assert!(said.contains("gone (kafka)    10 entries"), "{said}");
    drop(log);
    let (_, said) = says(folder.path(), &["ls", "spool", "--count"]);
    assert!(said.contains("held by no process"), "{said}");
    assert!(said.contains("orders (kafka)  3 records"), "{said}");
    assert!(said.contains("gone (kafka)    4 records"), "{said}");
    let told = listed(folder.path(), &["ls", "spool", "--count", "--json"]).remove(0);
    assert_eq!(
        (&told["held"], &told["entries"]),
        (&Json::from(false), &Json::from(10))
    );
    assert_eq!(told["targets"][0]["target"], "gone");
    assert_eq!(told["targets"][0]["oldest"], "2026-09-21T14:13:20Z");
    assert_eq!(told["targets"][1]["lag_entries"], 3);
    assert_eq!(told["targets"][1]["records"], 3);
}

#[test]
fn inspect_finds_records_by_time_target_key_and_reason() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(&folder.path().join("log"));
    for second in 0..20 {
        let key = format!("o{second}");
        log.append(&[request(second, &key, &["orders", "lake"])])
            .unwrap();
    }
    log.append(&[
        letter(30, "o3", "record_invalid"),
        letter(31, "o4", "expired"),
    ])
    .unwrap();
    log.advance("orders:kafka", 15);
    log.advance("lake:kafka", 0);
    log.sync().unwrap();
    let find = |more: &[&str]| {
        let arguments = [&["inspect", "log", "--json", "--limit", "0"], more].concat();
        listed(folder.path(), &arguments)
    };
    assert_eq!(find(&[]).len(), 42);
    assert_eq!(find(&["--target", "lake"]).len(), 20);
    assert_eq!(find(&["--target", "orders", "--waiting"]).len(), 5);
    assert_eq!(find(&["--key", "o4"]).len(), 3);
    assert_eq!(find(&["--reason", "record_invalid"]).len(), 1);
    assert_eq!(
        find(&["--reason", "record_invalid", "--reason", "expired"]).len(),
        2
    );
    assert_eq!(find(&["--since", "2026-09-21T14:13:35Z"]).len(), 12);
    assert_eq!(find(&["--until", "2026-09-21T14:13:22Z"]).len(), 4);
    assert_eq!(
        find(&["--since", "0s"]).len(),
        0,
        "nothing is of the future"
    );
    assert_eq!(find(&["--route", "GET /"]).len(), 0);
    assert_eq!(
        find(&["--request", "00000000-0000-0000-0000-00000000002A"]).len(),
        2
    );
    assert_eq!(find(&["--from", "18"]).len(), 6);
    let found = find(&["--key", "o3", "--reason", "record_invalid"]).remove(0);
    assert_eq!(
        (&found["what"], &found["attempts"]),
        (&"dead_letter".into(), &3.into())
    );
    assert_eq!(
        (&found["target"], &found["kind"]),
        (&"orders".into(), &"kafka".into())
    );
    assert_eq!(found["time"], "2026-09-21T14:13:50Z");
    assert_eq!(found["record"]["key"], "o3");
    assert_eq!(found["record"]["value"], "{\"id\":\"o3\"}");
    let (code, said) = says(folder.path(), &["inspect", "log", "--limit", "3"]);
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("settled      orders (kafka)  key o0  POST /orders"),
        "{said}"
    );
    assert!(said.contains("waiting      lake (kafka)  key o0"), "{said}");
    assert!(said.contains("there are more: --from 1 goes on"), "{said}");
    let (_, said) = says(folder.path(), &["inspect", "log", "--reason", "expired"]);
    assert!(
        said.contains("expired: no such topic\u{fffd}[31m, after 3 tries"),
        "{said}"
    );
}

#[test]
fn repair_says_what_damage_costs_and_leaves_a_live_log_alone() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("spool");
    let mut log = open(&dir);
    for second in 0..10 {
        log.append(&[request(second, "o", &["orders"])]).unwrap();
    }
    let (code, said) = says(folder.path(), &["repair", "spool"]);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("held by a running process: stop it first"),
        "{said}"
    );
    let (code, said) = says(folder.path(), &["repair", "spool", "--dry-run"]);
    assert_eq!(
        (code, said.contains("nothing to mend")),
        (0, true),
        "{said}"
    );
    drop(log);
    let segment = dir.join("00000000000000000000.log");
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[1024 + 40] ^= 1;
    std::fs::write(&segment, &bytes).unwrap();
    let (code, said) = says(folder.path(), &["repair", "spool", "--dry-run"]);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("entry 0 is lost") && said.contains("1 entry lost"),
        "{said}"
    );
    assert_eq!(
        std::fs::read(&segment).unwrap(),
        bytes,
        "a dry run changes nothing"
    );
    let (_, said) = says(folder.path(), &["ls", "spool"]);
    assert!(said.contains("1 damaged place, 1 record lost"), "{said}");
    let (code, said) = says(folder.path(), &["repair", "spool"]);
    assert_eq!(code, 0, "{said}");
    let copy = "00000000000000000000.log.1024.damaged";
    assert!(said.contains(&format!("copied to {copy}")), "{said}");
    assert!(dir.join(copy).is_file());
    let (_, said) = says(folder.path(), &["ls", "spool"]);
    assert!(
        said.contains("1 damaged place, 1 record lost, mended before")
            && !said.contains("--dry-run"),
        "{said}"
    );
    let (code, said) = says(folder.path(), &["repair", "spool", "--json"]);
    assert_eq!((code, said.contains("\"clean\":true")), (0, true), "{said}");
    assert_eq!(
        listed(folder.path(), &["inspect", "spool", "--json"]).len(),
        9
    );
}

#[test]
fn repair_names_entries_of_which_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("spool");
    let mut log = open(&dir);
    let entries: Vec<_> = (0..5).map(|n| request(n, "o", &["orders"])).collect();
    log.append(&entries).unwrap();
    log.advance("orders:kafka", 2);
    log.sync().unwrap();
    drop(log);
    std::fs::write(dir.join("00000000000000000000.log"), "").unwrap();
    for options in [&["repair", "spool", "--dry-run"][..], &["repair", "spool"]] {
        let (_, said) = says(folder.path(), options);
        assert!(said.contains("entries 2 to 4 are gone"), "{said}");
        assert!(!said.contains("no space for a copy"), "{said}");
    }
}

#[test]
fn a_spool_that_forgot_its_places_says_that_all_is_delivered_again() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("spool");
    let mut log = open(&dir);
    for second in 0..10 {
        log.append(&[request(second, "o", &["orders"])]).unwrap();
        log.advance("orders:kafka", second);
        log.sync().unwrap();
    }
    drop(log);
    let files = ["cursors.a", "cursors.b"].map(|name| dir.join(name));
    std::fs::write(&files[0], "garbage").unwrap();
    let (_, said) = says(folder.path(), &["repair", "spool", "--dry-run"]);
    assert!(said.contains("from the other one"), "{said}");
    let (_, said) = says(folder.path(), &["ls", "spool"]);
    assert!(said.contains("orders (kafka)  "), "one is left: {said}");
    std::fs::write(&files[1], "garbage").unwrap();
    let (code, said) = says(folder.path(), &["repair", "spool", "--dry-run"]);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("2 cursor files cannot be read: no other says how far each target was")
            && said.contains("delivered again")
            && !said.contains("other one"),
        "{said}"
    );
    for repaired in [false, true] {
        if repaired {
            assert_eq!(says(folder.path(), &["repair", "spool"]).0, 0);
        }
        let (_, said) = says(folder.path(), &["ls", "spool"]);
        assert!(said.contains("all of it is delivered again"), "{said}");
        assert!(!said.contains("left to do"), "{said}");
        let (_, said) = says(folder.path(), &["ls", "spool", "--count"]);
        assert!(said.contains("orders (kafka)  10 records"), "{said}");
        let told = listed(folder.path(), &["ls", "spool", "--json"]).remove(0);
        assert_eq!(told["targets_lost"], true, "{told}");
    }
}

#[test]
fn ls_speaks_of_what_is_left_only_where_somebody_reads() {
    let folder = tempfile::tempdir().unwrap();
    let mut letters = open(&folder.path().join("letters"));
    letters.append(&[letter(1, "o1", "expired")]).unwrap();
    let mut spool = open(&folder.path().join("spool"));
    spool.append(&[request(1, "o1", &["orders"])]).unwrap();
    spool.advance("orders:kafka", 0);
    spool.sync().unwrap();
    let (_, said) = says(folder.path(), &["ls", "letters"]);
    assert!(said.contains("  oldest: 2026-09-21T14:13:21Z"), "{said}");
    let (_, said) = says(folder.path(), &["ls", "spool"]);
    assert!(said.contains("oldest that is left to do: 2026"), "{said}");
}

#[test]
fn what_is_no_log_is_said_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["ls", "inspect", "repair"] {
        let (code, said) = says(folder.path(), &[command, "nowhere"]);
        assert_eq!(code, 1, "{said}");
        assert!(
            said.contains("nowhere") && said.contains("give the `dir`"),
            "{said}"
        );
        assert!(!folder.path().join("nowhere").exists());
        let (code, said) = says(folder.path(), &[command]);
        assert_eq!((code, said.contains("<DIR>")), (2, true), "{said}");
        let (code, said) = says(folder.path(), &[command, "--help"]);
        assert_eq!((code, said.contains("Examples:")), (0, true), "{said}");
    }
    let (code, said) = says(folder.path(), &["inspect", ".", "--since", "yesterday"]);
    assert_eq!(
        (code, said.contains("how long ago: 90m")),
        (2, true),
        "{said}"
    );
    // A code that no letter has is no empty answer.
    let (code, said) = says(folder.path(), &["inspect", ".", "--reason", "refused"]);
    assert_eq!(
        (code, said.contains("record_invalid, condition_false")),
        (2, true),
        "{said}"
    );
}
