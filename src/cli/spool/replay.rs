//! `sluicegate spool replay`: records of a log, sent again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Args;
use signal_hook::consts::{SIGINT, SIGTERM};
use sluicegate_appendlog::{Snapshot, Stored, Usage};

use super::item::{Item, What, items};
use super::progress::{Pace, Progress};
use super::select::Selection;
use super::words::count;
use super::{Ending, KEYS, holds_keys, look};
use crate::cli::check::rate;
use crate::cli::ending::{complain, say};
use crate::cli::files::settings_of;
use crate::dead_letters::Letter;
use crate::dispatch::Target;
use crate::replay::{Sender, fit};
use crate::rooms::{self, RoomContext};
use crate::settings::Settings;
use crate::spool::entry;

/// How long an interrupted replay waits for what is on its way.
const LAST_WAIT: Duration = Duration::from_secs(5);
/// Records that were not delivered, and of which the reason is said.
const SAID_MAX: usize = 20;
/// Kinds of trouble that are said before anything is sent.
const TROUBLES_MAX: usize = 10;

/// Sends records of a log again, as they were stored: to their own targets or to another.
///
/// Nothing is taken out of the log, and a record that is sent again may come to its target twice.
/// The log may be one that a gateway writes to meanwhile: what comes later is not sent. It ends at
/// the first record that is given up, and says how to go on.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  sluicegate spool replay dead-letters --file orders.yaml --dry-run\n  \
                  sluicegate spool replay dead-letters --file orders.yaml --target orders --since 2h\n  \
                  sluicegate spool replay audit --file orders.yaml --to archive --rate 500/s"
)]
pub(super) struct Arguments {
    /// The `dir` of a spool or of a target `log`.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// A Sluicegate file with the targets; several are a union.
    #[arg(long = "file", value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The target that takes all of them, in the place of their own.
    #[arg(long, value_name = "NAME")]
    to: Option<String>,
    #[command(flatten)]
    selection: Selection,
    /// Up to this entry of the log, which is not sent.
    #[arg(long, value_name = "SEQUENCE", default_value_t = u64::MAX, hide_default_value = true)]
    before: u64,
    /// Records a second at most: 500/s. As fast as the targets take them by default.
    #[arg(long, value_name = "RATE", value_parser = rate)]
    rate: Option<u64>,
    /// Say what would be sent where, and send nothing.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn command(arguments: &Arguments) -> Result<(), Ending> {
    let mut settings = settings_of(&arguments.files)?;
    let (snapshot, _) = look(&arguments.dir)?;
    let usage = snapshot.usage();
    if holds_keys(&snapshot, &usage) {
        let place = arguments.dir.display();
        let said = format!("`{place}` holds {KEYS}: nothing of it can be sent");
        return Err(Ending::Wrong(said));
    }
    let log = Log {
        arguments,
        usage,
        snapshot,
    };
    let plan = plan(&log, &settings)?;
    say(&plan.text(&settings));
    if arguments.dry_run || plan.total == 0 {
        return Ok(());
    }
    // No other target is opened: its directory may be a running gateway's.
    let used: Vec<_> = plan.counts.keys().copied().collect();
    let kept = settings.targets.iter().enumerate();
    let kept = kept.filter(|(place, _)| used.contains(place));
    settings.targets = kept.map(|(_, target)| target.clone()).collect();
    send(&log, &settings, plan.total)
}

/// The log that is read, as it was when it was looked at.
struct Log<'a> {
    arguments: &'a Arguments,
    snapshot: Snapshot,
    usage: Usage,
}

