//! Requests that go to the spool: as a whole, or what of them is not confirmed.

use std::sync::Arc;
use std::time::Instant;

use sluicegate_contract::Outcome;

use super::core::State;
use super::{Arrival, Core, entry};
use crate::dispatch::{Item, Manifest};
use crate::error::{Code, Refusal};
use crate::observe::ShedReason;
use crate::runtime;
use crate::settings::{After, Otherwise, Route};
use crate::settle::{Slot, Way};
use crate::spool::{Fate, Waiting};

impl Core {
    /// Whether a request goes to the spool as a whole; else bytes are reserved at its targets.
    ///
    /// # Errors
    /// There is no room at a target, and its route does not send what finds none to the spool.
    pub(super) fn goes_to_spool(
        &self,
        route: &Route,
        manifest: &mut Manifest,
    ) -> Result<bool, Refusal> {
        if route.reply.after == After::Spooled && self.spool.is_some() {
            self.count_unmapped(manifest);
            return Ok(true);
        }
        let otherwise = self.spool.is_some() && route.reply.otherwise == Otherwise::Spool;
        match self.reserve(manifest) {
            Ok(()) => Ok(false),
            Err(_) if otherwise => Ok(true),
            Err(shed) => Err(self.count_shed(route.index, shed)),
        }
    }

    /// Hands a request to the spool as a whole.
    pub(super) fn store_whole(
        &self,
        arrival: &Arrival<'_>,
        started: Instant,
        state: &mut State,
    ) -> Slot {
        let entry = entry(arrival, started, &state.events, &mut state.manifest, true);
        let ready = entry.is_ready();
        let slot = state.ledger.insert(entry);
        if ready {
            self.count_settled(&state.ledger, slot);
        }
        let items = std::mem::take(&mut state.manifest.items);
        self.store(state, slot, items, 0..);
        slot
    }

    /// Hands all records of a request to the spool, in whose entry they have these places.
    pub(super) fn store(
        &self,
        state: &mut State,
        slot: Slot,
        mut items: Vec<Item>,
        places: impl IntoIterator<Item = u32>,
    ) {
        if let (Some(spool), Some(entry)) = (&self.spool, state.ledger.entry(slot))
            && !items.is_empty()
        {
            let entries = spool.entries_of(entry, places.into_iter().zip(&items));
            let waiting = Waiting::new(Arc::clone(&self.mailbox), slot);
            spool.store(entries, runtime::system_now(), waiting);
            self.watch_deadlines();
        }
        // The list goes back empty, so that the next request finds its room again.
        items.clear();
        state.manifest.items = items;
    }

    /// Hands those records of a request to the spool that were not confirmed. Its answer waits for
    /// the disk.
    pub(super) fn spill(&self, state: &mut State, slot: Slot) {
        let (Some(spool), Some(entry)) = (&self.spool, state.ledger.entry(slot)) else {
            return;
        };
        let records = entry.spilling();
        let entries = spool.entries_spilled(entry, &records);
        let open = |record: &u32| {
            let state = entry.records.get(*record as usize);
            state.is_some_and(|state| state.outcome.is_none())
        };
        spool
            .held()
            .hold(entry.id, records.iter().copied().filter(open));
        state.ledger.spill(slot, &records, runtime::now());
        let waiting = Waiting::new(Arc::clone(&self.mailbox), slot);
        spool.store(entries, runtime::system_now(), waiting);
        self.watch_deadlines();
    }

    /// A record that went to the spool while its courier had it has its outcome.
    pub(super) fn settle_spilled(&self, state: &State, slot: Slot, place: u32) {
        let (Some(spool), Some(entry)) = (&self.spool, state.ledger.entry(slot)) else {
            return;
        };
        let Some(record) = entry.records.get(place as usize) else {
            return;
        };
        let delivered = record.outcome.as_ref().is_some_and(Outcome::is_delivered);
        let fate = match (delivered, record.must_not_go_again()) {
            (true, _) => Some(Fate::Delivered),
            (false, true) => Some(Fate::Uncertain),
            (false, false) => None,
        };
        spool.settle_held(entry.id, place, fate);
    }

    /// The disk has that part of a request that went to the spool, or why not.
    pub(super) fn spooled(&self, state: &mut State, slot: Slot, stored: Result<(), Code>) {
        let decides = state.ledger.spooled(slot, stored);
        if let (Err(code), Some(entry)) = (stored, state.ledger.entry(slot)) {
            let reason = match code {
                Code::SpoolFull => ShedReason::SpoolFull,
                _ => ShedReason::SpoolUnavailable,
            };
            self.counters.shed(Some(entry.route.index), None, reason);
            if let Some(spool) = &self.spool {
                let spilled = (0..).zip(&entry.records);
                let spilled = spilled.filter(|(_, record)| record.way == Way::Spilled);
                spool
                    .held()
                    .forget(entry.id, spilled.map(|(place, _)| place));
            }
        }
        if decides {
            self.count_settled(&state.ledger, slot);
        }
        self.write_decided(&mut state.ledger, slot);
        self.keep(state, slot);
        state.ledger.release(slot);
    }
}
