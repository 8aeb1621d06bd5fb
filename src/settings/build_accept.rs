//! What a route takes and how it answers: its own keys over those of `defaults`.

use std::time::Duration;

use super::as_run::{Accept, After, BatchReply, Formats, Otherwise, Pixel, ReplyRule};
use super::as_written::{self, Defaults, Encoding, Format};
use super::build::{between, key_place};
use super::gather::Parts;
use super::node;
use super::route_text::RouteText;
use crate::admit::{Coding, Encodings};
use crate::limits;
use crate::map::{Issue, Node};

/// `reply.within` at least.
const WITHIN_MIN: Duration = Duration::from_millis(1);

/// The forms of a body that a route takes.
pub(super) fn formats(written: &as_written::Route, parts: &Parts) -> Formats {
    let own = written
        .accept
        .as_ref()
        .and_then(|accept| accept.formats.as_ref());
    let shared = parts
        .defaults
        .as_ref()
        .and_then(|(defaults, _)| defaults.accept.as_ref());
    let shared = shared.and_then(|accept| accept.formats.as_ref());
    formats_of(own.or(shared))
}

fn formats_of(written: Option<&Vec<Format>>) -> Formats {
    let has = |format| written.is_none_or(|formats| formats.contains(&format));
    let named = |format| written.is_some_and(|formats| formats.contains(&format));
    Formats {
        json: has(Format::Json),
        json_array: has(Format::JsonArray),
        ndjson: has(Format::Ndjson),
        json_seq: named(Format::JsonSeq),
        cloudevents: named(Format::Cloudevents),
        form: named(Format::Form),
        query: named(Format::Query),
        text_plain: false,
        raw: named(Format::Raw),
    }
}

/// What bodies a route takes.
pub(super) fn accept(
    node: &Node,
    written: &as_written::Route,
    defaults: &Defaults,
    issues: &mut Vec<Issue>,
) -> Accept {
    let own = written.accept.clone().unwrap_or_default();
    let shared = defaults.accept.clone().unwrap_or_default();
    let at = |key| key_place(node, &["accept", key]);
    let listed = own.formats.or(shared.formats);
    let mut formats = formats_of(listed.as_ref());
    formats.text_plain = own.text_plain.or(shared.text_plain).unwrap_or(false);
    if formats.raw && listed.as_ref().is_some_and(|listed| listed.len() > 1) {
        issues.push(Issue {
            at: at("formats"),
            message: "`raw` stands beside other formats".to_owned(),
            help: Some("`raw` takes any bytes, so nothing could tell the others from it: let it stand alone".to_owned()),
        });
    }
    let mut bytes =
        |key, size: Option<sluicegate_contract::ByteSize>, normal: usize, most: usize| {
            let Some(size) = size else { return normal };
            let value = usize::try_from(size.0).unwrap_or(usize::MAX);
            if value == 0 || value > most {
                let most = sluicegate_contract::ByteSize(most as u64);
                issues.push(Issue {
                    at: at(key),
                    message: format!("`{key}` is {size}"),
                    help: Some(format!("it must be from 1B to {most}")),
                });
            }
            value
        };
    let request_bytes = bytes(
        "request_bytes",
        own.request_bytes.or(shared.request_bytes),
        limits::REQUEST_BYTES_DEFAULT,
        limits::REQUEST_BYTES_MAX,
    );
    let event_bytes = bytes(
        "event_bytes",
        own.event_bytes.or(shared.event_bytes),
        limits::EVENT_BYTES_DEFAULT.min(request_bytes),
        limits::EVENT_BYTES_MAX,
    );
    if event_bytes > request_bytes {
        issues.push(Issue {
            at: at("event_bytes"),
            message: "`event_bytes` is larger than `request_bytes`".to_owned(),
            help: Some(
                "a body holds its events: raise `request_bytes` or lower `event_bytes`".to_owned(),
            ),
        });
    }
    let events = own
        .events
        .or(shared.events)
        .map_or(limits::EVENTS_DEFAULT, |events| {
            usize::try_from(events)
                .unwrap_or(limits::EVENTS_MAX)
                .min(limits::EVENTS_MAX)
        });
    Accept {
        formats,
        event_bytes,
        request_bytes,
        events,
        encodings: encodings(own.encodings.or(shared.encodings).as_deref()),
    }
}

fn encodings(written: Option<&[Encoding]>) -> Encodings {
    let coding = |encoding: &Encoding| match encoding {
        Encoding::Gzip => Coding::Gzip,
        Encoding::Deflate => Coding::Deflate,
        Encoding::Zstd => Coding::Zstd,
        Encoding::Br => Coding::Brotli,
    };
    let Some(written) = written else {
        return Encodings::ALL;
    };
    let codings: Vec<Coding> = written.iter().map(coding).collect();
    Encodings::of(&codings)
}

/// Notes a route that takes events from its query and is no GET: what has a body has its event
/// there, and a HEAD is asked for nothing.
pub(super) fn query_of(
    node: &Node,
    formats: &Formats,
    text: Option<&RouteText>,
    issues: &mut Vec<Issue>,
) {
    let Some(text) = text.filter(|text| formats.query && text.method != "GET") else {
        return;
    };
    issues.push(Issue {
        at: key_place(node, &["accept", "formats"]),
        message: format!("`query` stands at a {} route", text.method),
        help: Some(format!(
            "an event that is the query comes with a GET: write a route `GET {}` for it, or read \
             `query.NAME` beside the body",
            text.path
        )),
    });
}

/// When and how a route answers.
pub(super) fn reply(
    node: &Node,
    written: &as_written::Route,
    defaults: &Defaults,
    issues: &mut Vec<Issue>,
) -> ReplyRule {
    let own = written.reply.clone().unwrap_or_default();
    let shared = defaults.reply.clone().unwrap_or_default();
    let within = own
        .within
        .or(shared.within)
        .map_or(limits::WITHIN_DEFAULT, |span| span.0);
    let at = key_place(node, &["reply", "within"]);
    between("within", within, WITHIN_MIN, limits::WITHIN_MAX, at, issues);
    let written = node::entry(node, "reply");
    for key in ["status", "body"] {
        let shaped = written.is_some_and(|reply| node::entry(reply, key).is_some());
        if shaped && own.pixel.or(shared.pixel).is_some() {
            issues.push(Issue {
                at: key_place(node, &["reply", key]),
                message: format!("`{key}` stands beside `pixel`, which is the whole answer"),
                help: Some(format!("leave `{key}` or `pixel` out")),
            });
        }
    }
    ReplyRule {
        dead_letter: None,
        after: match own.after.or(shared.after) {
            Some(as_written::After::Any) => After::Any,
            Some(as_written::After::Spooled) => After::Spooled,
            Some(as_written::After::None) => After::None,
            Some(as_written::After::Required) | None => After::Required,
        },
        within,
        otherwise: match own.or_else.or(shared.or_else) {
            Some(as_written::Else::Spooled) => Otherwise::Spool,
            None => Otherwise::Tell,
        },
        receipts: own.receipts.or(shared.receipts).unwrap_or(false),
        pixel: match own.pixel.or(shared.pixel) {
            Some(as_written::Pixel::Gif) => Some(Pixel::Gif),
            Some(as_written::Pixel::None) => Some(Pixel::Nothing),
            None => None,
        },
        batch: match own.batch.or(shared.batch) {
            Some(as_written::BatchReply::PerEvent) => BatchReply::PerEvent,
            Some(as_written::BatchReply::Worst) | None => BatchReply::Worst,
        },
    }
}
