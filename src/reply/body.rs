//! Bodies of answers, as JSON.

use std::io::Write;

use serde::Serialize;
use sluicegate_contract::{Outcome, Receipt};

use super::facts::outcome_of;
use crate::error::{Code, Fault, Refusal};
use crate::settings::After;
use crate::settle::{Entry, EventVerdict, RecordState, Verdict};

/// A buffer for bodies, used again for each answer.
#[derive(Debug, Default)]
pub struct Scratch(Vec<u8>);

impl Scratch {
    pub(super) fn clear(&mut self) -> &mut Vec<u8> {
        self.0.clear();
        &mut self.0
    }
}

/// `{"id":…,"accepted":…,"ack":…}`, written by hand since it is the answer to nearly every request.
pub(super) fn success(body: &mut Vec<u8>, entry: &Entry, verdict: &Verdict) {
    body.extend_from_slice(b"{\"id\":\"");
    write_id(body, entry.id);
    body.extend_from_slice(b"\",\"accepted\":");
    body.extend_from_slice(itoa::Buffer::new().format(verdict.accepted).as_bytes());
    body.extend_from_slice(b",\"ack\":\"");
    body.extend_from_slice(ack(entry, verdict).as_bytes());
    body.push(b'"');
    let repeated = entry.repeated();
    if repeated > 0 {
        body.extend_from_slice(b",\"repeated\":");
        body.extend_from_slice(itoa::Buffer::new().format(repeated).as_bytes());
    }
    body.push(b'}');
}

/// A refusal of a whole request, answered with this status.
pub(super) fn problem(body: &mut Vec<u8>, refusal: &Refusal, id: u128, status: u16) {
    let problem = Problem {
        kind: "about:blank",
        title: refusal.code.doc(),
        status,
        code: refusal.code.as_str(),
        detail: &refusal.detail,
        id: Some(Id(id)),
        event: refusal.event,
        errors: faults(refusal),
        accepted: None,
        ack: None,
        events: None,
    };
    put(body, &problem);
}

/// What exactly was wrong with an event, place by place.
fn faults(refusal: &Refusal) -> Vec<FaultReport<'_>> {
    refusal.errors.iter().map(FaultReport::new).collect()
}

/// An answer of this status that lists every event with what became of it at each target.
pub(super) fn with_events(body: &mut Vec<u8>, entry: &Entry, verdict: &Verdict, status: u16) {
    let repeated = entry.repeated();
    let judged: Vec<EventVerdict> = (0..entry.events.len())
        .map(|event| EventVerdict::judge(entry, event))
        .collect();
    let events = judged
        .iter()
        .enumerate()
        .map(|(index, verdict)| EventReport {
            index,
            outcome: verdict.stored.as_str(),
            code: verdict.code.map(Code::as_str),
            detail: entry.refusal_of(index).map(|refusal| &*refusal.detail),
            errors: entry.refusal_of(index).map(faults).unwrap_or_default(),
            repeated: (repeated > 0 && entry.is_repeated(index)).then_some(true),
            targets: targets(entry, index),
        })
        .collect();
    let (accepted, events) = (Some(verdict.accepted), Some(events));
    let Some(code) = verdict.code else {
        let id = Id(entry.id);
        put(
            body,
            &Report {
                id,
                accepted: verdict.accepted,
                ack: ack(entry, verdict),
                events,
            },
        );
        return;
    };
    let detail = judged
        .get(verdict.worst)
        .map_or_else(String::new, |worst| detail(entry, verdict, worst, code));
    let problem = Problem {
        kind: "about:blank",
        title: code.doc(),
        status,
        code: code.as_str(),
        detail: &detail,
        id: Some(Id(entry.id)),
        event: entry.batch.then_some(verdict.worst as u32),
        errors: Vec::new(),
        accepted,
        ack: (verdict.accepted > 0).then(|| ack(entry, verdict)),
        events,
    };
    put(body, &problem);
}

