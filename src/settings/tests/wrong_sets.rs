//! Wrong sets of files, and files that cannot be read.

use std::path::PathBuf;

use super::*;

fn said_of(files: &[(&str, &str)]) -> String {
    let error = load_texts(files, &Environment::default()).unwrap_err();
    unwrapped(&error.to_string())
}

#[test]
fn a_name_given_twice_is_an_error_that_cites_both_files() {
    let file = "sluicegate: 1\ntargets:\n  all: { discard: {} }\nserver: { http: \"[::]:1\" }\n";
    let message = said_of(&[("a.yaml", file), ("b.yaml", file)]);
    for part in [
        "target `all` is given twice: first at a.yaml:3:3",
        "b.yaml:3:3",
        "`server` is given twice: first at a.yaml:4:9",
        "shared by all files",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[test]
fn a_route_given_in_two_files_cites_both() {
    let one = "\
sluicegate: 1
defaults: { auth: none }
targets: { all: { discard: {} } }
routes: [ { route: POST /a, name: n, to: [ { target: all } ] } ]
";
    let other = "\
sluicegate: 1
routes: [ { route: POST /b, name: n, to: [ { target: all } ] }, { route: POST /a, to: [ { target: all } ] } ]
";
    let message = said_of(&[("a.yaml", one), ("b.yaml", other)]);
    assert!(
        message.contains("`POST /a` is given twice: first at a.yaml:4:20"),
        "{message}"
    );
    assert!(
        message.contains("the route name `n` is given twice: first at a.yaml:4:35"),
        "{message}"
    );
    assert!(message.contains("b.yaml:2:74"), "{message}");
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let latin = directory.path().join("latin.yaml");
    std::fs::write(&latin, b"sluicegate: 1\n# caf\xe9\n").unwrap();
    let large = directory.path().join("large.yaml");
    std::fs::write(&large, vec![b'#'; crate::limits::SETTINGS_BYTES_MAX + 1]).unwrap();
    let files: Vec<PathBuf> = vec![
        directory.path().join("nowhere.yaml"),
        directory.path().to_owned(),
        latin,
        large,
    ];
    let error = load(&files, &Environment::default()).unwrap_err();
    let message = unwrapped(&error.to_string());
    for part in [
        "nowhere.yaml: there is no such file",
        "the file cannot be read",
        "latin.yaml: the file is not UTF-8: byte 19, on line 2",
        "large.yaml: the file is larger than 4 MiB",
        "4 errors",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
}
