//! Directories of logs: of the spool, of idempotency keys, of targets. Each has one for itself. One
//! inside of another's is fine: a log passes over names that are none of its own.

use std::path::{Component, Path, PathBuf};

use super::Sources;
use super::as_run::{Idempotency, KeyStore, Spool, Target};
use super::gather::Parts;
use super::node;
use crate::map::{Issue, Position};

/// A directory that the files name.
struct Directory<'d> {
    /// Whose it is, as messages say it.
    owner: String,
    path: &'d Path,
    /// Where it is named.
    at: Position,
}

/// Notes directories that two would have, and those that are none.
pub(super) fn directories(
    targets: &[Target],
    spool: Option<&Spool>,
    idempotency: Option<&Idempotency>,
    parts: &Parts,
    sources: &Sources,
    issues: &mut Vec<Issue>,
) {
    let named = named(targets, spool, idempotency, parts);
    let mut known: Vec<(PathBuf, &Directory<'_>)> = Vec::new();
    for directory in &named {
        let Directory { owner, path, at } = directory;
        if let Some(file) = file_in(path) {
            let (path, file) = (path.display(), file.display());
            issues.push(Issue {
                at: *at,
                message: format!("{owner} cannot have `{path}`: `{file}` is a file"),
                help: Some(
                    "name a directory: it is made where it is not there, but never in the place \
                     of a file"
                        .to_owned(),
                ),
            });
        }
        let plain = plain(path);
        if let Some((_, first)) = known.iter().find(|(known, _)| *known == plain) {
            issues.push(Issue {
                at: *at,
                message: format!(
                    "{owner} and {} ({}) have the same directory: `{}`",
                    first.owner,
                    sources.place(first.at),
                    path.display()
                ),
                help: Some("give each log a directory of its own".to_owned()),
            });
        }
        known.push((plain, directory));
    }
}

fn named<'d>(
    targets: &'d [Target],
    spool: Option<&'d Spool>,
    idempotency: Option<&'d Idempotency>,
    parts: &Parts,
) -> Vec<Directory<'d>> {
    let mut named = Vec::new();
    if let (Some(spool), Some((_, node))) = (spool, &parts.spool) {
        named.push(Directory {
            owner: "the spool".to_owned(),
            path: &spool.dir,
            at: node::place(node, &["dir"]),
        });
    }
    if let (Some(keys), Some((_, node))) = (idempotency, &parts.idempotency)
        && let KeyStore::Log(path) = &keys.store
    {
        named.push(Directory {
            owner: "the store of `idempotency`".to_owned(),
            path,
            at: node::place(node, &["store", "log", "dir"]),
        });
    }
    for target in targets {
        let Some(path) = target.room.directory() else {
            continue;
        };
        let written = parts.targets.iter().find(|it| *it.name == *target.name);
        let at = written.map(|it| node::place(&it.shown, &["log", "dir"]));
        named.push(Directory {
            owner: format!("target `{}`", target.name),
            path,
            at: at.unwrap_or_default(),
        });
    }
    named
}

/// What of a path is there and is no directory.
fn file_in(path: &Path) -> Option<&Path> {
    let there = path.ancestors().find(|part| part.exists())?;
    (!there.is_dir()).then_some(there)
}

/// A path by which two names of one directory are found: as the disk knows it, or without what it
/// does not need.
fn plain(path: &Path) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if plain.file_name().is_some() => {
                plain.pop();
            }
            _ => plain.push(part),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_directory_has_one_plain_path() {
        for (path, wanted) in [
            ("a/./b/../c", "a/c"),
            ("./a", "a"),
            ("../a", "../a"),
            ("/nowhere/../nowhere/x", "/nowhere/x"),
        ] {
            assert_eq!(plain(Path::new(path)), Path::new(wanted), "{path}");
        }
        let here = tempfile::tempdir().unwrap();
        let link = here.path().join("link");
        std::os::unix::fs::symlink(here.path(), &link).unwrap();
        assert_eq!(plain(&link), plain(here.path()));
    }

    #[test]
    fn a_file_is_no_directory_and_nothing_is_below_it() {
        let here = tempfile::tempdir().unwrap();
        let file = here.path().join("file");
        std::fs::write(&file, "").unwrap();
        for (path, found) in [
            (here.path().to_owned(), None),
            (here.path().join("new/log"), None),
            (file.clone(), Some(&*file)),
            (file.join("spool/a"), Some(&*file)),
            (PathBuf::new(), None),
        ] {
            assert_eq!(file_in(&path), found, "{}", path.display());
        }
    }
}
