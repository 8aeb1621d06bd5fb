//! Whether a stored record is one of a target's: known before anything is sent.

use bytes::Bytes;
use sluicegate_contract::{Record, stored};

use crate::dispatch::Target;
use crate::rooms;

/// Why a stored record cannot go to a target, in one line.
pub type Misfit = String;

/// A record that a target could take.
#[derive(Debug)]
pub struct Fit {
    /// The record.
    pub record: Record,
    /// Bytes that it takes in a call.
    pub encoded: usize,
}

/// Reads a stored record as one of this target's. What was stored of another kind fits where all
/// its fields have the names of this one's.
///
/// # Errors
/// Why it is none.
pub fn fit(stored: &Bytes, target: &Target) -> Result<Fit, Misfit> {
    let fields = rooms::fields(target.kind);
    let record = stored::decode(stored, fields).map_err(|error| error.to_string())?;
    let missing = fields
        .iter()
        .enumerate()
        .find(|(place, field)| field.required && record.value(*place).is_absent());
    if let Some((_, field)) = missing {
        return Err(format!(
            "it has no `{}`, which a record there needs",
            field.name
        ));
    }
    match target.room.weigh(&record) {
        Ok(encoded) => Ok(Fit { record, encoded }),
        Err(reason) => Err(reason.to_string()),
    }
}
