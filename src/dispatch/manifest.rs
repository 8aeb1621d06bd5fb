//! All that one request wants to send: rendered and weighed, before anything is reserved.

use sluicegate_contract::{Reason, ReasonKind, Record};
use smallvec::SmallVec;

use super::{Target, larger_than_queue, never_fits};
use crate::admit::{Judged, Permit};
use crate::error::{Code, Refusal};
use crate::idempotency::Claims;
use crate::limits::RECORD_OVERHEAD_BYTES;
use crate::map::{EventView, Kept, RequestView};
use crate::settings::{Binding, Need, Route, Unmatched};
use crate::split::Scratch;

/// One record of a request.
#[derive(Clone, Debug)]
pub struct Item {
    /// The place of its event.
    pub event: u32,
    /// The place of its binding.
    pub binding: u16,
    /// The place of its target.
    pub target: u16,
    /// Whether the reply waits for it.
    pub need: Need,
    /// Whether it goes to a dead letter where nobody will deliver it.
    pub letters: bool,
    /// Whether it must not be sent again after an uncertain try. Asked only of what is kept.
    pub once: bool,
    /// Bytes that it takes in a queue.
    pub weight: u32,
    /// Bytes that it takes in a call, as encoded.
    pub encoded: usize,
    /// The record.
    pub record: Record,
}

/// What one request wants to send. Used again for each request, so that a steady state allocates
/// nothing for it.
#[derive(Debug, Default)]
pub struct Manifest {
    /// The records, in the order of their events.
    pub items: Vec<Item>,
    /// The events that are refused, in their order.
    pub refusals: Vec<Refusal>,
    /// Bytes to reserve at each required target.
    pub required: SmallVec<[(u16, u64); 4]>,
    /// What the answer reads of the request, where its route shapes it and it is of one event.
    pub kept: Option<Kept>,
    /// Best-effort records that were lost already, by the place of their target.
    pub lost: SmallVec<[u16; 4]>,
    /// Those of them that go to a dead letter, with why they were lost.
    pub letters: Vec<(Item, Reason)>,
    /// The keys under which it is sent once, where it has some.
    pub claims: Option<Claims>,
}

impl Manifest {
    /// Renders and weighs all records of a request. An event that a judge refused gets none, and one that cannot be mapped is refused
    /// whole; the others of its batch go on.
    pub fn gather(
        &mut self,
        permit: &Permit,
        request: &RequestView<'_>,
        body: &bytes::Bytes,
        split: &Scratch,
        mut judged: Judged<'_>,
        targets: &[Target],
    ) {
        self.clear();
        let route = permit.route();
        let width = route.plan.wanted().len();
        let text = split.text(body);
        for (index, span) in split.events.iter().enumerate() {
            if let Some(refusal) = judged.refusal_of(index) {
                self.refusals.push(refusal);
                continue;
            }
            let captures = &split.captures[index * width..(index + 1) * width];
            let event = EventView {
                request,
                body: text,
                received: body,
                span: *span,
                captures,
                index,
            };
            if split.events.len() == 1 {
                self.kept = route.plan.keep(&event);
            }
            let before = self.items.len();
            if let Err(refusal) = self.gather_event(route, &event, targets) {
                self.items.truncate(before);
                self.refusals.push(refusal.of_event(index));
            }
        }
        self.weigh_kept();
        self.sum_required();
    }

    /// Refuses further events, which stand in their order, and drops their records.
    pub fn refuse(&mut self, refusals: Vec<Refusal>) {
        if refusals.is_empty() {
            return;
        }
        let place = |refusal: &Refusal| refusal.event.unwrap_or_default();
        self.keep_items(|item| refusals.binary_search_by_key(&item.event, place).is_err());
        self.refusals.extend(refusals);
        self.refusals.sort_by_key(place);
    }

    /// Keeps these records only.
    pub fn keep_items(&mut self, keep: impl FnMut(&Item) -> bool) {
        self.items.retain(keep);
        self.sum_required();
    }

    fn sum_required(&mut self) {
        self.required.clear();
        for item in &self.items {
            if item.need == Need::Required {
                let weight = u64::from(item.weight);
                match self
                    .required
                    .iter_mut()
                    .find(|(target, _)| *target == item.target)
                {
                    Some((_, bytes)) => *bytes += weight,
                    None => self.required.push((item.target, weight)),
                }
            }
        }
    }