/// One sentence on the worst event, which was judged so.
pub(super) fn detail(entry: &Entry, verdict: &Verdict, worst: &EventVerdict, code: Code) -> String {
    if let Some(refusal) = entry.refusal_of(verdict.worst) {
        return refusal.detail.clone().into_owned();
    }
    let reason = worst.reason.as_ref();
    match reason {
        Some((record, reason)) => {
            let binding = entry
                .records
                .get(*record)
                .map_or("", |record| binding(entry, record));
            format!("target `{binding}`: {reason}")
        }
        None if code == Code::Unconfirmed => {
            let within = entry.route.reply.within;
            format!("not confirmed within {within:?}, the route's `reply.within`")
        }
        None => code.doc().to_owned(),
    }
}

/// What a success means: the weaker word where events of a request differ.
pub(super) fn ack(entry: &Entry, verdict: &Verdict) -> &'static str {
    if verdict.spooled || entry.route.reply.after == After::Spooled {
        "spooled"
    } else if entry.route.reply.after == After::None {
        "memory"
    } else {
        "confirmed"
    }
}

fn targets(entry: &Entry, event: usize) -> Vec<TargetReport<'_>> {
    let (_, records) = entry.records_of(event);
    records.iter().map(|record| target(entry, record)).collect()
}

fn target<'e>(entry: &'e Entry, record: &'e RecordState) -> TargetReport<'e> {
    let (outcome, retryable) = outcome_of(entry, record);
    let reason = record.outcome.as_ref().and_then(Outcome::reason);
    let mut report = TargetReport {
        target: binding(entry, record),
        outcome,
        code: reason.map(|reason| reason.kind().code()),
        detail: reason.and_then(|reason| reason.detail()),
        retryable: (outcome != "delivered" && outcome != "spooled").then_some(retryable),
        partition: None,
        offset: None,
        shard_id: None,
        sequence_number: None,
        message_id: None,
        sequence: None,
        already_there: None,
        attributes: None,
        attributes_omitted: None,
    };
    if let Some(Outcome::Delivered(receipt)) = &record.outcome
        && entry.receipts()
    {
        match receipt {
            Receipt::Nothing => {}
            Receipt::AlreadyThere => report.already_there = Some(true),
            Receipt::Position { partition, offset } => {
                (report.partition, report.offset) = (Some(*partition), Some(*offset));
            }
            Receipt::Sequence { shard, sequence } => {
                report.shard_id = Some(&**shard);
                report.sequence_number = Some(&**sequence);
            }
            Receipt::Message { id } => report.message_id = Some(id),
            Receipt::Logged { sequence } => report.sequence = Some(*sequence),
            Receipt::Attributes { json } => {
                report.attributes = json
                    .as_deref()
                    .and_then(|json| serde_json::from_slice(json).ok());
                report.attributes_omitted = report.attributes.is_none().then_some(true);
            }
        }
    }
    report
}

fn binding<'e>(entry: &'e Entry, record: &RecordState) -> &'e str {
    entry
        .route
        .bindings
        .get(usize::from(record.binding))
        .map_or("", |binding| &binding.name)
}

fn put(body: &mut Vec<u8>, value: &impl Serialize) {
    // Numbers, text and lists of them into memory: there is nothing that can fail.
    let written = serde_json::to_writer(body, value);
    debug_assert!(written.is_ok());
}

fn write_id(body: &mut Vec<u8>, id: u128) {
    let written = write!(body, "{}", uuid::Uuid::from_u128(id).hyphenated());
    debug_assert!(written.is_ok());
}

struct Id(u128);

impl Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&uuid::Uuid::from_u128(self.0).hyphenated())
    }
}

#[derive(Serialize)]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FaultReport<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ack: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<Vec<EventReport<'a>>>,
}

#[derive(Serialize)]
struct FaultReport<'a> {
    pointer: &'a str,
    keyword: &'a str,
    detail: &'a str,
}

impl<'a> FaultReport<'a> {
    fn new(fault: &'a Fault) -> Self {
        Self {
            pointer: &fault.pointer,
            keyword: &fault.keyword,
            detail: &fault.detail,
        }
    }
}

#[derive(Serialize)]
struct Report<'a> {
    id: Id,
    accepted: usize,
    ack: &'static str,
    events: Option<Vec<EventReport<'a>>>,
}

#[derive(Serialize)]
struct EventReport<'a> {
    index: usize,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    repeated: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FaultReport<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    targets: Vec<TargetReport<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
struct TargetReport<'a> {
    target: &'a str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retryable: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partition: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shard_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence_number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    already_there: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<&'a serde_json::value::RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes_omitted: Option<bool>,
}
