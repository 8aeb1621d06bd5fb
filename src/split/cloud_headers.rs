//! CloudEvents in their binary form: the body is the data, the attributes are `ce-…` header fields.

use super::cloud_events::{REQUIRED, check_time, check_version, wrong};
use super::events::Cut;
use super::form::{has_foreign_charset, is_json};
use super::pairs::put_text;
use super::{Capture, CaptureKind, PathId};
use crate::admit::percent_decoded;
use crate::error::{Code, Refusal};
use crate::http::Head;

impl Cut<'_> {
    /// The body is the data; the attributes are header fields.
    pub(super) fn binary(&mut self, head: &Head<'_>, behind: &mut Vec<u8>) -> Result<(), Refusal> {
        for name in REQUIRED {
            match attribute(head, name)? {
                None => return Err(missing_field(name)),
                Some(text) if text.is_empty() => {
                    return Err(wrong(0, &format!("its `ce-{name}` is empty")));
                }
                Some(text) if name == "specversion" => {
                    check_version(Some(text.as_bytes()), 0)?;
                }
                Some(_) => {}
            }
        }
        let time = attribute(head, "time")?;
        check_time(time.as_deref().map(str::as_bytes), 0)?;
        let kind = head.field("content-type");
        if self.body.is_empty() {
            let mut row = vec![None; self.wanted.len()];
            let (start, end, kind) = self.behind(b"null", true, &mut row, 0, behind)?;
            self.scratch.captures = row;
            self.push(start, end, kind)?;
        } else if kind.is_none_or(is_json) {
            if kind.is_some_and(has_foreign_charset) {
                let detail = "a charset other than utf-8 is not accepted";
                return Err(Refusal::new(Code::FormatUnsupported, detail));
            }
            self.json()?;
        } else {
            self.raw()?;
        }
        self.attributes(head, behind)
    }

    /// Writes the attributes that the mapping reads behind the body.
    fn attributes(&mut self, head: &Head<'_>, behind: &mut Vec<u8>) -> Result<(), Refusal> {
        let base = self.body.len();
        for (name, path) in self.wanted.attributes() {
            let value = match &**name {
                "datacontenttype" => {
                    let kind = head.field("content-type").map(String::from_utf8_lossy);
                    kind.map(std::borrow::Cow::into_owned)
                }
                name => attribute(head, name)?,
            };
            let Some(value) = value else { continue };
            let start = base + behind.len();
            put_text(&value, behind);
            let end = base + behind.len();
            let escaped = behind
                .get(start - base..)
                .is_some_and(|text| text.contains(&b'\\'));
            self.capture(*path, start, end, escaped);
        }
        Ok(())
    }

    fn capture(&mut self, path: PathId, start: usize, end: usize, escaped: bool) {
        let capture = Capture {
            start: u32::try_from(start).unwrap_or(u32::MAX),
            end: u32::try_from(end).unwrap_or(u32::MAX),
            kind: if escaped {
                CaptureKind::EscapedString
            } else {
                CaptureKind::PlainString
            },
        };
        if let Some(slot) = self.scratch.captures.get_mut(usize::from(path.0)) {
            *slot = Some(capture);
        }
    }
}

/// The text of a `ce-…` field: quotes and percent-encoding resolved, as the binding says.
fn attribute(head: &Head<'_>, name: &str) -> Result<Option<String>, Refusal> {
    let mut values = head.fields().filter(|(field, _)| {
        let (start, rest) = field.split_at_checked(3).unwrap_or_default();
        start.eq_ignore_ascii_case("ce-") && rest.eq_ignore_ascii_case(name)
    });
    let Some((_, value)) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(wrong(0, &format!("it has `ce-{name}` twice")));
    }
    let quoted = value
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""));
    let value = match quoted {
        Some(inner) => unquoted(inner),
        None => value.to_vec(),
    };
    match percent_decoded(&value) {
        Some(text) => Ok(Some(text.into_owned())),
        None => Err(wrong(
            0,
            &format!("its `ce-{name}` is not percent-encoded UTF-8"),
        )),
    }
}

/// A quoted text without its backslashes.
fn unquoted(inner: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter().copied();
    while let Some(byte) = bytes.next() {
        text.extend(if byte == b'\\' {
            bytes.next()
        } else {
            Some(byte)
        });
    }
    text
}

fn missing_field(name: &str) -> Refusal {
    wrong(
        0,
        &format!("the request has no `ce-{name}` field, which every CloudEvent has"),
    )
}
