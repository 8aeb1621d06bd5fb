//! `schema` of routes and `defaults`: files, what they refer to, and what is said of wrong ones.

use std::path::Path;

use super::*;

/// Names and texts of files.
type Files = &'static [(&'static str, &'static str)];

/// Loads a file with this route beside these schemas: the settings, or what is said.
fn loaded(files: &[(&str, &str)], rest: &str) -> Result<Settings, String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    loaded_in(folder.path(), rest)
}

fn loaded_in(folder: &Path, rest: &str) -> Result<Settings, String> {
    let file = folder.join("t.yaml");
    std::fs::write(&file, format!("{HEAD}{rest}")).unwrap();
    load(&[file], &Environment::default()).map_err(|error| unwrapped(&error.to_string()))
}

/// A route whose schema is written so.
fn route(schema: &str) -> String {
    format!("routes: [ {{ route: POST /a, to: [ {{ target: all }} ], schema: {schema} }} ]\n")
}

#[test]
fn a_schema_is_a_file_or_stands_in_the_file_or_in_defaults() {
    let files = [("s/event.json", r#"{"type": "object"}"#)];
    for rest in [
        route("s/event.json"),
        route("{ type: object, description: 'a ${x}' }"),
        format!("x-a: &s {{ type: object }}\n{}", route("*s")),
    ] {
        let settings = loaded(&files, &rest).unwrap();
        assert!(settings.routes[0].schema.is_some(), "{rest}");
    }
    let shared = HEAD.replace("auth: none", "auth: none, schema: s/event.json");
    let rest = "routes:\n  - { route: POST /a, to: [ { target: all } ] }\n  - { route: POST /b, \
                to: [ { target: all } ] }\n  - { route: POST /c, schema: true, to: [ { target: all } ] }\n";
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("s")).unwrap();
    std::fs::write(folder.path().join(files[0].0), files[0].1).unwrap();
    let file = folder.path().join("t.yaml");
    std::fs::write(&file, format!("{shared}{rest}")).unwrap();
    let settings = load(&[file], &Environment::default()).unwrap();
    let schema = |place: usize| settings.routes[place].schema.as_ref();
    assert!(std::sync::Arc::ptr_eq(
        schema(0).unwrap(),
        schema(1).unwrap()
    ));
    assert!(schema(2).is_none());
}

#[test]
fn a_schema_refers_to_files_of_its_folder_also_by_the_address_that_it_gives_itself() {
    let own = r#"{"$ref": "parts/id.json#/$defs/id"}"#;
    let named =
        r#"{"$id": "https://example.com/schemas/event.json", "$ref": "parts/id.json#/$defs/id"}"#;
    for event in [own, named] {
        let files = [
            ("s/event.json", event),
            (
                "s/parts/id.json",
                r#"{"$defs": {"id": {"$ref": "../text.json"}}}"#,
            ),
            ("s/text.json", r#"{"type": "string"}"#),
        ];
        let settings =
            loaded(&files, &route("s/event.json")).unwrap_or_else(|said| panic!("{said}"));
        let schema = settings.routes[0].schema.as_ref().unwrap();
        let mut tape = crate::admit::schema::Tape::default();
        assert!(schema.judge(b"\"a\"", &mut tape, 1).is_ok());
        assert!(schema.judge(b"1", &mut tape, 1).is_err());
    }
}

#[test]
fn the_hash_of_the_settings_changes_with_what_the_schemas_hold() {
    let hash = |event: &str, id: &str| {
        let files = [("event.json", event), ("id.json", id)];
        let settings = loaded(&files, &route("event.json")).unwrap();
        assert_eq!(settings.hash.len(), 16);
        settings.hash
    };
    let event = r#"{"$ref": "id.json"}"#;
    let first = hash(event, "{}");
    assert_eq!(first, hash(event, "{}"));
    assert_ne!(first, hash(r#"{"$ref": "id.json", "title": "a"}"#, "{}"));
    assert_ne!(first, hash(event, r#"{"type": "null"}"#));
}

/// A schema, the files beside it, and parts of what is said.
const WRONG: &[(&str, Files, &[&str])] = &[
    (
        "s/none.json",
        &[],
        &[
            "the schema `s/none.json` is not there",
            "starts at the file that names it",
            "t.yaml:4:",
        ],
    ),
    (
        "s",
        &[("s/a.json", "{}")],
        &["the schema `s` is not a file"],
    ),
    (
        "a.json",
        &[("a.json", "{\"type\": }")],
        &["the schema `a.json` is not JSON: expected value at line 1 column 10"],
    ),
    (
        "a.json",
        &[("a.json", "[]")],
        &["a.json:1:1: the schema: a schema is an object"],
    ),
    (
        "a.json",
        &[("a.json", "{\n  \"type\": \"objct\"\n}")],
        &["a.json:2:11: the schema at `/type`: \"objct\" is not a type of JSON Schema"],
    ),
    (
        "a.json",
        &[("a.json", "{\"properties\": {\n \"a\": {}, \"a\": {}}}")],
        &["a.json:2:11: a name occurs twice"],
    ),
    (
        "a.json",
        &[(
            "a.json",
            "{\"properties\": {\"a\": {\n  \"pattern\": \"^(?!x)y\" }}}",
        )],
        &[
            "a.json:2:14: the schema at `/properties/a/pattern`: the pattern `^(?!x)y` cannot run in linear time",
            "without looking around",
        ],
    ),
    (
        "a.json",
        &[("a.json", "{\"$ref\": \"https://example.com/b.json\"}")],
        &[
            "a.json:1:10: the schema at `/$ref`: a `$ref` needs `https://example.com/b.json`, and nothing is fetched from the network",
            "a file in its folder",
        ],
    ),
    (
        "s/a.json",
        &[("s/a.json", "{\"$ref\": \"../b.json\"}"), ("b.json", "{}")],
        &["s/a.json:1:10", "leads out of the schema's folder"],
    ),
    (
        "a.json",
        &[("a.json", "{\"$ref\": \"file:///etc/hostname\"}")],
        &["leads out of the schema's folder"],
    ),
    (
        "a.json",
        &[("a.json", "{\"$ref\": \"b.json\"}")],
        &["a `$ref` names the file `b.json`, which is not there"],
    ),
    (
        "a.json",
        &[("a.json", "{\"$ref\": \"b.json\"}"), ("b.json", "{,}")],
        &["the file `b.json` of a `$ref` is not JSON: key must be a string at line 1 column 2"],
    ),
    (
        "a.json",
        &[
            ("a.json", "{\"$ref\": \"b.json#/$defs/c\"}"),
            ("b.json", "{}"),
        ],
        &["a `$ref` leads to `/$defs/c`, which is not there"],
    ),
    (
        "{ type: object, minProperties: -1 }",
        &[],
        &[
            "t.yaml:4:",
            "the schema at `/minProperties`: must be at least 0",
        ],
    ),
    (
        "{ $ref: 'b.json' }",
        &[],
        &["a `$ref` names the file `b.json`, which is not there"],
    ),
    (
        "7",
        &[],
        &["`schema` is the number 7; it must be text or a map or true or false"],
    ),
    ("false", &[], &["`schema: false` refuses every event"]),
];

#[test]
fn what_is_wrong_with_a_schema_is_said_with_its_file_place_and_pointer() {
    for (schema, files, parts) in WRONG {
        let said = loaded(files, &route(schema)).expect_err(schema);
        for part in *parts {
            assert!(said.contains(part), "{schema}: `{part}` is not in: {said}");
        }
        assert!(said.contains("help:"), "{said}");
    }
}

#[test]
fn what_a_schema_reads_is_bounded() {
    let many: Vec<(String, String)> = (0..=crate::limits::SCHEMA_FILES_MAX + 1)
        .map(|n| {
            (
                format!("{n}.json"),
                format!("{{\"$ref\": \"{}.json\"}}", n + 1),
            )
        })
        .collect();
    let files: Vec<(&str, &str)> = many.iter().map(|(name, text)| (&**name, &**text)).collect();
    let said = loaded(&files, &route("0.json")).unwrap_err();
    assert!(said.contains("refers to more than 64 files"), "{said}");
    let large = format!("{{}}{}", " ".repeat(crate::limits::SCHEMA_BYTES_MAX));
    let said = loaded(&[("a.json", &large)], &route("a.json")).unwrap_err();
    assert!(said.contains("is larger than 4194304 bytes"), "{said}");
    let deep = format!(
        "{}{}",
        "{\"not\":".repeat(200),
        "{}".to_owned() + &"}".repeat(200)
    );
    let said = loaded(&[("a.json", &deep)], &route("a.json")).unwrap_err();
    assert!(said.contains("is not JSON: recursion limit"), "{said}");
}

#[cfg(unix)]
#[test]
fn a_link_does_not_lead_out_of_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("s")).unwrap();
    std::fs::write(folder.path().join("secret.json"), "{}").unwrap();
    std::fs::write(folder.path().join("s/a.json"), r#"{"$ref": "b.json"}"#).unwrap();
    std::os::unix::fs::symlink("../secret.json", folder.path().join("s/b.json")).unwrap();
    let said = loaded_in(folder.path(), &route("s/a.json")).unwrap_err();
    assert!(said.contains("leads out of the schema's folder"), "{said}");
}

#[test]
fn a_raw_route_has_nothing_to_judge() {
    let raw = "routes: [ { route: POST /a, accept: { formats: [raw] }, to: [ { target: all } ], schema: { type: object } } ]\n";
    let said = loaded(&[], raw).unwrap_err();
    assert!(
        said.contains("a `raw` body has no JSON that a `schema` could judge"),
        "{said}"
    );
}
