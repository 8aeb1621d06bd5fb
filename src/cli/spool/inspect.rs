//! `sluicegate spool inspect`: the records of a log.

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use clap::Args;
use sluicegate_appendlog::Usage;

use super::item::{Item, What, items};
use super::select::{Selection, waits};
use super::words::{size, when};
use super::{Ending, KEYS, holds_keys, look};
use crate::cli::ending::complain;

/// Characters of a record's fields that are shown, unless all are asked for.
const SHOWN_CHARACTERS: usize = 160;

/// Lists the records of a log: by time, target, key or reason.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  sluicegate spool inspect /var/lib/sluicegate/spool --waiting\n  \
                  sluicegate spool inspect dead-letters --target orders --since 2h\n  \
                  sluicegate spool inspect dead-letters --reason record_invalid --key o-17 --full\n  \
                  sluicegate spool inspect dead-letters --json --limit 0 | jq -r .request"
)]
pub(super) struct Arguments {
    /// The `dir` of a spool or of a target `log`.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    #[command(flatten)]
    selection: Selection,
    /// The most records that are listed; 0 for all.
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    limit: u64,
    /// Show records whole: not only the beginning of their fields.
    #[arg(long)]
    full: bool,
    /// One JSON object a line, whole.
    #[arg(long)]
    json: bool,
}

pub(super) fn command(arguments: &Arguments) -> Result<(), Ending> {
    let (snapshot, _) = look(&arguments.dir)?;
    let usage = snapshot.usage();
    if holds_keys(&snapshot, &usage) && !arguments.json {
        complain(&format!("these are {KEYS}\n"));
    }
    let mut reader = snapshot.reader(arguments.selection.from);
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut listed = 0;
    let mut next = || {
        let read = reader.next();
        read.map_err(|error| Ending::Wrong(format!("`{}`: {error}", arguments.dir.display())))
    };
    while let Some(stored) = next()? {
        for item in items(&stored) {
            if !arguments.selection.takes(&item, &usage) {
                continue;
            }
            if arguments.limit > 0 && listed == arguments.limit {
                let _ = out.flush();
                complain(&format!(
                    "there are more: --from {} goes on, --limit 0 lists all\n",
                    item.sequence
                ));
                return Ok(());
            }
            listed += 1;
            let text = shown(&item, &usage, arguments);
            if out.write_all(text.as_bytes()).is_err() {
                // Nobody reads any more.
                return Ok(());
            }
        }
    }
    let _ = out.flush();
    if listed == 0 && !arguments.json {
        complain("no record is like that\n");
    }
    Ok(())
}

fn shown(item: &Item, usage: &Usage, arguments: &Arguments) -> String {
    let waiting = waits(item, usage);
    if arguments.json {
        return format!("{}\n", item.json(waiting));
    }
    let mut text = format!("{:>8}  {}  ", item.sequence, when(item.time));
    let what = match (item.what, waiting) {
        (What::Spooled, Some(true)) => "waiting",
        (What::Spooled, _) => "settled",
        (what, _) => what.word(),
    };
    text.push_str(&format!("{what:<11}"));
    if !item.target.is_empty() {
        text.push_str(&format!("  {} ({})", item.target, item.kind));
    }
    if let Some(key) = item.key() {
        text.push_str(&format!("  key {}", cut(&key, arguments.full)));
    }
    if !item.route.is_empty() {
        text.push_str(&format!("  {}", item.route));
    }
    text.push_str(&format!("  {}\n", size(item.bytes as u64)));
    if let Some(reason) = &item.reason {
        text.push_str(&format!("          {reason}"));
        if let Some(detail) = &item.detail {
            text.push_str(&format!(": {}", cut(detail, arguments.full)));
        }
        if let Some(attempts) = item.attempts {
            text.push_str(&format!(", after {}", super::words::count(attempts, "try")));
        }
        text.push('\n');
    }
    if let Some(error) = &item.unreadable {
        text.push_str(&format!("          unreadable: {error}\n"));
    }
    if !item.request.is_empty() {
        text.push_str(&format!("          request {}\n", item.request));
    }
    if !item.fields.is_empty() {
        let record = item.record().to_string();
        text.push_str(&format!("          {}\n", cut(&record, arguments.full)));
    }
    text
}

/// The beginning of a text, on one line and without what would steer a terminal.
fn cut(text: &str, full: bool) -> String {
    let most = if full { usize::MAX } else { SHOWN_CHARACTERS };
    let mut shown: String = text
        .chars()
        .take(most)
        .map(|character| {
            if character.is_control() {
                '\u{fffd}'
            } else {
                character
            }
        })
        .collect();
    if text.chars().nth(most).is_some() {
        shown.push('…');
    }
    shown
}
