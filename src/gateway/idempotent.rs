//! Requests with idempotency keys: between `map` and `dispatch` their keys are claimed, and between
//! `settle` and `reply` it is stored what became of them.
//!
//! ```text
//! map ─▶ [claim] ─▶ dispatch ═▶ … ═▶ settle ─▶ [store] ─▶ reply
//! ```
//!
//! A shared store takes its time for both. The request waits in the ledger meanwhile, and its
//! `within` runs on.

use std::collections::HashMap;
use std::time::Instant;

use sluicegate_contract::Reason;
use smallvec::SmallVec;

use super::claims::{Presettled, parted, refusal_of_event, whole_refusal};
use super::{Arrival, Core, State};
use crate::dispatch::{Item, Manifest};
use crate::error::{Code, Refusal};
use crate::http::Preferences;
use crate::idempotency::{Asked, Claims, Ending, Finish, Key, UnitState, Verdict};
use crate::limits::IDEMPOTENCY_WAITING_BYTES_MAX;
use crate::observe::EventOutcome;
use crate::settle::{Entry, Slot};
use crate::split::Scratch;

/// Requests of a core whose keys are asked for: their records, and how many bytes those have.
#[derive(Default)]
pub(super) struct Waiting {
    held: HashMap<Slot, Stash>,
    bytes: usize,
}

/// What a manifest holds of a request until its keys are known.
struct Stash {
    items: Vec<Item>,
    lost: SmallVec<[u16; 4]>,
    letters: Vec<(Item, Reason)>,
}

impl Core {
    /// As the second half of `deliver`, for a request that has keys: what it claims is asked for,
    /// and its records follow when that is known.
    ///
    /// # Errors
    /// Why nothing of it is sent.
    pub(super) fn deliver_once(
        &self,
        state: &mut State,
        arrival: &Arrival<'_>,
        started: Instant,
        claims: Claims,
    ) -> Result<Slot, Refusal> {
        let Some(store) = &self.keys else {
            // Our own mistake: routes have keys only where there is a store.
            let detail = "the route has idempotency keys, and nothing remembers them";
            return Err(Refusal::new(Code::Internal, detail));
        };
        let weight = |item: &Item| item.weight as usize;
        let bytes: usize = state.manifest.items.iter().map(weight).sum();
        if state.waiting.bytes + bytes > IDEMPOTENCY_WAITING_BYTES_MAX.max(bytes) {
            let detail = "as many requests wait for their idempotency keys as may";
            return Err(Refusal::new(Code::Overloaded, detail));
        }
        let asked = claims.units.iter().map(|unit| Asked {
            key: unit.key,
            payload: unit.payload,
            owner: claims.owner,
        });
        let asked: Vec<Asked> = asked.collect();
        let entry = waiting_entry(arrival, started, &state.events, &mut state.manifest, claims);
        let slot = state.ledger.insert(entry);
        match store.claim(self.number, slot, &asked) {
            Some(verdicts) => self.begin(state, slot, verdicts),
            None => {
                if let Some(claims) = claims_of(state, slot) {
                    claims.claiming = true;
                }
                let stash = Stash {
                    items: std::mem::take(&mut state.manifest.items),
                    lost: std::mem::take(&mut state.manifest.lost),
                    letters: std::mem::take(&mut state.manifest.letters),
                };
                state.waiting.bytes += bytes;
                state.waiting.held.insert(slot, stash);
            }
        }
        self.watch_deadlines();
        Ok(slot)
    }

    /// Mail: it is known who gets the keys of a request that waited.
    pub(super) fn claimed(&self, state: &mut State, slot: Slot, verdicts: Vec<Verdict>) {
        let Some(stash) = state.waiting.held.remove(&slot) else {
            return;
        };
        let weight = |item: &Item| item.weight as usize;
        state.waiting.bytes -= stash.items.iter().map(weight).sum::<usize>();
        if let Some(claims) = claims_of(state, slot) {
            claims.claiming = false;
        }
        if state.ledger.is_decided(slot) {
            // Its time had passed: it was answered that nothing was sent.
            self.give_back(state, slot, &verdicts);
            state.ledger.release(slot);
            return;
        }
        let manifest = &mut state.manifest;
        (manifest.items, manifest.lost, manifest.letters) =
            (stash.items, stash.lost, stash.letters);
        self.begin(state, slot, verdicts);
        // Its client may have gone meanwhile, and nothing of it may have been sent.
        state.ledger.release(slot);
    }

