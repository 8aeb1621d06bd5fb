//! READ FIRST: one request through all the steps.
//!
//! ```text
//! http ─▶ route ─▶ admit ─▶ split ─▶ map ─▶ dispatch ═▶ courier or client library
//!   ▲                                                        ║
//!   └──────────── reply ◀── settle ◀════ outcomes ═══════════╝
//! ```
//!
//! A [`Core`] lives on one thread and shares nothing with its neighbours but the targets' gauges
//! and gates, and the table of limits. Everything in this file runs on that thread and never blocks.

mod admission;
mod claims;
mod core;
mod idempotent;
#[cfg(test)]
mod idempotent_tests;
mod letters;
mod refused;
mod rehearsal;
mod service;
mod spooling;
mod tasks;
#[cfg(test)]
mod tests;
mod ticket;

pub use admission::{Approach, TurnedAway, admit};
use core::State;
pub use core::{Core, CoreParts};
pub use rehearsal::{Given, Rehearsal, RehearsalRequest, RehearsedRecord, SPOOL, rehearse};
pub use ticket::Ticket;

use std::borrow::Cow;
use std::time::{Instant, SystemTime};

use bytes::Bytes;

use crate::admit::{EventJudge, Permit};
use crate::dispatch::{self, Item, Manifest, Target};
use crate::error::{Code, Refusal};
use crate::http::{Head, Preferences};
use crate::map::{AuthView, RequestView};
use crate::observe::EventOutcome;
use crate::settings::{After, Keys};
use crate::settle::{Entry, Slot};
use crate::split::{self, Scratch};

/// A whole request that was let in.
#[derive(Debug)]
pub struct Arrival<'r> {
    /// That it was let in.
    pub permit: &'r Permit,
    /// Who sends it, where its route asks for that.
    pub auth: Option<AuthView<'r>>,
    /// Its head.
    pub head: &'r Head<'r>,
    /// Its body.
    pub body: &'r Bytes,
    /// Its id.
    pub id: u128,
    /// When it had arrived whole.
    pub time: SystemTime,
}

/// `split`, the judges of events, and `map`: the records of a request, rendered and weighed.
/// Nothing is sent.
///
/// # Errors
/// Why the body as a whole is refused. Single events are refused in the manifest.
pub fn prepare(
    arrival: &Arrival<'_>,
    targets: &[Target],
    events: &mut Scratch,
    judge: &mut EventJudge,
    manifest: &mut Manifest,
) -> Result<(), Refusal> {
    manifest.kept = None;
    let body = take_apart(arrival, events)?;
    render(arrival, &body, targets, events, judge, manifest)
}

/// `split`: the events of a body, which is given back without its coding.
fn take_apart<'r>(arrival: &Arrival<'r>, events: &mut Scratch) -> Result<Cow<'r, Bytes>, Refusal> {
    let route = arrival.permit.route();
    let body = match arrival.permit.coding() {
        Some(coding) if !arrival.body.is_empty() => {
            let bytes_max = route.accept.request_bytes;
            Cow::Owned(events.decoders.decode(coding, arrival.body, bytes_max)?)
        }
        _ => Cow::Borrowed(arrival.body),
    };
    let wanted = route.plan.wanted();
    split::split_request(arrival.head, &body, &route.accept, wanted, events)?;
    admission::take(arrival.permit, events.events.len(), arrival.body.len())?;
    Ok(body)
}

/// The judges of events, and `map`.
fn render(
    arrival: &Arrival<'_>,
    body: &Bytes,
    targets: &[Target],
    events: &mut Scratch,
    judge: &mut EventJudge,
    manifest: &mut Manifest,
) -> Result<(), Refusal> {
    let Arrival {
        permit,
        auth,
        head,
        id,
        time,
        ..
    } = arrival;
    let judged = judge.judge(permit, events.texts(body));
    let path = permit.path_values(head)?;
    let request = RequestView {
        head: **head,
        path: &path,
        id: *id,
        time: *time,
        source_ip: permit.source_ip(),
        auth: *auth,
    };
    manifest.gather(permit, &request, body, events, judged, targets);
    if permit.route().keys != Keys::None {
        manifest.claims = claims::claims(arrival, &request, body, events, manifest)?;
    }
    Ok(())
}

