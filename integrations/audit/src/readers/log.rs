//! The directory of a target `log`, read without its lock.

use std::path::PathBuf;

use crate::history::History;
use crate::holding::Holding;
use crate::place::Place;

pub(crate) struct LogReader {
    dir: PathBuf,
    place: Place,
}

impl LogReader {
    pub(crate) fn open(dir: PathBuf, place: Place) -> Result<Self, String> {
        Ok(Self { dir, place })
    }

    pub(crate) fn read(&mut self, _: &History, _: &mut Holding) -> Result<(), String> {
        Err(format!("{} at {:?}", self.dir.display(), self.place))
    }
}
