//! What is wrong in a file, said when it is loaded.

use serde_json::json;

use super::*;

fn issues(mapping: &Json, fields: &'static [Field]) -> Vec<Issue> {
    Plan::compile(&source(mapping, fields))
        .err()
        .unwrap_or_default()
}

/// An expression, and parts of the message and of the help.
const MISTAKES: &[(&str, &str, &str)] = &[
    ("${event.a", "`${` is not closed", "$${"),
    ("${}", "the expression is empty", "CEL"),
    ("${evnt.a}", "`evnt` is not known", "did you mean `event`?"),
    (
        "${foo}",
        "`foo` is not known",
        "`event`, `body`, `path`, `query`, `request`",
    ),
    ("${event.a +}", "this is not an expression", ""),
    ("${event.a ~ 1}", "this is not an expression", ""),
    (
        "${uper(event.a)}",
        "there is no function `uper`",
        "did you mean `upper`?",
    ),
    (
        "${frobnicate()}",
        "there is no function `frobnicate`",
        "schema --functions",
    ),
    (
        "${hash()}",
        "`hash` is not called so",
        "hash(text or bytes) → text",
    ),
    (
        "${event.a.hash()}",
        "`hash` is not called so",
        "hash(text or bytes) → text",
    ),
    (
        "${lower('a')}",
        "`lower` is not called so",
        "text.lower() → text",
    ),
    ("${event.a.map(x)}", "`map` is not called so", "list.map"),
    ("${env.HOME}", "only in settings", "a mapping may name"),
    ("${secret.kafka}", "only in settings", ""),
    (
        "${auth.claims.sub}",
        "`auth.claims` is not known",
        "Web Tokens",
    ),
    ("${auth.nam}", "`auth` has no `nam`", "did you mean `name`?"),
    ("${auth}", "`auth` cannot be used as a whole", "`auth.name`"),
    (
        "${auth.labels.tennant}",
        "no client has the label `tennant`",
        "did you mean `tenant`?",
    ),
    (
        "${auth.labels}",
        "cannot be used as a whole",
        "`auth.labels.tier`",
    ),
    (
        "${ce.type}",
        "`ce` is there only where a route accepts CloudEvents",
        "add `cloudevents`",
    ),
    ("${stage.x}", "`stage` is not known in this version", ""),
    ("${results.x}", "`results` is there in `reply` only", ""),
    (
        "${path.tenat}",
        "no parameter `tenat`",
        "did you mean `tenant`?",
    ),
    (
        "${path}",
        "`path` cannot be used as a whole",
        "`path.tenant`",
    ),
    (
        "${request}",
        "`request` cannot be used as a whole",
        "`request.method`",
    ),
    (
        "${request.headers}",
        "cannot be used as a whole",
        "`request.headers.NAME`",
    ),
    (
        "${request.metod}",
        "`request` has no `metod`",
        "did you mean `method`?",
    ),
    (
        "${path.tenant.x}",
        "`path.tenant` is text and has no fields",
        "",
    ),
    ("${body.x}", "cannot be looked into", "`event`"),
    ("${1 + 'a'}", "`+` takes two values of one type", "convert"),
    (
        "${'a' < 1}",
        "text and a whole number cannot be compared",
        "",
    ),
    ("${!1}", "must be a boolean, not a whole number", ""),
    ("${event.?a > 1}", "may be absent", ""),
    ("${event.?a == 'x'}", "may be absent", ""),
    ("${[1,2]}", "`text` needs text, and this is a list", ""),
    ("${null}", "`text` needs text, and this is null", ""),
    (
        "a${event.?b}",
        "cannot stand inside of a text",
        ".orValue('')",
    ),
    ("a${[1]}", "cannot stand inside of a text", "json"),
    ("${event.items.map(event, 1)}", "hides another name", ""),
    ("${event.a.matches(event.p)}", "must be written down", ""),
    (
        "${event.a.matches('(')}",
        "the pattern of `matches` is not a regular expression: unclosed group",
        "RE2",
    ),
    (
        "${regex.replace(event.a, '(?=a)', '')}",
        "the pattern of `regex.replace` is not a regular expression: look-around",
        "",
    ),
    (
        "${event.a.matches('(a{1000}){1000}')}",
        "the pattern of `matches` is not a regular expression: ",
        "",
    ),
    ("${matches(event.p, event.a)}", "must be written down", ""),
    (
        "${event.?a.optMap(event, 1).orValue(2)}",
        "hides another name",
        "",
    ),
    ("${math.abz(1)}", "no function `math.abz`", "`math.abs`"),
    (
        "${parse_jsn('1')}",
        "no function `parse_jsn`",
        "`parse_json`",
    ),
    ("${event.a.map(math, 1)}", "hides another name", ""),
    ("${event.a.map(x, uuid())}", "inside a loop", "`let`"),
    ("${Foo{a: 1}}", "messages cannot be made", "map"),
    (
        "${event.a.map(x, event.b.map(y, event.c.map(z, 1)))}",
        "more than 2 loops",
        "",
    ),
    ("", "has 0 characters, and must have 1 to 40", ""),
];

#[test]
fn every_mistake_is_named_with_a_remedy() {
    for (expression, message, help) in MISTAKES {
        let found = issues(&json!({"record": {"text": expression}}), FIELDS);
        let issue = found
            .first()
            .unwrap_or_else(|| panic!("nothing wrong in {expression}"));
        assert!(issue.message.contains(message), "{expression}: {issue:?}");
        let whole = format!(
            "{} {}",
            issue.message,
            issue.help.clone().unwrap_or_default()
        );
        assert!(whole.contains(help), "{expression}: {issue:?}");
    }
}

