//! Every case of the HTTP/1.1 corpus over real sockets, on each driver.

use std::collections::BTreeMap;

use crate::cases::{Case, Class, load, with_host};
use crate::edge::{Edge, OPEN, drivers, quick};
use crate::talk::Answer;
use crate::verdict::{converse, is_desynchronised, judge, profile_takes};
use crate::{all_at_once, corpus, say};

/// Conversations at once.
const THREADS: usize = 96;

#[test]
fn every_case_of_the_corpus_over_sockets() {
    let name = "every_case_of_the_corpus_over_sockets";
    let Some(folder) = corpus("security/http1", name) else {
        return;
    };
    let cases = load(&folder);
    assert!(cases.len() > 500, "{}", cases.len());
    for driver in drivers() {
        let edge = Edge::start(driver, OPEN, quick());
        let address = edge.address;
        let said = all_at_once(&cases, THREADS, |case| {
            let said = converse(address, &case.sends, None);
            let desynchronised = is_desynchronised(address, case, &said);
            (said, desynchronised)
        });
        let mut table: BTreeMap<Class, (usize, usize)> = BTreeMap::new();
        let mut wrong = Vec::new();
        for (case, (said, desynchronised)) in cases.iter().zip(&said) {
            let miss = judge(case, said);
            let row = table.entry(case.class).or_default();
            row.0 += 1;
            row.1 += usize::from(miss.is_none());
            for what in miss.into_iter().chain(desynchronised.then_some("desync")) {
                wrong.push(format!("{}: {what}: {}", case.id, said.shown()));
            }
        }
        let rows: Vec<String> = table
            .iter()
            .map(|(class, (all, held))| format!("{class:?} {held}/{all}"))
            .collect();
        let desyncs = said.iter().filter(|(_, desync)| *desync).count();
        let all = cases.len();
        say(&format!(
            "HTTP/1.1 on {driver}: {all} cases: {}, desync {desyncs}",
            rows.join(", ")
        ));
        let limited = cases.iter().zip(&said).filter(|(case, (said, _))| {
            let is_limit = |first: &Answer| matches!(first.status, 413 | 414 | 431 | 501 | 505);
            case.class == Class::Accept && said.first().is_some_and(is_limit)
        });
        say(&format!(
            "  to be taken, answered with a limit or an unknown coding: {}",
            limited.count()
        ));
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        for (case, (said, _)) in cases.iter().zip(&said) {
            if case.class == Class::PreferReject && !said.is_refused() {
                let why = profile_takes(&case.sends[0]).unwrap_or("405 for its method");
                *reasons.entry(why).or_default() += 1;
            }
        }
        say(&format!("  not refused, where both are legal: {reasons:?}"));
        assert!(
            wrong.is_empty(),
            "{} wrong:\n{}",
            wrong.len(),
            wrong.join("\n")
        );
    }
}

#[test]
fn what_is_wrong_with_a_case_is_not_that_it_has_no_host() {
    let name = "what_is_wrong_with_a_case_is_not_that_it_has_no_host";
    let Some(folder) = corpus("security/http1", name) else {
        return;
    };
    let mut cases = load(&folder);
    cases.retain_mut(|case| {
        let with_host = with_host(&case.sends[0]).filter(|_| case.of_a_parser);
        case.sends = with_host.into_iter().collect();
        !case.sends.is_empty() && matches!(case.class, Class::Reject | Class::Incomplete)
    });
    assert!(cases.len() > 50, "{}", cases.len());
    let edge = Edge::start(drivers()[0], OPEN, quick());
    let said = all_at_once(&cases, THREADS, |case| {
        converse(edge.address, &case.sends, None)
    });
    let wrong: Vec<String> = cases
        .iter()
        .zip(&said)
        .filter_map(|(case, said)| {
            Some(format!(
                "{}: {}: {}",
                case.id,
                judge(case, said)?,
                said.shown()
            ))
        })
        .collect();
    say(&format!(
        "HTTP/1.1 with a Host that the source left out: {} cases",
        cases.len()
    ));
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn a_cut_on_the_way_changes_no_answer() {
    let name = "a_cut_on_the_way_changes_no_answer";
    let Some(folder) = corpus("security/http1", name) else {
        return;
    };
    // Each case once, its cut at another place than its neighbour's.
    let cases: Vec<(Case, usize)> = load(&folder)
        .into_iter()
        .enumerate()
        .filter(|(_, case)| case.sends[0].len() > 2)
        .map(|(place, case)| {
            let cut = 1 + place * 37 % (case.sends[0].len() - 1);
            (case, cut)
        })
        .collect();
    for driver in drivers() {
        let edge = Edge::start(driver, OPEN, quick());
        let wrong = all_at_once(&cases, THREADS, |(case, cut)| {
            let first = |cut| converse(edge.address, &case.sends[..1], cut).shown();
            let (whole, pieces) = (first(None), first(Some(*cut)));
            (whole != pieces).then(|| format!("{} at {cut}: {whole} / {pieces}", case.id))
        });
        let wrong: Vec<String> = wrong.into_iter().flatten().collect();
        say(&format!(
            "HTTP/1.1 on {driver}: {} cases cut once",
            cases.len()
        ));
        assert!(
            wrong.is_empty(),
            "{} wrong:\n{}",
            wrong.len(),
            wrong.join("\n")
        );
    }
}
