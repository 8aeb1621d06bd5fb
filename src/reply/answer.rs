//! An answer while it is put together: its status and its fields, in the order of the response.

use smallvec::SmallVec;

use super::form::Form;
use crate::http::{Applied as _, Handling, ResponseWriter, Returned};

/// A response without its body.
pub(super) struct Answer<'a> {
    status: u16,
    fields: SmallVec<[(&'a str, &'a [u8]); 8]>,
}

impl<'a> Answer<'a> {
    /// An answer of this status.
    pub(super) fn new(status: u16) -> Self {
        Self {
            status,
            fields: SmallVec::new(),
        }
    }

    /// Adds a field.
    pub(super) fn add(&mut self, name: &'a str, value: &'a str) {
        self.fields.push((name, value.as_bytes()));
    }

    /// Adds a field that may not be needed.
    pub(super) fn add_some(&mut self, name: &'a str, value: Option<&'a str>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }

    /// Says what type the body is of, unless there is none or the route says it itself.
    pub(super) fn add_kind(&mut self, kind: Option<&'a str>, form: &Form) {
        if self.status != 204 && !form.names_type() {
            self.add_some("Content-Type", kind);
        }
    }

    /// Adds the fields that the route sets.
    pub(super) fn add_form(&mut self, form: &'a Form) {
        for (name, value) in &form.headers {
            self.add(name, value);
        }
    }

    /// Writes it.
    pub(super) fn write(self, writer: ResponseWriter<'_>, body: &[u8]) {
        writer.write(self.status, &self.fields, body);
    }
}

/// The preferences that an answer honours.
#[derive(Default)]
pub(super) struct Applied {
    returned: Option<Returned>,
    handling: Option<Handling>,
    both: String,
}

impl Applied {
    /// The answer says as much as was wished.
    pub(super) fn returned(&mut self, wish: Option<Returned>) {
        self.returned = wish;
    }

    /// The answer's status is the one that was wished.
    pub(super) fn handling(&mut self, wish: Option<Handling>) {
        self.handling = wish;
    }

    /// The value of `Preference-Applied`, where there is something to say.
    pub(super) fn as_str(&mut self) -> Option<&str> {
        let returned = self.returned.map(|wish| wish.applied());
        let handling = self.handling.map(|wish| wish.applied());
        match (returned, handling) {
            (Some(returned), Some(handling)) => {
                self.both = format!("{returned}, {handling}");
                Some(&self.both)
            }
            (one, other) => one.or(other),
        }
    }
}
