//! One request through all the steps up to dispatch, and the answer that it would get: what `try`,
//! `test` and the sandbox's demo show. Nothing is sent.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use sluicegate_contract::{Outcome, ReasonKind, Receipt, Record};

use super::admission::{Approach, admit, auth_view};
use super::refused::RefusalShape;
use super::{Arrival, entry, render, take_apart};
use crate::admit::{Admission, EventJudge, answer_options};
use crate::dispatch::{Item, Manifest, Target};
use crate::error::{Code, Refusal};
use crate::http::{Head, HeadIndex, ResponseWriter, Span};
use crate::limits::HEADER_BLOCK_BYTES_MAX;
use crate::reply;
use crate::rooms;
use crate::route::Routes;
use crate::settings::{After, Settings};
use crate::settle::{Entry, Spooling, Verdict};
use crate::split::Scratch;

/// A request to rehearse.
#[derive(Clone, Debug)]
pub struct RehearsalRequest {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Header fields.
    pub headers: Vec<(String, String)>,
    /// The client that it is taken for, by its place in the settings: a rehearsal has no keys.
    pub client: Option<usize>,
    /// The client's address; 127.0.0.1 where it is `None`.
    pub source_ip: Option<IpAddr>,
    /// The body.
    pub body: Vec<u8>,
    /// What `now()` and `request.time` are.
    pub time: SystemTime,
    /// What `request.id` is.
    pub id: u128,
}

/// What becomes of the records of a binding, by its name; delivered where nothing is said.
pub type Given = BTreeMap<String, Outcome>;

/// The name of the spool among what is given.
pub const SPOOL: &str = "spool";

/// A record that would be sent.
#[derive(Clone, Debug)]
pub struct RehearsedRecord {
    /// The place of its event in the body.
    pub event: usize,
    /// The place of its binding in the route.
    pub binding: usize,
    /// The record.
    pub record: Record,
}

/// What would happen.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    /// The place of the route that fits, if one does.
    pub route: Option<usize>,
    /// The records, in the order in which they would be handed over.
    pub records: Vec<RehearsedRecord>,
    /// The answer's status.
    pub status: u16,
    /// The answer's header fields.
    pub fields: Vec<(String, String)>,
    /// The answer's body.
    pub body: Vec<u8>,
    /// Why the answer is not shaped although its route shapes it.
    pub unshaped: Option<String>,
    /// How long each step took, by a clock that never goes back.
    pub times: Vec<(&'static str, Duration)>,
}

impl Rehearsal {
    /// Notes what the steps since `began` took, and begins the next.
    fn mark(&mut self, step: &'static str, began: &mut Instant) {
        let now = Instant::now();
        self.times.push((step, now.duration_since(*began)));
        *began = now;
    }
}

/// Takes one request through `route`, `admit`, `split` and `map`, as `serve` does, and answers it
/// as if its records had these outcomes.
#[must_use]
pub fn rehearse(settings: &Settings, request: &RehearsalRequest, given: &Given) -> Rehearsal {
    let mut rehearsal = Rehearsal {
        route: None,
        records: Vec::new(),
        status: 0,
        fields: Vec::new(),
        body: Vec::new(),
        unshaped: None,
        times: Vec::new(),
    };
    let mut answer = Answer::default();
    let mut scratch = reply::Scratch::default();
    if let Err(refusal) = play(settings, request, given, &mut rehearsal, &mut answer) {
        let head_only = request.method == "HEAD";
        let mut began = Instant::now();
        let writer = ResponseWriter::new(&mut answer.bytes, true, head_only).with(&answer.fields);
        let shape = answer.shape.as_ref().map(RefusalShape::parts);
        let written = reply::write_refusal(&refusal, request.id, shape, writer, &mut scratch);
        rehearsal.unshaped = written.unshaped;
        rehearsal.mark("reply", &mut began);
    }
    read_answer(&answer.bytes, &mut rehearsal);
    rehearsal
}

