//! The disk under the spool is full, as other programs see to: nothing answered is lost, refusals
//! come at once, other routes go on, and spooling does as soon as there is space.

use std::ops::Range;
use std::time::{Duration, Instant};

use crate::kit::{
    Client, Fault, SmallDisk, Stub, event, eventually, gateway, ndjson, record_for, run,
    stub_target,
};

/// How long a refusal may take: one hundred of them are seen, and the middle one counts, since a
/// shared machine holds up any single one.
const REFUSED_WITHIN: Duration = Duration::from_millis(10);
/// How soon after there is space events are stored again; thrice what is promised, for the same
/// reason.
const STORED_AGAIN_WITHIN: Duration = Duration::from_secs(3);

#[test]
fn a_full_disk_refuses_at_once_loses_nothing_and_is_over_when_there_is_space() {
    let story = "a_full_disk_refuses_at_once_loses_nothing_and_is_over_when_there_is_space";
    let Some(disk) = SmallDisk::new(8, story) else {
        return;
    };
    let (down, up) = (Stub::start(), Stub::start());
    let clicks = format!("target: clicks, record: {}", record_for("kinesis"));
    let orders = format!("target: orders, record: {}", record_for("kinesis"));
    let accept = "accept: { formats: [json, ndjson] }";
    let mut gateway = gateway()
        .top(&format!(
            "spool: {{ dir: '{}', max_bytes: 1GiB }}\n",
            disk.path().join("spool").display()
        ))
        .target("clicks", &(stub_target(&down, "kinesis") + ", give_up: 1s"))
        .target("orders", &stub_target(&up, "kinesis"))
        .fan_out(
            "POST /clicks",
            &[&clicks],
            &format!("{accept}\nreply: {{ after: spooled }}"),
        )
        .fan_out("POST /orders", &[&orders], accept)
        .start();
    down.always(Fault::ServerError(503));
    let mut client = gateway.client();

    // Somebody else's file, which goes later on.
    let ballast = disk.path().join("ballast");
    std::fs::write(&ballast, vec![1; 2 << 20]).unwrap();
    let (mut stored, mut next) = fill(&mut client);
    // Somebody else takes the rest, to the last byte.
    let other = disk.path().join("other");
    let _ = std::fs::write(&other, vec![1; 8 << 20]);

    next = refusals_come_at_once(&mut client, next);
    assert!(gateway.logged("log.full").is_some());

    std::fs::remove_file(&ballast).unwrap();
    let began = Instant::now();
    loop {
        if let Some(numbers) = store(&mut client, next, 1) {
            stored.push(numbers);
            break;
        }
        next += 1;
        assert!(began.elapsed() < STORED_AGAIN_WITHIN, "it does not recover");
    }
    println!("stored again after {:?}", began.elapsed());

    // It dies with all of it, is full again when it starts, and delivers what it answered.
    let _ = std::fs::write(&ballast, vec![1; 8 << 20]);
    gateway.kill_and_start_again();
    down.always(Fault::None);
    eventually("all that was answered is delivered", || {
        let counts = down.store().counts();
        let mut all = stored.iter().cloned().flatten();
        all.all(|n| counts.contains_key(&n))
    });
    let counts = down.store().counts();
    let known = |n: &u64| stored.iter().any(|numbers| numbers.contains(n));
    assert!(counts.keys().all(known), "nothing that was refused came");
    eventually("what is delivered makes room", || {
        store(&mut gateway.client(), next + 1, 1).is_some()
    });
    gateway.stop();
}

/// Stores until a group no longer fits, then until not even one event does: what was stored, and
/// the number after all that was tried.
fn fill(client: &mut Client) -> (Vec<Range<u64>>, u64) {
    let (mut stored, mut next) = (Vec::new(), 0);
    for lines in [200, 1] {
        while let Some(numbers) = store(client, next, lines) {
            stored.push(numbers);
            next += lines;
            assert!(next < 100_000, "8 MiB hold {next} events");
        }
        next += lines;
    }
    (stored, next)
}

/// Gives the number after those that were tried.
fn refusals_come_at_once(client: &mut Client, next: u64) -> u64 {
    let mut took = Vec::new();
    for n in 0..100 {
        let began = Instant::now();
        let answer = client.post("/clicks", &event(next + n));
        took.push(began.elapsed());
        assert!([503, 507].contains(&answer.status), "{}", answer.text());
        assert_eq!(answer.field("sluicegate-outcome"), Some("none"));
        assert!(answer.field("retry-after").is_some());
        // What does not need the disk goes on.
        client.post("/orders", &event(n)).is(200);
    }
    took.sort_unstable();
    println!("refused within {:?} to {:?}", took[0], took[99]);
    assert!(took[50] < REFUSED_WITHIN, "{took:?}");
    next + 100
}

/// Posts so many events from a number; their numbers if they are on disk.
fn store(client: &mut Client, first: u64, count: u64) -> Option<Range<u64>> {
    let numbers = first..first + count;
    let lines = ndjson(numbers.clone());
    let answer = client.post_as("application/x-ndjson", "/clicks", lines.as_bytes());
    match answer.status {
        202 => Some(numbers),
        503 | 507 => None,
        _ => panic!("{}", answer.text()),
    }
}

#[test]
fn a_spool_that_cannot_begin_on_a_full_disk_says_what_it_needs_and_where() {
    let story = "a_spool_that_cannot_begin_on_a_full_disk_says_what_it_needs_and_where";
    let Some(disk) = SmallDisk::new(1, story) else {
        return;
    };
    let _ = std::fs::write(disk.path().join("other"), vec![1; 2 << 20]);
    let folder = tempfile::tempdir().unwrap();
    let spool = disk.path().join("spool").display().to_string();
    let file = format!(
        "sluicegate: 1\nserver: {{ http: '127.0.0.1:0', admin: '127.0.0.1:0' }}\n\
         spool: {{ dir: '{spool}' }}\ndefaults: {{ auth: none }}\ntargets: {{ t: {{ discard: {{}} }} }}\n\
         routes: [ {{ route: POST /a, to: [ {{ target: t }} ], reply: {{ after: spooled }} }} ]\n"
    );
    std::fs::write(folder.path().join("a.yaml"), file).unwrap();
    let ended = run(folder.path(), &["serve", "a.yaml"], Duration::from_secs(20));
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    for part in ["No space left", &spool, "0B free", "needs 2MiB to begin"] {
        assert!(said.contains(part), "{said}");
    }
}
