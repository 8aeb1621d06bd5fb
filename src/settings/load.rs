//! Files to settings.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::diagnostics::{Finding, Severity};
use super::gather::{Gatherer, Parts};
use super::{
    Diagnostics, Environment, Settings, SourceFile, Sources, build, client_files, remedies, schema,
    yaml,
};
use crate::limits::SETTINGS_BYTES_MAX;
use crate::map::{Issue, Position};

/// Hexadecimal digits of [`Settings::hash`].
const HASH_DIGITS: usize = 16;

/// Loads a set of files: their union.
///
/// # Errors
/// Everything that is wrong with them, at once, each with its place and the remedy.
pub fn load(files: &[PathBuf], environment: &Environment) -> Result<Settings, Diagnostics> {
    let (sources, issues) = read_all(files);
    load_sources(sources, issues, environment)
}

/// Loads one file whose text is at hand; `name` stands in messages.
///
/// # Errors
/// As [`load`].
pub fn load_text(
    name: &str,
    text: &str,
    environment: &Environment,
) -> Result<Settings, Diagnostics> {
    load_texts(&[(name, text)], environment)
}

/// Loads a set of files whose texts are at hand, each with its name for messages.
///
/// # Errors
/// As [`load`].
pub fn load_texts(
    files: &[(&str, &str)],
    environment: &Environment,
) -> Result<Settings, Diagnostics> {
    let mut sources = Sources::default();
    for (name, text) in files {
        sources.add(SourceFile {
            name: (*name).to_owned(),
            directory: PathBuf::new(),
            text: Arc::from(*text),
        });
    }
    load_sources(sources, Vec::new(), environment)
}

fn load_sources(
    sources: Sources,
    issues: Vec<Issue>,
    environment: &Environment,
) -> Result<Settings, Diagnostics> {
    load_whole(sources, issues, environment).map(|loaded| loaded.settings)
}

/// A set of files that is right, with what it was made of.
pub(super) struct Loaded {
    pub(super) settings: Settings,
    pub(super) parts: Parts,
    pub(super) sources: Sources,
    /// Texts that no message may show.
    pub(super) secrets: Vec<String>,
}

/// As [`load`], with what the settings were made of; `unread` is what is wrong with files that
/// could not be read.
pub(super) fn load_whole(
    mut sources: Sources,
    mut unread: Vec<Issue>,
    environment: &Environment,
) -> Result<Loaded, Diagnostics> {
    let mut hash = Sha256::new();
    let mut syntax = Vec::new();
    let mut parse = |index: usize, sources: &Sources, unread: &[Issue]| {
        let file = sources.files().get(index)?;
        if unread.iter().any(|issue| issue.at.file == index) {
            return None;
        }
        hash.update(file.text.as_bytes());
        hash.update([0]);
        yaml::parse(index, &file.text, &mut syntax)
    };
    let mut tops = Vec::new();
    for index in 0..sources.files().len() {
        tops.extend(parse(index, &sources, &unread));
    }
    let (mut client_tops, mut directories) = (Vec::new(), Vec::new());
    for top in &tops {
        for index in client_files::add(top, &mut sources, environment, &mut directories) {
            client_tops.extend(parse(index, &sources, &unread));
        }
    }
    unread.append(&mut directories);
    let mut gatherer = Gatherer {
        sources: &sources,
        environment,
        definitions: schema::definitions(),
        issues: Vec::new(),
        secrets: Vec::new(),
        parts: Parts::default(),
    };
    for top in tops {
        gatherer.file(top);
    }
    for top in client_tops {
        gatherer.client_file(top);
    }
    let Gatherer {
        issues: gathered,
        secrets,
        parts,
        ..
    } = gatherer;
    let mut hash = format!("{:x}", hash.finalize());
    hash.truncate(HASH_DIGITS);
    // What is built judges by what was found before it whether there is anything to build.
    let mut all: Vec<Issue> = [unread.clone(), syntax.clone(), gathered.clone()].concat();
    let before = all.len();
    let built = build::settings(&parts, &sources, hash, &mut all);
    if let Some(settings) = built {
        return Ok(Loaded {
            settings,
            parts,
            sources,
            secrets,
        });
    }
    let found = [
        ("unreadable", unread),
        ("syntax", syntax),
        ("schema", gathered),
        ("meaning", all.split_off(before)),
    ];
    let findings = told(found, &parts.unset, &sources);
    Err(Diagnostics::new(sources, findings, &secrets))
}

/// What is wrong, by the stage that found it, as findings with remedies.
fn told(
    found: [(&'static str, Vec<Issue>); 4],
    unset: &[Position],
    sources: &Sources,
) -> Vec<Finding> {
    // A value that could not be put in was said; what follows from its absence need not be.
    let follows = |code: &str, at: Position| {
        let is_there = |unset: &Position| (unset.file, unset.start) == (at.file, at.start);
        code == "meaning" && unset.iter().any(is_there)
    };
    let mut findings = Vec::new();
    for (code, issues) in found {
        for issue in issues {
            if !follows(code, issue.at) {
                findings.push(Finding {
                    severity: Severity::Error,
                    code,
                    issue: remedies::helped(issue, sources),
                });
            }
        }
    }
    findings
}

/// The texts of files, and what is wrong with those that cannot be read.
pub(super) fn read_all(files: &[PathBuf]) -> (Sources, Vec<Issue>) {
    let mut sources = Sources::default();
    let mut issues = Vec::new();
    for path in files {
        let file = read(path);
        let (text, problem) = match file {
            Ok(text) => (text, None),
            Err(problem) => (String::new(), Some(problem)),
        };
        let index = sources.add(SourceFile {
            name: path.display().to_string(),
            directory: path.parent().unwrap_or(Path::new("")).to_owned(),
            text: Arc::from(text),
        });
        if let Some((message, help)) = problem {
            issues.push(Issue {
                at: Position {
                    file: index,
                    start: 0,
                    end: 0,
                },
                message,
                help: Some(help),
            });
        }
    }
    (sources, issues)
}

/// A file's text, or what is wrong with it and what to do.
pub(super) fn read(path: &Path) -> Result<String, (String, String)> {
    let look = "look at the path and at who may read it".to_owned();
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => (
            "there is no such file".to_owned(),
            "give the path of a Sluicegate file, or run `sluicegate` alone for the quickstart"
                .to_owned(),
        ),
        _ => (format!("the file cannot be read: {error}"), look.clone()),
    };
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(SETTINGS_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() > SETTINGS_BYTES_MAX {
        return Err((
            format!("the file is larger than {} MiB", SETTINGS_BYTES_MAX >> 20),
            "spread it over several files: they are a union".to_owned(),
        ));
    }
    String::from_utf8(bytes).map_err(|error| {
        let start = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..start).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        (
            format!("the file is not UTF-8: byte {start}, on line {line}"),
            "save it as UTF-8".to_owned(),
        )
    })
}
