//! One event under one mapping: reads slots, computes each `let` at most once for a record.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::OnceLock;

use bytes::Bytes;
use bytestring::ByteString;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::macros::format_description;

use super::compute::compute;
use super::evaluate::evaluate;
use super::expression::{Expression, ExpressionPlan};
use super::found::{Found, write_json_string};
use super::plan::{EventView, Plan};
use super::slots::{Field, Read, Slot};
use super::template::{Part, Template};
use super::trouble::Trouble;
use crate::split::{Capture, CaptureKind, PathId};

pub(super) struct Frame<'e> {
    pub(super) plan: &'e Plan,
    pub(super) event: &'e EventView<'e>,
    /// What an answer is given; nothing for a mapping.
    given: &'e [Result<Found, Trouble>],
    lets: Box<[OnceLock<Result<Found, Trouble>>]>,
}

/// What went wrong, and in which expression of the file.
pub(super) type Fault<'t> = (Trouble, &'t str);

impl<'e> Frame<'e> {
    pub(super) fn new(plan: &'e Plan, event: &'e EventView<'e>) -> Self {
        // Allocates nothing where nothing is computed.
        let lets = plan.lets.iter().map(|_| OnceLock::new()).collect();
        Self {
            plan,
            event,
            given: &[],
            lets,
        }
    }

    /// A frame for the expressions of an answer.
    pub(super) fn of_reply(
        plan: &'e Plan,
        event: &'e EventView<'e>,
        given: &'e [Result<Found, Trouble>],
    ) -> Self {
        Self {
            given,
            ..Self::new(plan, event)
        }
    }

