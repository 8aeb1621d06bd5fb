//! Doubts about routes whose events may go to the spool.

use sluicegate_contract::ByteSize;

use super::{Look, Raised, place, raise};
use crate::map::Node;
use crate::settings::node::entry;
use crate::settings::{After, Binding, Route};

/// Kinds of targets that refuse no record for good that the gateway let pass.
const NEVER_REFUSE: [&str; 2] = ["discard", "log"];

impl Look<'_> {
    pub(super) fn spooled(&self, route: &Route, node: &Node, raised: &mut Vec<Raised>) {
        if !route.reply.spools() {
            return;
        }
        self.refusals(route, node, raised);
        self.room_in_the_spool(route, node, raised);
    }

    /// What targets refuse once its client has its 202.
    fn refusals(&self, route: &Route, node: &Node, raised: &mut Vec<Raised>) {
        let unkept = |binding: &&Binding| {
            let target = self.settings.targets.get(binding.target);
            let refuses = target.is_some_and(|it| !NEVER_REFUSE.contains(&it.room.kind()));
            refuses && binding.dead_letter.is_none()
        };
        let names = route.bindings.iter().filter(unkept);
        let names: Vec<String> = names.map(|it| format!("`{}`", it.name)).collect();
        if names.is_empty() {
            return;
        }
        let key = match route.reply.after {
            After::Spooled => "after",
            _ => "else",
        };
        let names = names.join(", ");
        raise(
            raised,
            "unkept_refusals",
            place(node, &["reply", key]),
            format!("nobody keeps what {names} refuses after the 202 of this route"),
            "what a target refuses for good, or does not take within `spool.max_age`, leaves the \
             spool, and so does an `add` whose answer was lost: counted by its outcome in \
             `sluicegate_spool_records_total`, logged, and gone. Keep it: write `dead_letter: rejects` in the target or in `reply`, and \
             `rejects: { log: { dir: rejects } }` under `targets`"
                .to_owned(),
        );
    }

    /// Bodies that the spool never takes.
    fn room_in_the_spool(&self, route: &Route, node: &Node, raised: &mut Vec<Raised>) {
        let most = self.settings.spool.as_ref().map(|spool| spool.max_bytes);
        let body = route.accept.request_bytes as u64;
        let Some(most) = most.filter(|most| body > *most) else {
            return;
        };
        let own = entry(node, "accept").and_then(|accept| entry(accept, "request_bytes"));
        let at = own.map_or(place(node, &["route"]), |own| own.at);
        let (body, most) = (ByteSize(body), ByteSize(most));
        raise(
            raised,
            "larger_than_spool",
            at,
            format!("bodies may have {body}, the spool holds {most}"),
            format!(
                "a body whose records do not fit the spool is {} however often it is sent: raise \
                 `spool.max_bytes`, or lower `accept.request_bytes`",
                match route.reply.after {
                    After::Spooled => "answered 507",
                    _ => "not kept by `else: spooled`,",
                }
            ),
        );
    }
}
