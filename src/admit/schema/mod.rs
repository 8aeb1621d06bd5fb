//! JSON Schema: judges each event after it was cut out of its body, before it is mapped.
//!
//! An event is laid out on a tape of slots in one pass; the library reads it there, so that a
//! good event costs no allocation. A bad one is judged a second time, to name what is wrong.

mod compile;
mod equality;
mod faults;
mod node;
mod number;
mod slots;
mod tape;
#[cfg(test)]
mod tests;

use std::fmt;

use jsonschema::Validator;

use crate::error::{Code, Fault, Refusal};
use crate::limits::{SCHEMA_ERRORS_MAX, SCHEMA_FAULTS_MAX};
use node::{EventJson, allow_errors, ran_out_of_errors};
use tape::Trouble;

pub use compile::{SchemaFault, duplicate_in, place_of};
pub use tape::Tape;

/// A schema that was compiled. Cores share it.
pub struct Schema {
    validator: Validator<EventJson>,
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schema")
            .field("draft", &self.validator.draft())
            .finish_non_exhaustive()
    }
}

impl Schema {
    /// Judges one event, which must be JSON. At most `faults_max` faults are listed.
    ///
    /// # Errors
    /// `SchemaFailed` with its faults, `DuplicateField` where a name occurs twice in one object:
    /// the value that is judged must be the one that a consumer reads.
    pub fn judge(&self, event: &[u8], tape: &mut Tape, faults_max: usize) -> Result<(), Refusal> {
        let broken = |at: usize| {
            let detail = format!("the event is not JSON at its byte {at}");
            Refusal::new(Code::JsonInvalid, detail)
        };
        let text = std::str::from_utf8(event).map_err(|error| broken(error.valid_up_to()))?;
        let document = tape.read(text).map_err(|trouble| match trouble {
            Trouble::Broken(at) => broken(at),
            Trouble::Duplicate(at) => {
                let detail = format!(
                    "a name occurs twice in one object of the event, which the schema cannot \
                     judge: the second stands at its byte {at}"
                );
                Refusal::new(Code::DuplicateField, detail)
            }
        })?;
        let Some(root) = document.root() else {
            return Err(broken(0));
        };
        allow_errors(u32::MAX);
        if self.validator.is_valid(root) {
            return Ok(());
        }
        // Once a request has told as many as it may, one is enough to refuse each further event.
        allow_errors(if faults_max == 0 {
            1
        } else {
            SCHEMA_ERRORS_MAX
        });
        let errors = self.validator.iter_errors(root);
        let (mut first, mut listed, mut all) = (None, Vec::new(), 0_usize);
        for error in errors {
            let fault = (all < faults_max.max(1)).then(|| faults::fault(&error));
            all += 1;
            if all == 1 {
                first.clone_from(&fault);
            }
            if all <= faults_max.min(SCHEMA_FAULTS_MAX) {
                listed.extend(fault);
            }
        }
        let more = (all.saturating_sub(1), ran_out_of_errors());
        allow_errors(u32::MAX);
        let mut refusal = Refusal::new(Code::SchemaFailed, sentence(first.as_ref(), more));
        refusal.errors = listed;
        Err(refusal)
    }
}

/// The first fault, and how many more there are; `true` where they were not all counted.
fn sentence(first: Option<&Fault>, more: (usize, bool)) -> String {
    let Some(fault) = first else {
        return "the event does not fit the route's schema".to_owned();
    };
    let place = match &*fault.pointer {
        "" => String::new(),
        pointer => format!(" at `{pointer}`"),
    };
    let more = match more {
        (0, false) => String::new(),
        (1, false) => "; and 1 fault more".to_owned(),
        (count, false) => format!("; and {count} faults more"),
        (count, true) => format!("; and more than {count} faults more"),
    };
    let detail = &fault.detail;
    format!("the event does not fit the route's schema{place}: {detail}{more}")
}
