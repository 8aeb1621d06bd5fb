//! The JSON Schema Test Suite, draft 4: all that is required, and what is optional.

use std::path::{Path, PathBuf};

use super::*;

/// The folder of the corpora, beside the repository unless the environment says otherwise.
fn corpus(part: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let folder = std::env::var_os("SLUICEGATE_CORPUS").map_or(beside, PathBuf::from);
    let folder = folder.join(part);
    if folder.is_dir() {
        return Some(folder);
    }
    sluicegate_testkit::skip("JSON Schema Test Suite", "its corpus is not there");
    None
}

/// Answers the suite's references from its folder.
struct Remotes(PathBuf);

impl Retrieve for Remotes {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Wrong> {
        let name = uri.as_str().strip_prefix("http://localhost:1234/");
        let name = name.ok_or_else(|| format!("{uri} is not of the suite"))?;
        let text = std::fs::read_to_string(self.0.join(name))?;
        Ok(serde_json::from_str(&text)?)
    }
}

/// Runs the files of a folder: how many tests there were, and which went wrong.
fn run(folder: &Path, remotes: &Path, wrong: &mut Vec<String>) -> usize {
    let mut count = 0;
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect();
    files.sort();
    let mut tape = Tape::default();
    for file in files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).unwrap();
        let groups: Vec<Value> = serde_json::from_str(&text).unwrap();
        // The events as they are written: a parser would round their numbers.
        let written: Vec<WrittenGroup<'_>> = serde_json::from_str(&text).unwrap();
        for (group, written) in groups.iter().zip(&written) {
            let mut schema = group["schema"].clone();
            if let Some(members) = schema.as_object_mut() {
                let draft = json!("http://json-schema.org/draft-04/schema#");
                members.entry("$schema").or_insert(draft);
            }
            let compiled =
                Schema::compile(&schema, "file:///schema.json", Remotes(remotes.to_owned()));
            for (test, written) in group["tests"]
                .as_array()
                .unwrap()
                .iter()
                .zip(&written.tests)
            {
                count += 1;
                let what = format!("{name}: {}: {}", group["description"], test["description"]);
                let schema = match &compiled {
                    Ok(schema) => schema,
                    Err(faults) => {
                        wrong.push(format!("{what}: {}", faults[0].message));
                        continue;
                    }
                };
                let judged = schema.judge(written.data.get().as_bytes(), &mut tape, 16);
                let valid = test["valid"].as_bool().unwrap();
                match judged {
                    Ok(()) if valid => {}
                    Err(refusal) if !valid && refusal.code == Code::SchemaFailed => {
                        assert!(!refusal.errors.is_empty(), "{what} names no fault");
                    }
                    other => wrong.push(format!("{what}: {other:?}")),
                }
            }
        }
    }
    count
}

#[derive(serde::Deserialize)]
struct WrittenGroup<'a> {
    #[serde(borrow)]
    tests: Vec<WrittenTest<'a>>,
}

#[derive(serde::Deserialize)]
struct WrittenTest<'a> {
    #[serde(borrow)]
    data: &'a serde_json::value::RawValue,
}

#[test]
fn every_required_test_of_draft_4_holds() {
    let Some(folder) = corpus("security/jsonschema") else {
        return;
    };
    let mut wrong = Vec::new();
    let count = run(
        &folder.join("tests/draft4"),
        &folder.join("remotes"),
        &mut wrong,
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(count, 618);
}

#[test]
fn of_the_optional_tests_only_those_known_do_not_hold() {
    let Some(folder) = corpus("security/jsonschema") else {
        return;
    };
    let (mut wrong, remotes) = (Vec::new(), folder.join("remotes"));
    let optional = folder.join("tests/draft4/optional");
    let mut count = run(&optional, &remotes, &mut wrong);
    count += run(&optional.join("format"), &remotes, &mut wrong);
    println!("{} of {count} optional tests do not hold", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 300, "{count}");
}
