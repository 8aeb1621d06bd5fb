//! What the rooms have against a route's mapping, beside what each field says of itself.

use super::gather::Parts;
use super::node;
use crate::map::{Issue, Node, NodeValue, Plan};

/// Notes what could never be sent, field by field.
pub(super) fn check(plan: &Plan, route: &Node, parts: &Parts, issues: &mut Vec<Issue>) {
    let entries = node::entry(route, "to").map_or(&[][..], node::items);
    for (place, entry) in entries.iter().enumerate() {
        let target = node::entry(entry, "target").map(|node| &node.value);
        let Some(NodeValue::Text(target)) = target else {
            continue;
        };
        let known = parts.targets.iter().find(|known| known.name == *target);
        let Some((_, room)) = known.and_then(|known| known.value.as_ref()) else {
            continue;
        };
        let record = node::entry(entry, "record");
        for fault in room.check_mapping(&plan.outline(place)) {
            let field = record.and_then(|record| node::entry(record, fault.field));
            issues.push(Issue {
                at: field.or(record).unwrap_or(entry).at,
                message: format!("`{target}`: {}", fault.message),
                help: Some(fault.help),
            });
        }
    }
}
