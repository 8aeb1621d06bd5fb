//! Which records of a request become dead letters: those that nobody will deliver, and of which
//! no client was told that it should send them again.

use std::sync::Arc;

use sluicegate_contract::{Outcome, Reason, ReasonKind, Record, stored};

use super::Core;
use crate::dead_letters::{Letter, Letters};
use crate::dispatch::{Manifest, Target};
use crate::settings::{After, Route};
use crate::settle::{Entry, Ledger, RecordState, Settled, Slot, Spooling, Way};
use crate::{rooms, runtime};

impl Core {
    /// Writes the letter that an outcome makes due.
    pub(super) fn write_letter(&self, ledger: &mut Ledger, slot: Slot, settled: &Settled) {
        let (Some(letters), Some(entry)) = (&self.letters, ledger.entry_mut(slot)) else {
            return;
        };
        let place = settled.record as usize;
        if is_due(entry, place, settled) {
            self.write(letters, entry, place);
        }
    }

    /// Writes the letters that are due once a request is decided, by whatever: an outcome, its
    /// time, or the spool's word.
    pub(super) fn write_decided(&self, ledger: &mut Ledger, slot: Slot) {
        let (Some(letters), Some(entry)) = (&self.letters, ledger.entry_mut(slot)) else {
            return;
        };
        for place in 0..entry.records.len() {
            if is_due_now(entry, place) {
                self.write(letters, entry, place);
            }
        }
    }

    /// Writes the letters of best-effort records that were not even sent.
    pub(super) fn write_lost(
        &self,
        letters: &Letters,
        (route, request): (&Route, u128),
        manifest: &mut Manifest,
    ) {
        let sent = manifest.items.len();
        for (place, (item, reason)) in manifest.letters.drain(..).enumerate() {
            let about = About {
                route,
                request,
                binding: item.binding,
                target: item.target,
                event: item.event,
                // Behind the numbers of those that are sent.
                number: u32::try_from(sent + place).unwrap_or(u32::MAX),
            };
            self.post(letters, &about, &item.record, &reason);
        }
    }

    fn write(&self, letters: &Letters, entry: &mut Entry, place: usize) {
        let Some(state) = entry.records.get_mut(place) else {
            return;
        };
        let reason = state.outcome.as_ref().and_then(Outcome::reason).cloned();
        let (Some(record), Some(reason)) = (state.kept.take(), reason) else {
            return;
        };
        let about = About {
            route: &entry.route,
            request: entry.id,
            binding: state.binding,
            target: state.target,
            event: state.event,
            number: u32::try_from(place).unwrap_or(u32::MAX),
        };
        self.post(letters, &about, &record, &reason);
    }

    fn post(&self, letters: &Letters, about: &About<'_>, record: &Record, reason: &Reason) {
        let binding = about.route.bindings.get(usize::from(about.binding));
        let target = self.targets.get(usize::from(about.target));
        let (Some(binding), Some(target)) = (binding, target) else {
            return;
        };
        if let Some(to) = binding.dead_letter {
            let letter = about.letter(&binding.name, target, record).because(reason);
            letters.post(to, Some(about.target), letter, None);
        }
    }
}

/// What is known of a record beside its values.
struct About<'r> {
    route: &'r Route,
    request: u128,
    binding: u16,
    target: u16,
    event: u32,
    number: u32,
}

impl About<'_> {
    fn letter(&self, binding: &Arc<str>, target: &Target, record: &Record) -> Letter {
        let mut kept = Vec::with_capacity(record.bytes() + 64);
        stored::encode(record, rooms::fields(target.kind), &mut kept);
        Letter {
            time: runtime::system_now(),
            request: self.request,
            route: Arc::clone(&self.route.name),
            target: Arc::clone(&target.name),
            kind: target.kind.into(),
            binding: Arc::clone(binding),
            event: self.event,
            number: self.number,
            reason: "".into(),
            detail: None,
            attempts: 0,
            record: kept.into(),
        }
    }
}

/// True where nobody will deliver a record any more that has just ended so.
fn is_due(entry: &Entry, place: usize, settled: &Settled) -> bool {
    let Some(state) = entry.records.get(place) else {
        return false;
    };
    match &state.outcome {
        // The spool has it, and judges it. Others of its request may be there without it.
        _ if is_in_spool(entry, state) => false,
        Some(Outcome::Refused(reason)) => is_final(reason),
        Some(Outcome::GaveUp { .. }) => settled.best_effort || settled.after_answer,
        Some(Outcome::Delivered(_)) | None => false,
    }
}

/// True where a record that ended before its request was decided is nobody's by that.
fn is_due_now(entry: &Entry, place: usize) -> bool {
    let Some(state) = entry.records.get(place) else {
        return false;
    };
    match &state.outcome {
        _ if is_in_spool(entry, state) => false,
        // It was the spool's to judge, which did not take it.
        Some(Outcome::Refused(reason)) => state.way == Way::Spilled && is_final(reason),
        // Under `any` one confirmation answers for all.
        Some(Outcome::GaveUp { .. }) => {
            let (_, beside) = entry.records_of(state.event as usize);
            let delivered =
                |it: &RecordState| it.outcome.as_ref().is_some_and(Outcome::is_delivered);
            entry.route.reply.after == After::Any && beside.iter().any(delivered)
        }
        Some(Outcome::Delivered(_)) | None => false,
    }
}

fn is_in_spool(entry: &Entry, state: &RecordState) -> bool {
    state.way == Way::Spilled && matches!(entry.spooling, Spooling::Waiting | Spooling::Stored)
}

/// A condition that does not hold is an answer.
fn is_final(refusal: &Reason) -> bool {
    refusal.kind() != ReasonKind::ConditionFalse
}
