//! Wrong files: each message names the thing, its place and the remedy. `wrong_files.txt` is the
//! table of them.

use super::*;

const TABLE: &str = include_str!("wrong_files.txt");

const ROUTE: &str = "\
routes:
  - route: POST /a
    to: [ { target: all } ]
";

/// `(clients)` stands for a route `events` that asks for a key, and a client `acme` where the text
/// names none.
fn with_clients(text: &str) -> String {
    let Some(rest) = text.strip_prefix("(clients)\n") else {
        return text.to_owned();
    };
    let mut head = String::from("sluicegate: 1\n");
    if !rest.contains("\nclients:") && !rest.starts_with("clients:") {
        let digest = "7".repeat(64);
        head +=
            &format!("clients: {{ acme: {{ sha256: \"{digest}\", labels: {{ tenant: a }} }} }}\n");
    } else {
        head += "\n";
    }
    head += "defaults: { auth: [api_key] }\ntargets: { all: { discard: {} } }\n";
    head += "routes:\n  - route: POST /a\n    name: events\n    to: [ { target: all } ]\n";
    head + rest
}

/// What a message lacks, if it lacks something.
fn check(what: &str, text: &str, holds: &[&str]) -> Vec<String> {
    let shown = said(text);
    let message = unwrapped(&shown);
    let lacks = |part: &&&str| !message.contains(**part);
    holds
        .iter()
        .chain(&["help:"])
        .filter(lacks)
        .map(|part| format!("{what}: `{part}` is not in:\n{shown}"))
        .collect()
}

#[test]
fn each_wrong_file_of_the_table_gets_its_message() {
    let blocks: Vec<&str> = TABLE.split("\n== ").skip(1).collect();
    assert!(blocks.len() >= 70, "{}", blocks.len());
    let mut wrong = Vec::new();
    for block in blocks {
        let (what, rest) = block.split_once('\n').unwrap();
        let is_part = |line: &&str| line.starts_with("-- ");
        let lines = || {
            rest.lines()
                .filter(|line| !line.starts_with("# ") && !line.is_empty())
        };
        let mut text: String = lines()
            .filter(|line| !is_part(line))
            .map(|line| format!("{line}\n"))
            .collect();
        text = text.replace("(route)\n", &format!("{HEAD}{ROUTE}"));
        text = text.replace("(head)\n", HEAD);
        text = with_clients(&text);
        let parts: Vec<&str> = lines().filter(is_part).map(|line| &line[3..]).collect();
        assert!(!parts.is_empty(), "{what} expects nothing");
        wrong.extend(check(what, &text, &parts));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_grows_without_bound_is_refused() {
    let mut bomb = String::from("sluicegate: 1\nx-a: &a [x, x, x, x, x, x, x, x, x]\n");
    for (name, of) in "bcdefg".chars().zip("abcdef".chars()) {
        let of = vec![format!("*{of}"); 9].join(", ");
        bomb.push_str(&format!("x-{name}: &{name} [{of}]\n"));
    }
    let deep = format!(
        "sluicegate: 1\nx-a: {}{}\n",
        "[".repeat(3000),
        "]".repeat(3000)
    );
    let long = format!("sluicegate: 1\nx-a: [{}]\n", "1, ".repeat(300_000));
    let networks = vec!["10.0.0.0/8"; crate::limits::TRUSTED_PROXIES_MAX + 1].join(", ");
    let networks = format!("{HEAD}server: {{ trusted_proxies: [{networks}] }}\n");
    let said = [
        check(
            "an alias bomb",
            &bomb,
            &["not YAML", "anchors may repeat a little"],
        ),
        check(
            "deep nesting",
            &deep,
            &["not YAML", "t.yaml:2:", "64 levels"],
        ),
        check(
            "many networks",
            &networks,
            &[
                "more than 256 networks in `trusted_proxies`",
                "larger networks",
            ],
        ),
        check("many values", &long, &["not YAML", "t.yaml:2:"]),
    ];
    assert!(said.concat().is_empty(), "{}", said.concat().join("\n"));
}

#[test]
fn a_secret_is_in_no_message() {
    let message = said(&format!(
        "{HEAD}{ROUTE}    name: \"x ${{secret.PASSWORD}} y\"\n"
    ));
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
        let place = message.find(part);
        let place = place.unwrap_or_else(|| panic!("no {part}:\n{message}"));
        assert!(place > last, "{part} comes too early:\n{message}");
        last = place;
    }
}
