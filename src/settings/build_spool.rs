//! The spool of a set of files, and what of routes needs it.

use sluicegate_contract::ByteSize;

use super::as_run::{After, Otherwise, ReplyRule, Spool};
use super::build::{between, key_place};
use super::decode::decode;
use super::gather::{Gatherer, Parts};
use super::{Sources, as_written, node, written_spool};
use crate::limits::{
    SPOOL_AGE_DEFAULT, SPOOL_AGE_MAX, SPOOL_AGE_MIN, SPOOL_BYTES_DEFAULT, SPOOL_BYTES_MIN,
};
use crate::map::{Issue, Node};

impl Gatherer<'_> {
    /// Takes a file's `spool` in.
    pub(super) fn spool(&mut self, top: &Node) {
        let Some(node) = node::entry(top, "spool") else {
            return;
        };
        let first = self.parts.spool.as_ref().map(|(_, known)| known.at);
        self.twice("`spool`", node.at, first);
        if let Some(spool) = self.decoded(node, decode::<written_spool::Spool>) {
            self.parts.spool.get_or_insert((spool, node.clone()));
        }
    }
}

/// The spool as it will be opened.
pub(super) fn spool(parts: &Parts, sources: &Sources, issues: &mut Vec<Issue>) -> Option<Spool> {
    let (written, node) = parts.spool.as_ref()?;
    let at = |key: &str| key_place(node, &[key]);
    if written.dir.trim().is_empty() {
        issues.push(Issue {
            at: at("dir"),
            message: "`dir` is empty".to_owned(),
            help: Some("name a directory, such as /var/lib/sluicegate/spool".to_owned()),
        });
    }
    let max_bytes = written.max_bytes.map_or(SPOOL_BYTES_DEFAULT, |size| size.0);
    if max_bytes < SPOOL_BYTES_MIN {
        issues.push(Issue {
            at: at("max_bytes"),
            message: format!("`max_bytes` is {}", ByteSize(max_bytes)),
            help: Some(format!(
                "at least {}: a spool holds what comes while a target is down",
                ByteSize(SPOOL_BYTES_MIN)
            )),
        });
    }
    let max_age = written.max_age.map_or(SPOOL_AGE_DEFAULT, |span| span.0);
    between(
        "max_age",
        max_age,
        SPOOL_AGE_MIN,
        SPOOL_AGE_MAX,
        at("max_age"),
        issues,
    );
    let base = sources.file(node.at).map(|file| file.directory.clone());
    Some(Spool {
        dir: base.unwrap_or_default().join(&written.dir),
        max_bytes,
        max_age,
        rate: written
            .rate
            .map(|rate| rate.amount as f64 / rate.window.as_secs_f64()),
    })
}

/// What a route says of events that are not confirmed: its own word over that of `defaults`.
pub(super) fn or_else(
    written: Option<&as_written::Route>,
    parts: &Parts,
) -> Option<as_written::Else> {
    let own = written.and_then(|route| route.reply.as_ref());
    let shared = parts.defaults.as_ref();
    let shared = shared.and_then(|(defaults, _)| defaults.reply.as_ref());
    own.and_then(|reply| reply.or_else)
        .or(shared.and_then(|reply| reply.or_else))
}

/// Notes a route that needs the spool where the files have none.
pub(super) fn is_there(route: &Node, reply: &ReplyRule, parts: &Parts, issues: &mut Vec<Issue>) {
    let key = match (reply.after, reply.otherwise) {
        (After::Spooled, _) => "after",
        (_, Otherwise::Spool) => "else",
        _ => return,
    };
    // What is wrong with a spool that cannot be read is said already.
    let stands = |top: &Node| node::entry(top, "spool").is_some();
    if parts.spool.is_some() || parts.written.iter().any(stands) {
        return;
    }
    issues.push(Issue {
        at: key_place(route, &["reply", key]),
        message: format!("`{key}: spooled` needs a spool, and the files have none"),
        help: Some(
            "say where it is, at the top of a file: `spool: { dir: /var/lib/sluicegate/spool }`"
                .to_owned(),
        ),
    });
}