impl Log<'_> {
    /// Gives each record that is meant, with its stored form; ends where that says so.
    fn each(&self, mut give: impl FnMut(&Item, &Bytes) -> bool) -> Result<(), Ending> {
        let selection = &self.arguments.selection;
        let mut reader = self.snapshot.reader(selection.from);
        let end = self.usage.next.min(self.arguments.before);
        let wrong = |error| Ending::Wrong(format!("`{}`: {error}", self.arguments.dir.display()));
        while let Some(stored) = reader.next().map_err(wrong)? {
            if stored.sequence >= end {
                break;
            }
            for (item, record) in items(&stored).iter().zip(records(&stored)) {
                let known = !matches!(item.what, What::Other | What::Key);
                if known && selection.takes(item, &self.usage) && !give(item, &record) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The name of the target that a record is to go to.
    fn destination<'i>(&'i self, item: &'i Item) -> &'i str {
        self.arguments.to.as_deref().unwrap_or(&item.target)
    }
}

/// The stored forms of an entry's records, in the order of its items.
fn records(stored: &Stored) -> Vec<Bytes> {
    if stored.kind == rooms::MARK_LETTER {
        let letter = Letter::decode(&stored.payload);
        return letter.map_or_else(|_| vec![Bytes::new()], |letter| vec![letter.record]);
    }
    match entry::decode(&stored.payload) {
        Ok(request) => request.records.into_iter().map(|it| it.stored).collect(),
        Err(_) => vec![stored.payload.clone()],
    }
}

/// What is to be sent.
#[derive(Default)]
struct Plan {
    total: u64,
    /// Records by the place of the target that they go to.
    counts: BTreeMap<usize, u64>,
}

/// Looks at all records that are meant, before any is sent.
fn plan(log: &Log<'_>, settings: &Settings) -> Result<Plan, Ending> {
    let targets = rooms::rehearsed(settings);
    let mut plan = Plan::default();
    // By what is wrong: how many, and the first.
    let mut troubles: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    log.each(|item, record| {
        match place_of(log, item, record, &targets) {
            Ok(place) => {
                plan.total += 1;
                *plan.counts.entry(place).or_default() += 1;
            }
            Err(trouble) => {
                let known = troubles.entry(trouble).or_insert((0, item.sequence));
                known.0 += 1;
            }
        }
        troubles.len() <= TROUBLES_MAX
    })?;
    for place in plan.counts.keys() {
        is_another(log, settings, *place)?;
    }
    if troubles.is_empty() {
        return Ok(plan);
    }
    let mut said = "nothing is sent, since not all that is meant could be:\n".to_owned();
    for (trouble, (records, first)) in &troubles {
        let records = count(*records, "record");
        said.push_str(&format!("  {records} from {first} on: {trouble}\n"));
    }
    said.push_str(
        "choose by --target, --route or --reason what is sent, and with --to where it goes",
    );
    Err(Ending::Wrong(said))
}

/// The place of the target that takes a record, or what is wrong.
fn place_of(
    log: &Log<'_>,
    item: &Item,
    record: &Bytes,
    targets: &[Target],
) -> Result<usize, String> {
    let name = log.destination(item);
    if name.is_empty() {
        return Err("a record of a log is for no other target: say with --to where it goes".into());
    }
    let Some(place) = targets.iter().position(|target| *target.name == *name) else {
        return Err(format!("the files have no target `{name}`"));
    };
    let Some(target) = targets.get(place) else {
        return Err(format!("the files have no target `{name}`"));
    };
    fit(record, target).map(|_| place).map_err(|misfit| {
        let kind = target.kind;
        format!("does not fit the target `{name}` ({kind}): {misfit}")
    })
}

/// A log that is sent to itself would never end.
fn is_another(log: &Log<'_>, settings: &Settings, place: usize) -> Result<(), Ending> {
    let Some(target) = settings.targets.get(place) else {
        return Ok(());
    };
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let same = |directory: &Path| real(directory) == real(&log.arguments.dir);
    if target.room.directory().is_some_and(same) {
        let name = &target.name;
        let said = format!("`{name}` is the log that is read: name another target with --to");
        return Err(Ending::Wrong(said));
    }
    Ok(())
}

impl Plan {
    fn text(&self, settings: &Settings) -> String {
        let mut text = format!("{} to send\n", count(self.total, "record"));
        for (place, records) in &self.counts {
            if let Some(target) = settings.targets.get(*place) {
                let kind = target.room.kind();
                text.push_str(&format!("  {records} to {} ({kind})\n", target.name));
            }
        }
        text
    }
}

/// Sends, and says what became of it.
fn send(log: &Log<'_>, settings: &Settings, total: u64) -> Result<(), Ending> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        let watched = signal_hook::flag::register(signal, Arc::clone(&stop));
        watched.map_err(|error| Ending::Wrong(error.to_string()))?;
    }
    let wait = settings.targets.iter().map(|target| target.give_up).max();
    let opened = Sender::open(settings, &RoomContext::from_environment());
    let mut sending = Sending {
        sender: opened.map_err(|error| Ending::Wrong(error.to_string()))?,
        scales: rooms::rehearsed(settings),
        progress: Progress::new(total),
        pace: log.arguments.rate.map(Pace::new),
        sent: 0,
        said: 0,
        next: log.usage.next,
    };
    log.each(|item, record| {
        if stop.load(Ordering::Relaxed) || sending.sender.tally().2 > 0 {
            // What comes from here on is not sent.
            sending.next = item.sequence;
            return false;
        }
        sending.one(item.sequence, log.destination(item), record);
        true
    })?;
    let interrupted = stop.load(Ordering::Relaxed);
    let wait = wait.unwrap_or_default() + LAST_WAIT;
    sending.finish(if interrupted { LAST_WAIT } else { wait }, &stop);
    sending.end(total, interrupted)
}

struct Sending {
    sender: Sender,
    /// The same targets, to read records for them.
    scales: Vec<Target>,
    progress: Progress,
    pace: Option<Pace>,
    sent: u64,
    said: usize,
    /// The sequence of the first record that was not sent.
    next: u64,
}

impl Sending {
    fn one(&mut self, sequence: u64, name: &str, record: &Bytes) {
        while let Some(wait) = self.pace.as_mut().and_then(Pace::wait) {
            self.sender.hear(wait);
        }
        let place = self.scales.iter().position(|target| *target.name == *name);
        let target = place.and_then(|place| Some((place, self.scales.get(place)?)));
        // It fitted when it was looked at.
        if let Some((place, target)) = target
            && let Ok(fit) = fit(record, target)
        {
            self.sender.send(place, sequence, fit);
            self.sent += 1;
        }
        self.tell();
    }

    fn tell(&mut self) {
        for ended in self.sender.take_ended() {
            self.said += 1;
            if self.said > SAID_MAX {
                continue;
            }
            let word = if ended.refused { "refused" } else { "given up" };
            let (sequence, target) = (ended.sequence, ended.target);
            let line = format!("entry {sequence}: {word} by {target}: {}", ended.reason);
            self.progress.line(&line);
        }
        let (delivered, refused, given_up) = self.sender.tally();
        self.progress.at(self.sent, delivered + refused + given_up);
    }

    fn finish(&mut self, within: Duration, stop: &AtomicBool) {
        let end = Instant::now() + within;
        while self.sender.is_waiting() && Instant::now() < end && !stop.load(Ordering::Relaxed) {
            self.sender.hear(Duration::from_millis(50));
            self.tell();
        }
        self.sender.finish(LAST_WAIT);
        self.tell();
        self.progress.clear();
    }

    fn end(&self, total: u64, interrupted: bool) -> Result<(), Ending> {
        let (delivered, refused, given_up) = self.sender.tally();
        say(&format!(
            "{delivered} delivered, {refused} refused, {given_up} given up\n"
        ));
        if self.said > SAID_MAX {
            complain(&format!(
                "{} more were not delivered\n",
                self.said - SAID_MAX
            ));
        }
        if delivered == total {
            return Ok(());
        }
        let on = self
            .sender
            .resume_from()
            .map_or(self.next, |open| open.min(self.next));
        if interrupted || given_up > 0 {
            let why = if interrupted {
                "interrupted"
            } else {
                "a record was given up"
            };
            return Err(Ending::Wrong(format!(
                "{why}: all before {on} are done; go on with --from {on}"
            )));
        }
        Err(Ending::Wrong(format!(
            "{refused} of {total} were refused for good"
        )))
    }
}
