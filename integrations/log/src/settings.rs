//! What the file says of a log.

use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_appendlog::Options;
use sluicegate_contract::{ByteSize, TimeSpan};

/// Bytes of a log by default.
const BYTES_DEFAULT: u64 = 10 << 30;
/// Bytes of a log at least: some segments.
const BYTES_MIN: u64 = 1 << 20;
/// Age of a record at least, where there is a bound.
const AGE_MIN: Duration = Duration::from_secs(60);

/// An append log on this machine's disk. A record is confirmed once it would survive the power
/// (fdatasync). Files are for the owner of the process alone. `sluicegate spool` reads it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The directory of the log; relative to this file. It is made where it is not there. One
    /// target of one process has it.
    pub dir: PathBuf,
    /// Bytes that the log may have on disk: 10GiB by default, 1MiB at least.
    #[serde(default)]
    pub max_bytes: Option<ByteSize>,
    /// How long records are kept, for example `30d`, and 1m at least; what is older goes, a segment
    /// at a time. Records do not go by age by default.
    #[serde(default)]
    pub max_age: Option<TimeSpan>,
    /// What happens where `max_bytes` are full: `refuse` new records with 507 (the default), or
    /// `drop_oldest`.
    #[serde(default)]
    pub when_full: WhenFull,
}

/// What happens where a log is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// New records are refused: 507.
    #[default]
    Refuse,
    /// The oldest records go, an eighth of the log at a time, a segment at least.
    DropOldest,
}

impl Settings {
    /// Checks what can be known without the disk.
    ///
    /// # Errors
    /// The key at fault, and what to write there.
    pub fn validate(&self) -> Result<(), (&'static str, String)> {
        if self.dir.as_os_str().is_empty() {
            let said = "is empty: write the path of a directory, for example log/orders";
            return Err(("dir", said.to_owned()));
        }
        if self.max_bytes() < BYTES_MIN {
            let said = format!(
                "is {}: write {} or more, since a log goes and grows by segments",
                ByteSize(self.max_bytes()),
                ByteSize(BYTES_MIN)
            );
            return Err(("max_bytes", said));
        }
        if let Some(TimeSpan(age)) = self.max_age
            && age < AGE_MIN
        {
            let said = format!(
                "is {}: write {} or more, or leave it out to keep records",
                TimeSpan(age),
                TimeSpan(AGE_MIN)
            );
            return Err(("max_age", said));
        }
        Ok(())
    }

    /// The same, with a relative directory that starts here.
    pub fn start_at(&mut self, directory: &Path) {
        self.dir = directory.join(&self.dir);
    }

    /// Bytes that the log may have.
    #[must_use]
    pub fn max_bytes(&self) -> u64 {
        self.max_bytes.map_or(BYTES_DEFAULT, |size| size.0)
    }

    pub(crate) fn options(&self) -> Options {
        Options {
            max_bytes: self.max_bytes(),
            max_age: self.max_age.map(|age| age.0),
            ..Options::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            dir: "log".into(),
            max_bytes: None,
            max_age: None,
            when_full: WhenFull::Refuse,
        }
    }

    #[test]
    fn what_cannot_be_a_log_is_said() {
        assert_eq!(settings().validate(), Ok(()));
        let small = Settings {
            max_bytes: Some(ByteSize(4096)),
            ..settings()
        };
        let short = Settings {
            max_age: Some(TimeSpan(Duration::from_secs(1))),
            ..settings()
        };
        let nowhere = Settings {
            dir: PathBuf::new(),
            ..settings()
        };
        for (settings, key) in [(small, "max_bytes"), (short, "max_age"), (nowhere, "dir")] {
            let (found, said) = settings.validate().unwrap_err();
            assert_eq!(found, key);
            assert!(said.contains(": write "), "{said}");
        }
    }

    #[test]
    fn a_relative_directory_starts_at_its_file() {
        let mut relative = settings();
        relative.start_at(Path::new("/etc/sluicegate"));
        assert_eq!(relative.dir, Path::new("/etc/sluicegate/log"));
        let mut whole = Settings {
            dir: "/var/log".into(),
            ..settings()
        };
        whole.start_at(Path::new("/etc/sluicegate"));
        assert_eq!(whole.dir, Path::new("/var/log"));
    }
}