/// The entry of a request in its core's ledger, with its records. `spools`: all of them go to the
/// spool.
fn entry(
    arrival: &Arrival<'_>,
    started: Instant,
    events: &Scratch,
    manifest: &mut Manifest,
    spools: bool,
) -> Entry {
    let route = arrival.permit.route();
    let count = events.events.len();
    let mut entry = Entry::new(route.clone(), arrival.id, started, count);
    entry.refusals = std::mem::take(&mut manifest.refusals);
    entry.batch = count > 1;
    entry.kept = manifest.kept.take();
    entry.preferences = Preferences::of(arrival.head);
    for item in &manifest.items {
        if spools {
            entry.add_spooled(item.event, item.binding, item.target);
            continue;
        }
        let place = entry.add(item.event, item.binding, item.target, item.weight);
        let binding = route.bindings.get(usize::from(item.binding));
        if binding.is_some_and(|binding| binding.keeps) {
            entry.keep(place, Box::new(item.record.clone()), item.once);
        }
    }
    entry.open();
    entry
}

impl Core {
    /// All steps from a whole request to records on their way. The slot holds what is awaited.
    ///
    /// # Errors
    /// Why nothing of it is sent.
    fn deliver(&self, arrival: &Arrival<'_>, started: Instant) -> Result<Slot, Refusal> {
        let state = &mut *self.state.borrow_mut();
        if !state.ledger.has_room() {
            return Err(Refusal::new(
                Code::Overloaded,
                "this core holds as many requests as it may",
            ));
        }
        prepare(
            arrival,
            &self.targets,
            &mut state.events,
            &mut state.judge,
            &mut state.manifest,
        )?;
        let route = arrival.permit.route();
        let count = state.events.events.len();
        self.counters.events_in(route.index, count as u64);
        if let Some(claims) = state.manifest.claims.take()
            && (count > 1 || state.manifest.refusals.is_empty())
        {
            return self.deliver_once(state, arrival, started, claims);
        }
        let spools = match self.goes_to_spool(route, &mut state.manifest) {
            Ok(spools) => spools,
            Err(shed) => {
                self.counters
                    .events_settled(route.index, EventOutcome::NotStored, count as u64);
                return Err(shed);
            }
        };
        if count == 1
            && let Some(refusal) = state.manifest.refusals.pop()
        {
            self.counters
                .events_settled(route.index, EventOutcome::Refused, 1);
            return Err(refusal);
        }
        if let Some(letters) = &self.letters {
            self.write_lost(letters, (route, arrival.id), &mut state.manifest);
        }
        if spools {
            return Ok(self.store_whole(arrival, started, state));
        }
        let entry = entry(arrival, started, &state.events, &mut state.manifest, false);
        let ready = entry.is_ready();
        let slot = state.ledger.insert(entry);
        if ready {
            self.count_settled(&state.ledger, slot);
        }
        let items = std::mem::take(&mut state.manifest.items);
        self.hand_over(state, slot, items, &[]);
        if route.reply.after != After::None {
            self.watch_deadlines();
        }
        Ok(slot)
    }

    /// `dispatch`, second half: every record of a request to its target. `places`: those of the
    /// records in their request, where not all of them are sent.
    fn hand_over(&self, state: &mut State, slot: Slot, mut items: Vec<Item>, places: &[u32]) {
        let mut any_known = false;
        for (record, item) in items.drain(..).enumerate() {
            let record = places.get(record).copied().unwrap_or(record as u32);
            let id = state.ledger.record_id(slot, record);
            let place = item.target;
            let Some(target) = self.targets.get(usize::from(place)) else {
                continue;
            };
            let known = dispatch::hand_over(target, place, item, id, &mut state.outboxes);
            if let Some(outcome) = known {
                any_known = true;
                self.settle(state, id, outcome);
            }
        }
        // The list goes back empty, so that the next request finds its room again.
        state.manifest.items = items;
        if any_known {
            self.release(state);
        }
        if !state.outboxes.is_empty() {
            self.tick.raise();
        }
    }
}
