//! What the small inference says of expressions that can give nothing for any event, word by word;
//! and what it lets through.

use serde_json::json;

use super::*;

/// What is said of an expression: place, message, remedy.
fn said(expression: &str) -> String {
    let text = format!("${{{expression}}}");
    let Err(issues) = Plan::compile(&source(&json!({"record": {"data": text}}), FIELDS)) else {
        return String::new();
    };
    let lines = issues.into_iter().map(|issue| {
        // The text stands behind a quote and `${`.
        let place = issue.at.start - 103;
        let help = issue.help.map(|help| format!("; {help}"));
        format!("{place}: {}{}", issue.message, help.unwrap_or_default())
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn conflicts_are_told_with_place_and_remedy() {
    let lines: Vec<&str> = CONFLICTS.lines().collect();
    for pair in lines.chunks(2) {
        let [expression, expected] = pair else {
            panic!("{pair:?}");
        };
        assert_eq!(said(expression), expected.trim(), "{expression}");
    }
    assert!(lines.len() >= 120);
}

/// An expression, and below it what is said of it.
const CONFLICTS: &str = include_str!("conflicts.txt");

#[test]
fn the_type_of_a_let_is_its_own() {
    let mapping = json!({
        "let": {"alias": "${event.a}", "text": "${event.a.lower()}", "list": "${[event.b]}", "fixed": 1},
        "record": {"data": "${list + [text + 'x'] == [fixed + 1] ? alias : 'b'}"},
    });
    assert!(Plan::compile(&source(&mapping, FIELDS)).is_ok());
}

/// What may be right for some event is not refused.
#[test]
fn what_may_be_right_is_let_through() {
    for expression in ALLOWED {
        assert_eq!(said(expression), "", "{expression}");
    }
}

const ALLOWED: &[&str] = &[
    "event.a + 1",
    "1 + event.a",
    "event.a + event.b - event.c",
    "event.a == 'x' && event.b > 1.5",
    "1 < 1.5 && 1u < 2",
    "1 == 1.0 && uint(1) == 1",
    "event.a == null",
    "null != event.a",
    "event.?a == event.?b",
    "event.?a.orValue('') == ''",
    "event.?a.orValue(1) + 1",
    "event.a ? 1 : 'x'",
    "(event.a ? 1 : 'x') + 'y'",
    "-event.a",
    "-(1.5)",
    "!event.a",
    "event.a[0]",
    "event.a[event.b]",
    "['a', 1][0] + 'x'",
    "{'a': 1}.a + 1",
    "{'a': 1, 'b': 'x'}['a'] + 1",
    "1 in [1.5, 2]",
    "'a' in ['b', 1]",
    "'a' in event.list",
    "event.a in {'a': 1}",
    "[] + ['a']",
    "[1] + ['a']",
    "['a'] == [1]",
    "event.list.map(x, x.n + 1)",
    "event.list.filter(x, x.on)",
    "event.list.all(x, x > 1) && event.list.exists(x, x == 'a')",
    "event.list.exists_one(x, x in ['a'])",
    "['a'].map(x, x + 'b')[0] + 'c'",
    "timestamp(event.at) - timestamp(0) > duration('1h')",
    "timestamp(event.at) + duration('1h')",
    "duration('1h') + timestamp(event.at)",
    "duration('1h') - duration('1m')",
    "timestamp(event.at) + event.d",
    "size('abc') + 1",
    "size(event.a) == 2",
    "'a,b'.split(',')[0] + 'x'",
    "hash(bytes(event.a))",
    "string(event.a).lower() + 'x'",
    "optional.of(1).value() + 1",
    "optional.of('a').orValue('b') + 'c'",
    "event.?a.or(event.?b).orValue('c')",
    "dyn(1) + 'a'",
    "type(event.a) == string",
    "event.?a.orValue('x') > 1",
    "event.?a.orValue(1) + 'x'",
    "has(event.a) || has(event.b.c)",
    "event.a.orValue",
    "query.?page.orValue('1') + 'x'",
    "int(query.page) > 1",
];
