//! What nobody should write or send: it ends in an issue or a refusal, never in a panic or a
//! core that is busy for long.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn compile_text(text: &str) -> Result<Plan, Vec<Issue>> {
    Plan::compile(&source(&json!({"record": {"data": text}}), FIELDS))
}

#[test]
fn expressions_that_grow_or_nest_are_refused() {
    let repeat = |unit: &str, times: usize| unit.repeat(times);
    for text in [
        format!("{}1{}", repeat("(", 2000), repeat(")", 2000)),
        format!("{}1{}", repeat("[", 40), repeat("]", 40)),
        format!("1{}", repeat("+1", 2000)),
        format!("1{}", repeat("+1", 40)),
        format!("{}1", repeat("true?1:", 500)),
        format!("event{}", repeat(".map(i,i)", 450)),
        format!("event{}", repeat(".a", 2000)),
        format!("event{}", repeat(".lower()", 500)),
        repeat("a.?[?{", 600),
        repeat("'", 3999),
        repeat("@ ", 2000),
        repeat("é", 4000),
        repeat("x", 5000),
    ] {
        let issues = compile_text(&format!("${{{text}}}"))
            .err()
            .unwrap_or_default();
        assert!(!issues.is_empty(), "{text}");
        assert!(
            issues.iter().all(|issue| issue.message.len() < 400),
            "{issues:?}"
        );
    }
    for text in [repeat("!", 1000) + "true", repeat("true||", 600) + "true"] {
        assert!(compile_text(&format!("${{{text}}}")).is_ok());
    }
}

