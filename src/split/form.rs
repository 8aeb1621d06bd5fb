//! Which form a body has: by its Content-Type among those that the route accepts, then by its
//! first byte.

use super::scan::skip_space;
use crate::error::{Code, Refusal};
use crate::settings::Formats;

/// A form of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    JsonArray,
    Lines,
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
        let what = "this Content-Type is not accepted";
        return Err(refusal(what, formats));
    };
    if content_type.is_some_and(has_foreign_charset) {
        return Err(refusal(
            "a charset other than utf-8 is not accepted",
            formats,
        ));
    }
    let is_array = body.get(skip_space(body, 0)) == Some(&b'[');
    match media {
        Media::Lines if formats.ndjson => Ok(Form::Lines),
        Media::Json if is_array && formats.json_array => Ok(Form::JsonArray),
        Media::Json if formats.json => Ok(Form::Json),
        // Nothing was sent: that is what to say, not that it should have been an array.
        Media::Json if formats.json_array && skip_space(body, 0) == body.len() => Ok(Form::Json),
        Media::Json if formats.json_array => {
            let what = "the body must be an array of events: it must begin with `[`";
            Err(refusal(what, formats))
        }
        Media::Json => Err(refusal("a JSON body is not accepted", formats)),
        Media::Lines => Err(refusal("a body of JSON lines is not accepted", formats)),
    }
}

enum Media {
    Json,
    Lines,
}

fn media(content_type: &[u8]) -> Option<Media> {
    let essence = content_type.split(|&byte| byte == b';').next()?;
    let essence = essence.trim_ascii();
    let is = |name: &str| essence.eq_ignore_ascii_case(name.as_bytes());
    let suffix = essence.len().checked_sub(b"+json".len());
    let suffix = suffix.and_then(|at| essence.get(at..)).unwrap_or_default();
    if is("application/json") || suffix.eq_ignore_ascii_case(b"+json") {
        return Some(Media::Json);
    }
    let lines = [
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
    ];
    lines.into_iter().any(is).then_some(Media::Lines)
}

fn has_foreign_charset(content_type: &[u8]) -> bool {
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
    let detail = format!("{what}; this route accepts {}", accepted.join(", "));
    Refusal::new(Code::FormatUnsupported, detail)
}
