//! Hands records over and hears what became of them.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, Sender as Heard, unbounded};
use slab::Slab;
use sluicegate_contract::{Outcome, OutcomeSink, Reason, ReasonKind, RecordId, Room};

use super::Fit;
use crate::courier::Lanes;
use crate::dispatch::{Queued, Target};
use crate::limits::RECORD_OVERHEAD_BYTES;
use crate::rooms::{self, RoomContext};
use crate::serve::couriers;
use crate::settings::Settings;

/// Records on their way at once: what comes behind a failure is not sent before it is known.
const ON_THEIR_WAY_MAX: usize = 1000;

/// Targets that are open for records of a log.
pub struct Sender {
    targets: Arc<[Target]>,
    lanes: Lanes,
    outcomes: Receiver<(RecordId, Outcome)>,
    sent: Slab<Sent>,
    /// Sequences with records that have no outcome, or were given up.
    open: BTreeMap<u64, usize>,
    delivered: u64,
    given_up: u64,
    refused: u64,
    ended: Vec<Ended>,
}

struct Sent {
    sequence: u64,
    place: usize,
    weight: u64,
}

/// A record that was not delivered.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Its place in the log.
    pub sequence: u64,
    /// The name of its target.
    pub target: Arc<str>,
    /// True where its target refused it for good, false where it was given up.
    pub refused: bool,
    /// Why.
    pub reason: Reason,
}

/// Takes the outcomes of rooms and couriers.
struct Ear(Heard<(RecordId, Outcome)>);

impl OutcomeSink for Ear {
    fn outcome(&self, id: RecordId, outcome: Outcome) {
        // Who listened may have ended.
        let _ = self.0.send((id, outcome));
    }
}

impl Sender {
    /// Opens the targets of these settings, and no other: nothing listens.
    ///
    /// # Errors
    /// What could not be opened, naming the target.
    pub fn open(settings: &Settings, context: &RoomContext) -> io::Result<Self> {
        let (send, outcomes) = unbounded();
        let ear: Arc<dyn OutcomeSink> = Arc::new(Ear(send));
        let opened = rooms::open(settings, context, &ear).map_err(io::Error::other)?;
        let targets: Arc<[Target]> = opened.into();
        let lanes = Lanes::start(couriers(settings, &targets, &ear), 1)?;
        Ok(Self {
            targets,
            lanes,
            outcomes,
            sent: Slab::new(),
            open: BTreeMap::new(),
            delivered: 0,
            given_up: 0,
            refused: 0,
            ended: Vec::new(),
        })
    }

    /// Hands a record to the target at this place; waits until there is room for it.
    pub fn send(&mut self, place: usize, sequence: u64, fit: Fit) {
        let targets = Arc::clone(&self.targets);
        let Some(target) = targets.get(place) else {
            return;
        };
        let weight = (fit.record.bytes() + RECORD_OVERHEAD_BYTES) as u64;
        while self.sent.len() >= ON_THEIR_WAY_MAX || !target.gauge.reserve(weight) {
            if self.sent.is_empty() {
                let most = target.gauge.limit();
                let said = format!("it is larger than the queue of its target, {most} bytes");
                let reason = Reason::new(ReasonKind::TooLarge, said);
                return self.judge(place, sequence, Outcome::Refused(reason));
            }
            self.hear(Duration::from_millis(50));
        }
        *self.open.entry(sequence).or_default() += 1;
        let id = RecordId(self.sent.insert(Sent {
            sequence,
            place,
            weight,
        }) as u64);
        match &target.room {
            Room::Batching(_) => {
                if let Some(inbox) = &target.inbox {
                    inbox.records(vec![Queued::new(id, fit.record, fit.encoded)]);
                }
            }
            Room::Producing(room) => {
                let known = room.produce(&fit.record, id).unwrap_or_else(|reason| {
                    let certain = true;
                    Some(Outcome::GaveUp { certain, reason })
                });
                if let Some(outcome) = known {
                    self.settle(id, outcome);
                }
            }
        }
        self.hear(Duration::ZERO);
    }

    /// Hears what became of records, for at most so long where nothing is said.
    pub fn hear(&mut self, within: Duration) {
        let Ok((id, outcome)) = self.outcomes.recv_timeout(within) else {
            return;
        };
        self.settle(id, outcome);
        while let Ok((id, outcome)) = self.outcomes.try_recv() {
            self.settle(id, outcome);
        }
    }

    fn settle(&mut self, id: RecordId, outcome: Outcome) {
        let Some(sent) = usize::try_from(id.0)
            .ok()
            .and_then(|slot| self.sent.try_remove(slot))
        else {
            return;
        };
        if let Some(target) = self.targets.get(sent.place) {
            target.gauge.release(sent.weight);
        }
        let gave_up = matches!(outcome, Outcome::GaveUp { .. });
        self.judge(sent.place, sent.sequence, outcome);
        if gave_up {
            return;
        }
        if let Some(records) = self.open.get_mut(&sent.sequence) {
            *records -= 1;
            if *records == 0 {
                self.open.remove(&sent.sequence);
            }
        }
    }

    fn judge(&mut self, place: usize, sequence: u64, outcome: Outcome) {
        let (refused, reason) = match outcome {
            Outcome::Delivered(_) => {
                self.delivered += 1;
                return;
            }
            Outcome::Refused(reason) => (true, reason),
            Outcome::GaveUp { reason, .. } => (false, reason),
        };
        self.refused += u64::from(refused);
        self.given_up += u64::from(!refused);
        let target = self.targets.get(place);
        self.ended.push(Ended {
            sequence,
            target: target.map_or_else(|| "".into(), |target| Arc::clone(&target.name)),
            refused,
            reason,
        });
    }

    /// Waits until every record has its outcome, at most so long; then ends what is left.
    pub fn finish(&mut self, within: Duration) {
        let end = Instant::now() + within;
        while !self.sent.is_empty() && Instant::now() < end {
            self.hear(Duration::from_millis(50));
        }
        for target in &*self.targets {
            match (&target.room, &target.inbox) {
                (Room::Batching(_), Some(inbox)) if self.sent.is_empty() => inbox.stop(),
                (Room::Batching(_), Some(inbox)) => inbox.hurry(),
                (Room::Batching(_), None) => {}
                (Room::Producing(room), _) => {
                    room.flush(end.saturating_duration_since(Instant::now()));
                }
            }
        }
        let lanes = std::mem::take(&mut self.lanes);
        lanes.join();
        self.hear(Duration::ZERO);
        // Who never said anything of a record may have stored it.
        let silent: Vec<usize> = self.sent.iter().map(|(slot, _)| slot).collect();
        for slot in silent {
            let reason = ReasonKind::AnswerLost.into();
            let certain = false;
            self.settle(RecordId(slot as u64), Outcome::GaveUp { certain, reason });
        }
    }

    /// True while records have no outcome.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.sent.is_empty()
    }

    /// The sequence below which all that was sent is delivered or refused; `None` where that holds
    /// for all of it.
    #[must_use]
    pub fn resume_from(&self) -> Option<u64> {
        self.open.keys().next().copied()
    }

    /// Records that were not delivered, since this was asked last.
    pub fn take_ended(&mut self) -> Vec<Ended> {
        std::mem::take(&mut self.ended)
    }

    /// Records by what became of them: delivered, refused, given up.
    #[must_use]
    pub fn tally(&self) -> (u64, u64, u64) {
        (self.delivered, self.refused, self.given_up)
    }
}
