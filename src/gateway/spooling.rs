//! Requests that go to the spool: as a whole, or what of them is not confirmed.

use std::sync::Arc;
use std::time::Instant;

use super::core::State;
use super::{Arrival, Core, entry};
use crate::dispatch::Manifest;
use crate::error::{Code, Refusal};
use crate::observe::ShedReason;
use crate::runtime;
use crate::settings::{After, Otherwise};
use crate::settle::{Slot, Way};
use crate::spool::Waiting;

impl Core {
    /// Whether a request goes to the spool as a whole; else bytes are reserved at its targets.
    ///
    /// # Errors
    /// There is no room at a target, and its route does not send what finds none to the spool.
    pub(super) fn goes_to_spool(
        &self,
        arrival: &Arrival<'_>,
        manifest: &mut Manifest,
    ) -> Result<bool, Refusal> {
        let route = arrival.permit.route();
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
        let items = std::mem::take(&mut state.manifest.items);
        let entries = match &self.spool {
            Some(spool) => spool.entries_of(arrival.id, &entry, &items),
            None => Vec::new(),
        };
        let ready = entry.is_ready();
        let slot = state.ledger.insert(entry);
        if ready {
            self.count_settled(&state.ledger, slot);
        } else if let Some(spool) = &self.spool {
            let waiting = Waiting::new(Arc::clone(&self.mailbox), slot);
            spool.store(entries, arrival.time, waiting);
        }
        state.manifest.items = items;
        state.manifest.items.clear();
        slot
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
    pub(super) fn settle_spilled(&self, state: &State, slot: Slot, record: u32, delivered: bool) {
        if let (Some(spool), Some(entry)) = (&self.spool, state.ledger.entry(slot)) {
            spool.settle_held(entry.id, record, delivered);
        }
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
        state.ledger.release(slot);
    }
}