    /// What an answer is given under this number.
    pub(super) fn given(&self, number: usize, slot: &Slot) -> Result<&'e Found, Trouble> {
        match self.given.get(number) {
            Some(Ok(Found::Absent)) if !slot.optional => Err(Trouble::Missing(slot.shown.clone())),
            Some(found) => found.as_ref().map_err(Clone::clone),
            None => Err(Trouble::Internal("an answer is not given what it reads")),
        }
    }

    /// The value of a template.
    pub(super) fn template<'t>(&self, template: &'t Template) -> Result<Found, Fault<'t>> {
        match template {
            Template::Fixed(found) => Ok(found.clone()),
            Template::One(expression) => self.expression(expression),
            Template::Text(parts) => self.text(parts),
            Template::Map(_) | Template::List(_) => {
                let mut json = Vec::new();
                self.compose(template, &mut json)?;
                let kind = match template {
                    Template::Map(_) => CaptureKind::Object,
                    _ => CaptureKind::Array,
                };
                Ok(Found::Json(Bytes::from(json), kind))
            }
        }
    }

    /// The value of an expression.
    pub(super) fn expression<'t>(&self, expression: &'t Expression) -> Result<Found, Fault<'t>> {
        let found = match &expression.plan {
            ExpressionPlan::Fixed(found) => Ok(found.clone()),
            ExpressionPlan::Slot(slot) => self.slot(*slot),
            ExpressionPlan::OrValue(slot, default) => match self.slot(*slot) {
                Ok(Found::Absent) => Ok(default.clone()),
                found => found,
            },
            ExpressionPlan::Formula(formula) => compute(self, formula),
            ExpressionPlan::Program(program) => evaluate(self, program),
        };
        found.map_err(|trouble| (trouble, &*expression.text))
    }

    fn text<'t>(&self, parts: &'t [Part]) -> Result<Found, Fault<'t>> {
        let mut whole = String::new();
        for part in parts {
            match part {
                Part::Literal(text) => whole.push_str(text),
                Part::Value(expression) => {
                    let found = self.expression(expression)?;
                    let Some(text) = found.text() else {
                        let what = format!("{} cannot stand inside of a text", found.describe());
                        return Err((Trouble::unusable(what), &expression.text));
                    };
                    whole.push_str(&text);
                }
            }
        }
        Ok(Found::Text(ByteString::from(whole)))
    }

    /// Writes a map or list of the file as JSON. `false`: it is absent, and nothing was written.
    fn compose<'t>(&self, template: &'t Template, out: &mut Vec<u8>) -> Result<bool, Fault<'t>> {
        let (entries, open, close): (Vec<(Option<&str>, &'t Template)>, u8, u8) = match template {
            Template::Map(entries) => {
                let entries = entries.iter().map(|(name, value)| (Some(&**name), value));
                (entries.collect(), b'{', b'}')
            }
            Template::List(elements) => {
                let elements = elements.iter().map(|value| (None, value));
                (elements.collect(), b'[', b']')
            }
            _ => {
                let found = self.template(template)?;
                let written = found.write_json(out);
                if !written && found != Found::Absent {
                    let what = "bytes have no JSON form: use base64(…)";
                    return Err((Trouble::unusable(what), template.shown()));
                }
                return Ok(written);
            }
        };
        out.push(open);
        let mut first = true;
        for (name, value) in entries {
            let before = out.len();
            if !first {
                out.push(b',');
            }
            if let Some(name) = name {
                write_json_string(name, out);
                out.push(b':');
            }
            if self.compose(value, out)? {
                first = false;
            } else {
                out.truncate(before);
            }
        }
        out.push(close);
        Ok(true)
    }

    /// The value of a computed `let`.
    pub(super) fn computed(&self, index: usize) -> Result<&Found, Trouble> {
        let needs = self
            .plan
            .lets
            .get(index)
            .map_or(&[][..], |known| &known.needs);
        for &needed in needs {
            // Its trouble is told by what uses it, if that comes to use it.
            let _ = self.computed_alone(needed);
        }
        self.computed_alone(index)
    }

    fn computed_alone(&self, index: usize) -> Result<&Found, Trouble> {
        let Some((cell, known)) = self.lets.get(index).zip(self.plan.lets.get(index)) else {
            return Err(Trouble::Internal("a `let` is not there"));
        };
        let value = || self.template(&known.value).map_err(|(trouble, _)| trouble);
        cell.get_or_init(value).as_ref().map_err(Clone::clone)
    }

    pub(super) fn slot(&self, slot: usize) -> Result<Found, Trouble> {
        match self.plan.slots.get(slot) {
            Some(slot) => self.slot_of(slot),
            None => Err(Trouble::Internal("a slot is not there")),
        }
    }

    /// What a slot reads.
    pub(super) fn slot_of(&self, slot: &Slot) -> Result<Found, Trouble> {
        match &slot.read {
            Read::Event => Ok(self.event()),
            Read::Field(field) => match self.field(field, slot)? {
                Some(capture) => Ok(Found::Json(self.bytes(capture)?, capture.kind)),
                None => Ok(Found::Absent),
            },
            Read::HasField(field) => Ok(Found::from_boolean(self.has(field)?)),
            Read::FieldText(field) => match self.field(field, slot)? {
                Some(capture) => text(self.bytes(capture)?),
                None => Ok(Found::Absent),
            },
            Read::EventText => match self.event() {
                Found::Json(json, _) => text(json),
                found => Ok(found),
            },
            Read::Body => Ok(Found::Bytes(self.event.received.clone())),
            Read::Let(index) => self.computed(*index).cloned(),
            Read::Given(number, _) => self.given(*number, slot).cloned(),
            Read::Fixed(found) => Ok(found.clone()),
            Read::Millis => Ok(Found::from_integer(self.millis())),
            Read::HasQuery(name) => Ok(Found::from_boolean(self.query(name)?.is_some())),
            Read::HasHeader(name) => Ok(Found::from_boolean(self.header(name).is_some())),
            Read::HasAuthLabel(name) => Ok(Found::from_boolean(self.auth_label(name).is_some())),
            read => match self.request_text(read)? {
                Some(text) => Ok(Found::Text(text)),
                None if slot.optional => Ok(Found::Absent),
                None => Err(Trouble::Missing(slot.shown.clone())),
            },
        }
    }

    fn event(&self) -> Found {
        let span = self.event.span;
        let (start, end) = (span.start as usize, span.end as usize);
        let whole = start == 0 && end == self.event.body.len();
        let bytes = match (whole, end <= self.event.body.len() && start <= end) {
            (true, _) => self.event.body.clone(),
            (false, true) => self.event.body.slice(start..end),
            (false, false) => Bytes::new(),
        };
        match span.kind {
            Some(kind) => Found::Json(bytes, kind),
            None => Found::Bytes(bytes),
        }
    }

    /// The capture of a path into the event; `None` where it may be absent and is.
    pub(super) fn field(&self, field: &Field, slot: &Slot) -> Result<Option<Capture>, Trouble> {
        if let Some(capture) = self.capture(field.path) {
            return Ok(Some(capture));
        }
        if let Some((path, shown)) = &field.needed
            && self.capture(*path).is_none()
        {
            return Err(Trouble::Missing(shown.clone()));
        }
        if slot.optional {
            return Ok(None);
        }
        Err(Trouble::Missing(slot.shown.clone()))
    }

    /// Whether a path into the event is there.
    pub(super) fn has(&self, field: &Field) -> Result<bool, Trouble> {
        if self.capture(field.path).is_some() {
            return Ok(true);
        }
        match &field.needed {
            Some((path, shown)) if self.capture(*path).is_none() => {
                Err(Trouble::Missing(shown.clone()))
            }
            _ => Ok(false),
        }
    }

    fn capture(&self, path: PathId) -> Option<Capture> {
        self.event
            .captures
            .get(usize::from(path.0))
            .copied()
            .flatten()
    }

    fn bytes(&self, capture: Capture) -> Result<Bytes, Trouble> {
        let (start, end) = (capture.start as usize, capture.end as usize);
        if start > end || end > self.event.body.len() {
            return Err(Trouble::Internal("a capture is outside of the body"));
        }
        Ok(self.event.body.slice(start..end))
    }

    /// The text of a slot that reads the request; `None` where the request does not have it.
    pub(super) fn request_text(&self, read: &Read) -> Result<Option<ByteString>, Trouble> {
        let request = self.event.request;
        Ok(match read {
            Read::Path(index) => {
                let found = request.path.get(*index);
                found.map(|(_, value)| ByteString::from(&**value))
            }
            Read::Query(name) => self.query(name)?.map(|value| ByteString::from(&*value)),
            Read::Header(name) => match self.header(name) {
                Some(value) => match std::str::from_utf8(value) {
                    Ok(value) => Some(ByteString::from(value)),
                    Err(_) => return Err(Trouble::unusable("the header is not UTF-8")),
                },
                None => None,
            },
            Read::Method => Some(ByteString::from(request.head.method())),
            Read::RequestPath => Some(ByteString::from(request.head.path())),
            Read::Id => {
                let id = uuid::Uuid::from_u128(request.id);
                Some(ByteString::from(id.hyphenated().to_string()))
            }
            Read::Time => Some(self.time()?),
            Read::SourceIp => Some(ByteString::from(source_ip(request.source_ip))),
            Read::AuthName => request.auth.map(|auth| ByteString::from(auth.name)),
            Read::AuthLabel(name) => self.auth_label(name).map(ByteString::from),
            Read::Uuid(call) => Some(self.uuid(*call)),
            _ => return Err(Trouble::Internal("a slot is read in the wrong way")),
        })
    }

    pub(super) fn query(&self, name: &str) -> Result<Option<Cow<'e, str>>, Trouble> {
        let query = self.event.request.head.query().unwrap_or_default();
        for pair in query.split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let key = decoded(key);
            if key.is_some_and(|key| key == name) {
                let broken = Trouble::unusable("the query parameter is not UTF-8");
                return decoded(value).map(Some).ok_or(broken);
            }
        }
        Ok(None)
    }

    pub(super) fn header(&self, name: &str) -> Option<&'e [u8]> {
        self.event.request.head.field(name)
    }

    pub(super) fn auth_label(&self, name: &str) -> Option<&'e str> {
        self.event.request.auth?.label(name)
    }

    pub(super) fn millis(&self) -> i64 {
        let since = self
            .event
            .request
            .time
            .duration_since(std::time::UNIX_EPOCH);
        since.map_or(0, |since| {
            i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
        })
    }

    fn time(&self) -> Result<ByteString, Trouble> {
        let form = format_description!(
            "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
        );
        let time = OffsetDateTime::from(self.event.request.time);
        let text = time.format(&form);
        text.map(ByteString::from)
            .map_err(|_| Trouble::Internal("the time has no text"))
    }

    /// Random to everyone outside, and the same for the same event: a record that is rendered
    /// again is the same record.
    fn uuid(&self, call: u32) -> ByteString {
        let mut hash = Sha256::new();
        hash.update(self.event.request.id.to_be_bytes());
        hash.update((self.event.index as u64).to_be_bytes());
        hash.update(call.to_be_bytes());
        let digest = hash.finalize();
        let bytes = digest.first_chunk::<16>().copied().unwrap_or_default();
        let id = uuid::Builder::from_random_bytes(bytes).into_uuid();
        ByteString::from(id.hyphenated().to_string())
    }
}

fn text(json: Bytes) -> Result<Found, Trouble> {
    let text = ByteString::try_from(json);
    text.map(Found::Text)
        .map_err(|_| Trouble::Internal("an event is not UTF-8"))
}

fn source_ip(address: IpAddr) -> String {
    // An IPv4 client of a dual-stack listener is shown as what it is.
    address.to_canonical().to_string()
}

/// The text of a part of a query: `+` is a space, `%XX` a byte. `None` if it is not UTF-8.
fn decoded(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains(['%', '+']) {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = |at: usize| after.get(at).and_then(|b| char::from(*b).to_digit(16));
        rest = after;
        match (first, hex(0), hex(1)) {
            (b'+', ..) => bytes.push(b' '),
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                rest = after.get(2..).unwrap_or_default();
            }
            _ => bytes.push(first),
        }
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}
