//! A look at the directory of a log, before anything is written.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use sluicegate_appendlog::{Disk, RealDisk, Snapshot};
use sluicegate_contract::{ByteSize, Observation};

use crate::Settings;

/// What is seen of a log. Writes nothing, and works beside the process that holds the log.
#[must_use]
pub fn probe(settings: &Settings) -> Vec<Observation> {
    let place = &settings.dir;
    let shown = place.display();
    if !place.exists() {
        return vec![missing(place)];
    }
    let mut seen = Vec::new();
    let disk = match RealDisk::read_only(place) {
        Ok(disk) => Arc::new(disk),
        Err(error) => {
            return vec![Observation::wrong(
                format!("`{shown}` cannot be read: {error}"),
                "name a directory that the gateway's user may read and write",
            )];
        }
    };
    if writable(place) {
        seen.push(Observation::good(format!("`{shown}` is there")));
    } else {
        seen.push(Observation::wrong(
            format!("`{shown}` cannot be written"),
            "give it to the gateway's user: `chown`, or another directory",
        ));
    }
    if is_held(place) {
        seen.push(Observation::doubtful(
            format!("`{shown}` is held by a process now"),
            "that is this gateway where it runs already; another one needs another directory",
        ));
    }
    let used = match Snapshot::open(Arc::clone(&disk) as Arc<dyn Disk>) {
        Ok(snapshot) => contents(&snapshot, &mut seen),
        Err(error) => {
            seen.push(Observation::wrong(
                format!("its segments cannot be read: {error}"),
                "look at the files and at whom they belong to",
            ));
            0
        }
    };
    room(&disk, settings, used, &mut seen);
    seen
}

fn missing(place: &Path) -> Observation {
    let shown = place.display();
    let above = place.ancestors().skip(1).find(|above| above.exists());
    match above {
        Some(above) if writable(above) => {
            Observation::good(format!("`{shown}` is made at the start"))
        }
        _ => Observation::wrong(
            format!("`{shown}` is not there and cannot be made"),
            "make it, and give it to the gateway's user",
        ),
    }
}

/// Bytes of segments in it.
fn contents(snapshot: &Snapshot, seen: &mut Vec<Observation>) -> u64 {
    let usage = snapshot.usage();
    let records = usage.next.saturating_sub(usage.first);
    let bytes = ByteSize(usage.bytes);
    seen.push(Observation::good(format!(
        "{records} records in {} segments of {bytes}",
        usage.segments
    )));
    let damages = snapshot.recovery().damages.len();
    if damages > 0 {
        seen.push(Observation::doubtful(
            format!(
                "{damages} damaged places, {} records lost",
                snapshot.recovery().lost()
            ),
            "`sluicegate spool repair` says what they cost; the log opens all the same",
        ));
    }
    usage.bytes
}

fn room(disk: &RealDisk, settings: &Settings, used: u64, seen: &mut Vec<Observation>) {
    let wanted = settings.max_bytes().saturating_sub(used);
    match disk.free_bytes() {
        Ok(free) if free < wanted => seen.push(Observation::doubtful(
            format!(
                "the disk has {} free, and the log may still grow by {}",
                ByteSize(free),
                ByteSize(wanted)
            ),
            "lower `max_bytes`, or take a larger disk: it is full before the log is",
        )),
        Ok(_) => {}
        Err(error) => seen.push(Observation::doubtful(
            format!("the free space is not known: {error}"),
            "see to it that `max_bytes` fit on the disk",
        )),
    }
}

fn writable(directory: &Path) -> bool {
    use rustix::fs::{Access, access};
    access(directory, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

/// True where a process has the log's lock. A shared lock is asked for, and let go at once.
fn is_held(directory: &Path) -> bool {
    let Ok(file) = File::open(directory.join("LOCK")) else {
        return false;
    };
    let tried = file.try_lock_shared().map_err(io::Error::from);
    matches!(tried, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}