/// An answer as it would be sent, and the header fields that it carries whatever it says.
#[derive(Default)]
struct Answer {
    bytes: Vec<u8>,
    fields: Box<[u8]>,
    /// How a refusal is shaped that comes in the next step.
    shape: Option<RefusalShape>,
}

fn play(
    settings: &Settings,
    request: &RehearsalRequest,
    given: &Given,
    rehearsal: &mut Rehearsal,
    answer: &mut Answer,
) -> Result<(), Refusal> {
    let wrong = |(_, message): (usize, String)| Refusal::new(Code::Internal, message);
    let routes = Routes::new(&settings.routes).map_err(wrong)?;
    let (text, index) = head_of(request)?;
    let head = Head::new(&text, &index);
    if let Some(ready) = answer_options(&routes, &head) {
        let ready = ready?;
        rehearsal.route = Some(ready.route);
        let writer = ResponseWriter::new(&mut answer.bytes, true, false).with(&ready.fields);
        writer.write(ready.status, &[], b"");
        return Ok(());
    }
    let cors = routes.cors_of(&head, settings.server.cors.as_deref());
    answer.fields = cors.map(|rule| rule.fields(&head)).unwrap_or_default();
    let admission = Admission::rehearsed(settings, request.client);
    let approach = Approach {
        head: &head,
        length: Some(request.body.len() as u64),
        source_ip: request.source_ip.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        time: Some(request.time),
    };
    let mut began = Instant::now();
    // `admit` asks the table of routes itself: this is for its time alone.
    let _ = routes.find(&head);
    rehearsal.mark("route", &mut began);
    let (id, time) = (request.id, request.time);
    answer.shape = RefusalShape::of_head(&routes, &head, id, time, approach.source_ip);
    let permit = admit(&admission, &routes, &approach);
    rehearsal.mark("admit", &mut began);
    if let [.., (_, route), (_, admit)] = rehearsal.times.as_mut_slice() {
        *admit = admit.saturating_sub(*route);
    }
    let permit = match permit {
        Ok(permit) => permit,
        Err(turned) => {
            rehearsal.route = turned.route;
            return Err(turned.refusal);
        }
    };
    rehearsal.route = Some(permit.route().index);
    let body = Bytes::copy_from_slice(&request.body);
    let arrival = Arrival {
        permit: &permit,
        auth: auth_view(&admission, &permit),
        head: &head,
        body: &body,
        id,
        time,
    };
    play_arrival(settings, &arrival, given, rehearsal, answer)
}

/// All steps of a request that was let in.
fn play_arrival(
    settings: &Settings,
    arrival: &Arrival<'_>,
    given: &Given,
    rehearsal: &mut Rehearsal,
    answer: &mut Answer,
) -> Result<(), Refusal> {
    let targets: Vec<Target> = rooms::rehearsed(settings);
    answer.shape = RefusalShape::of_arrival(arrival, None);
    let mut events = Scratch::hiding(settings.key_places.query.as_deref());
    let mut manifest = Manifest::default();
    let mut judge = EventJudge::default();
    let mut began = Instant::now();
    let taken = take_apart(arrival, &mut events);
    rehearsal.mark("split", &mut began);
    let body = taken?;
    let mapped = render(
        arrival,
        &body,
        &targets,
        &mut events,
        &mut judge,
        &mut manifest,
    );
    rehearsal.mark("map", &mut began);
    mapped?;
    if events.events.len() == 1
        && let Some(refusal) = manifest.refusals.pop()
    {
        answer.shape = RefusalShape::of_arrival(arrival, manifest.kept.take());
        return Err(refusal);
    }
    let spools = arrival.permit.route().reply.after == After::Spooled;
    let mut entry = entry(arrival, Instant::now(), &events, &mut manifest, spools);
    settle(settings, &mut entry, manifest, given, rehearsal);
    began = Instant::now();
    let verdict = Verdict::judge(&entry);
    let mut scratch = reply::Scratch::default();
    let writer = ResponseWriter::new(&mut answer.bytes, true, false).with(&answer.fields);
    rehearsal.unshaped = reply::write_verdict(&entry, &verdict, writer, &mut scratch).unshaped;
    rehearsal.mark("reply", &mut began);
    Ok(())
}

