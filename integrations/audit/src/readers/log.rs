//! The directory of a target `log`, read without its lock: its process may live.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use minicbor::Decoder;
use minicbor::data::Type;
use sluicegate_appendlog::{RealDisk, Snapshot};

use super::take_json;
use crate::history::History;
use crate::holding::Holding;
use crate::place::Place;

/// The mark of a record that a mapping made; others are dead letters and the spool's.
const RECORD: u8 = 16;

pub(crate) struct LogReader {
    dir: PathBuf,
    place: Place,
    next: u64,
}

impl LogReader {
    /// A log that is there. One that is not would be judged as a target that lost everything.
    pub(crate) fn open(dir: PathBuf, place: Place) -> Result<Self, String> {
        if !holds_a_log(&dir).map_err(|error| said(&dir, &error))? {
            return Err(format!(
                "there is no log in `{}`: name the `dir` of a target `log`, which its gateway \
                 makes when it starts",
                dir.display()
            ));
        }
        Ok(Self {
            dir,
            place,
            next: 0,
        })
    }

    pub(crate) fn read(&mut self, history: &History, holding: &mut Holding) -> Result<(), String> {
        let said = |error: io::Error| said(&self.dir, &error);
        let disk = RealDisk::read_only(&self.dir).map_err(said)?;
        let snapshot = Snapshot::open(Arc::new(disk)).map_err(said)?;
        let mut reader = snapshot.reader(self.next);
        while let Some(stored) = reader.next().map_err(said)? {
            self.next = stored.sequence + 1;
            if stored.kind == RECORD {
                let value = value_of(&stored.payload).unwrap_or(&stored.payload);
                take_json(history, holding, &self.place, value, 0);
            }
        }
        Ok(())
    }
}

fn said(dir: &Path, error: &io::Error) -> String {
    format!("the log `{}`: {error}", dir.display())
}

/// Whether a log was ever opened in this directory: its lock stays, and so do its segments where
/// somebody copied them.
fn holds_a_log(dir: &Path) -> io::Result<bool> {
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        entries => entries?,
    };
    for entry in entries {
        let name = entry?.file_name();
        let name = Path::new(&name);
        if name == Path::new("LOCK") || name.extension().is_some_and(|end| end == "log") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The value of a stored record: a CBOR map of names to values, of which only `value` is looked at.
fn value_of(stored: &[u8]) -> Option<&[u8]> {
    let mut decoder = Decoder::new(stored);
    for _ in 0..decoder.map().ok()?? {
        if decoder.str().ok()? != "value" {
            decoder.skip().ok()?;
            continue;
        }
        if decoder.datatype().ok()? == Type::Tag {
            decoder.tag().ok()?;
        }
        return match decoder.datatype().ok()? {
            Type::String => decoder.str().ok().map(str::as_bytes),
            Type::Bytes => decoder.bytes().ok(),
            _ => None,
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use bytes::Bytes;
    use minicbor::Encoder;
    use minicbor::data::Tag;
    use sluicegate_appendlog::{Append, Log, Options};

    use super::*;
    use crate::event::{Events, Template};
    use crate::history::Outcome;
    use crate::holding::Target;

    #[test]
    fn a_log_that_is_being_written_is_read_on_and_on() {
        let template = Template::parse(Template::DEFAULT).unwrap();
        let events = Events::new(template, 1, 10);
        let mut history = History::of(events.clone());
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("log");
        let place = Place::whole(&["id".to_owned()]);
        let disk = Arc::new(RealDisk::open(&dir).unwrap());
        let (mut log, _) = Log::open(disk, Options::default()).unwrap();
        let mut reader = LogReader::open(dir, place).unwrap();
        let mut holding = Holding::of(Target::default());
        reader.read(&history, &mut holding).unwrap();
        for number in 0..6 {
            history.sent(number, number);
            history.answered(number, number, Outcome::Ok);
            let mut payload = Vec::new();
            let mut out = Encoder::new(&mut payload);
            out.map(2).unwrap().str("key").unwrap().str("k").unwrap();
            out.str("value").unwrap();
            let event = events.payload(number);
            match number % 3 {
                0 => out.bytes(&event).unwrap(),
                1 => out.tag(Tag::new(262)).unwrap().bytes(&event).unwrap(),
                _ => out.str(std::str::from_utf8(&event).unwrap()).unwrap(),
            };
            let append = |kind| Append {
                kind,
                time: SystemTime::now(),
                payload: Bytes::from(payload.clone()),
            };
            log.append(&[append(RECORD), append(17)]).unwrap();
            reader.read(&history, &mut holding).unwrap();
            assert_eq!(holding.copies_of(number), 1);
        }
        assert_eq!(
            (holding.records, holding.compared, holding.damaged.count),
            (6, 6, 0)
        );
        // A wrong path is no log that has lost everything, and the folder of logs is none either.
        for wrong in [folder.path().join("lgo"), folder.path().to_owned()] {
            let place = Place::whole(&["id".to_owned()]);
            let said = LogReader::open(wrong, place).err().unwrap();
            assert!(said.contains("there is no log in"), "{said}");
        }
        assert!(value_of(b"").is_none() && value_of(&[0xa1, 0x61]).is_none());
    }
}
