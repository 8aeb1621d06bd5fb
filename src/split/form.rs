//! Which form a body has: by its Content-Type among those that the route accepts, then by its
//! first byte.

use super::scan::skip_space;
use crate::error::{Code, Refusal};
use crate::settings::Formats;

/// Bytes of a Content-Type that an answer repeats.
const SHOWN_BYTES_MAX: usize = 100;

/// A form of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    JsonArray,
    Lines,
    /// Texts between record separators.
    Sequence,
    /// Names and values, percent-encoded.
    Pairs,
    Raw,
}

/// Chooses the form, or says what the route accepts.
pub(super) fn choose(
    content_type: Option<&[u8]>,
    body: &[u8],
    formats: Formats,
) -> Result<Form, Refusal> {
    if formats.raw {
        return Ok(Form::Raw);
    }
    let Some(media) = content_type.map_or(Some(Media::Json), media) else {
        return Err(refusal(&foreign(content_type), formats));
    };
    if content_type.is_some_and(has_foreign_charset) {
        return Err(refusal(
            "a charset other than utf-8 is not accepted",
            formats,
        ));
    }
    let is_array = body.get(skip_space(body, 0)) == Some(&b'[');
    match media {
        Media::Text if !formats.text_plain => {
            let what = "a text/plain body is not accepted (`accept.text_plain` is not set)";
            Err(refusal(what, formats))
        }
        Media::Lines if formats.ndjson => Ok(Form::Lines),
        Media::Sequence if formats.json_seq => Ok(Form::Sequence),
        Media::Pairs if formats.form => Ok(Form::Pairs),
        Media::Sequence => Err(refusal("a JSON text sequence is not accepted", formats)),
        Media::Pairs => Err(refusal("a form is not accepted", formats)),
        Media::Json | Media::Text if is_array && formats.json_array => Ok(Form::JsonArray),
        Media::Json | Media::Text if formats.json => Ok(Form::Json),
        // Nothing was sent: that is what to say, not that it should have been an array.
        Media::Json | Media::Text if formats.json_array && skip_space(body, 0) == body.len() => {
            Ok(Form::Json)
        }
        Media::Json | Media::Text if formats.json_array => {
            let what = "the body must be an array of events: it must begin with `[`";
            Err(refusal(what, formats))
        }
        Media::Json if content_type.is_none() => {
            let what = "a body without a Content-Type counts as JSON, which is not accepted";
            Err(refusal(what, formats))
        }
        Media::Json | Media::Text => Err(refusal("a JSON body is not accepted", formats)),
        Media::Lines => Err(refusal("a body of JSON lines is not accepted", formats)),
    }
}

/// That a Content-Type is none that any route takes, naming it.
fn foreign(content_type: Option<&[u8]>) -> String {
    let named = media_type(content_type.unwrap_or_default());
    let named: String = named
        .iter()
        .take(SHOWN_BYTES_MAX)
        .filter(|byte| byte.is_ascii_graphic() && **byte != b'`')
        .map(|&byte| char::from(byte))
        .collect();
    format!("the Content-Type `{named}` is not accepted")
}

enum Media {
    Json,
    Lines,
    Sequence,
    Pairs,
    Text,
}

fn media(content_type: &[u8]) -> Option<Media> {
    let essence = media_type(content_type);
    let is = |name: &str| essence.eq_ignore_ascii_case(name.as_bytes());
    if is_json(content_type) {
        return Some(Media::Json);
    }
    if is("application/json-seq") || ends_with(essence, b"+json-seq") {
        return Some(Media::Sequence);
    }
    if is("application/x-www-form-urlencoded") {
        return Some(Media::Pairs);
    }
    if is("text/plain") {
        return Some(Media::Text);
    }
    let lines = [
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
    ];
    lines.into_iter().any(is).then_some(Media::Lines)
}

/// A Content-Type without its parameters.
pub(super) fn media_type(content_type: &[u8]) -> &[u8] {
    let essence = content_type.split(|&byte| byte == b';').next();
    essence.unwrap_or_default().trim_ascii()
}

/// Whether a Content-Type is that of a JSON value.
pub(super) fn is_json(content_type: &[u8]) -> bool {
    let essence = media_type(content_type);
    essence.eq_ignore_ascii_case(b"application/json") || ends_with(essence, b"+json")
}

fn ends_with(essence: &[u8], suffix: &[u8]) -> bool {
    let at = essence.len().checked_sub(suffix.len());
    at.and_then(|at| essence.get(at..))
        .is_some_and(|end| end.eq_ignore_ascii_case(suffix))
}

pub(super) fn has_foreign_charset(content_type: &[u8]) -> bool {
    content_type
        .split(|&byte| byte == b';')
        .skip(1)
        .any(|parameter| {
            let mut halves = parameter.splitn(2, |&byte| byte == b'=');
            let name = halves.next().unwrap_or_default().trim_ascii();
            let value = halves.next().unwrap_or_default().trim_ascii();
            let value = value.strip_prefix(b"\"").unwrap_or(value);
            let value = value.strip_suffix(b"\"").unwrap_or(value);
            name.eq_ignore_ascii_case(b"charset")
                && !value.eq_ignore_ascii_case(b"utf-8")
                && !value.eq_ignore_ascii_case(b"utf8")
        })
}

fn refusal(what: &str, formats: Formats) -> Refusal {
    let mut accepted = Vec::new();
    if formats.json {
        accepted.push("one JSON event (application/json)");
    }
    if formats.json_array {
        accepted.push("an array of JSON events (application/json)");
    }
    if formats.ndjson {
        accepted.push("JSON lines (application/x-ndjson)");
    }
    if formats.json_seq {
        accepted.push("a JSON text sequence (application/json-seq)");
    }
    if formats.cloudevents {
        accepted.push(
            "CloudEvents (application/cloudevents+json, application/cloudevents-batch+json, or \
             `ce-…` header fields)",
        );
    }
    if formats.form {
        accepted.push("a form (application/x-www-form-urlencoded)");
    }
    if formats.query {
        accepted.push("a query without a body");
    }
    let detail = format!("{what}; this route accepts {}", accepted.join(", "));
    Refusal::new(Code::FormatUnsupported, detail)
}
