//! Who may send and how much: what `defaults` say, and directories of clients.

use std::path::PathBuf;
use std::time::Duration;

use super::*;

const FILE: &str = "\
sluicegate: 1
clients_dir: clients
clients: { acme: { sha256: \"1111111111111111111111111111111111111111111111111111111111111111\" } }
defaults:
  auth: [api_key]
  allow: \"${auth.labels.tier == 'gold'}\"
  limits: [ { per: \"${auth.name}\", requests: 60/m, burst: 90 }, { bytes: 1MiB/s } ]
targets: { all: { discard: {} } }
routes:
  - { route: POST /a, name: a, to: [ { target: all } ] }
  - { route: POST /b, name: b, limits: [ { concurrent: 3 } ], to: [ { target: all } ] }
  - { route: POST /c, name: c, auth: none, allow: true, limits: [], to: [ { target: all } ] }
";

/// The file beside a directory of clients with these files.
fn set(files: &[(&str, &str)]) -> (tempfile::TempDir, Result<Settings, Diagnostics>) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("clients")).unwrap();
    for (name, text) in files {
        std::fs::write(directory.path().join("clients").join(name), text).unwrap();
    }
    let file: PathBuf = directory.path().join("gateway.yaml");
    std::fs::write(&file, FILE).unwrap();
    let loaded = load(&[file], &Environment::default());
    (directory, loaded)
}

fn client(name: &str, digit: char, rest: &str) -> String {
    let digest = digit.to_string().repeat(64);
    format!("{name}: {{ sha256: \"{digest}\"{rest} }}\n")
}

#[test]
fn a_route_says_it_itself_or_defaults_do() {
    let gold = client("gold", '2', ", labels: { tier: gold, level: 3 }");
    let (_directory, settings) = set(&[("gold.yaml", &gold), ("notes.txt", "[")]);
    let settings = settings.unwrap_or_else(|wrong| panic!("{wrong}"));
    let names: Vec<&str> = settings
        .clients
        .iter()
        .map(|client| &*client.name)
        .collect();
    assert_eq!(names, ["acme", "gold"]);
    assert_eq!(
        &*settings.clients[1].labels[0].1, "3",
        "labels are text, by name"
    );
    let [a, b, c] = settings.routes.as_slice() else {
        panic!("three routes");
    };
    assert_eq!((a.auth, a.conditions, a.limits.len()), (Auth::ApiKey, 1, 2));
    let quota = a.limits[0].requests.unwrap();
    assert_eq!(
        (quota.amount, quota.window, quota.burst),
        (60, Duration::from_secs(60), 90)
    );
    assert_eq!(a.limits[0].per, Some(1), "behind the condition");
    assert_eq!(
        a.limits[1].bytes.unwrap().burst,
        1 << 20,
        "as much as the rate"
    );
    assert_eq!((b.conditions, b.limits[0].concurrent), (1, Some(3)));
    assert_ne!(
        a.limits[0].number, b.limits[0].number,
        "each route counts for itself"
    );
    assert_eq!((c.auth, c.limits.len()), (Auth::None, 0));
    for part in ["60/m", "burst: 90", "1MiB/s", "concurrent: 3", "tier: gold"] {
        assert!(settings.shown.contains(part), "{part}: {}", settings.shown);
    }
    assert!(!settings.shown.contains("2222"), "{}", settings.shown);
}

#[test]
fn what_is_wrong_in_a_directory_of_clients_cites_its_files() {
    let gold = ", labels: { tier: gold }";
    let (_directory, settings) = set(&[
        ("a.yaml", &client("acme", '3', gold)),
        ("b.yaml", &client("b", '1', "")),
        ("c.yaml", "sluicegate: 1\nclients: {}\n"),
        ("d.yaml", "- a\n"),
        ("e.yaml", &client("e", '4', ", label: { tier: gold }")),
        ("f.yaml", "f: { sha256: sgk_a-key-in-plain-text }\n"),
        ("g.yaml", "g: {"),
        ("h.yaml", ""),
    ]);
    let said = settings.unwrap_err().to_string();
    let message = unwrapped(&said);
    for part in [
        "client `acme` is given twice: first at",
        "gateway.yaml:3:12",
        "this key is given twice: first at",
        "`sluicegate` stands in a file of `clients_dir`",
        "the file is a list; it must be a map",
        "`label` is not a key of the client `e`",
        "did you mean `labels`?",
        "`sha256` holds the key itself",
        "g.yaml",
    ] {
        assert!(message.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("a-key-in-plain-text"), "{said}");
}
