//! Wrong files: each message names the thing, its place and the remedy.

use super::*;

/// A kind of mistake: a name for it, the file, and what the message must hold.
struct Mistake(&'static str, String, &'static [&'static str]);

fn route(keys: &str) -> String {
    format!("{HEAD}routes:\n  - route: POST /a\n    to: [ {{ target: all }} ]\n    {keys}\n")
}

fn target(keys: &str) -> String {
    format!("{HEAD}x-more: 1\n").replace("all: { discard: {} }", &format!("all: {{ {keys} }}"))
}

fn check(mistakes: &[Mistake]) {
    let mut wrong = Vec::new();
    for Mistake(what, text, holds) in mistakes {
        let shown = said(text);
        let message = unwrapped(&shown);
        for part in holds.iter().chain(&["help:"]) {
            if !message.contains(part) {
                wrong.push(format!("{what}: `{part}` is not in:\n{shown}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_not_yaml() {
    check(&[
        Mistake(
            "nothing at all",
            String::new(),
            &["t.yaml: the file is empty", "start it with `sluicegate: 1`"],
        ),
        Mistake("only a comment", "# soon\n".into(), &["the file is empty"]),
        Mistake(
            "a list",
            "- a\n- b\n".into(),
            &["the file is a list; it must be a map", "t.yaml:1:1"],
        ),
        Mistake(
            "a text",
            "hello\n".into(),
            &["the file is the text `hello`"],
        ),
        Mistake(
            "tabs",
            "sluicegate: 1\ntargets:\n\tall: { discard: {} }\n".into(),
            &["not YAML", "t.yaml:3:1", "never with tabs"],
        ),
        Mistake(
            "an open bracket",
            "sluicegate: 1\ntargets: { all: [ }\n".into(),
            &["not YAML", "t.yaml:2", "bracket"],
        ),
        Mistake(
            "an open quote",
            "sluicegate: 1\nx-a: \"abc\n".into(),
            &["not YAML", "quot"],
        ),
        Mistake(
            "two documents",
            "sluicegate: 1\n---\nsluicegate: 1\n".into(),
            &["not YAML", "one YAML 1.2 document"],
        ),
        Mistake(
            "an unknown alias",
            "sluicegate: 1\nx-a: *nowhere\n".into(),
            &["not YAML", "t.yaml:2:6", "nchor"],
        ),
        Mistake(
            "a duplicate key",
            "sluicegate: 1\ntargets:\n  all: { discard: {} }\n  all: { discard: {} }\n".into(),
            &["`all` occurs twice", "t.yaml:4:3", "line 3"],
        ),
        Mistake(
            "an alias bomb",
            bomb(),
            &["not YAML", "anchors may repeat a little"],
        ),
        Mistake(
            "deep nesting",
            format!(
                "sluicegate: 1\nx-a: {}{}\n",
                "[".repeat(3000),
                "]".repeat(3000)
            ),
            &["not YAML"],
        ),
        Mistake(
            "infinity",
            "sluicegate: 1\nx-a: .inf\n".into(),
            &["not YAML", "t.yaml:2:6"],
        ),
    ]);
}

fn bomb() -> String {
    let mut text = String::from("sluicegate: 1\nx-a: &a [x, x, x, x, x, x, x, x, x]\n");
    for (name, of) in ["b", "c", "d", "e", "f", "g"]
        .iter()
        .zip(["a", "b", "c", "d", "e", "f"])
    {
        let of = vec![format!("*{of}"); 9].join(", ");
        text.push_str(&format!("x-{name}: &{name} [{of}]\n"));
    }
    text
}

#[test]
fn what_is_not_this_version() {
    check(&[
        Mistake(
            "no version",
            "targets: {}\n".into(),
            &[
                "`sluicegate`, the format version, is missing",
                "t.yaml:1:1",
                "`sluicegate: 1`",
            ],
        ),
        Mistake(
            "a misspelt version",
            "sluicgate: 1\n".into(),
            &["missing", "not `sluicgate`"],
        ),
        Mistake(
            "version 2",
            "sluicegate: 2\n".into(),
            &[
                "the number 2",
                "not known to this version",
                "t.yaml:1:13",
                "`sluicegate: 1`",
            ],
        ),
        Mistake(
            "an OpenAPI document",
            "openapi: 3.0.1\n".into(),
            &["`openapi` document", "not known to this version"],
        ),
        Mistake(
            "a later top key",
            format!("{HEAD}spool: {{ dir: /x }}\n"),
            &[
                "`spool` is not known to this version",
                "t.yaml:4:1",
                "later version",
            ],
        ),
        Mistake(
            "a later route key",
            route("allow: \"${true}\""),
            &["`allow` is not known to this version", "t.yaml:7:5"],
        ),
        Mistake(
            "a later server key",
            format!("{HEAD}server: {{ health_path: /h }}\n"),
            &["`health_path` is not known to this version"],
        ),
        Mistake(
            "a later reply key",
            route("reply: { dead_letter: x }"),
            &["`dead_letter` is not known to this version"],
        ),
        Mistake(
            "a later target",
            target("log: { dir: /x }"),
            &["`log` is not known to this version"],
        ),
        Mistake(
            "a later auth",
            route("auth: [api_key]"),
            &[
                "`auth: api_key` is not known to this version",
                "t.yaml:7:12",
                "takes: none",
            ],
        ),
        Mistake(
            "a later auth word",
            route("auth: jwt"),
            &["`auth: jwt` is not known to this version"],
        ),
        Mistake(
            "a later format",
            route("accept: { formats: [cloudevents] }"),
            &["`formats: cloudevents` is not known to this version"],
        ),
        Mistake(
            "a later after",
            route("reply: { after: spooled }"),
            &[
                "`after: spooled` is not known to this version",
                "required, any, none",
            ],
        ),
    ]);
}

#[test]
fn what_is_misspelt() {
    check(&[
        Mistake(
            "a top key",
            format!("{HEAD}route: []\n"),
            &[
                "`route` is not a key of the file",
                "t.yaml:4:1",
                "did you mean `routes`?",
            ],
        ),
        Mistake(
            "a route key",
            route("unmached: refuse"),
            &[
                "`unmached` is not a key of a route",
                "t.yaml:7:5",
                "did you mean `unmatched`?",
            ],
        ),
        Mistake(
            "a target key",
            target("discard: {}, queue_byts: 1MiB"),
            &[
                "`queue_byts` is not a key of the target `all`",
                "did you mean `queue_bytes`?",
            ],
        ),
        Mistake(
            "a room key",
            target("kafka: { topics: a, bootstrap_servers: \"b:9092\" }"),
            &["`topics` is not a key of `kafka`", "did you mean `topic`?"],
        ),
        Mistake(
            "a kind of target",
            target("kinessis: {}"),
            &[
                "`kinessis` is not a key of the target `all`",
                "did you mean `kinesis`?",
            ],
        ),
        Mistake(
            "a format",
            route("accept: { formats: [jsn] }"),
            &[
                "`jsn` is not known for `formats`",
                "t.yaml:7:25",
                "did you mean `json`?",
            ],
        ),
        Mistake(
            "a word",
            route("reply: { batch: per_evnt }"),
            &[
                "`per_evnt` is not known for `batch`",
                "did you mean `per_event`?",
            ],
        ),
        Mistake(
            "a target's name",
            route("").replace("target: all", "target: al"),
            &[
                "there is no target `al`",
                "t.yaml:6:21",
                "did you mean `all`?",
            ],
        ),
        Mistake(
            "a connection's name",
            format!(
                "{HEAD}connections: {{ one: {{ kafka: {{ bootstrap_servers: \"b:1\" }} }} }}\n"
            )
            .replace("discard: {}", "kafka: { connection: oen, topic: a }"),
            &["there is no connection `oen`", "did you mean `one`?"],
        ),
        Mistake(
            "a test's record",
            route("tests: [ { name: n, request: {}, expect: { records: { al: none } } } ]"),
            &["the test names `al`", "did you mean `all`?"],
        ),
        Mistake(
            "a test's given",
            route("tests: [ { name: n, request: {}, expect: {}, given: { al: refused } } ]"),
            &["the test names `al`"],
        ),
        Mistake(
            "a test's outcome",
            route("tests: [ { name: n, request: {}, expect: {}, given: { all: refusd } } ]"),
            &["`refusd` is not known for `all`", "did you mean `refused`?"],
        ),
    ]);
}

#[test]
fn what_is_missing_or_of_the_wrong_type() {
    check(&[
        Mistake(
            "no auth",
            route("").replace("defaults: { auth: none }\n", ""),
            &["`auth` is missing", "t.yaml:4:12", "`auth: none`"],
        ),
        Mistake(
            "no route",
            format!("{HEAD}routes: [ {{ to: [ {{ target: all }} ] }} ]\n"),
            &["`route` is missing in a route", "add `route: …`"],
        ),
        Mistake(
            "no to",
            format!("{HEAD}routes: [ {{ route: POST /a }} ]\n"),
            &["`to` is missing in a route"],
        ),
        Mistake(
            "an empty to",
            format!("{HEAD}routes: [ {{ route: POST /a, to: [] }} ]\n"),
            &["`to` is empty", "t.yaml:4:33"],
        ),
        Mistake(
            "no target in to",
            format!("{HEAD}routes: [ {{ route: POST /a, to: [ {{ as: x }} ] }} ]\n"),
            &["`target` is missing in an entry of `to`"],
        ),
        Mistake(
            "no topic",
            target("kafka: { bootstrap_servers: \"b:1\" }"),
            &["`topic` is missing in `kafka`"],
        ),
        Mistake(
            "nothing required",
            route("").replace("target: all", "target: all, need: best_effort"),
            &[
                "no target of this route is required",
                "`reply: { after: none }`",
            ],
        ),
        Mistake(
            "no kind of target",
            target("queue_bytes: 1MiB"),
            &[
                "target `all` says nothing of where it is",
                "write one of:",
                "kafka",
            ],
        ),
        Mistake(
            "two kinds of target",
            target("discard: {}, kafka: { topic: a, bootstrap_servers: \"b:1\" }"),
            &["target `all` is both", "`kafka`", "`discard`"],
        ),
        Mistake(
            "a list for a map",
            format!("{HEAD}routes: {{}}\n"),
            &["`routes` is a map; it must be a list", "t.yaml:4:9"],
        ),
        Mistake(
            "a word for a number",
            route("accept: { events: ten }"),
            &["`events` is the text `ten`; it must be a whole number"],
        ),
        Mistake(
            "a number for a text",
            route("name: 5"),
            &[
                "`name` is the number 5; it must be text",
                "put it in quotes",
            ],
        ),
        Mistake(
            "a text for a boolean",
            route("reply: { receipts: yes }"),
            &["`receipts` is the text `yes`; it must be true or false"],
        ),
        Mistake(
            "no expect in a test",
            route("tests: [ { name: n, request: {} } ]"),
            &["`expect` is missing in a test"],
        ),
        Mistake(
            "no path value in a test",
            route("tests: [ { name: n, request: {}, expect: {} } ]").replace("/a", "/{t}"),
            &["no value for the path parameter `t`", "`path: { t: … }`"],
        ),
        Mistake(
            "a path value too many",
            route("tests: [ { name: n, request: { path: { t: 1 } }, expect: {} } ]"),
            &["`t` is not a parameter of the path `/a`"],
        ),
    ]);
}

#[test]
fn what_is_out_of_bounds_or_in_conflict() {
    let two = |one: &str, other: &str| {
        format!(
            "{HEAD}routes:\n  - {{ route: {one}, to: [ {{ target: all }} ] }}\n  - {{ route: {other}, to: [ {{ target: all }} ] }}\n"
        )
    };
    check(&[
        Mistake(
            "a bad size",
            target("discard: {}, queue_bytes: 5 XB"),
            &["`5 XB` is not a size", "t.yaml:3:45", "64KiB"],
        ),
        Mistake(
            "a small queue",
            target("discard: {}, queue_bytes: 1KiB"),
            &["`queue_bytes` is 1KiB", "at least 64KiB"],
        ),
        Mistake(
            "a bad time",
            target("discard: {}, give_up: soon"),
            &["`soon` is not a length of time", "500ms"],
        ),
        Mistake(
            "a time without unit",
            target("discard: {}, give_up: 5"),
            &["`give_up` is the number 5; it must be text", "500ms"],
        ),
        Mistake(
            "a long time",
            route("reply: { within: 400s }"),
            &["`within` is 400s", "from 1ms to 5m"],
        ),
        Mistake(
            "a large event",
            route("accept: { event_bytes: 99GiB }"),
            &["`event_bytes` is 99GiB", "16MiB"],
        ),
        Mistake(
            "an event larger than its body",
            route("accept: { event_bytes: 2KiB, request_bytes: 1KiB }"),
            &["`event_bytes` is larger than `request_bytes`"],
        ),
        Mistake(
            "too many events",
            route("accept: { events: 10001 }"),
            &["`events` is 10001", "between 1 and 10000"],
        ),
        Mistake(
            "no events",
            route("accept: { events: 0 }"),
            &["`events` is 0"],
        ),
        Mistake(
            "raw beside json",
            route("accept: { formats: [json, raw] }"),
            &["`raw` stands beside other formats", "stand alone"],
        ),
        Mistake(
            "a bad address",
            format!("{HEAD}server: {{ http: \"nowhere:x\" }}\n"),
            &["nowhere:x", "t.yaml:4:17", "0.0.0.0:8080"],
        ),
        Mistake(
            "one port for both",
            format!("{HEAD}server: {{ http: \"[::]:1\", admin: \"[::]:1\" }}\n"),
            &["`http` and `admin` are both", "its own port"],
        ),
        Mistake(
            "a route twice",
            two("POST /a", "POST /a"),
            &["`POST /a` is given twice", "first at t.yaml:5:14"],
        ),
        Mistake(
            "paths in conflict",
            two("\"POST /{a}\"", "\"GET /{b}\""),
            &["takes the same requests as `POST /{a}`", "t.yaml:5:14"],
        ),
        Mistake(
            "a bad path",
            two("POST /a", "POST b"),
            &["the path `b` does not start with `/`", "t.yaml:6:14"],
        ),
        Mistake(
            "a bad method",
            two("POST /a", "post /b"),
            &["`post` is not a method", "write `POST`"],
        ),
        Mistake(
            "a binding twice",
            route("").replace("{ target: all }", "{ target: all }, { target: all }"),
            &["`all` occurs twice in this route", "`as: …`"],
        ),
        Mistake(
            "a target's odd name",
            format!("{HEAD}").replace("all:", "\"a b\":"),
            &["`a b` is not a name for a target"],
        ),
        Mistake(
            "a room's own rule",
            target("kafka: { topic: \"a b\", bootstrap_servers: \"b:1\" }"),
            &["`topic` holds", "t.yaml:3:"],
        ),
        Mistake(
            "a connection of another kind",
            format!("{HEAD}connections: {{ one: {{ aws: {{}} }} }}\n")
                .replace("discard: {}", "kafka: { connection: one, topic: a }"),
            &["`one` is a connection to `aws`", "of the kind `kafka`"],
        ),
    ]);
}

#[test]
fn what_is_interpolated() {
    check(&[
        Mistake(
            "an unset variable",
            route("name: \"${env.NOWHERE}\""),
            &[
                "the environment variable `NOWHERE` is not set",
                "t.yaml:7:11",
                "export NOWHERE",
            ],
        ),
        Mistake(
            "a missing secret",
            route("name: \"${secret.nowhere}\""),
            &["the secret `nowhere` is not there", "/run/secrets/nowhere"],
        ),
        Mistake(
            "an open expression",
            route("name: \"${env.BROKERS\""),
            &["is not closed", "write `}`"],
        ),
        Mistake(
            "an event in a setting",
            route("name: \"${event.id}\""),
            &["`${event.id}` cannot stand in a setting", "${env.NAME}"],
        ),
        Mistake(
            "a path for a secret",
            route("name: \"${secret.../etc/passwd}\""),
            &["cannot stand in a setting"],
        ),
    ]);
    let message = said(&route("name: \"x ${secret.PASSWORD} y\""));
    assert!(
        message.contains("*** y") && !message.contains("hunter2"),
        "{message}"
    );
}

#[test]
fn all_mistakes_are_said_at_once_in_the_order_of_the_file() {
    let text = "\
sluicegate: 1
targets:
  one: { discard: {}, give_up: soon, linger: soon, queue_bytes: none }
  two: { discrd: {} }
routes:
  - { route: POST a, to: [ { target: three } ], unmached: x }
";
    let message = unwrapped(&said(text));
    let mut last = 0;
    for part in [
        "t.yaml:3:32",
        "t.yaml:3:46",
        "t.yaml:3:65",
        "`discrd`",
        "`a` does not start",
        "no target `three`",
        "`unmached`",
    ] {
        let place = message
            .find(part)
            .unwrap_or_else(|| panic!("no {part}:\n{message}"));
        assert!(place > last, "{part} comes too early:\n{message}");
        last = place;
    }
}