    /// It is known who gets the keys: what is neither answered nor confirmed is dispatched.
    fn begin(&self, state: &mut State, slot: Slot, verdicts: Vec<Verdict>) {
        let (Some(store), Some(entry)) = (&self.keys, state.ledger.entry_mut(slot)) else {
            return;
        };
        let Some(mut claims) = entry.claims.take() else {
            return;
        };
        claims.waiting = false;
        for (unit, verdict) in claims.units.iter_mut().zip(&verdicts) {
            store.count(verdict);
            unit.state = match verdict {
                Verdict::Granted(_) => UnitState::Held,
                Verdict::Answered(_) => UnitState::Answered,
                _ => UnitState::Done,
            };
        }
        let whole = claims
            .units
            .iter()
            .zip(&verdicts)
            .find_map(|(unit, verdict)| whole_refusal(&claims, unit, verdict, entry.events.len()));
        if let Some(refusal) = whole {
            entry.claims = Some(claims);
            self.turn_away(state, slot, refusal);
            return;
        }
        for (unit, verdict) in claims.units.iter().zip(&verdicts) {
            if let Some(refusal) = refusal_of_event(unit, verdict) {
                entry.refusals.push(refusal);
            }
        }
        entry.refusals.sort_by_key(|refusal| refusal.event);
        let mut settled = parted(entry, &mut claims, verdicts, &mut state.manifest);
        let all_answered = claims
            .units
            .iter()
            .all(|unit| unit.state == UnitState::Answered);
        if all_answered {
            state.manifest.lost.clear();
            state.manifest.letters.clear();
        }
        entry.claims = Some(claims);
        let route = entry.route.clone();
        let spools = match self.goes_to_spool(&route, &mut state.manifest) {
            Ok(spools) => spools,
            Err(shed) if settled.is_empty() => {
                self.turn_away(state, slot, shed);
                return;
            }
            Err(shed) => {
                // A part is in since an earlier try: the truth is that the rest is not.
                settled.give_up(&shed, &mut state.manifest);
                false
            }
        };
        self.open(state, slot, settled, spools);
    }

    /// Every record of a request gets its place, and those that are not settled are handed over: to
    /// their targets, or to the spool.
    fn open(&self, state: &mut State, slot: Slot, settled: Presettled, spools: bool) {
        let Some(entry) = state.ledger.entry_mut(slot) else {
            return;
        };
        let places = settled.place(entry, &state.manifest.items, spools);
        entry.open();
        if let Some(letters) = &self.letters {
            let of = (&**entry.route, entry.id);
            self.write_lost(letters, of, &mut state.manifest);
        }
        if state.ledger.opened(slot) {
            self.count_settled(&state.ledger, slot);
        }
        let items = std::mem::take(&mut state.manifest.items);
        if spools {
            self.store(state, slot, items, places);
        } else {
            self.hand_over(state, slot, items, &places);
        }
        self.keep(state, slot);
        self.watch_deadlines();
    }

    /// Nothing of a request is sent: its keys are free again, and it is answered so.
    fn turn_away(&self, state: &mut State, slot: Slot, refusal: Refusal) {
        state.manifest.items.clear();
        let Some(claims) = claims_of(state, slot) else {
            return;
        };
        let held = claims.units.iter_mut();
        let held = held.filter(|unit| unit.state == UnitState::Held);
        let freed: Vec<Key> = held
            .map(|unit| {
                unit.state = UnitState::Done;
                unit.key
            })
            .collect();
        claims.waiting = false;
        claims.refused = Some(Box::new(refusal));
        if let Some(store) = &self.keys {
            store.release(claims.owner, &freed);
        }
        if state.ledger.opened(slot) {
            self.count_settled(&state.ledger, slot);
        }
        state.ledger.wake(slot);
    }

    /// A claim that came too late for its request is given back.
    fn give_back(&self, state: &mut State, slot: Slot, verdicts: &[Verdict]) {
        let (Some(store), Some(claims)) = (&self.keys, claims_of(state, slot)) else {
            return;
        };
        let granted = claims.units.iter().zip(verdicts);
        let granted = granted.filter(|(_, verdict)| matches!(verdict, Verdict::Granted(_)));
        let freed: Vec<Key> = granted.map(|(unit, _)| unit.key).collect();
        store.release(claims.owner, &freed);
    }

    /// The time of a request passed that still waits for its keys.
    pub(super) fn waited_in_vain(&self, state: &mut State, slot: Slot) {
        let waits = |entry: &Entry| entry.is_waiting();
        if !state.ledger.entry(slot).is_some_and(waits) {
            return;
        }
        if let Some(claims) = claims_of(state, slot) {
            let detail = "who has the idempotency key was not known in time";
            let mut refusal = Refusal::new(Code::IdempotencyUnavailable, detail);
            refusal.retry_after = Some(std::time::Duration::from_secs(1));
            claims.waiting = false;
            claims.refused = Some(Box::new(refusal));
        }
    }

