//! The repository watches itself: lengths, module docs, arrows, names, leftovers, generated files.

#![allow(clippy::unwrap_used)] // A test program: a failed unwrap is a failed test.

use std::path::{Path, PathBuf};
use std::process::Command;

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;

/// The steps of a request, in order: none imports a later one. `gateway.rs` shows them all and
/// may import any; it is not a step.
const STEPS: &[&str] = &[
    "http", "route", "admit", "split", "map", "dispatch", "courier", "settle", "reply",
];

/// Rooms, by the name of their crate. `src` names them in one file, and its folder, only.
const ROOMS: &[&str] = &["dynamodb", "kinesis", "sns", "kafka", "log", "discard"];

const ROOMS_OF_THE_SANDBOX: &[&str] = &[
    "sluicegate-contract",
    "sluicegate-aws",
    "sluicegate-dynamodb",
    "sluicegate-kinesis",
    "sluicegate-sns",
    "sluicegate-kafka",
    "sluicegate-log",
];

/// A file of the repository: its path from the root, with slashes, and its text.
struct Source {
    path: String,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What git tracks or would add; elsewhere than in a work tree all files that are ours.
fn paths() -> Vec<String> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output();
    if let Ok(listed) = listed
        && listed.status.success()
    {
        let text = String::from_utf8(listed.stdout).unwrap();
        let there = |path: &&str| root().join(path).is_file();
        return text.lines().filter(there).map(str::to_owned).collect();
    }
    let mut found = Vec::new();
    for folder in ["src", "integrations", "tests", "benches", "config"] {
        walk(&root().join(folder), &mut found);
    }
    let name = |path: PathBuf| {
        path.strip_prefix(root())
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned()
    };
    found.into_iter().map(name).collect()
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// All text files whose path ends so.
fn sources(end: &str) -> Vec<Source> {
    let read = |path: String| {
        let text = std::fs::read_to_string(root().join(&path)).ok()?;
        Some(Source { path, text })
    };
    let ours = paths().into_iter().filter(|path| path.ends_with(end));
    ours.filter_map(read).collect()
}

/// Fails with everything that is wrong at once.
fn nothing(what: &str, wrong: &[String]) {
    assert!(wrong.is_empty(), "{what}:\n  {}", wrong.join("\n  "));
}

#[test]
fn files_fit_a_head_and_functions_fit_a_screen() {
    let mut wrong = Vec::new();
    for source in sources(".rs") {
        let lines = source.text.lines().count();
        if lines > FILE_LINES_MAX {
            wrong.push(format!("{} has {lines} lines", source.path));
        }
        for (line, length) in long_functions(&source.text) {
            wrong.push(format!(
                "{}:{line} is a function of {length} lines",
                source.path
            ));
        }
    }
    let limit =
        format!("files of at most {FILE_LINES_MAX}, functions of {FUNCTION_LINES_MAX} lines");
    nothing(&limit, &wrong);
}

/// Functions that are too long: the line they begin at, and how many lines they have. The files
/// are formatted, so a function ends at the first line that closes its own indentation.
fn long_functions(text: &str) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if !begins_function(line) {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        let close = format!("{}}}", " ".repeat(indent));
        let end = lines[at..].iter().position(|line| {
            let ended = line.trim_end();
            *line == close
                || (ended.ends_with(';') && ended.len() - ended.trim_start().len() == indent)
        });
        let length = end.map_or(1, |end| end + 1);
        if length > FUNCTION_LINES_MAX {
            found.push((at + 1, length));
        }
    }
    found
}

fn begins_function(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().take(6).collect();
    let known = |word: &&str| {
        ["pub", "const", "async", "unsafe", "extern"].contains(word) || word.starts_with("pub(")
    };
    words
        .iter()
        .find(|word| !known(word))
        .is_some_and(|word| *word == "fn")
}

