//! `sluicegate spool ls`: how full a log is, and how far its readers are behind.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use serde_json::{Value as Json, json};
use sluicegate_appendlog::{CursorUsage, Recovery, Snapshot, Usage};

use super::item::{What, items};
use super::select::waits;
use super::words::{ago, count, size, when};
use super::{Ending, look};
use crate::cli::ending::say;

/// Shows how full a log is, and how far each target is behind.
///
/// The targets are those of the log, also where the file has them no more: such a backlog stays
/// until the target comes back, or until it is too old.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  sluicegate spool ls /var/lib/sluicegate/spool\n  \
                  sluicegate spool ls /var/lib/sluicegate/spool --count --json"
)]
pub(super) struct Arguments {
    /// The `dir` of a spool or of a target `log`.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Read all that waits and count the records of each target: exact, and slow for a large log.
    #[arg(long)]
    count: bool,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

/// Records and bytes of a target that wait.
type Counted = BTreeMap<String, (u64, u64)>;

pub(super) fn command(arguments: &Arguments) -> Result<(), Ending> {
    let (snapshot, held) = look(&arguments.dir)?;
    let usage = snapshot.usage();
    let counted =
        match arguments.count {
            true => Some(count_waiting(&snapshot, &usage).map_err(|error| {
                Ending::Wrong(format!("`{}`: {error}", arguments.dir.display()))
            })?),
            false => None,
        };
    let place = arguments.dir.display().to_string();
    let now = SystemTime::now();
    say(&match arguments.json {
        true => format!(
            "{}\n",
            in_json(&place, held, &usage, snapshot.recovery(), counted.as_ref())
        ),
        false => in_words(
            &place,
            held,
            &usage,
            snapshot.recovery(),
            counted.as_ref(),
            now,
        ),
    });
    Ok(())
}

/// From the lowest cursor on, what each target has not passed.
fn count_waiting(snapshot: &Snapshot, usage: &Usage) -> std::io::Result<Counted> {
    let lowest = usage.cursors.iter().map(|cursor| cursor.next).min();
    let mut reader = snapshot.reader(lowest.unwrap_or_default());
    let mut counted = Counted::new();
    while let Some(stored) = reader.next()? {
        for item in items(&stored) {
            if item.what == What::Spooled && waits(&item, usage) == Some(true) {
                let (records, bytes) = counted.entry(item.cursor()).or_default();
                *records += 1;
                *bytes += item.bytes as u64;
            }
        }
    }
    Ok(counted)
}

/// The target of a cursor and, where it is one of the spool, the target's kind.
fn target(cursor: &CursorUsage) -> (&str, Option<&str>) {
    match cursor.name.rsplit_once(':') {
        Some((target, kind)) => (target, Some(kind)),
        None => (&cursor.name, None),
    }
}

fn in_words(
    place: &str,
    held: bool,
    usage: &Usage,
    found: &Recovery,
    counted: Option<&Counted>,
    now: SystemTime,
) -> String {
    let state = match held {
        true => "held by a running process",
        false => "held by no process",
    };
    let mut text = format!(
        "{place}: {state}\n  {} in {}, {}",
        size(usage.bytes),
        count(usage.segments as u64, "segment"),
        count(found.records, "entry"),
    );
    if found.records > 0 {
        text.push_str(&format!(" ({} to {})", usage.first, usage.next - 1));
    }
    text.push('\n');
    if let Some((oldest, newest)) = usage.oldest.zip(usage.newest) {
        let (since, until) = (ago(oldest, now), ago(newest, now));
        text.push_str(&format!(
            "  oldest that is left to do: {} ({since} ago), newest: {} ({until} ago)\n",
            when(oldest),
            when(newest)
        ));
    }
    text.push_str(&targets_in_words(usage, counted, now));
    if !held && found.torn_bytes > 0 {
        text.push_str(&format!(
            "  {} of an unfinished write at the end: they are cut at the next start\n",
            size(found.torn_bytes)
        ));
    }
    if usage.damaged > 0 || found.cursor_files_damaged > 0 {
        text.push_str(&format!(
            "  {}, {} lost: `sluicegate spool repair {place} --dry-run` says more\n",
            count(
                usage.damaged + found.cursor_files_damaged as u64,
                "damaged place"
            ),
            count(usage.lost, "record"),
        ));
    }
    text
}

fn targets_in_words(usage: &Usage, counted: Option<&Counted>, now: SystemTime) -> String {
    let mut rows = vec![["TARGET", "BEHIND", "ABOUT", "OLDEST"].map(str::to_owned)];
    for cursor in &usage.cursors {
        let (name, kind) = target(cursor);
        let name = kind.map_or(name.to_owned(), |kind| format!("{name} ({kind})"));
        let found = counted.map(|all| all.get(&cursor.name).copied().unwrap_or_default());
        let (behind, bytes) = match found {
            Some((records, bytes)) => (count(records, "record"), bytes),
            None => (count(cursor.lag, "entry"), cursor.lag_bytes),
        };
        let oldest = cursor
            .oldest
            .map_or("-".to_owned(), |oldest| ago(oldest, now));
        rows.push([name, behind, size(bytes), oldest]);
    }
    if rows.len() == 1 {
        return String::new();
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..4).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &[String; 4]| {
        let cells = row.iter().zip(&widths);
        let cells: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        format!("  {}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

fn in_json(
    place: &str,
    held: bool,
    usage: &Usage,
    found: &Recovery,
    counted: Option<&Counted>,
) -> Json {
    let cursors = usage.cursors.iter().map(|cursor| {
        let (name, kind) = target(cursor);
        let mut json = json!({
            "target": name,
            "kind": kind,
            "next": cursor.next,
            "lag_entries": cursor.lag,
            "lag_bytes": cursor.lag_bytes,
            "oldest": cursor.oldest.map(when),
        });
        if let Some(counted) = counted {
            let (records, bytes) = counted.get(&cursor.name).copied().unwrap_or_default();
            json["records"] = Json::from(records);
            json["record_bytes"] = Json::from(bytes);
        }
        json
    });
    json!({
        "dir": place,
        "held": held,
        "bytes": usage.bytes,
        "segments": usage.segments,
        "entries": found.records,
        "first": usage.first,
        "next": usage.next,
        "oldest": usage.oldest.map(when),
        "newest": usage.newest.map(when),
        "targets": cursors.collect::<Vec<_>>(),
        "torn_bytes": found.torn_bytes,
        "damaged": usage.damaged,
        "lost": usage.lost,
        "cursor_files_damaged": found.cursor_files_damaged,
    })
}
