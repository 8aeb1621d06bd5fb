//! Dead letters of targets and routes.

use super::as_run::Binding;
use super::as_written::{self, Defaults};
use super::build::{did_you_mean, key_place, target_names};
use super::gather::Parts;
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
