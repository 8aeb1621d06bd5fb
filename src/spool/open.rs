//! Opens a spool: its log, its lanes, its thread.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use bytestring::ByteString;
use sluicegate_appendlog::{Disk, Log, Options, RealDisk, Recovery, Writer};

use super::{DrainRules, DrainThread, LaneRules, Spool, entry};
use crate::dead_letters::Letters;
use crate::dispatch::Target;
use crate::rooms;
use crate::settings::{self, Settings};
use crate::settle::Mailboxes;

/// A spool that runs.
#[derive(Debug)]
pub struct Opened {
    /// What cores store in.
    pub spool: Arc<Spool>,
    /// What delivers.
    pub thread: DrainThread,
}

/// Opens the spool of the settings, if they have one, and begins to deliver what is in it.
/// `mailbox`: the number of the drain's mailbox. `letters`: where goes what cannot be delivered.
///
/// # Errors
/// The directory cannot be used, naming it; another process has it.
pub fn open(
    settings: &Settings,
    targets: &Arc<[Target]>,
    mailboxes: &Mailboxes,
    mailbox: usize,
    letters: Option<Letters>,
) -> io::Result<Option<Opened>> {
    let Some(written) = &settings.spool else {
        return Ok(None);
    };
    let failed = |error: &dyn std::fmt::Display| {
        io::Error::other(format!("spool `{}`: {error}", written.dir.display()))
    };
    let disk = RealDisk::open(&written.dir).map_err(|error| failed(&error))?;
    let disk = Arc::new(disk);
    let recovered = recover(
        settings,
        written,
        targets,
        disk,
        (mailbox, letters.is_some()),
    );
    let (log, rules) = recovered.map_err(|error| failed(&error))?;
    let writer = Writer::start(log)?;
    let spool = Arc::new(Spool::new(writer, written.dir.clone(), targets));
    let rules = DrainRules {
        held: Arc::clone(spool.held()),
        ..rules
    };
    let mailbox = mailboxes.of(mailbox).map(Arc::clone).unwrap_or_default();
    let thread = DrainThread::start(
        rules,
        Arc::clone(&spool),
        Arc::clone(targets),
        mailbox,
        letters,
    )?;
    Ok(Some(Opened { spool, thread }))
}

/// The log of a spool and the rules of its drain, from whatever is on the disk.
///
/// # Errors
/// The disk cannot be used, or another process has it.
pub fn recover(
    settings: &Settings,
    written: &settings::Spool,
    targets: &[Target],
    disk: Arc<dyn Disk>,
    (mailbox, letters): (usize, bool),
) -> io::Result<(Log, DrainRules)> {
    let options = Options {
        max_bytes: written.max_bytes,
        // The drain ends what is too old, with a word about each record; its cursors then let the
        // segments go.
        max_age: None,
        ..Options::default()
    };
    let (mut log, recovery) = Log::open(disk, options).map_err(io::Error::other)?;
    let rules = DrainRules {
        mailbox: u8::try_from(mailbox).unwrap_or(u8::MAX),
        born: log.usage().next,
        rate: written.rate,
        max_age: written.max_age,
        lanes: lanes(settings, targets, (&mut log, &recovery), letters)?,
        held: Arc::default(),
    };
    say_recovered(&written.dir.display().to_string(), &recovery, &log);
    Ok((log, rules))
}

