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
use super::{Ending, KEYS, first_is, holds_keys, look};
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
    let keys = holds_keys(&snapshot, &usage);
    let counted =
        match arguments.count && !keys {
            true => Some(count_waiting(&snapshot, &usage).map_err(|error| {
                Ending::Wrong(format!("`{}`: {error}", arguments.dir.display()))
            })?),
            false => None,
        };
    let seen = Seen {
        place: arguments.dir.display().to_string(),
        held,
        keys,
        unplaced: !held && is_unplaced(&snapshot, &usage),
        found: snapshot.recovery(),
        usage,
        counted,
    };
    say(&match arguments.json {
        true => format!("{}\n", in_json(&seen)),
        false => in_words(&seen, SystemTime::now()),
    });
    Ok(())
}

/// A log as it was seen.
struct Seen<'s> {
    place: String,
    held: bool,
    /// It is that of idempotency keys.
    keys: bool,
    /// It is a spool of which nobody knows how far its targets are.
    unplaced: bool,
    usage: Usage,
    found: &'s Recovery,
    counted: Option<Counted>,
}

/// Whether the places of a spool's targets are lost: one that runs has a cursor for each from its
/// beginning.
fn is_unplaced(snapshot: &Snapshot, usage: &Usage) -> bool {
    usage.cursors.is_empty() && first_is(snapshot, usage) == Some(What::Spooled)
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

/// The cursors that there are. Where none is, whatever was counted has all of its way before it.
fn cursors(usage: &Usage, counted: Option<&Counted>) -> Vec<CursorUsage> {
    let names = counted.filter(|_| usage.cursors.is_empty());
    let lost = names.into_iter().flatten().map(|(name, _)| CursorUsage {
        name: name.clone(),
        next: usage.first,
        lag: usage.next - usage.first,
        lag_bytes: usage.bytes,
        oldest: usage.oldest,
    });
    usage.cursors.iter().cloned().chain(lost).collect()
}

/// The target of a cursor and, where it is one of the spool, the target's kind.
fn target(cursor: &CursorUsage) -> (&str, Option<&str>) {
    match cursor.name.rsplit_once(':') {
        Some((target, kind)) => (target, Some(kind)),
        None => (&cursor.name, None),
    }
}

fn in_words(seen: &Seen<'_>, now: SystemTime) -> String {
    let Seen { usage, found, .. } = seen;
    let state = match seen.held {
        true => "held by a running process",
        false => "held by no process",
    };
    let mut text = format!(
        "{}: {state}\n  {} in {}, {}",
        seen.place,
        size(usage.bytes),
        count(usage.segments as u64, "segment"),
        count(found.records, "entry"),
    );
    if found.records > 0 {
        text.push_str(&format!(" ({} to {})", usage.first, usage.next - 1));
    }
    text.push('\n');
    if seen.keys {
        text.push_str(&format!("  {KEYS}\n"));
    }
    if let Some((oldest, newest)) = usage.oldest.zip(usage.newest) {
        let (since, until) = (ago(oldest, now), ago(newest, now));
        let left = match usage.cursors.is_empty() || seen.keys {
            true => "",
            false => " that is left to do",
        };
        text.push_str(&format!(
            "  oldest{left}: {} ({since} ago), newest: {} ({until} ago)\n",
            when(oldest),
            when(newest)
        ));
    }
    if !seen.keys {
        text.push_str(&targets_in_words(seen, now));
    }
    if seen.unplaced {
        text.push_str(
            "  how far each target was is lost: at the next start all of it is delivered again \
             (--count says to whom)\n",
        );
    }
    text.push_str(&damage_in_words(seen));
    text
}

fn damage_in_words(seen: &Seen<'_>) -> String {
    let Seen { usage, found, .. } = seen;
    let mut text = String::new();
    if !seen.held && found.torn_bytes > 0 {
        text.push_str(&format!(
            "  {} of an unfinished write at the end: they are cut at the next start\n",
            size(found.torn_bytes)
        ));
    }
    // What was mended before stays in its segment, and is passed by.
    let new = found.damages.len() as u64;
    let cursors = found.cursor_files_damaged as u64;
    if new + cursors > 0 {
        text.push_str(&format!(
            "  {}, {} lost: `sluicegate spool repair {} --dry-run` says more\n",
            count(new + cursors, "damaged place"),
            count(found.lost(), "record"),
            seen.place,
        ));
    }
    let known = usage.damaged.saturating_sub(new);
    if known > 0 {
        text.push_str(&format!(
            "  {}, {} lost, mended before: their bytes are in files that end in `.damaged`\n",
            count(known, "damaged place"),
            count(usage.lost.saturating_sub(found.lost()), "record"),
        ));
    }
    text
}

fn targets_in_words(seen: &Seen<'_>, now: SystemTime) -> String {
    let Seen { usage, counted, .. } = seen;
    let counted = counted.as_ref();
    let mut rows = vec![["TARGET", "BEHIND", "ABOUT", "OLDEST"].map(str::to_owned)];
    for cursor in &cursors(usage, counted) {
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

fn in_json(seen: &Seen<'_>) -> Json {
    let Seen { usage, found, .. } = seen;
    let counted = seen.counted.as_ref();
    let mut cursors = cursors(usage, counted);
    cursors.retain(|_| !seen.keys);
    let targets = cursors.iter().map(|cursor| {
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
        "dir": seen.place,
        "held": seen.held,
        "idempotency_keys": seen.keys,
        "bytes": usage.bytes,
        "segments": usage.segments,
        "entries": found.records,
        "first": usage.first,
        "next": usage.next,
        "oldest": usage.oldest.map(when),
        "newest": usage.newest.map(when),
        "targets": targets.collect::<Vec<_>>(),
        "targets_lost": seen.unplaced,
        "torn_bytes": found.torn_bytes,
        "damaged": usage.damaged,
        "lost": usage.lost,
        "cursor_files_damaged": found.cursor_files_damaged,
    })
}
