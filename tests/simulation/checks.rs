//! The rules by which a run is judged. They know what was sent, what was answered and what the
//! targets hold, and nothing of how the gateway works.

use std::collections::BTreeMap;

use crate::client::{Said, is_poison, key_of};
use crate::rules::{NAMES, Promise, Route};
use crate::target::Target;

/// What is known of an event that was sent.
#[derive(Debug)]
struct Sent {
    route: Route,
    request: u64,
    /// Targets that surely do not hold it, as an answer said.
    without: Vec<usize>,
}

/// All that was sent, and what was answered.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    sent: BTreeMap<u64, Sent>,
    answered: BTreeMap<u64, u32>,
    /// Events that were accepted, and must come to their targets in the end.
    owed: Vec<u64>,
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    pub(crate) unknown: u64,
}

impl Checks {
    /// A request leaves its client.
    pub(crate) fn sent(&mut self, request: u64, route: Route, events: &[u64]) {
        for event in events {
            let sent = Sent {
                route,
                request,
                without: Vec::new(),
            };
            self.sent.insert(*event, sent);
        }
    }

    /// Events of routes that may spool them, with each of their targets.
    pub(crate) fn spooled(&self) -> impl Iterator<Item = (u64, usize)> {
        let may = |sent: &&Sent| sent.route.promise == Promise::Stored;
        let all = self.sent.iter().filter(move |(_, sent)| may(sent));
        all.flat_map(|(event, sent)| {
            sent.route
                .required(*event)
                .iter()
                .map(|place| (*event, *place))
        })
    }

    /// An answer reaches its client.
    pub(crate) fn answered(
        &mut self,
        request: u64,
        events: &[u64],
        said: &[Said],
        targets: &[Target],
    ) -> Result<(), String> {
        let times = self.answered.entry(request).or_default();
        *times += 1;
        if *times > 1 {
            return Err(format!("request {request} was answered twice"));
        }
        for (event, said) in events.iter().zip(said) {
            self.one(*event, said, targets)?;
        }
        Ok(())
    }

    fn one(&mut self, event: u64, said: &Said, targets: &[Target]) -> Result<(), String> {
        let Some(sent) = self.sent.get_mut(&event) else {
            return Err(format!("event {event} was never sent"));
        };
        let required = sent.route.required(event);
        let missing: Vec<&str> = required
            .iter()
            .filter(|target| !targets[**target].has(event))
            .map(|target| NAMES[*target])
            .collect();
        if said.ok {
            self.accepted += 1;
            let kept = match sent.route.promise {
                Promise::Required => missing.is_empty(),
                Promise::Any => missing.len() < required.len(),
                Promise::Stored => {
                    self.owed.push(event);
                    true
                }
                Promise::Nothing => true,
            };
            if !kept {
                let path = sent.route.path;
                return Err(format!(
                    "event {event} was answered as done by {path}, and {missing:?} do not have it"
                ));
            }
        } else if said.stored == "none" {
            self.refused += 1;
            if missing.len() < required.len() {
                return Err(format!(
                    "event {event} was answered as stored at none, and {:?} have it",
                    required
                        .iter()
                        .filter(|t| targets[**t].has(event))
                        .collect::<Vec<_>>()
                ));
            }
            sent.without.extend(required);
        } else {
            self.unknown += 1;
        }
        for (name, word) in &said.targets {
            let place = NAMES.iter().position(|known| known == name);
            let place = place.ok_or_else(|| format!("there is no target {name}"))?;
            let has = targets[place].has(event);
            match word.as_str() {
                "delivered" if !has => {
                    return Err(format!(
                        "event {event} was answered as delivered to {name}, which does not have it"
                    ));
                }
                "refused" | "not_stored" if has => {
                    return Err(format!(
                        "event {event} was answered as {word} at {name}, stored none, and it is there"
                    ));
                }
                "refused" | "not_stored" => sent.without.push(place),
                _ => {}
            }
        }
        Ok(())
    }

    /// Everything has come to rest.
    pub(crate) fn at_rest(&self, targets: &[Target]) -> Result<(), String> {
        for event in self.owed.iter().filter(|event| !is_poison(**event)) {
            let required = self.sent.get(event).map(|sent| sent.route.required(*event));
            for place in required.unwrap_or_default() {
                let target = &targets[*place];
                if !target.has(*event) && !target.doubtful.contains(event) {
                    return Err(format!(
                        "event {event} was answered as spooled, and never came to {}",
                        NAMES[*place]
                    ));
                }
            }
        }
        for (place, target) in targets.iter().enumerate() {
            for (event, times) in &target.stored {
                let Some(sent) = self.sent.get(event) else {
                    return Err(format!(
                        "{} has event {event}, which was never sent",
                        target.name
                    ));
                };
                if sent.without.contains(&place) {
                    return Err(format!(
                        "request {} was told that {} has none of event {event}, and it came there",
                        sent.request, target.name
                    ));
                }
                let ambiguous = target.ambiguous.get(event).copied().unwrap_or_default();
                if *times > 1 + ambiguous {
                    return Err(format!(
                        "{} has event {event} {times} times, and only {ambiguous} answers about it were lost",
                        target.name
                    ));
                }
            }
            if target.room.keyed {
                in_order(target)?;
            }
        }
        Ok(())
    }
}

/// Events of one key were stored in the order in which the courier took them, each as often as it
/// was sent again before the next was.
fn in_order(target: &Target) -> Result<(), String> {
    // What was given up and taken from the spool again has no place of its own.
    let mut places: BTreeMap<u64, Option<usize>> = BTreeMap::new();
    for (place, event) in target.taken.iter().enumerate() {
        if let Some(event) = event {
            let once = |known: &mut Option<usize>| *known = None;
            places.entry(*event).and_modify(once).or_insert(Some(place));
        }
    }
    let mut last: BTreeMap<u64, (usize, u64)> = BTreeMap::new();
    for event in &target.order {
        let Some(place) = places.get(event) else {
            return Err(format!(
                "{} has event {event}, which no courier took",
                target.name
            ));
        };
        let Some(place) = *place else { continue };
        let key = key_of(*event);
        if let Some((before, earlier)) = last.insert(key, (place, *event))
            && before > place
            // What a gateway sent before it was killed may arrive behind what its successor sends.
            && !target.taken[place..before].contains(&None)
        {
            return Err(format!(
                "{} stored event {event} of key {key} behind event {earlier}, which came later",
                target.name
            ));
        }
    }
    Ok(())
}
