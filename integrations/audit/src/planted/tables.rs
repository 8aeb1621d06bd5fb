//! Violations and near misses by hand, one at a time.

use super::*;
use Outcome::{Failed, Ok, Unknown};
use Verdict::{Violated, Void};

/// Two keys: 0, 2, 4, 6 and 1, 3, 5, 7.
const OUTCOMES: &[Outcome] = &[Ok, Ok, Failed, Ok, Unknown, Ok, Ok, Unknown];

fn violated(run: &Run, rule: Rule, example: &str) {
    assert_eq!(run.broken(), [(rule, Violated)]);
    let judged = run.judged();
    let found = &judged.iter().find(|one| one.rule == rule).unwrap().found;
    assert!(found.count > 0, "{found:?}");
    let shown = found.examples.join("\n");
    assert!(shown.contains(example), "{shown}");
    let table = crate::report::table(&judged);
    assert!(
        table.contains(example) && table.contains("NOT all"),
        "{table}"
    );
}

#[test]
fn a_good_run_passes() {
    let run = Run::of(2, OUTCOMES);
    assert_eq!(run.broken(), []);
    let judged = run.judged();
    assert!(
        judged.iter().all(|one| one.verdict == Verdict::Passed),
        "{judged:?}"
    );
    assert!(crate::report::table(&judged).contains("all that was asked holds"));
}

#[test]
fn an_acknowledged_event_that_is_missing_is_lost() {
    let mut run = Run::of(2, OUTCOMES);
    run.stored.remove(2);
    violated(&run, Rule::Lost, "0123456789ab-3 is not in orders");
    run.target.required = false;
    assert_eq!(
        run.broken(),
        [(Rule::Lost, Void)],
        "nothing is required any more"
    );
}

#[test]
fn events_in_doubt_may_be_there_or_not_at_any_place() {
    let mut run = Run::of(2, OUTCOMES);
    run.store(4);
    assert_eq!(run.broken(), []);
    let late = run.stored.pop().unwrap();
    run.stored.insert(0, late);
    assert_eq!(run.broken(), []);
}

#[test]
fn what_was_never_sent_or_was_refused_must_not_be_there() {
    let mut run = Run::of(2, OUTCOMES);
    run.store(2);
    violated(
        &run,
        Rule::Strangers,
        "holds 0123456789ab-2, which was refused",
    );
    let mut run = Run::of(2, OUTCOMES);
    run.store(8);
    violated(
        &run,
        Rule::Strangers,
        "holds 0123456789ab-8, which was never sent",
    );
}

#[test]
fn what_others_wrote_is_theirs_unless_nobody_else_writes() {
    for record in [
        "{\"id\":\"ffffffffffff-0\"}",
        "{\"order\":7}",
        "no JSON",
        "",
    ] {
        let mut run = Run::of(2, OUTCOMES);
        run.stored.push(Stored {
            stream: 0,
            record: record.into(),
            copies: 1,
        });
        assert_eq!(run.broken(), [], "{record}");
        run.target.exclusive = true;
        assert_eq!(run.broken(), [(Rule::Strangers, Violated)], "{record}");
    }
}

#[test]
fn a_payload_that_was_changed_is_found() {
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut run = Run::of(2, OUTCOMES);
        run.store(3);
        change(&mut run.stored.last_mut().unwrap().record);
        run
    };
    let space = with(&|record| record.push(b' '));
    violated(&space, Rule::Payload, "in orders, 0123456789ab-3: {");
    let letter = with(&|record| {
        let last = record.len() - 4;
        record[last] ^= 1;
    });
    violated(&letter, Rule::Payload, "0123456789ab-3");
    let cut = with(&|record| record.truncate(record.len() / 2));
    violated(&cut, Rule::Payload, "no id can be read");
    let reordered = with(&|record| {
        let text = String::from_utf8(record.clone()).unwrap();
        *record = text
            .replace("\"seq\":1,", "")
            .replace('}', ",\"seq\":1}")
            .into();
    });
    violated(&reordered, Rule::Payload, "0123456789ab-3");
}

