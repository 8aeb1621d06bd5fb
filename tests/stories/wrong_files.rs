//! Wrong files, each with exactly what `sluicegate check` says of it: `tests/wrong/NAME.yaml` and
//! `NAME.txt`. `UPDATE=1` writes the texts anew, for somebody to read before they are committed.

use std::path::{Path, PathBuf};

use crate::kit::sluicegate;

const KINDS_MIN: usize = 150;

/// What `check` says of a file of the folder, its exit code last.
fn said(folder: &Path, name: &str) -> String {
    let output = sluicegate()
        .args(["check", name])
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .env("BROKERS", "kafka-1:9092")
        .env("PASSWORD", "hunter2")
        .env_remove("NOWHERE")
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    let lines: Vec<&str> = err.lines().chain(out.lines()).map(str::trim_end).collect();
    let code = output.status.code().unwrap_or(-1);
    format!("{}\nexit code {code}\n", lines.join("\n"))
}

fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|known| known == end))
        .collect();
    files.sort();
    files
}

#[test]
fn every_wrong_file_is_told_exactly_this() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wrong");
    let update = std::env::var_os("UPDATE").is_some();
    let files_there = files(&folder, "yaml");
    assert!(files_there.len() >= KINDS_MIN, "{}", files_there.len());
    let mut wrong = Vec::new();
    for file in &files_there {
        let name = file.file_name().unwrap().to_str().unwrap();
        let now = said(&folder, name);
        let is_warning = name.starts_with("warning-");
        let code = if is_warning {
            "exit code 0"
        } else {
            "exit code 1"
        };
        if !now.contains(code) || !now.contains("help:") || now.contains("panicked") {
            wrong.push(format!("{name} ends otherwise, or without a help:\n{now}"));
        }
        let snapshot = file.with_extension("txt");
        if update {
            std::fs::write(&snapshot, &now).unwrap();
        } else if std::fs::read_to_string(&snapshot).unwrap_or_default() != now {
            wrong.push(format!("{name} is told something else now:\n{now}"));
        }
    }
    for text in files(&folder, "txt") {
        if !text.with_extension("yaml").is_file() {
            wrong.push(format!("{} has no file", text.display()));
        }
    }
    let remedy = "read what is said now; if it is better: UPDATE=1 cargo test --workspace --test \
                  stories wrong_files";
    assert!(wrong.is_empty(), "{remedy}\n\n{}", wrong.join("\n"));
}
