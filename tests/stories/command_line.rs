//! The commands, run as a user runs them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::kit::run;

const SOON: Duration = Duration::from_secs(20);
const DEMO_WITHIN: Duration = Duration::from_secs(60);

/// The examples of the repository.
fn examples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/examples");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    files.sort();
    files
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs a command; gives its exit code and what it said on both pipes.
fn says(folder: &Path, arguments: &[&str], within: Duration) -> (i32, String) {
    let output = run(folder, arguments, within);
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(!said.contains("panicked"), "{said}");
    (output.status.code().unwrap_or(-1), said)
}

#[test]
fn every_example_is_right_and_passes_its_own_tests() {
    let examples = examples();
    assert!(
        examples.len() >= 5,
        "orders, clicks, alerts, audit, fan-out: {examples:?}"
    );
    for example in examples {
        let example = example.to_str().unwrap();
        let (code, said) = says(root(), &["check", example], SOON);
        assert_eq!(code, 0, "{example}: {said}");
        let (code, said) = says(root(), &["test", example], SOON);
        assert_eq!(code, 0, "{example}: {said}");
        assert!(
            std::fs::read_to_string(example).unwrap().contains("tests:"),
            "{example}"
        );
    }
}

#[test]
fn every_example_lands_in_the_sandbox() {
    for example in examples() {
        let example = example.to_str().unwrap();
        let listen = ["--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
        let arguments = [&["sandbox", example, "--demo"][..], &listen].concat();
        let (code, said) = says(root(), &arguments, DEMO_WITHIN);
        assert_eq!(code, 0, "{example}: {said}");
    }
}

#[test]
fn the_demo_of_the_quickstart_lands_everything() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [
        "sandbox",
        "--demo",
        "--http",
        "127.0.0.1:0",
        "--admin",
        "127.0.0.1:0",
    ];
    let (code, said) = says(folder.path(), &arguments, DEMO_WITHIN);
    assert_eq!(code, 0, "{said}");
    for service in ["dynamodb", "kinesis", "sns", "kafka"] {
        assert!(said.to_lowercase().contains(service), "{service}: {said}");
    }
}

#[test]
fn a_wrong_file_is_told_place_expectation_and_the_nearest_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("orders.yaml");
    let text = "sluicegate: 1\ntargets:\n  clicks: { kinesis: { stream: clicks, strem: x } }\n\
                defaults: { auth: none }\nroutes:\n  - route: POST /a\n    to: [ { target: clics, \
                record: { partition_key: '${event.id + }' } } ]\n";
    std::fs::write(&file, text).unwrap();
    let (code, said) = says(folder.path(), &["check", "orders.yaml"], SOON);
    assert_eq!(code, 1, "{said}");
    for part in ["orders.yaml", "strem", "stream", "clics", "clicks"] {
        assert!(said.contains(part), "{part} is not in: {said}");
    }
    let (code, _) = says(folder.path(), &["serve", "orders.yaml"], SOON);
    assert_eq!(code, 1);
    let (code, said) = says(folder.path(), &["check", "nowhere.yaml"], SOON);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("nowhere.yaml"), "{said}");
}

#[test]
fn a_file_from_an_enemy_ends_in_a_message() {
    let folder = tempfile::tempdir().unwrap();
    let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for n in 1..12 {
        let (one, before) = (n, n - 1);
        let aliases = vec![format!("*a{before}"); 10].join(",");
        bomb.push_str(&format!("a{one}: &a{one} [{aliases}]\n"));
    }
    let deep = format!("sluicegate: {}{}", "[".repeat(5000), "]".repeat(5000));
    let table: &[(&str, &[u8])] = &[
        ("bomb", bomb.as_bytes()),
        ("deep", deep.as_bytes()),
        ("tabs", b"sluicegate: 1\ntargets:\n\tclicks: {}\n"),
        ("twice", b"sluicegate: 1\nsluicegate: 1\n"),
        ("binary", b"\x00\x01\xff\xfe"),
        ("empty", b""),
        ("list", b"- 1\n- 2\n"),
        ("later", b"sluicegate: 1\nquotas: { all: 1000/s }\n"),
    ];
    for (name, text) in table {
        std::fs::write(folder.path().join("file.yaml"), text).unwrap();
        let (code, said) = says(folder.path(), &["check", "file.yaml"], SOON);
        assert_eq!(code, 1, "{name}: {said}");
        assert!(said.contains("file.yaml"), "{name}: {said}");
    }
}

#[test]
fn try_shows_what_would_be_sent_and_sends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = "sluicegate: 1\ntargets:\n  clicks: { kinesis: { stream: clicks, region: us-east-1, \
                endpoint_url: 'http://127.0.0.1:9' } }\ndefaults: { auth: none }\nroutes:\n  \
                - route: POST /clicks/{user}\n    to: [ { target: clicks, record: { partition_key: \
                '${path.user}', data: '${event}' } } ]\n";
    std::fs::write(folder.path().join("clicks.yaml"), file).unwrap();
    let body = r#"{"n": 1.50}"#;
    let arguments = ["try", "clicks.yaml", "POST /clicks/ada", "--body", body];
    let (code, said) = says(folder.path(), &arguments, SOON);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("ada") && said.contains(body), "{said}");
}

#[test]
fn usage_is_exit_code_2_and_help_has_an_example() {
    let (code, _) = says(root(), &["serve"], SOON);
    assert_eq!(code, 2);
    let (code, _) = says(root(), &["fly"], SOON);
    assert_eq!(code, 2);
    for command in ["sandbox", "serve", "check", "try", "test", "schema"] {
        let (code, said) = says(root(), &[command, "--help"], SOON);
        assert_eq!(code, 0, "{command}");
        assert!(said.contains("Example"), "{command}: {said}");
    }
}
