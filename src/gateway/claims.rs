//! What a request claims, and what the verdicts on its claims leave to be sent. Plain functions.

use bytes::Bytes;
use sluicegate_contract::{Outcome, Reason, ReasonKind};

use super::Arrival;
use crate::dispatch::{Item, Manifest};
use crate::error::{Code, Refusal};
use crate::http::Head;
use crate::idempotency::key::{Fingerprint, Scope, invalid, of_head};
use crate::idempotency::{Claims, Fate, Unit, UnitState, Verdict};
use crate::limits::{IDEMPOTENCY_KEY_BYTES_MAX, IDEMPOTENCY_RUNNING_PAUSE};
use crate::map::{EventView, Plan, RequestView};
use crate::settings::Keys;
use crate::settle::Entry;
use crate::split::Scratch;

/// What a request claims: by its `Idempotency-Key`, or by its events where its route says so.
/// Nothing where no event is left to be sent.
///
/// # Errors
/// `IdempotencyKeyInvalid`. Events whose own key cannot be one are refused in the manifest.
pub(super) fn claims(
    arrival: &Arrival<'_>,
    request: &RequestView<'_>,
    body: &Bytes,
    events: &Scratch,
    manifest: &mut Manifest,
) -> Result<Option<Claims>, Refusal> {
    let route = arrival.permit.route();
    let scope = Scope {
        route: &route.name,
        client: arrival.auth.as_ref().map(|auth| auth.name),
    };
    match route.keys {
        Keys::None => Ok(None),
        Keys::Header { required } => {
            let Some(key) = of_head(arrival.head)? else {
                return match required {
                    true => Err(invalid("it is missing, and the route asks for it")),
                    false => Ok(None),
                };
            };
            if manifest.refusals.len() == events.events.len() {
                return Ok(None);
            }
            let payload = payload_of_request(arrival.head, body, events);
            let count = events.events.len() as u32;
            let unit = Unit::new(scope.key(&key), payload, 0..count);
            Ok(Some(Claims::new(arrival.id, vec![unit], false)))
        }
        Keys::Event { place } => {
            let units = units_of_events(
                (&route.plan, place),
                &scope,
                request,
                body,
                events,
                manifest,
            );
            Ok((!units.is_empty()).then(|| Claims::new(arrival.id, units, true)))
        }
    }
}

/// A key for each event that is not refused. Those whose key cannot be one are refused now.
fn units_of_events(
    (plan, place): (&Plan, usize),
    scope: &Scope<'_>,
    request: &RequestView<'_>,
    body: &Bytes,
    events: &Scratch,
    manifest: &mut Manifest,
) -> Vec<Unit> {
    let (text, mut units, mut refused) = (events.text(body), Vec::new(), Vec::new());
    for (index, span) in events.events.iter().enumerate() {
        let number = index as u32;
        let refused_before = |refusal: &Refusal| refusal.event.unwrap_or(0).cmp(&number);
        if manifest.refusals.binary_search_by(refused_before).is_ok() {
            continue;
        }
        let event = EventView {
            request,
            body: text,
            received: body,
            span: *span,
            captures: events.captures_of(index, plan.wanted()),
            index,
        };
        let key = plan
            .optional_text(place, &event)
            .map_err(|refusal| *refusal);
        let key = key.and_then(|key| match key {
            Some(key) if key.is_empty() || key.len() > IDEMPOTENCY_KEY_BYTES_MAX => {
                let detail = format!(
                    "`idempotency` gives {} bytes for this event; a key has 1 to \
                     {IDEMPOTENCY_KEY_BYTES_MAX}",
                    key.len()
                );
                Err(Refusal::new(Code::IdempotencyKeyInvalid, detail))
            }
            key => Ok(key),
        });
        match key {
            Ok(None) => {}
            Ok(Some(key)) => {
                let payload = payload_of_event(request.head, body, events, index);
                units.push(Unit::new(scope.key(&key), payload, number..number + 1));
            }
            Err(refusal) => refused.push(refusal.of_event(index)),
        }
    }
    manifest.refuse(refused);
    units
}

/// What is sent under the key of a request: its body without its coding, and what else of it
/// records are made from.
fn payload_of_request(head: &Head<'_>, body: &Bytes, events: &Scratch) -> u128 {
    let mut hash = Fingerprint::new();
    hash.part(head.path().as_bytes());
    let pairs = head.query().unwrap_or_default().split('&');
    for pair in pairs.filter(|pair| !events.hides(pair)) {
        hash.part(pair.as_bytes());
    }
    attributes(head, &mut hash);
    hash.part(body);
    hash.number()
}

/// What is sent under the key of an event. Not the query: client libraries put times and numbers
/// of batches there.
fn payload_of_event(head: Head<'_>, body: &Bytes, events: &Scratch, index: usize) -> u128 {
    let mut hash = Fingerprint::new();
    hash.part(head.path().as_bytes());
    // A structured CloudEvent is hashed whole, a binary one with its header fields.
    if let Some(envelope) = events.envelope(index) {
        hash.part(body.get(envelope).unwrap_or_default());
        return hash.number();
    }
    attributes(&head, &mut hash);
    hash.part(events.texts(body).nth(index).unwrap_or_default());
    hash.number()
}

fn attributes(head: &Head<'_>, hash: &mut Fingerprint) {
    for (name, value) in head.fields() {
        let start = name.as_bytes().get(..3).unwrap_or_default();
        if start.eq_ignore_ascii_case(b"ce-") {
            hash.part(name.to_ascii_lowercase().as_bytes());
            hash.part(value);
        }
    }
}

