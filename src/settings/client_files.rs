//! `clients_dir`: a directory of files with clients.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::interpolate::Interpolation;
use super::load::read;
use super::{Environment, SourceFile, Sources, node};
use crate::limits::CLIENT_FILES_MAX;
use crate::map::{Issue, Node, NodeValue, Position};

/// Adds the files of a file's `clients_dir` to the sources. Gives the numbers of those that could
/// be read.
pub(super) fn add(
    top: &Node,
    sources: &mut Sources,
    environment: &Environment,
    issues: &mut Vec<Issue>,
) -> Vec<usize> {
    if node::entry(top, "clients_dir").is_none() {
        return Vec::new();
    }
    let mut top = top.clone();
    // What is wrong with it is said when the file itself is read.
    Interpolation::new(environment, false).file(&mut top);
    let Some(entry) = node::entry(&top, "clients_dir") else {
        return Vec::new();
    };
    let (at, NodeValue::Text(directory)) = (entry.at, &entry.value) else {
        return Vec::new();
    };
    let base = sources.file(at).map(|file| file.directory.clone());
    let directory = base.unwrap_or_default().join(directory);
    match list(&directory) {
        Ok(paths) => paths
            .into_iter()
            .filter_map(|path| add_file(&path, sources, issues))
            .collect(),
        Err((message, help)) => {
            issues.push(Issue {
                at,
                message: format!("`clients_dir`: {message}"),
                help: Some(help.to_owned()),
            });
            Vec::new()
        }
    }
}

fn add_file(path: &Path, sources: &mut Sources, issues: &mut Vec<Issue>) -> Option<usize> {
    let (text, problem) = match read(path) {
        Ok(text) => (text, None),
        Err(problem) => (String::new(), Some(problem)),
    };
    let file = sources.add(SourceFile {
        name: path.display().to_string(),
        directory: path.parent().unwrap_or(Path::new("")).to_owned(),
        text: Arc::from(text),
    });
    let Some((message, help)) = problem else {
        return Some(file);
    };
    let (start, end) = (0, 0);
    issues.push(Issue {
        at: Position { file, start, end },
        message,
        help: Some(help),
    });
    None
}

/// The `*.yaml` and `*.yml` files of a directory, by name. Hidden ones are left out: mounted
/// volumes keep their own links there.
fn list(directory: &Path) -> Result<Vec<PathBuf>, (String, &'static str)> {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => (
            "there is no such directory".to_owned(),
            "its path is relative to this file",
        ),
        _ => (
            format!("it cannot be read: {error}"),
            "look at the path and at who may read it",
        ),
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_yaml = name.ends_with(".yaml") || name.ends_with(".yml");
        if is_yaml && !name.starts_with('.') && path.is_file() {
            if paths.len() == CLIENT_FILES_MAX {
                let message = format!("it has more than {CLIENT_FILES_MAX} files");
                return Err((message, "a file may hold many clients: put them together"));
            }
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}
