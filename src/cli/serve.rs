//! `sluicegate serve`: the gateway.

use std::path::{Path, PathBuf};

use clap::Args;
use sluicegate_contract::ByteSize;

use super::files::settings_of;
use super::{Ending, ListenFlags};
use crate::observe::log;
use crate::serve;
use crate::settings::{KeyStore, Settings};

/// Bytes that a log needs to open and to store anything: the files of its cursors are made
/// beforehand, a mebibyte of its disk is left to others, the rest is its first segment.
const LOG_BEGINS_BYTES: u64 = 2 << 20;

/// Serves files: the gateway.
///
/// It starts with targets down, and stops on SIGTERM when what is in flight has its answer.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  sluicegate serve orders.yaml --http 0.0.0.0:8080")]
pub(super) struct Arguments {
    /// Sluicegate files; several are a union.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    listen: ListenFlags,
}

pub(super) fn command(arguments: &Arguments) -> Result<(), Ending> {
    let mut settings = settings_of(&arguments.files)?;
    arguments.listen.over(&mut settings);
    log::start(arguments.listen.log_format.into()).map_err(Ending::Fault)?;
    let options = arguments.listen.options();
    let logs = logs(&settings);
    serve::run(settings, &options).map_err(|error| {
        let full: String = logs
            .iter()
            .filter_map(|dir| full(dir, free(dir)?))
            .collect();
        Ending::Wrong(format!("{error}{full}"))
    })
}

/// The directories without which it does not start.
fn logs(settings: &Settings) -> Vec<PathBuf> {
    let spool = settings.spool.iter().map(|spool| spool.dir.clone());
    let keys = settings
        .idempotency
        .iter()
        .filter_map(|it| match &it.store {
            KeyStore::Log(dir) => Some(dir.clone()),
            KeyStore::Table(_) => None,
        });
    spool.chain(keys).collect()
}

/// Free bytes of the disk that a directory is on, or will be.
fn free(dir: &Path) -> Option<u64> {
    let dir = std::path::absolute(dir).ok()?;
    let there = dir.ancestors().find(|part| part.is_dir())?;
    let disk = rustix::fs::statvfs(there).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// A word about a disk on which no log can begin.
fn full(dir: &Path, free: u64) -> Option<String> {
    (free < LOG_BEGINS_BYTES).then(|| {
        format!(
            "\nthe disk of `{}` has {} free, and a log needs {} to begin: make room there, or name \
             a directory of another disk",
            dir.display(),
            ByteSize(free / 1024 * 1024),
            ByteSize(LOG_BEGINS_BYTES)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_named_with_what_a_log_needs() {
        assert_eq!(full(Path::new("spool"), LOG_BEGINS_BYTES), None);
        let said = full(Path::new("/logs/spool"), 12_345).unwrap();
        for part in ["`/logs/spool` has 12KiB free", "needs 2MiB", "make room"] {
            assert!(said.contains(part), "{said}");
        }
        let here = tempfile::tempdir().unwrap();
        let known = free(here.path());
        assert!(known.is_some() && free(&here.path().join("a/b")).is_some());
    }
}