#[test]
fn the_deepest_expressions_are_evaluated() {
    for (open, inner, close) in [
        ("[", "1", "]"),
        ("string(", "'x'", ")"),
        ("{'a':", "1", "}"),
        ("true ? (", "1", ") : 2"),
    ] {
        let text = format!("${{{}{inner}{}}}", open.repeat(30), close.repeat(30));
        let plan = compile_text(&text).unwrap_or_else(|issues| panic!("{text}: {issues:?}"));
        assert!(outcome(&plan, "{}").is_ok(), "{text}");
    }
    let sum = "event.a + ".repeat(30) + "1";
    let plan = compile_text(&format!("${{{sum}}}")).unwrap();
    assert!(outcome(&plan, r#"{"a":1}"#).is_ok());
}

#[test]
fn loops_pay_for_what_they_touch() {
    let numbers = |count: usize| {
        let list = (0..count)
            .map(|n| n.to_string())
            .collect::<Vec<_>>()
            .join(",");
        format!(r#"{{"a":[{list}],"t":"{}"}}"#, "x".repeat(100_000))
    };
    for expression in [
        "${size(event.a.map(x, event.a.map(y, x + y)))}",
        "${size(event.a.map(x, event.t + 'x'))}",
        "${size(event.a.map(x, event.t))}",
        "${event.a.exists(x, event.a.exists(y, x + y < 0))}",
        "${size(event.a.map(x, event.t.replace('x', 'yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy')))}",
    ] {
        let plan = compile_text(expression).unwrap();
        let refusal = outcome(&plan, &numbers(600)).unwrap_err();
        assert!(
            refusal.contains("touches more than it may"),
            "{expression}: {refusal}"
        );
        assert!(outcome(&plan, &numbers(3)).is_ok(), "{expression}");
    }
}

#[test]
fn functions_pay_for_what_they_make() {
    let body = format!(r#"{{"n":9000000000000000,"t":"{}"}}"#, "ab".repeat(50_000));
    for expression in [
        "${size('ab'.repeat(event.n))}",
        "${size('a'.padStart(event.n, 'x'))}",
        "${size('a'.padEnd(event.n))}",
        "${size(regex.replace(event.t, 'a', event.t))}",
        "${size(regex.replace(event.t, '', event.t + '$0'))}",
        "${size(event.t.split('').map(x, x.repeat(100000)))}",
        "${size(event.t.split('').map(x, regex.extractAll(event.t, 'a')))}",
        "${size(event.t.split('').map(x, event.t.reverse()))}",
    ] {
        let plan = compile_text(expression).unwrap_or_else(|issues| panic!("{issues:?}"));
        let refusal = outcome(&plan, &body).unwrap_err();
        assert!(
            refusal.contains("touches more than it may"),
            "{expression}: {refusal}"
        );
    }
}

#[test]
fn large_lists_and_texts_are_handled() {
    let list = (0..100_000).map(|n| n.to_string()).collect::<Vec<_>>();
    let body = format!(
        r#"{{"l":[{}],"t":"{}!"}}"#,
        list.join(","),
        "a".repeat(100_000)
    );
    for (expression, expected) in [
        ("${event.l.exists(x, x == 99999)}", "bytes true"),
        ("${event.l.all(x, x >= 0)}", "bytes true"),
        ("${size(event.l.filter(x, x % 2 == 0))}", "bytes 50000"),
        ("${size(event.l.distinct())}", "bytes 100000"),
        ("${event.l.sum()}", "bytes 4999950000"),
        ("${event.l.sort()[99999]}", "bytes 99999"),
        ("${99999 in event.l}", "bytes true"),
        // What would take a backtracking engine for ever.
        ("${event.t.matches('^(a+)+$')}", "bytes false"),
        ("${event.t.matches('^(a|aa)+!$')}", "bytes true"),
    ] {
        assert_eq!(gives("data", &json!(expression), &body), expected);
    }
}

#[test]
fn functions_answer_strange_values() {
    for (expression, expected) in [
        (
            "${'a'.repeat(-1)}",
            "repeat: the number must not be negative",
        ),
        (
            "${'a'.padStart(3, '')}",
            "padStart: there must be something",
        ),
        ("${[1, 'a'].sort()}", "sort: the elements have no order"),
        ("${[1, 'a'].sum()}", "sum: every element must be a number"),
        (
            "${[1].slice(0, 2)}",
            "slice: the places are not in the list",
        ),
        (
            "${[1].slice(1, 0)}",
            "slice: the places are not in the list",
        ),
        (
            "${'%d'.format(['a'])}",
            "does not fit a value of type string",
        ),
        ("${'%d'.format([])}", "fewer values"),
        ("${'x'.format([1])}", "more values"),
        ("${'%.99f'.format([1.5])}", "behind `%` stands one of"),
        ("${'%'.format([1])}", "behind `%` stands one of"),
        (
            "${parse_json('{\"a\": 1, \"a\": 2}')}",
            "a name occurs twice",
        ),
        ("${parse_json('[1,]')}", "parse_json: the text is not JSON"),
        ("${parse_json('1e999')}", "parse_json: "),
        ("${hex_decode('4é')}", "hex_decode: "),
        (
            "${url_decode('%FF')}",
            "url_decode: the bytes are not UTF-8",
        ),
        ("${timestamp(0).strftime('%Q')}", "the form is not one"),
        (
            "${timestamp(0).strftime('%Y', 'Mars')}",
            "there is no such time zone",
        ),
        ("${'x'.strptime('%Y')}", "the text does not have this form"),
        ("${from_millis(9223372036854775807)}", "years 1 to 9999"),
        (
            "${timestamp(0).floor(duration('0s'))}",
            "a millisecond at least",
        ),
        ("${math.greatest([])}", "a 422 or an issue"),
        (
            "${regex.extract(event.count, 'a').orValue('')}",
            "text is needed, not int",
        ),
    ] {
        let given = gives("data", &json!(expression), EVENT);
        let refused = given.starts_with("mapping_failed") || given.starts_with("issue");
        assert!(refused, "{expression}: {given}");
        assert!(
            given.contains(expected) || expected.contains("or an issue"),
            "{expression}: {given}"
        );
    }
    for levels in [129, 500_000] {
        let deep = format!(r#"{{"t":"{}1{}"}}"#, "[".repeat(levels), "]".repeat(levels));
        let given = gives("data", &json!("${parse_json(event.t)}"), &deep);
        assert!(given.contains("the text is not JSON"), "{levels}");
    }
}

#[test]
fn doubling_lets_pay() {
    let mut lets = serde_json::Map::new();
    lets.insert("a0".to_owned(), json!("${event.t + event.t}"));
    for index in 1..30 {
        let before = index - 1;
        lets.insert(
            format!("a{index}"),
            json!(format!("${{a{before} + a{before}}}")),
        );
    }
    let plan = compiled(
        &json!({"let": lets, "record": {"data": "${size(a29)}"}}),
        FIELDS,
    );
    let body = format!(r#"{{"t":"{}"}}"#, "x".repeat(1000));
    let refusal = outcome(&plan, &body).unwrap_err();
    assert!(refusal.contains("touches more than it may"), "{refusal}");
}

#[test]
fn what_an_expression_reads_twice_is_a_duplicate() {
    let plan = compile_text("${size(event.deep)}").unwrap();
    let refusal = outcome(&plan, r#"{"deep":{"a":1,"\u0061":2}}"#).unwrap_err();
    assert!(refusal.starts_with("duplicate_field: "), "{refusal}");
    let plan = compile_text("${event.deep}").unwrap();
    assert!(outcome(&plan, r#"{"deep":{"a":1,"a":2}}"#).is_ok());
}

#[test]
fn numbers_that_do_not_fit_are_refused_where_they_are_computed_with() {
    for number in [
        "9223372036854775808",
        "-9223372036854775809",
        "1e400",
        "1E999999999",
    ] {
        let body = format!(r#"{{"n":{number}}}"#);
        let refusal = outcome(&compile_text("${event.n + event.n}").unwrap(), &body).unwrap_err();
        assert!(
            refusal.contains("a plain path passes it on"),
            "{number}: {refusal}"
        );
        assert!(!refusal.contains(number), "no payload in {refusal}");
        let record = outcome(&compile_text("${event.n}").unwrap(), &body)
            .unwrap()
            .unwrap();
        assert_eq!(record.value(1).as_bytes().unwrap(), number.as_bytes());
    }
    let body = r#"{"n":9223372036854775807}"#;
    let refusal = outcome(&compile_text("${event.n + 1}").unwrap(), body).unwrap_err();
    assert!(refusal.contains("outside of 64 bits"), "{refusal}");
    let refusal = outcome(&compile_text("${1.0 / 0.0}").unwrap(), "{}").unwrap_err();
    assert!(refusal.contains("infinite"), "{refusal}");
}

#[test]
fn the_deepest_event_is_read() {
    let body = format!(r#"{{"a":{}1{}}}"#, "[".repeat(126), "]".repeat(126));
    let plan = compile_text("${size(event.a) + size(json(event)) + size(json(event.a))}").unwrap();
    assert!(outcome(&plan, &body).is_ok());
}

const EXPRESSIONS: &[&str] = &[
    "event",
    "event.a",
    "event.?a",
    "event.a.b",
    "event[0]",
    "event.a + 1",
    "'x' + event.a",
    "event.a.map(x, x)",
    "event.filter(x, true)",
    "has(event.a)",
    "event.a == event.b",
    "size(event)",
    "event.a in event.b",
    "-event.a",
    "!event.a",
    "event.a ? 1 : 2",
    "event.a[event.b]",
    "int(event.a)",
    "string(event.a)",
    "json(event.a)",
    "hash(event.a)",
    "base64_decode(event.a)",
    "event.a.split('')",
    "event.a.substring(1, 2)",
    "event.a.join(',')",
    "timestamp(event.a)",
    "duration(event.a)",
    "event.a.getFullYear(event.b)",
    "event.a.matches('a+')",
    "event.?a.orValue(event.?b)",
    "event.a < event.b",
    "event.a % event.b",
    "event.a / event.b",
    "double(event.a) * 1e308",
    "{event.a: 1}",
    "[event.a, event.b]",
    "bytes(event.a)",
    "crc32c(event.a)",
    "uint(event.a) - uint(1)",
    "event.a.replace(event.b, 'x')",
    "optional.ofNonZeroValue(event.a)",
    "type(event.a)",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_event_makes_an_expression_panic(
        expression in prop::sample::select(EXPRESSIONS),
        name in prop::sample::select(vec!["text", "data", "number", "put"]),
        a in prop::sample::select(vec!["null", "true", "0", "-1", "1.5", "1e308", "9223372036854775807", "\"\"", "\"a\"", "\"é😀\"", "\"2026-01-01T00:00:00Z\"", "\"99999999999999999999h\"", "[]", "[1,[2]]", "[\"x\"]", "{}", "{\"b\":{\"c\":1}}", "\"\\u0000\\ud83d\\ude00\""]),
        b in prop::sample::select(vec!["null", "0", "-1", "1", "\"a\"", "[1]", "{}", "\"Europe/Berlin\"", "-9223372036854775808"]),
    ) {
        let body = format!(r#"{{"a":{a},"b":{b}}}"#);
        let given = gives(name, &json!(format!("${{{expression}}}")), &body);
        prop_assert!(!given.starts_with("internal"), "{}", given);
        let _ = gives(name, &json!(format!("${{{expression}}}")), a);
    }

    #[test]
    fn no_text_makes_the_compiler_panic(text in "[$\\{\\}a-z.?\\[\\]()'\"+ :0-9,é!|&<=_-]{0,40}") {
        let _ = compile_text(&text);
        let _ = compile_text(&format!("${{{text}}}"));
    }
}