    /// What is kept for an answer takes its room with the request's first record.
    fn weigh_kept(&mut self) {
        if let (Some(kept), Some(first)) = (&self.kept, self.items.first_mut()) {
            first.weight += u32::try_from(kept.bytes()).unwrap_or(u32::MAX);
        }
    }

    fn gather_event(
        &mut self,
        route: &Route,
        event: &EventView<'_>,
        targets: &[Target],
    ) -> Result<(), Refusal> {
        if route.conditions > 0 {
            let allowed = route.plan.allowed(route.conditions, false, event);
            allowed.map_err(|refusal| *refusal)?;
        }
        let mut required = 0;
        for (place, binding) in route.bindings.iter().enumerate() {
            let Some(target) = targets.get(binding.target) else {
                continue;
            };
            let rendered = route.plan.render(place, event).map_err(|refusal| *refusal);
            let letters = &mut self.letters;
            let weighed = rendered.and_then(|record| match record {
                None => Ok(None),
                Some(record) => match weigh(target, &record) {
                    Ok((encoded, weight)) => Ok(Some((record, encoded, weight))),
                    Err(reason) => {
                        let refusal = never_fits(target, &reason);
                        if binding.need == Need::BestEffort && binding.dead_letter.is_some() {
                            let item = Item::unsent(event.index, place, binding, record);
                            letters.push((item, reason));
                        }
                        Err(refusal)
                    }
                },
            });
            let room = &target.room;
            let (target, letters) = (binding.target as u16, binding.dead_letter.is_some());
            match (weighed, binding.need) {
                (Ok(None), _) => {}
                (Ok(Some((record, encoded, weight))), need) => {
                    required += usize::from(need == Need::Required);
                    let once = binding.keeps && !room.repeatable(&record);
                    let (event, binding) = (event.index as u32, place as u16);
                    self.items.push(Item {
                        event,
                        binding,
                        target,
                        need,
                        letters,
                        once,
                        weight,
                        encoded,
                        record,
                    });
                }
                (Err(refusal), Need::Required) => return Err(refusal),
                (Err(_), Need::BestEffort) => self.lost.push(target),
            }
        }
        let expects = route
            .bindings
            .iter()
            .any(|binding| binding.need == Need::Required);
        if required == 0 && expects && route.unmatched == Unmatched::Refuse {
            let detail = "no required target's `when` is true for this event";
            return Err(Refusal::new(Code::NoTarget, detail));
        }
        Ok(())
    }

    /// Keeps those best-effort records for which `keep` finds room, and counts the others as lost.
    pub fn keep_best_effort(&mut self, mut keep: impl FnMut(u16, u64) -> Result<(), ReasonKind>) {
        let (lost, letters) = (&mut self.lost, &mut self.letters);
        self.items.retain(|item| {
            if item.need == Need::Required {
                return true;
            }
            let kept = keep(item.target, u64::from(item.weight));
            if let Err(reason) = kept {
                lost.push(item.target);
                if item.letters {
                    letters.push((item.clone(), reason.into()));
                }
            }
            kept.is_ok()
        });
    }

    fn clear(&mut self) {
        self.items.clear();
        self.refusals.clear();
        self.required.clear();
        self.kept = None;
        self.lost.clear();
        self.letters.clear();
        self.claims = None;
    }
}

impl Item {
    /// A best-effort record that is not sent at all.
    fn unsent(event: usize, place: usize, binding: &Binding, record: Record) -> Self {
        Self {
            event: event as u32,
            binding: place as u16,
            target: binding.target as u16,
            need: binding.need,
            letters: true,
            once: false,
            weight: 0,
            encoded: 0,
            record,
        }
    }
}

/// Bytes that a record takes in a call and in a queue, where its target and its queue can ever take
/// it.
fn weigh(target: &Target, record: &Record) -> Result<(usize, u32), Reason> {
    let encoded = target.room.weigh(record)?;
    let bytes = record.bytes() + RECORD_OVERHEAD_BYTES;
    let (weight, limit) = (bytes as u64, target.gauge.limit());
    if weight > limit {
        return Err(larger_than_queue(weight, limit));
    }
    Ok((encoded, bytes as u32))
}
