//! SNS: PublishBatch in the query protocol, answered in XML.

use std::collections::HashMap;
use std::time::Instant;

use bytes::Bytes;

use super::fault::{Names, Refusal};
use super::server::{Answer, Request, html};
use super::store::State;
use super::{Call, Entry, Fault};

/// The service's own limits: entries of a call, bytes of all its messages, characters of an id.
const ENTRIES_MAX: usize = 10;
const CALL_BYTES_MAX: usize = 256 << 10;
const ID_CHARACTERS_MAX: usize = 80;

const NAMES: Names = Names {
    throttled: "Throttled",
    throttled_status: 429,
    internal: "InternalError",
    invalid: "InvalidParameter",
    denied: "AuthorizationError",
    denied_status: 403,
    expired: "ExpiredToken",
    missing: "NotFound",
    missing_status: 404,
};

pub(super) fn answer(request: &Request, state: &mut State) -> Answer {
    let form = form(&request.body);
    let text = |name: &str| form.get(name).cloned().unwrap_or_default();
    if text("Action") != "PublishBatch" {
        return refused(
            &Refusal::new(400, "InvalidAction", &text("Action")),
            Fault::None,
        );
    }
    let topic = text("TopicArn");
    let (ids, entries) = entries(&form);
    let fault = state.arrive(Call {
        operation: "PublishBatch",
        target: topic.clone(),
        entries: entries.clone(),
        bytes: request.body.len(),
        at: Instant::now(),
    });
    if let Fault::Html(status) = fault {
        return html(status);
    }
    if let Some((code, message)) = problem(&ids, &entries) {
        return refused(&Refusal::new(400, code, message), Fault::None);
    }
    let fault = match (state.poisoned(&entries), fault) {
        (Some(place), Fault::None) => Fault::SomeRefused(vec![place]),
        (_, fault) => fault,
    };
    state.apply(&topic, &entries, &fault);
    if let Some(refusal) = fault.refusal(&NAMES) {
        return refused(&refusal, fault);
    }
    confirmed(&ids, fault)
}

/// The members of `PublishBatchRequestEntries`, their ids beside them.
fn entries(form: &HashMap<String, String>) -> (Vec<String>, Vec<Entry>) {
    let mut ids = Vec::new();
    let mut entries = Vec::new();
    for number in 1.. {
        let member = format!("PublishBatchRequestEntries.member.{number}.");
        let (Some(id), Some(message)) = (
            form.get(&format!("{member}Id")),
            form.get(&format!("{member}Message")),
        ) else {
            break;
        };
        ids.push(id.clone());
        entries.push(Entry {
            marker: crate::marker_in(message.as_bytes()),
            payload: Bytes::from(message.clone()),
            key: form
                .get(&format!("{member}MessageGroupId"))
                .cloned()
                .unwrap_or_default(),
        });
    }
    (ids, entries)
}

/// Why the service would refuse the whole call.
fn problem(ids: &[String], entries: &[Entry]) -> Option<(&'static str, &'static str)> {
    if entries.is_empty() {
        return Some(("EmptyBatchRequest", "The batch request contains no entries"));
    }
    if entries.len() > ENTRIES_MAX {
        return Some(("TooManyEntriesInBatchRequest", "More than 10 entries"));
    }
    if entries
        .iter()
        .map(|entry| entry.payload.len())
        .sum::<usize>()
        > CALL_BYTES_MAX
    {
        return Some((
            "BatchRequestTooLong",
            "The batch is larger than 262144 bytes",
        ));
    }
    let well_formed = |id: &String| {
        id.len() <= ID_CHARACTERS_MAX
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    if !ids.iter().all(well_formed) {
        return Some((
            "InvalidBatchEntryId",
            "An id has a character that is not taken",
        ));
    }
    let mut unique = ids.to_vec();
    unique.sort();
    unique.dedup();
    if unique.len() < ids.len() {
        return Some(("BatchEntryIdsNotDistinct", "Two entries have the same id"));
    }
    None
}

/// Answers backwards, since the service promises no order.
fn confirmed(ids: &[String], fault: Fault) -> Answer {
    let (mut successful, mut failed) = (String::new(), String::new());
    for (place, id) in ids.iter().enumerate().rev() {
        if fault.stores(place) {
            successful.push_str(&format!(
                "<member><Id>{id}</Id><MessageId>message-{place}</MessageId></member>"
            ));
            continue;
        }
        let (code, sender) = match fault {
            Fault::SomeRefused(_) => ("InvalidParameter", true),
            Fault::SomeThrottled(_) => ("Throttled", false),
            _ => ("InternalError", false),
        };
        failed.push_str(&format!(
            "<member><Id>{id}</Id><Code>{code}</Code><Message>as the script says</Message>\
             <SenderFault>{sender}</SenderFault></member>"
        ));
    }
    Answer {
        status: 200,
        content_type: "text/xml",
        body: format!(
            "<PublishBatchResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">\
             <PublishBatchResult><Failed>{failed}</Failed><Successful>{successful}</Successful>\
             </PublishBatchResult><ResponseMetadata><RequestId>stub</RequestId></ResponseMetadata>\
             </PublishBatchResponse>"
        ),
        fault,
    }
}

fn refused(refusal: &Refusal, fault: Fault) -> Answer {
    let at_fault = if refusal.status < 500 {
        "Sender"
    } else {
        "Receiver"
    };
    Answer {
        status: refusal.status,
        content_type: "text/xml",
        body: format!(
            "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error>\
             <Type>{at_fault}</Type><Code>{}</Code><Message>{}</Message></Error>\
             <RequestId>stub</RequestId></ErrorResponse>",
            refusal.code, refusal.message
        ),
        fault,
    }
}

/// An `application/x-www-form-urlencoded` body.
fn form(body: &[u8]) -> HashMap<String, String> {
    body.split(|&byte| byte == b'&')
        .filter_map(|pair| {
            let at = pair.iter().position(|&byte| byte == b'=')?;
            Some((decoded(&pair[..at]), decoded(&pair[at + 1..])))
        })
        .collect()
}

fn decoded(text: &[u8]) -> String {
    let digit = |at: usize| (*text.get(at)? as char).to_digit(16);
    let mut bytes = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let pair = (byte == b'%')
            .then(|| digit(at + 1).zip(digit(at + 2)))
            .flatten();
        match (byte, pair) {
            (_, Some((high, low))) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
                at += 3;
            }
            (b'+', _) => {
                bytes.push(b' ');
                at += 1;
            }
            _ => {
                bytes.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
