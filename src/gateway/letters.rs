//! Which records of a request become dead letters: those that nobody will deliver, and of which
//! no client was told that it should send them again.

use std::sync::Arc;

use sluicegate_contract::{Outcome, Reason, ReasonKind, Record, RecordId, stored};

use super::Core;
use crate::dead_letters::{Letter, Letters};
use crate::dispatch::{Manifest, Target};
use crate::settings::{After, Route};
use crate::settle::{Entry, Ledger, Settled, Slot};
use crate::{rooms, runtime};

impl Core {
    /// Writes the letters that an outcome makes due.
    pub(super) fn write_letters(
        &self,
        letters: &Letters,
        ledger: &mut Ledger,
        slot: Slot,
        id: RecordId,
        settled: &Settled,
    ) {
        let Some(entry) = ledger.entry_mut(slot) else {
            return;
        };
        let place = Ledger::place_of(id);
        if is_due(entry, place, settled) {
            self.write(letters, entry, place);
        }
        // Under `any` one confirmation answers for all: what was given up before is nobody's now.
        if settled.decided && entry.route.reply.after == After::Any {
            for place in 0..entry.records.len() {
                if gave_up_beside_a_delivery(entry, place) {
                    self.write(letters, entry, place);
                }
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
    let Some(outcome) = entry.records.get(place).and_then(|it| it.outcome.as_ref()) else {
        return false;
    };
    match outcome {
        Outcome::Delivered(_) => false,
        // The spool has it, and judges it.
        _ if settled.spills || settled.spilled => false,
        // A condition that does not hold is an answer.
        Outcome::Refused(reason) => reason.kind() != ReasonKind::ConditionFalse,
        Outcome::GaveUp { .. } => settled.best_effort || settled.after_answer,
    }
}

fn gave_up_beside_a_delivery(entry: &Entry, place: usize) -> bool {
    let Some(state) = entry.records.get(place) else {
        return false;
    };
    let gave_up = matches!(state.outcome, Some(Outcome::GaveUp { .. }));
    let (_, beside) = entry.records_of(state.event as usize);
    let delivered = |outcome: &Outcome| outcome.is_delivered();
    gave_up
        && beside
            .iter()
            .any(|it| it.outcome.as_ref().is_some_and(delivered))
}