    /// Stores what the keys of a request came to, once it is decided, and again once its last
    /// outcome is in. Until what was known at the decision is stored, the answer waits.
    pub(super) fn keep(&self, state: &mut State, slot: Slot) {
        let (Some(store), Some(entry)) = (&self.keys, state.ledger.entry(slot)) else {
            return;
        };
        if !state.ledger.is_decided(slot) || entry.is_waiting() {
            return;
        }
        let (finishes, freed, states) = finished(entry);
        let Some(claims) = claims_of(state, slot) else {
            return;
        };
        for (unit, (state, told)) in claims.units.iter_mut().zip(states) {
            (unit.state, unit.told) = (state, told);
        }
        store.release(claims.owner, &freed);
        if !finishes.is_empty() {
            claims.recording += 1;
            state.waiting_for_store += 1;
            store.record(self.number, slot, finishes);
        }
    }

    /// Mail: what the keys of a request came to is stored.
    pub(super) fn recorded(&self, state: &mut State, slot: Slot) {
        state.waiting_for_store = state.waiting_for_store.saturating_sub(1);
        if let Some(claims) = claims_of(state, slot) {
            claims.recording = claims.recording.saturating_sub(1);
        }
        state.ledger.wake(slot);
        state.ledger.release(slot);
    }

    /// Lets those answers go whose time passed while something was on its way to the store.
    pub(super) fn hurry_answers(&self, state: &mut State, now: Instant) {
        if state.waiting_for_store > 0 {
            state.ledger.hurry(now);
        }
    }

    /// How the events of a request are counted that was turned away.
    pub(super) fn count_refused(&self, entry: &Entry, refusal: &Refusal) {
        let outcome = if refusal.code.status() >= 500 {
            EventOutcome::NotStored
        } else {
            EventOutcome::Refused
        };
        let events = entry.events.len() as u64;
        self.counters
            .events_settled(entry.route.index, outcome, events);
    }
}

/// What is stored of each key of a request that is still its own, which of them are free again,
/// and where each stands then.
fn finished(entry: &Entry) -> (Vec<Finish>, Vec<Key>, Vec<(UnitState, usize)>) {
    let (mut finishes, mut freed, mut states) = (Vec::new(), Vec::new(), Vec::new());
    let claims = entry.claims.as_ref();
    let (owner, units) = claims.map_or((0, &[][..]), |claims| (claims.owner, &claims.units));
    for unit in units {
        if unit.state != UnitState::Held {
            states.push((unit.state, unit.told));
            continue;
        }
        let outcome = entry.outcome_of(unit);
        let confirmed = outcome.settled.records.len();
        let ending = match (outcome.is_final, entry.is_complete()) {
            (true, _) => Ending::Final,
            (false, true) => Ending::Partly,
            (false, false) => Ending::GoesOn,
        };
        let over = ending != Ending::GoesOn;
        let state = if over {
            UnitState::Done
        } else {
            UnitState::Held
        };
        states.push((state, confirmed.max(unit.told)));
        // What the store was told while the request went on may be on its way yet, or lost: a key
        // is given back only where nothing was confirmed since it was claimed.
        let known = if over { unit.found } else { unit.told };
        if ending == Ending::Final || confirmed > known {
            finishes.push(Finish {
                key: unit.key,
                payload: unit.payload,
                owner,
                ending,
                stored: outcome.settled.fitted(),
            });
        } else if over {
            freed.push(unit.key);
        }
    }
    (finishes, freed, states)
}

/// The entry of a request that waits for its keys: nothing is dispatched yet.
fn waiting_entry(
    arrival: &Arrival<'_>,
    started: Instant,
    events: &Scratch,
    manifest: &mut Manifest,
    claims: Claims,
) -> Entry {
    let count = events.events.len();
    let mut entry = Entry::new(arrival.permit.route().clone(), arrival.id, started, count);
    entry.refusals = std::mem::take(&mut manifest.refusals);
    entry.batch = count > 1;
    entry.kept = manifest.kept.take();
    entry.preferences = Preferences::of(arrival.head);
    entry.claims = Some(Box::new(claims));
    entry
}

fn claims_of(state: &mut State, slot: Slot) -> Option<&mut Claims> {
    state.ledger.entry_mut(slot)?.claims.as_deref_mut()
}
