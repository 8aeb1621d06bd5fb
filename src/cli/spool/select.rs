//! Which records of a log are meant: by time, target, key, reason, route, request.

use std::time::SystemTime;

use clap::Args;
use clap::builder::PossibleValuesParser;
use sluicegate_appendlog::Usage;
use sluicegate_contract::{ReasonKind, TimeSpan};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::item::{Item, What};

/// The records that are meant: all that are said here must hold.
#[derive(Debug, Args)]
pub(super) struct Selection {
    /// Stored at this time or later: 2026-11-23T06:00:00Z, or how long ago, as in 90m or 2d.
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<SystemTime>,
    /// Stored before this time.
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<SystemTime>,
    /// Of this target; may stand several times.
    #[arg(long = "target", value_name = "NAME")]
    targets: Vec<String>,
    /// With this key: partition key, group, or a member of the item that it writes.
    #[arg(long)]
    key: Option<String>,
    /// Dead letters for this reason, by its code; may stand several times.
    #[arg(long = "reason", value_name = "CODE", value_parser = reason_codes())]
    reasons: Vec<String>,
    /// Of this route.
    #[arg(long)]
    route: Option<String>,
    /// Of this request, by the id that its answer had.
    #[arg(long, value_name = "ID")]
    request: Option<String>,
    /// From this entry of the log on.
    #[arg(long, value_name = "SEQUENCE", default_value_t = 0)]
    pub(super) from: u64,
    /// Only what its target has not confirmed yet: not what merely has not been cleared away.
    #[arg(long)]
    waiting: bool,
}

impl Selection {
    /// Whether this record is meant.
    pub(super) fn takes(&self, item: &Item, usage: &Usage) -> bool {
        let reason = item.reason.as_ref();
        self.since.is_none_or(|since| item.time >= since)
            && self.until.is_none_or(|until| item.time < until)
            && (self.targets.is_empty() || self.targets.contains(&item.target))
            && self.key.as_ref().is_none_or(|key| item.has_key(key))
            && (self.reasons.is_empty() || reason.is_some_and(|it| self.reasons.contains(it)))
            && self.route.as_ref().is_none_or(|route| item.route == *route)
            && self
                .request
                .as_ref()
                .is_none_or(|id| item.request.eq_ignore_ascii_case(id))
            && (!self.waiting || waits(item, usage) == Some(true))
    }
}

/// Whether a spooled record's target has not passed it yet; `None` for what is on no way.
pub(super) fn waits(item: &Item, usage: &Usage) -> Option<bool> {
    if item.what != What::Spooled {
        return None;
    }
    let name = item.cursor();
    let cursor = usage.cursors.iter().find(|cursor| cursor.name == name);
    Some(cursor.is_none_or(|cursor| item.sequence >= cursor.next))
}

/// Every code that a dead letter may have.
fn reason_codes() -> PossibleValuesParser {
    PossibleValuesParser::new(ReasonKind::ALL.iter().map(|kind| kind.code()))
}

fn time(text: &str) -> Result<SystemTime, String> {
    if let Ok(time) = OffsetDateTime::parse(text, &Rfc3339) {
        return Ok(time.into());
    }
    let span: Result<TimeSpan, String> = text.parse();
    let ago = span
        .ok()
        .and_then(|span| SystemTime::now().checked_sub(span.0));
    ago.ok_or_else(|| "write 2026-11-23T06:00:00Z, or how long ago: 90m, 2d".to_owned())
}