#[test]
fn the_order_of_a_key_is_looked_at() {
    let mut run = Run::of(2, OUTCOMES);
    // 0 and 6 are of one key; 0 was answered before 6 was sent.
    run.stored.swap(0, 4);
    violated(
        &run,
        Rule::Order,
        "0123456789ab-0 stands behind 0123456789ab-6",
    );
    run.target.ordered = false;
    assert_eq!(
        run.broken(),
        [],
        "a target that promises no order may have any"
    );
}

#[test]
fn a_key_that_is_spread_over_partitions_has_no_order() {
    let mut run = Run::of(2, OUTCOMES);
    run.stored[4].stream = 9;
    violated(&run, Rule::Order, "stands in partition 9");
}

#[test]
fn a_key_may_move_to_the_child_of_its_shard() {
    let run = Run::of(1, &[Ok, Ok, Ok]);
    let place = Place::whole(&["id".to_owned()]);
    let mut holding = Holding::of(run.target.clone());
    holding.stream_follows(7, vec![0]);
    for (stored, stream) in run.stored.iter().zip([0, 7, 7]) {
        let found = Found {
            id: place.id_in(&stored.record).map(Into::into),
            payload: None,
            record: &stored.record,
            stream,
            copies: 1,
        };
        holding.take(&run.history, &found);
    }
    let judged = judge(&run.history, &[holding], &run.asked);
    let order = judged.iter().find(|one| one.rule == Rule::Order).unwrap();
    assert_eq!(order.verdict, Verdict::Passed, "{order:?}");
}

#[test]
fn events_that_were_sent_side_by_side_have_no_order() {
    let mut run = Run::of(1, &[]);
    for number in 0..3 {
        run.history.sent(number, number);
    }
    for number in 0..3 {
        run.history.answered(number, 100, Ok);
        run.store(2 - number);
    }
    assert_eq!(run.broken(), []);
    run.history.sent(3, 200);
    run.history.answered(3, 300, Ok);
    run.store(3);
    run.stored.swap(1, 3);
    violated(&run, Rule::Order, "stands behind 0123456789ab-3");
}

#[test]
fn a_second_copy_behind_does_not_spoil_the_order() {
    let mut run = Run::of(2, OUTCOMES);
    run.store(0);
    assert_eq!(run.broken(), []);
}

#[test]
fn there_are_no_more_duplicates_than_doubts() {
    let mut run = Run::of(2, OUTCOMES);
    run.store(0);
    run.store(3);
    assert_eq!(run.broken(), [], "two are in doubt");
    run.store(3);
    violated(
        &run,
        Rule::Duplicates,
        "orders holds 3 duplicates, of which 2 may be: ",
    );
    let judged = run.judged();
    let said = crate::report::table(&judged);
    assert!(!said.contains(" more\n"), "one target, one line: {said}");
    run.asked.duplicates_allowed = 1;
    assert_eq!(
        run.broken(),
        [],
        "a spool may deliver again what it was allowed"
    );
    run.stored.pop();
    run.stored.pop();
    run.stored[0].copies = 4;
    violated(&run, Rule::Duplicates, "orders holds 4 duplicates");
    run.stored[0].copies = 1_000_000;
    violated(&run, Rule::Duplicates, "orders holds 1000000 duplicates");
    run.target.shows_copies = false;
    assert_eq!(
        run.broken(),
        [(Rule::Duplicates, Void)],
        "nobody can see them any more"
    );
}

