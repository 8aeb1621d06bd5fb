//! `sluicegate spool repair`: what an opening of the log mends, done by hand, with a word about it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::{Value as Json, json};
use sluicegate_appendlog::{Damage, Log, OpenError, Options, RealDisk, Recovery};

use super::words::{count, size};
use super::{Ending, look};
use crate::cli::ending::say;

/// Mends a log that no process holds, and says what it cost.
///
/// The end of an unfinished write is cut; damaged places are copied aside into files that end in
/// `.damaged`, and passed by from then on. A gateway does the same when it starts: this is to do it
/// by hand, or to see with --dry-run what it would do. Exit code 1 with --dry-run where there is
/// something to mend.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  sluicegate spool repair /var/lib/sluicegate/spool --dry-run\n  \
                  sluicegate spool repair /var/lib/sluicegate/spool"
)]
pub(super) struct Arguments {
    /// The `dir` of a spool or of a target `log`.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Only say what there is to mend.
    #[arg(long)]
    dry_run: bool,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) fn command(arguments: &Arguments) -> Result<(), Ending> {
    let (snapshot, held) = look(&arguments.dir)?;
    let places_lost = snapshot.recovery().cursor_files_damaged >= cursor_files(&arguments.dir);
    let found = match arguments.dry_run {
        true => snapshot.recovery().clone(),
        false => mend(arguments, held)?,
    };
    say(&match arguments.json {
        true => format!("{}\n", in_json(&found, arguments.dry_run, held)),
        false => in_words(&found, arguments, held, places_lost),
    });
    if arguments.dry_run && !found.is_clean() {
        return Err(Ending::Said);
    }
    Ok(())
}

/// How many of the two files with the places of targets are there.
fn cursor_files(dir: &Path) -> usize {
    let files = ["cursors.a", "cursors.b"];
    files.iter().filter(|name| dir.join(name).exists()).count()
}

fn mend(arguments: &Arguments, held: bool) -> Result<Recovery, Ending> {
    let place = arguments.dir.display();
    let live = || {
        Ending::Wrong(format!(
            "`{place}` is held by a running process: stop it first. `ls`, `inspect` and `repair \
             --dry-run` work beside it, and it mends its log itself when it starts"
        ))
    };
    if held {
        return Err(live());
    }
    let disk = RealDisk::open(&arguments.dir);
    let disk = disk.map_err(|error| Ending::Wrong(format!("`{place}`: {error}")))?;
    match Log::open(Arc::new(disk), Options::default()) {
        Ok((_, found)) => Ok(found),
        Err(OpenError::Held(_)) => Err(live()),
        Err(error) => Err(Ending::Wrong(error.to_string())),
    }
}

fn in_words(found: &Recovery, arguments: &Arguments, held: bool, places_lost: bool) -> String {
    let mut text = format!(
        "{}: {} in {}, {}\n",
        arguments.dir.display(),
        count(found.records, "whole entry"),
        count(found.segments as u64, "segment"),
        size(found.bytes),
    );
    let would = |done: &str, planned: &str| match arguments.dry_run {
        true => planned.to_owned(),
        false => done.to_owned(),
    };
    if found.torn_bytes > 0 && held {
        text.push_str("  its last write is not finished, as is usual for a log in use\n");
    } else if found.torn_bytes > 0 {
        text.push_str(&format!(
            "  {} of an unfinished write at the end {}: nobody was told that it was stored\n",
            size(found.torn_bytes),
            would("were cut", "would be cut"),
        ));
    }
    for damage in &found.damages {
        text.push_str(&damaged(damage, arguments.dry_run));
    }
    if found.cursor_files_damaged > 0 {
        text.push_str(&format!(
            "  {} cannot be read: {}\n",
            count(found.cursor_files_damaged as u64, "cursor file"),
            match places_lost {
                true => "no other says how far each target was, so that all entries are delivered \
                         again after the next start"
                    .to_owned(),
                false => would(
                    "written anew from the other one",
                    "would be written anew from the other one"
                ),
            },
        ));
    }
    if found.disk_errors > 0 {
        let errors = count(found.disk_errors, "call");
        text.push_str(&format!(
            "  {errors} to the disk failed: look at the system's log\n"
        ));
    }
    let lost = found.lost();
    text.push_str(&match (found.is_clean(), lost) {
        (true, _) => "  nothing to mend\n".to_owned(),
        (false, 0) => "  no stored entry is lost\n".to_owned(),
        (false, lost) => format!("  {} lost\n", count(lost, "entry")),
    });
    text
}

fn damaged(damage: &Damage, dry_run: bool) -> String {
    let Damage {
        segment,
        bytes,
        sequences,
        copied_to,
    } = damage;
    let entries = match sequences.end - sequences.start {
        0 => "nothing is".to_owned(),
        1 => format!("entry {} is", sequences.start),
        _ => format!("entries {} to {} are", sequences.start, sequences.end - 1),
    };
    if bytes.is_empty() {
        return format!(
            "  {segment}: behind byte {}, {entries} gone without a trace\n",
            bytes.start
        );
    }
    let copied = match (copied_to, dry_run) {
        (Some(name), _) => format!("; copied to {name}"),
        (None, true) => String::new(),
        (None, false) => "; there was no space for a copy".to_owned(),
    };
    let (from, to) = (bytes.start, bytes.end);
    format!("  {segment}: bytes {from} to {to} are damaged, {entries} lost{copied}\n")
}

fn in_json(found: &Recovery, dry_run: bool, held: bool) -> Json {
    let damages = found.damages.iter().map(|damage| {
        json!({
            "segment": damage.segment,
            "bytes": [damage.bytes.start, damage.bytes.end],
            "entries": [damage.sequences.start, damage.sequences.end],
            "copied_to": damage.copied_to,
        })
    });
    json!({
        "dry_run": dry_run,
        "held": held,
        "clean": found.is_clean(),
        "segments": found.segments,
        "entries": found.records,
        "bytes": found.bytes,
        "torn_bytes": found.torn_bytes,
        "damages": damages.collect::<Vec<_>>(),
        "lost": found.lost(),
        "cursor_files_damaged": found.cursor_files_damaged,
        "unreadable_bytes": found.unreadable_bytes,
        "disk_errors": found.disk_errors,
    })
}
