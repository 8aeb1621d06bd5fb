//! Names and values that came percent-encoded, in a body or a query: they become one JSON object,
//! which is the event. All values are text. A name that occurs twice or more has a list of them, in
//! their order.

use std::collections::HashMap;

use bytes::Bytes;

use super::Wanted;
use super::events::Cut;
use super::faults::empty;
use super::scan::scan_value;
use crate::admit::percent_decoded;
use crate::error::{Code, Refusal};
use crate::limits::FORM_FIELDS_MAX;

impl Cut<'_> {
    /// The event that a form is.
    pub(super) fn form(&mut self) -> Result<(), Refusal> {
        if self.body.is_empty() {
            return Err(empty("the form has no fields"));
        }
        self.made(object(self.body, "form", None)?)
    }

    /// The event that a query is, without the key that a client has in it; without a query an
    /// object without members.
    pub(super) fn query(&mut self, query: &str) -> Result<(), Refusal> {
        let hidden = self.scratch.hidden.as_deref();
        self.made(object(query.as_bytes(), "query", hidden)?)
    }

    /// Takes a JSON text that was made here as the one event.
    fn made(&mut self, json: Vec<u8>) -> Result<(), Refusal> {
        self.fits(json.len())?;
        let wanted: &Wanted = self.wanted;
        self.scratch.captures.resize(wanted.len(), None);
        let (stack, captures) = (&mut self.scratch.stack, &mut self.scratch.captures);
        let scanned = scan_value(&json, 0, 0, wanted, stack, captures);
        let whole = scanned.map_err(|fault| self.refusal(fault, 0))?;
        self.push(0, json.len(), Some(whole.kind))?;
        self.scratch.text = Some(Bytes::from(json));
        Ok(())
    }
}

/// Fields by their name, in the order in which the names came.
type Fields<'b> = Vec<(String, Vec<&'b [u8]>)>;

fn object(pairs: &[u8], what: &str, hidden: Option<&str>) -> Result<Vec<u8>, Refusal> {
    let mut fields: Fields<'_> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let given = pairs
        .split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty());
    for (count, pair) in given.enumerate() {
        if count >= FORM_FIELDS_MAX {
            let detail = format!("the {what} has more than {FORM_FIELDS_MAX} fields");
            return Err(Refusal::new(Code::FormInvalid, detail));
        }
        let at = memchr::memchr(b'=', pair).unwrap_or(pair.len());
        let (name, value) = pair.split_at(at);
        let value = value.get(1..).unwrap_or_default();
        let name = decoded(name).ok_or_else(|| {
            let detail = format!("name {count} of the {what} is not percent-encoded UTF-8");
            Refusal::new(Code::FormInvalid, detail)
        })?;
        if hidden == Some(name.as_str()) {
            continue;
        }
        let place = *places.entry(name.clone()).or_insert_with(|| {
            fields.push((name, Vec::new()));
            fields.len() - 1
        });
        if let Some((_, values)) = fields.get_mut(place) {
            values.push(value);
        }
    }
    written(&fields, what, pairs.len())
}

fn written(fields: &Fields<'_>, what: &str, bytes: usize) -> Result<Vec<u8>, Refusal> {
    let mut json = Vec::with_capacity(bytes + 16 * fields.len() + 2);
    json.push(b'{');
    for (index, (name, values)) in fields.iter().enumerate() {
        if index > 0 {
            json.push(b',');
        }
        put_text(name, &mut json);
        json.push(b':');
        let is_list = values.len() > 1;
        if is_list {
            json.push(b'[');
        }
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                json.push(b',');
            }
            let value = decoded(value).ok_or_else(|| {
                let name: String = name.chars().take(100).collect();
                let detail =
                    format!("the value of `{name}` in the {what} is not percent-encoded UTF-8");
                Refusal::new(Code::FormInvalid, detail)
            })?;
            put_text(&value, &mut json);
        }
        if is_list {
            json.push(b']');
        }
    }
    json.push(b'}');
    Ok(json)
}

/// Adds a JSON string.
pub(super) fn put_text(text: &str, json: &mut Vec<u8>) {
    // Text into memory: there is nothing that can fail.
    let written = serde_json::to_writer(json, text);
    debug_assert!(written.is_ok());
}

fn decoded(text: &[u8]) -> Option<String> {
    if !text.contains(&b'+') {
        return percent_decoded(text).map(std::borrow::Cow::into_owned);
    }
    let spaced: Vec<u8> = text
        .iter()
        .map(|b| if *b == b'+' { b' ' } else { *b })
        .collect();
    percent_decoded(&spaced).map(std::borrow::Cow::into_owned)
}