#[test]
fn a_fresh_event_must_go_through_in_time() {
    let mut run = Run::of(2, OUTCOMES);
    run.asked.fresh = Some(Result::Ok(Duration::from_secs(5)));
    assert_eq!(run.broken(), []);
    run.asked.fresh = Some(Result::Ok(Duration::from_millis(5001)));
    violated(&run, Rule::Fresh, "it took 5.0 s");
    run.asked.fresh = Some(Err("it is not in orders".to_owned()));
    violated(&run, Rule::Fresh, "it is not in orders");
    run.asked.fresh = None;
    assert_eq!(run.broken(), [(Rule::Fresh, Void)]);
    run.asked.without = vec![Rule::Fresh];
    assert_eq!(run.broken(), [], "who leaves a rule out says so");
}

#[test]
fn a_run_in_which_little_happened_says_nothing() {
    let mut run = Run::of(2, OUTCOMES);
    run.asked.faults = 2;
    assert_eq!(run.broken(), [(Rule::Enough, Void)]);
    run.asked.faults = 3;
    run.asked.acknowledged_min = 6;
    assert_eq!(
        run.broken(),
        [(Rule::Enough, Void)],
        "five were acknowledged"
    );
    run.asked.acknowledged_min = 5;
    assert_eq!(run.broken(), []);
    let nothing = Run::of(2, &[Failed, Unknown]);
    assert!(nothing.broken().iter().all(|(_, verdict)| *verdict == Void));
    assert!(nothing.broken().len() >= 4, "{:?}", nothing.broken());
    let mut waived = Run::of(2, OUTCOMES);
    waived.asked.without = Rule::ALL.to_vec();
    assert!(
        !good(&waived.judged()),
        "a run of which nothing is judged is no pass"
    );
}

#[test]
fn a_table_is_read_anew_each_time() {
    let run = Run::of(2, OUTCOMES);
    let mut holding = Holding::of(run.target.clone());
    for _ in 0..2 {
        holding.begin_again();
        for stored in &run.stored {
            let found = Found {
                id: Place::whole(&["id".to_owned()])
                    .id_in(&stored.record)
                    .map(Into::into),
                payload: None,
                record: &stored.record,
                stream: 0,
                copies: 1,
            };
            holding.take(&run.history, &found);
        }
    }
    assert_eq!((holding.duplicates(), holding.records), (0, 5));
    assert!(holding.has_all(&run.history));
}

#[test]
fn a_clients_own_log_is_judged_too() {
    let log = concat!(
        "{\"id\":\"a\",\"outcome\":\"ok\",\"payload\":\"{\\\"id\\\":\\\"a\\\"}\"}\n",
        "{\"id\":\"b\",\"outcome\":\"failed\"}\n",
    );
    let history = crate::history_file::read(log.as_bytes()).unwrap();
    let judged = |records: &[&str]| {
        let mut holding = Holding::of(Run::of(1, &[]).target);
        let place = Place::whole(&["id".to_owned()]);
        for record in records {
            let found = Found {
                id: place.id_in(record.as_bytes()).map(Into::into),
                payload: place.payload_in(record.as_bytes()),
                record: record.as_bytes(),
                stream: 0,
                copies: 1,
            };
            holding.take(&history, &found);
        }
        let asked = Asked {
            without: vec![Rule::Fresh, Rule::Order],
            ..Asked::default()
        };
        let judged = judge(&history, &[holding], &asked);
        let broken = judged.into_iter().filter(|one| one.verdict == Violated);
        broken.map(|one| one.rule).collect::<Vec<_>>()
    };
    assert_eq!(judged(&["{\"id\":\"a\"}", "{\"id\":\"of-another\"}"]), []);
    assert_eq!(judged(&["{\"id\": \"a\"}"]), [Rule::Payload]);
    assert_eq!(
        judged(&["{\"id\":\"a\"}", "{\"id\":\"b\"}"]),
        [Rule::Strangers]
    );
    assert_eq!(judged(&["{\"id\":\"c\"}"]), [Rule::Lost]);
    assert_eq!(
        judged(&["{\"id\":\"a\"}", "{\"id\":\"a\"}"]),
        [Rule::Duplicates]
    );
}