/// A record, and parts of the message and of the help.
const FIELDS_WRONG: &[(&str, &str, &str)] = &[
    (
        r#"{"txt": "a"}"#,
        "a kinesis record has no field `txt`",
        "did you mean `text`?",
    ),
    (
        r#"{"elephant": "a"}"#,
        "no field `elephant`",
        "`text`, `data`",
    ),
    (r#""x""#, "must be names and values", "`text`"),
    (
        r#"{"number": "five"}"#,
        "`number` needs a whole number, and this is text",
        "room",
    ),
    (
        r#"{"number": [1]}"#,
        "`number` needs a whole number, and this is a list",
        "",
    ),
    (r#"{"number": 1.5}"#, "`number` needs a whole number", ""),
    (r#"{"number": 11}"#, "`number` must be from 0 to 10", ""),
    (
        r#"{"on_false": "confict"}"#,
        "`conflict`, `accept`",
        "did you mean `conflict`?",
    ),
    (
        r#"{"on_false": "${event.x}"}"#,
        "one of",
        "fixed when the file is loaded",
    ),
    (
        r#"{"attributes": "x"}"#,
        "`attributes` needs names and values",
        "",
    ),
    (
        r#"{"attributes": {"a": "1", "b": "2", "c": "3"}}"#,
        "has 3 entries, of which 2",
        "",
    ),
    (
        r#"{"attributes": {"a": [1]}}"#,
        "`attributes.a` needs text",
        "",
    ),
    (
        r#"{"put": "x"}"#,
        "`put` needs names and values, or one object",
        "",
    ),
    (
        r#"{"condition": "a = :p0"}"#,
        "placeholders",
        "bound, never spliced",
    ),
    (r#"{"condition": "a = ${event.?x}"}"#, "may be absent", ""),
    (r#"{"condition": 5}"#, "`condition` needs text", ""),
    (r#"{"put": {"a": "${nope}"}}"#, "`nope` is not known", ""),
];

#[test]
fn fields_are_known_and_typed() {
    for (record, message, help) in FIELDS_WRONG {
        let record: Json = serde_json::from_str(record).unwrap();
        let found = issues(&json!({ "record": record }), FIELDS);
        let issue = found
            .first()
            .unwrap_or_else(|| panic!("nothing wrong in {record}"));
        assert!(issue.message.contains(message), "{record}: {issue:?}");
        assert!(
            issue.help.clone().unwrap_or_default().contains(help),
            "{record}: {issue:?}"
        );
    }
    let found = issues(&json!({}), KEYED);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].message, "`clicks` does not set `partition_key`");
    assert!(
        found[0]
            .help
            .as_deref()
            .unwrap()
            .contains("`partition_key` (required), `data`")
    );
    let found = issues(&json!({"record": {"partition_key": "${event.?id}"}}), KEYED);
    assert!(found[0].message.contains("may be absent"), "{found:?}");
    assert!(found[0].help.as_deref().unwrap().contains(".orValue"));
}

#[test]
fn all_issues_are_found_at_once() {
    let mapping = json!({
        "let": {"a": "${nope1}", "b": "${later}", "later": "${1}", "event": "x", "a-b": 1, "uses": "${a}"},
        "when": "${event.n + 1 == 'x' + 1}",
        "record": {"text": "${nope2} ${nope3}", "number": "x", "what": 1}
    });
    let found = issues(&mapping, FIELDS);
    let messages: Vec<&str> = found.iter().map(|issue| issue.message.as_str()).collect();
    for expected in [
        "`nope1` is not known",
        "`later` is not defined yet",
        "`event` is a name already",
        "`a-b` cannot be a name",
        "`+` takes",
        "`nope2`",
        "`nope3`",
        "`number` needs",
        "no field `what`",
    ] {
        assert!(
            messages.iter().any(|message| message.contains(expected)),
            "{expected}: {messages:#?}"
        );
    }
    assert_eq!(found.len(), 9, "{messages:#?}");
}

#[test]
fn when_must_be_a_boolean() {
    for (when, message) in [
        (json!("yes"), "must be true or false, and this is text"),
        (json!("${event.?on}"), "may be absent"),
        (json!(1), "a whole number"),
        (json!("${size(event)}"), "a whole number"),
    ] {
        let found = issues(&json!({"when": when, "record": {}}), FIELDS);
        assert!(found[0].message.contains(message), "{when}: {found:?}");
    }
    assert!(issues(&json!({"when": true, "record": {}}), FIELDS).is_empty());
}

#[test]
fn an_issue_points_into_the_text() {
    for (text, quotes, start) in [
        ("${nope}", 2, 100 + 1 + 2),
        ("é: ${event.a} ${1 + nope}", 2, 100 + 1 + 21),
        ("${nope}", 0, 100 + 2),
        ("x ${event.a", 0, 102),
        ("${'é' + nope}", 0, 100 + 2 + 7),
        ("${event.a.lowr()}", 0, 100 + 14),
    ] {
        let mut source = source(&json!({"record": {"text": text}}), FIELDS);
        if let Some(NodeValue::Map(entries)) =
            source.bindings[0].record.as_mut().map(|n| &mut n.value)
        {
            entries[0].2.at.end = 100 + text.len() + quotes;
        }
        let found = Plan::compile(&source).unwrap_err();
        assert_eq!(found[0].at.start, start, "{text}: {found:?}");
    }
}
