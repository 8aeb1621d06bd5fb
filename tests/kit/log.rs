//! Append logs as a story sees them: read from their directory, as another process would.

use std::path::Path;

use sluicegate::dead_letters::Letter;
use sluicegate::rooms::{Kept, read_kept};

/// All that stands in a log.
fn kept(directory: &Path) -> Vec<Kept> {
    let read = sluicegate_log::Tail::new(directory, 0).read(usize::MAX);
    let read = read.unwrap();
    let known = |stored| read_kept(stored).unwrap();
    read.iter().filter_map(known).collect()
}

/// The values of the records that a mapping made.
pub(crate) fn values(directory: &Path) -> Vec<String> {
    let value = |kept| match kept {
        Kept::Record { record, .. } => {
            let bytes = record.value(0).as_bytes().unwrap().to_vec();
            Some(String::from_utf8(bytes).unwrap())
        }
        Kept::Letter(_) => None,
    };
    kept(directory).into_iter().filter_map(value).collect()
}

/// The dead letters.
pub(crate) fn letters(directory: &Path) -> Vec<Letter> {
    let letter = |kept| match kept {
        Kept::Letter(letter) => Some(*letter),
        Kept::Record { .. } => None,
    };
    kept(directory).into_iter().filter_map(letter).collect()
}
