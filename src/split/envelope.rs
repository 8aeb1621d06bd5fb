//! The tree of a CloudEvent in its JSON form: its attributes and its data, found in one pass.

use super::{Capture, PathId, Wanted};

/// Where a scan over a whole CloudEvent finds what must be known of it. The paths that the mapping
/// reads have the same numbers as in the tree of the data alone.
#[derive(Clone, Debug)]
pub(super) struct Envelope {
    pub(super) wanted: Wanted,
    data: PathId,
    /// In the order of [`NAMES`].
    members: Vec<PathId>,
}

/// Members that are looked at in every CloudEvent.
const NAMES: [&str; 7] = [
    "id",
    "source",
    "specversion",
    "type",
    "time",
    "datacontenttype",
    "data_base64",
];

impl Envelope {
    pub(super) fn around(data: &Wanted) -> Self {
        let (wanted, data, members) = data.below(&NAMES);
        Self {
            wanted,
            data,
            members,
        }
    }

    /// The capture of `data`.
    pub(super) fn data(&self, row: &[Option<Capture>]) -> Option<Capture> {
        row.get(usize::from(self.data.0)).copied().flatten()
    }

    /// The capture of one of [`NAMES`].
    pub(super) fn member(&self, name: &str, row: &[Option<Capture>]) -> Option<Capture> {
        let at = NAMES.iter().position(|known| *known == name)?;
        let path = self.members.get(at)?;
        row.get(usize::from(path.0)).copied().flatten()
    }
}
