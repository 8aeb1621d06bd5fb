//! Dead letters of targets and routes, and directories that only one may have.

use std::path::{Component, Path, PathBuf};

use super::as_run::{Binding, Spool, Target};
use super::as_written::{self, Defaults};
use super::build::{did_you_mean, key_place, target_names};
use super::gather::Parts;
use super::node;
use crate::map::{Issue, Node, Position};

/// The place of the target that takes the dead letters of a target.
pub(super) fn of_target(
    name: &str,
    written: &as_written::Target,
    at: Position,
    parts: &Parts,
    issues: &mut Vec<Issue>,
) -> Option<u16> {
    let letters = written.dead_letter.as_deref()?;
    if letters == name {
        issues.push(Issue {
            at,
            message: format!("`{name}` is its own dead letter, and cannot take what it refused"),
            help: Some("name another target, for example one with `log: { dir: … }`".to_owned()),
        });
        return None;
    }
    place_of(letters, at, parts, issues)
}

/// The place of the target that takes the dead letters of a route's records.
pub(super) fn of_route(
    node: &Node,
    written: &as_written::Route,
    defaults: &Defaults,
    parts: &Parts,
    issues: &mut Vec<Issue>,
) -> Option<u16> {
    let own = written.reply.as_ref();
    let own = own.and_then(|reply| reply.dead_letter.as_deref());
    let shared = defaults.reply.as_ref();
    let shared = shared.and_then(|reply| reply.dead_letter.as_deref());
    let name = own.or(shared)?;
    let at = match (own, &parts.defaults_node) {
        (None, Some(defaults)) => key_place(defaults, &["reply", "dead_letter"]),
        _ => key_place(node, &["reply", "dead_letter"]),
    };
    // What `defaults` say is wrong once, however many routes it holds for.
    let mut found = Vec::new();
    let place = place_of(name, at, parts, &mut found);
    let only = |binding: &as_written::Binding| binding.target == name;
    if own.is_some() && !written.to.is_empty() && written.to.iter().all(only) {
        found.push(Issue {
            at,
            message: format!("`{name}` is the only target of this route, and its dead letter too"),
            help: Some("name another target: what `to` names refused cannot go there".to_owned()),
        });
    }
    for issue in found {
        if !issues.contains(&issue) {
            issues.push(issue);
        }
    }
    place
}

/// Gives each entry of a route's `to` its dead letter: the route's, else its target's.
pub(super) fn given_to(bindings: &mut [Binding], route: Option<u16>, parts: &Parts) {
    for binding in bindings {
        let own = || {
            let target = parts.targets.get(binding.target)?;
            let (written, _) = target.value.as_ref()?;
            let name = written.dead_letter.as_deref()?;
            position(name, parts)
        };
        let other = |place: &u16| usize::from(*place) != binding.target;
        binding.dead_letter = route.filter(other).or_else(own).filter(other);
        binding.keeps |= binding.dead_letter.is_some();
    }
}

fn position(name: &str, parts: &Parts) -> Option<u16> {
    let place = parts.targets.iter().position(|known| known.name == name)?;
    u16::try_from(place).ok()
}

/// The place of a target that is to take dead letters.
fn place_of(name: &str, at: Position, parts: &Parts, issues: &mut Vec<Issue>) -> Option<u16> {
    let Some(place) = position(name, parts) else {
        issues.push(Issue {
            at,
            message: format!("there is no target `{name}` for dead letters"),
            help: Some(did_you_mean(name, &target_names(parts), "targets")),
        });
        return None;
    };
    let target = parts.targets.get(usize::from(place))?;
    // What is wrong with a target that cannot be read is said already.
    let (_, room) = target.value.as_ref()?;
    if let Err((why, help)) = room.envelope() {
        issues.push(Issue {
            at,
            message: format!("`{name}` cannot take dead letters: {why}"),
            help: Some(help),
        });
        return None;
    }
    Some(place)
}

/// Notes directories that two would have: each log holds its own.
pub(super) fn directories(
    targets: &[Target],
    spool: Option<&Spool>,
    parts: &Parts,
    issues: &mut Vec<Issue>,
) {
    let mut known: Vec<(PathBuf, String)> = Vec::new();
    if let Some(spool) = spool {
        known.push((plain(&spool.dir), "the spool".to_owned()));
    }
    for target in targets {
        let Some(directory) = target.room.directory() else {
            continue;
        };
        let path = plain(directory);
        let owner = known.iter().find(|(known, _)| *known == path);
        if let Some((_, owner)) = owner {
            let named = parts.targets.iter().find(|it| *it.name == *target.name);
            let at = named.map(|it| node::place(&it.shown, &["log", "dir"]));
            issues.push(Issue {
                at: at.unwrap_or_default(),
                message: format!(
                    "`{}` has the same directory as {owner}: `{}`",
                    target.name,
                    directory.display()
                ),
                help: Some("give each log a directory of its own".to_owned()),
            });
        }
        known.push((path, format!("target `{}`", target.name)));
    }
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
}