/// Gives every record its outcome, and notes it.
fn settle(
    settings: &Settings,
    entry: &mut Entry,
    manifest: Manifest,
    given: &Given,
    rehearsal: &mut Rehearsal,
) {
    for (place, item) in manifest.items.into_iter().enumerate() {
        let binding = usize::from(item.binding);
        if entry.route.reply.after != After::Spooled {
            entry.settle(place as u32, outcome(settings, entry, &item, given));
        }
        rehearsal.records.push(RehearsedRecord {
            event: item.event as usize,
            binding,
            record: item.record,
        });
    }
    let spilling = entry.spilling();
    if !spilling.is_empty() {
        entry.spill(&spilling);
    }
    if entry.spooling == Spooling::Waiting {
        entry.spooled(spooled(given));
    }
}

/// What the spool says: what is given of it, or it is stored.
fn spooled(given: &Given) -> Result<(), Code> {
    match given.get(SPOOL).and_then(Outcome::reason) {
        None => Ok(()),
        Some(reason) if reason.kind() == ReasonKind::QueueFull => Err(Code::SpoolFull),
        Some(_) => Err(Code::SpoolUnavailable),
    }
}

/// What becomes of a record: what is given, or it is delivered, with a receipt as its target might
/// give it.
fn outcome(settings: &Settings, entry: &Entry, item: &Item, given: &Given) -> Outcome {
    let binding = entry.route.bindings.get(usize::from(item.binding));
    match binding.and_then(|binding| given.get(&*binding.name)) {
        None | Some(Outcome::Delivered(Receipt::Nothing)) => {
            let target = settings.targets.get(usize::from(item.target));
            let kind = target.map_or("", |target| target.room.kind());
            Outcome::Delivered(rooms::rehearsed_receipt(kind))
        }
        Some(outcome) => outcome.clone(),
    }
}

/// The request's head as bytes with their index. The parser is not asked: what the user writes
/// here is not HTTP.
fn head_of(request: &RehearsalRequest) -> Result<(Vec<u8>, HeadIndex), Refusal> {
    let mut text = Vec::new();
    let mut put = |part: &str| {
        let start = text.len();
        text.extend_from_slice(part.as_bytes());
        let offset = |at: usize| u16::try_from(at).unwrap_or(u16::MAX);
        Span {
            start: offset(start),
            end: offset(text.len()),
        }
    };
    let (path, query) = match request.target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (request.target.as_str(), None),
    };
    let mut index = HeadIndex {
        method: put(&request.method),
        path: put(path),
        query: query.map(&mut put),
        ..HeadIndex::default()
    };
    for (name, value) in &request.headers {
        index.fields.push((put(name), put(value.trim())));
    }
    if text.len() > HEADER_BLOCK_BYTES_MAX {
        let detail = format!("the head is larger than {HEADER_BLOCK_BYTES_MAX} bytes");
        return Err(Refusal::new(Code::HeadersTooLarge, detail));
    }
    if !path.starts_with('/') || !path.is_ascii() {
        let detail = format!("`{path}` is not a path: it starts with `/` and is ASCII");
        return Err(Refusal::new(Code::RequestMalformed, detail));
    }
    Ok((text, index))
}

/// Reads back what a [`ResponseWriter`] wrote.
fn read_answer(answer: &[u8], rehearsal: &mut Rehearsal) {
    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap_or(answer.len());
    let head = String::from_utf8_lossy(&answer[..end]);
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    rehearsal.status = status
        .and_then(|status| status.parse().ok())
        .unwrap_or_default();
    rehearsal.fields = lines
        .filter_map(|line| line.split_once(": "))
        .filter(|(name, _)| *name != "Date")
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    rehearsal.body = answer.get(end + 4..).unwrap_or_default().to_vec();
}