#[test]
fn every_module_begins_with_what_it_is_for() {
    let wrong: Vec<String> = sources(".rs")
        .into_iter()
        .filter(|source| !source.text.starts_with("//! "))
        .map(|source| source.path)
        .collect();
    nothing("files that do not begin with a `//!` comment", &wrong);
}

#[test]
fn no_step_imports_a_later_one() {
    let mut wrong = Vec::new();
    for source in sources(".rs") {
        let Some(place) = step_of(&source.path) else {
            continue;
        };
        for later in &STEPS[place + 1..] {
            let import = format!("crate::{later}::");
            for (line, text) in code_lines(&source.text) {
                if text.contains(&import) || imports_in_braces(text, later) {
                    wrong.push(format!("{}:{line} imports {later}", source.path));
                }
            }
        }
    }
    nothing("steps that import a later one", &wrong);
}

fn step_of(path: &str) -> Option<usize> {
    let path = path.strip_prefix("src/")?;
    let step = path.split(['/', '.']).next()?;
    STEPS.iter().position(|name| *name == step)
}

/// `use crate::{later, …}` or `use crate::later;`
fn imports_in_braces(line: &str, module: &str) -> bool {
    let Some(rest) = line.trim_start().strip_prefix("use crate::") else {
        return false;
    };
    let names = rest.trim_start_matches('{').split([',', '}', ';']);
    names
        .into_iter()
        .any(|name| name.trim() == module || name.trim().starts_with(&format!("{module}::")))
}

/// Lines of code with their numbers, without comments, up to the tests of the file.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..)
        .zip(text.lines())
        .take_while(|(_, line)| !line.starts_with("#[cfg(test)]"))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

#[test]
fn no_room_sees_the_gateway_or_another_room() {
    let mut wrong = Vec::new();
    for source in sources("Cargo.toml") {
        let Some(room) = source.path.strip_prefix("integrations/") else {
            continue;
        };
        let room = room.split('/').next().unwrap();
        let needed = source
            .text
            .split("[dependencies]")
            .nth(1)
            .unwrap_or_default();
        let needed = needed.split("\n[").next().unwrap_or_default();
        for line in needed.lines().filter(|line| line.starts_with("sluicegate")) {
            let name = line.split(['.', ' ', '=']).next().unwrap();
            let allowed: &[&str] = match room {
                "contract" => &[],
                // It opens the rooms whose backends it embeds.
                "sandbox" => ROOMS_OF_THE_SANDBOX,
                "dynamodb" | "kinesis" | "sns" => &["sluicegate-contract", "sluicegate-aws"],
                "log" => &["sluicegate-contract", "sluicegate-appendlog"],
                // It knows nothing of the gateway; a log on the disk is read as it is stored.
                "audit" => &["sluicegate-appendlog"],
                _ => &["sluicegate-contract"],
            };
            if !allowed.contains(&name) {
                wrong.push(format!("{} depends on {name}", source.path));
            }
        }
    }
    nothing("arrows that point the wrong way", &wrong);
}

#[test]
fn src_names_rooms_in_one_place() {
    let mut wrong = Vec::new();
    for source in sources(".rs") {
        let Some(file) = source.path.strip_prefix("src/") else {
            continue;
        };
        let is_place = file == "rooms.rs" || file.starts_with("rooms/");
        for (line, text) in code_lines(&source.text) {
            let names = |room: &str| text.contains(&format!("sluicegate_{room}::"));
            if !is_place && (ROOMS.iter().any(|room| names(room)) || names("aws")) {
                wrong.push(format!("{}:{line}: {}", source.path, text.trim()));
            }
            if file != "cli/sandbox.rs" && !is_place && names("sandbox") {
                wrong.push(format!("{}:{line}: {}", source.path, text.trim()));
            }
        }
    }
    nothing("rooms that are named outside of src/rooms.rs", &wrong);
}