/// Why nothing of a request is sent, where one verdict says so of all of it.
pub(super) fn whole_refusal(
    claims: &Claims,
    unit: &Unit,
    verdict: &Verdict,
    events: usize,
) -> Option<Refusal> {
    match verdict {
        Verdict::Unavailable(why) => {
            let detail = format!("the idempotency key cannot be kept: {why}");
            let mut refusal = Refusal::new(Code::IdempotencyUnavailable, detail);
            refusal.retry_after = Some(IDEMPOTENCY_RUNNING_PAUSE);
            Some(refusal)
        }
        _ if claims.per_event && events > 1 => None,
        _ => refusal_of_event(unit, verdict).map(|mut refusal| {
            refusal.event = None;
            refusal
        }),
    }
}

/// Why an event is not sent, where the verdict on its key says so.
pub(super) fn refusal_of_event(unit: &Unit, verdict: &Verdict) -> Option<Refusal> {
    let mut refusal = match verdict {
        Verdict::Running => {
            let detail = "a request with this idempotency key is under way";
            Refusal::new(Code::IdempotencyRunning, detail)
        }
        Verdict::Mismatch => {
            let detail = "this idempotency key came before with another payload";
            Refusal::new(Code::IdempotencyMismatch, detail)
        }
        Verdict::Untold => {
            let detail = "a request with this idempotency key was sent before, and what became of \
                          its records was too much to be kept: nothing is sent again";
            Refusal::new(Code::IdempotencyTooLarge, detail)
        }
        _ => return None,
    };
    if refusal.code == Code::IdempotencyRunning {
        refusal.retry_after = Some(IDEMPOTENCY_RUNNING_PAUSE);
    }
    Some(refusal.of_event(unit.events.start as usize))
}

/// Records whose outcome is known before anything is sent, in the order of events and bindings.
#[derive(Debug, Default)]
pub(super) struct Presettled(Vec<(u32, u16, Fate)>);

/// Takes out of the manifest what is answered, refused or was confirmed earlier, and gives what is
/// known of those records.
pub(super) fn parted(
    entry: &mut Entry,
    claims: &mut Claims,
    verdicts: Vec<Verdict>,
    manifest: &mut Manifest,
) -> Presettled {
    let mut known = Vec::new();
    for (unit, verdict) in claims.units.iter_mut().zip(verdicts) {
        let (Verdict::Granted(Some(settled)) | Verdict::Answered(settled)) = verdict else {
            continue;
        };
        if !claims.per_event && unit.state == UnitState::Answered {
            entry.id = settled.id;
        }
        for record in settled.records {
            let names = |binding: &crate::settings::Binding| *binding.name == *record.binding;
            // A binding that the route has no more tells nothing.
            if let Some(binding) = entry.route.bindings.iter().position(names) {
                let event = unit.events.start + record.event;
                known.push((event, binding as u16, record.fate));
                unit.found += 1;
            }
        }
        unit.told = unit.found;
    }
    known.sort_by_key(|(event, binding, _)| (*event, *binding));
    let unit_of = |event: u32| {
        let place = claims
            .units
            .partition_point(|unit| unit.events.end <= event);
        let unit = claims.units.get(place);
        unit.filter(|unit| unit.events.contains(&event))
    };
    manifest.keep_items(|item| {
        let place = (item.event, item.binding);
        let sends = unit_of(item.event).is_none_or(|unit| unit.state == UnitState::Held);
        let is_known = known.binary_search_by_key(&place, |(event, binding, _)| (*event, *binding));
        sends && is_known.is_err()
    });
    Presettled(known)
}

impl Presettled {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What could not be dispatched is surely not stored.
    pub(super) fn give_up(&mut self, shed: &Refusal, manifest: &mut Manifest) {
        let kind = match shed.code {
            Code::QueueFull => ReasonKind::QueueFull,
            _ => ReasonKind::Unavailable,
        };
        for item in manifest.items.drain(..) {
            let outcome = Outcome::GaveUp {
                certain: true,
                reason: Reason::new(kind, &*shed.detail),
            };
            self.0
                .push((item.event, item.binding, Fate::Ended(outcome)));
        }
        self.0.sort_by_key(|(event, binding, _)| (*event, *binding));
    }

    /// Puts all records into an entry, in the order of their events, and gives the places of those
    /// that are sent: to their targets, or to the spool.
    pub(super) fn place(self, entry: &mut Entry, items: &[Item], spools: bool) -> Vec<u32> {
        let mut places = Vec::with_capacity(items.len());
        let mut known = self.0.into_iter().peekable();
        for item in items {
            let before = |next: &(u32, u16, _)| (next.0, next.1) < (item.event, item.binding);
            while let Some((event, binding, fate)) = known.next_if(before) {
                entry.add_settled(event, binding, fate);
            }
            if spools {
                places.push(entry.add_spooled(item.event, item.binding, item.target));
                continue;
            }
            let place = entry.add(item.event, item.binding, item.target, item.weight);
            let binding = entry.route.bindings.get(usize::from(item.binding));
            if binding.is_some_and(|binding| binding.keeps) {
                entry.keep(place, Box::new(item.record.clone()), item.once);
            }
            places.push(place);
        }
        for (event, binding, fate) in known {
            entry.add_settled(event, binding, fate);
        }
        places
    }
}