/// A lane for each target that routes may store records for, and for each cursor that is there.
/// Their cursors are durable before anything is stored: so no record is ever without a reader.
fn lanes(
    settings: &Settings,
    targets: &[Target],
    (log, recovery): (&mut Log, &Recovery),
    letters: bool,
) -> io::Result<Vec<LaneRules>> {
    let usage = log.usage();
    let mut lanes = Vec::new();
    for place in spooled_targets(settings) {
        let Some(target) = targets.get(place) else {
            continue;
        };
        lanes.push(lane(
            &target.name,
            target.kind,
            Some(place),
            usage.first,
            true,
        ));
    }
    for cursor in &usage.cursors {
        if let Some(known) = lanes.iter_mut().find(|lane| lane.cursor() == cursor.name) {
            known.start = cursor.next;
            continue;
        }
        let (name, room) = cursor.name.rsplit_once(':').unwrap_or((&cursor.name, ""));
        let door = door(targets, name, room);
        lanes.push(lane(name, room, door, cursor.next, false));
        if door.is_none() {
            say_orphaned(name, room, cursor.lag, cursor.lag_bytes);
        }
    }
    if recovery.cursor_files_damaged > 0 && usage.cursors.is_empty() {
        for (name, room) in named_in(log, usage.first) {
            if lanes
                .iter()
                .any(|it| *it.target == *name && *it.room == *room)
            {
                continue;
            }
            let door = door(targets, &name, &room);
            lanes.push(lane(&name, &room, door, usage.first, false));
            if door.is_none() {
                let (entries, bytes) = (usage.next.saturating_sub(usage.first), usage.bytes);
                say_orphaned(&name, &room, entries, bytes);
            }
        }
    }
    for lane in &mut lanes {
        lane.letters = letters;
        log.advance(&lane.cursor(), lane.start);
    }
    log.sync()?;
    Ok(lanes)
}

/// The targets of the records in a log, and their kinds. With the cursors gone only the records
/// know of targets that no route spools for any more; so all of it is read, which takes as long as
/// the disk needs for that.
fn named_in(log: &Log, first: u64) -> BTreeSet<(ByteString, ByteString)> {
    let mut named = BTreeSet::new();
    let mut reader = log.reader(first);
    loop {
        match reader.next() {
            Ok(Some(stored)) if stored.kind == entry::ENTRY_KIND => {
                // What cannot be read now is passed over by no lane either.
                let request = entry::decode(&stored.payload);
                let records = request.map(|request| request.records).unwrap_or_default();
                for record in records {
                    named.insert((owned(&record.target), owned(&record.room)));
                }
            }
            Ok(Some(_)) => {}
            Ok(None) => return named,
            Err(error) => {
                tracing::warn!(target: "sluicegate", %error, "spool.unread");
                return named;
            }
        }
    }
}

/// The same text in memory of its own: a slice would keep the whole entry.
fn owned(name: &ByteString) -> ByteString {
    ByteString::from(&**name)
}

fn door(targets: &[Target], name: &str, room: &str) -> Option<usize> {
    targets
        .iter()
        .position(|known| *known.name == *name && known.kind == room)
}

fn lane(target: &str, room: &str, door: Option<usize>, start: u64, lasting: bool) -> LaneRules {
    LaneRules {
        target: Arc::from(target),
        room: Arc::from(room),
        door,
        fields: rooms::fields(room),
        start,
        lasting,
        letters: false,
    }
}

/// The places of the targets whose records may be stored.
fn spooled_targets(settings: &Settings) -> BTreeSet<usize> {
    let routes = settings.routes.iter().filter(|route| route.reply.spools());
    routes
        .flat_map(|route| route.bindings.iter().map(|binding| binding.target))
        .collect()
}

fn say_recovered(dir: &str, recovery: &Recovery, log: &Log) {
    let usage = log.usage();
    let entries = usage.cursors.iter().map(|cursor| cursor.lag).max();
    tracing::info!(
        target: "sluicegate",
        dir,
        bytes = usage.bytes,
        segments = usage.segments,
        entries_left = entries.unwrap_or_default(),
        records = recovery.records,
        lost = recovery.lost(),
        torn_bytes = recovery.torn_bytes,
        "spool.recovered"
    );
}

fn say_orphaned(target: &str, room: &str, entries: u64, bytes: u64) {
    tracing::warn!(
        target: "sluicegate",
        orphan = target,
        room,
        entries,
        bytes,
        help = "no file names this target any more: its part of the spool is kept",
        "spool.orphaned"
    );
}