#[test]
fn names_are_whole_words_for_things() {
    const BANNED: &[&str] = &[
        "util", "utils", "common", "manager", "helper", "helpers", "misc",
    ];
    let banned = |path: &String| {
        let mut words = path.split(['/', '.', '_', '-']);
        words.any(|word| BANNED.contains(&word))
    };
    let wrong: Vec<String> = paths().into_iter().filter(banned).collect();
    nothing("names that say nothing", &wrong);
}

#[test]
fn nothing_is_left_for_later() {
    // Written in halves, so that this file does not find itself.
    let words = [
        ["tod", "o!("].concat(),
        ["unimpl", "emented!("].concat(),
        ["FIX", "ME"].concat(),
        ["TO", "DO"].concat(),
        ["#[ign", "ore"].concat(),
        ["dbg", "!("].concat(),
    ];
    let mut wrong = Vec::new();
    for source in sources(".rs") {
        for (line, text) in (1..).zip(source.text.lines()) {
            for word in &words {
                if text.contains(word.as_str()) {
                    wrong.push(format!("{}:{line} has {word}", source.path));
                }
            }
        }
    }
    nothing("what was left for later", &wrong);
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    let places = [
        ["/ro", "ot/"].concat(),
        ["/ho", "me/"].concat(),
        ["/wo", "rk/"].concat(),
    ];
    let mut wrong = Vec::new();
    for end in [".rs", ".toml", ".yaml", ".md", ".py", ".json", "run"] {
        for source in sources(end) {
            for (line, text) in (1..).zip(source.text.lines()) {
                if places.iter().any(|place| text.contains(place.as_str())) {
                    wrong.push(format!("{}:{line}: {}", source.path, text.trim()));
                }
            }
        }
    }
    nothing("paths of one machine", &wrong);
}

#[test]
fn generated_files_are_fresh() {
    let folder = tempfile::tempdir().unwrap();
    let written = Command::new(env!("CARGO_BIN_EXE_sluicegate"))
        .args(["schema", "--reference"])
        .arg(folder.path())
        .status()
        .unwrap();
    assert!(written.success());
    let mut fresh = Vec::new();
    walk(folder.path(), &mut fresh);
    assert!(fresh.len() > 20, "{fresh:?}");
    let config = root().join("config");
    let mut wrong = Vec::new();
    for path in &fresh {
        let name = path.strip_prefix(folder.path()).unwrap();
        if std::fs::read(config.join(name)).ok() != std::fs::read(path).ok() {
            wrong.push(format!("config/{}", name.display()));
        }
    }
    let mut pages = Vec::new();
    walk(&config.join("reference"), &mut pages);
    for page in pages {
        let name = page.strip_prefix(&config).unwrap();
        if !folder.path().join(name).is_file() {
            wrong.push(format!(
                "config/{} is not generated any more",
                name.display()
            ));
        }
    }
    let remedy = "generated files are stale; write them anew and commit them: \
                  cargo run -- schema --reference config";
    nothing(remedy, &wrong);
}

#[test]
fn the_checks_of_this_file_can_fail() {
    let long = format!(
        "impl A {{\n    fn a() {{\n{}    }}\n}}\n",
        "        b();\n".repeat(80)
    );
    assert_eq!(long_functions(&long), [(2, 82)]);
    assert!(sources(".rs").len() > 50, "the files are not found");
    assert_eq!(long_functions("fn a() {\n}\n"), []);
    let declared = format!("trait A {{\n    fn a();\n{}}}\n", "    // b\n".repeat(80));
    assert_eq!(long_functions(&declared), []);
    assert!(begins_function("    pub(crate) const unsafe fn a()"));
    assert!(!begins_function("    let fn_pointer = a;"));
    assert_eq!(
        (step_of("src/map/plan.rs"), step_of("src/gateway.rs")),
        (Some(4), None)
    );
    for line in [
        "use crate::reply;",
        "use crate::{error, reply};",
        "use crate::{reply::Scratch};",
    ] {
        assert!(imports_in_braces(line, "reply"), "{line}");
    }
    assert!(!imports_in_braces("use crate::error::Code;", "reply"));
}
