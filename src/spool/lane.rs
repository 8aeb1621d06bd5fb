//! One target's part of the drain: its records between the first that is not settled and the last
//! that was read.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytestring::ByteString;
use sluicegate_contract::{Field, Outcome, Reason, ReasonKind, Record, RecordId, stored};

use super::held::RecordKey;
use super::reading::count;
use super::{Door, Fate, Held, LaneCounters, Opening, entry};
use crate::dispatch::Queued;
use crate::limits::{
    RECORD_OVERHEAD_BYTES, SPOOL_AHEAD_BYTES_MAX, SPOOL_FULL_LOOK, SPOOL_LOOK, SPOOL_PAUSE_MAX,
    SPOOL_PAUSE_MIN, SPOOL_WINDOW_RECORDS_MAX,
};
use crate::settle::Ledger;

/// Why a record left the spool without having been delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The target refused it for good, or it is none for that target.
    Refused,
    /// It was older than the spool keeps them.
    Expired,
}

/// A record that leaves the spool without having been delivered.
#[derive(Clone, Debug)]
pub struct LostRecord {
    /// Its id in the drain: where the lane has a dead letter, the drain waits for
    /// [`super::Drain::lettered`] with it before the cursor moves.
    pub id: RecordId,
    /// The name of its target.
    pub target: Arc<str>,
    /// Why.
    pub ended: Ended,
    /// What was said about it.
    pub reason: Reason,
    /// When its request came.
    pub time: SystemTime,
    /// The id of its request.
    pub request: u128,
    /// The name of its request's route.
    pub route: ByteString,
    /// As it was stored.
    pub stored: entry::StoredRecord,
}

/// What a lane is made of.
#[derive(Clone, Debug)]
pub struct LaneRules {
    /// The target's name.
    pub target: Arc<str>,
    /// The kind of the target.
    pub room: Arc<str>,
    /// The place of its door, where the file has such a target.
    pub door: Option<usize>,
    /// The fields of that kind's records.
    pub fields: &'static [Field],
    /// The sequence to begin with.
    pub start: u64,
    /// Routes may still store records for it: its cursor stays when nothing is left.
    pub lasting: bool,
    /// It has a dead letter: what cannot be delivered goes there before the cursor moves.
    pub letters: bool,
}

impl LaneRules {
    /// The name of its cursor. A target that becomes another kind of target is another lane, since
    /// it cannot take the records of the earlier one.
    #[must_use]
    pub fn cursor(&self) -> String {
        format!("{}:{}", self.target, self.room)
    }
}

/// One target's part of the drain.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) rules: LaneRules,
    pub(super) cursor_name: String,
    /// The sequence to read next.
    pub(super) next: u64,
    pub(super) counters: Arc<LaneCounters>,
    /// What was read and is not all settled, in the order of the log.
    window: VecDeque<Place>,
    /// The number of the window's first place. Numbers count up and are never given twice.
    first: u64,
    /// No place before this offset is ready.
    ready_from: usize,
    /// Bytes of records that are in memory and not handed over.
    ahead_bytes: usize,
    flying: usize,
    flying_bytes: u64,
    held: usize,
    /// A record was given up: nothing is handed over until all that flies has come down.
    halted: bool,
    paused_until: Option<Instant>,
    /// How often in a row records were given up.
    failures: u32,
    bucket: Option<Bucket>,
}

/// A record between the first that is not settled and the last that was read.
#[derive(Debug)]
struct Place {
    sequence: u64,
    time: SystemTime,
    origin: Arc<Origin>,
    state: State,
    weight: u32,
    /// Until it is settled.
    record: Option<(Record, entry::StoredRecord)>,
}

/// The request of some places.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) id: u128,
    pub(super) route: ByteString,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// To be handed over.
    Ready,
    /// The courier of the request that it came with may still have it.
    Held,
    /// Handed over; its outcome will come.
    Flying,
    /// On its way to the dead letter.
    Lettered,
    /// Nothing is to be done any more.
    Settled,
}

/// Records a second.
#[derive(Debug)]
struct Bucket {
    rate: f64,
    level: f64,
    filled: Option<Instant>,
}

impl Bucket {
    /// Takes one, or says when there will be one.
    fn take(&mut self, now: Instant) -> Result<(), Instant> {
        let passed = self.filled.map(|at| now.saturating_duration_since(at));
        let most = (self.rate / 10.0).max(1.0);
        let more = passed.map_or(most, |passed| passed.as_secs_f64() * self.rate);
        self.level = (self.level + more).min(most);
        self.filled = Some(now);
        if self.level >= 1.0 {
            self.level -= 1.0;
            return Ok(());
        }
        let wait = Duration::try_from_secs_f64((1.0 - self.level) / self.rate);
        Err(now + wait.unwrap_or(SPOOL_PAUSE_MAX).max(Duration::from_millis(1)))
    }
}

/// What all lanes are turned with.
pub(super) struct Turn<'t> {
    pub(super) now: Instant,
    pub(super) time: SystemTime,
    pub(super) max_age: Duration,
    /// The mailbox of the drain, and the place of the lane.
    pub(super) mailbox: u8,
    pub(super) lane: u32,
    pub(super) lost: &'t mut Vec<LostRecord>,
}

impl Turn<'_> {
    fn id(&self, number: u64) -> RecordId {
        // Cut to the width of an id: a window is far smaller than that.
        Ledger::beside_id(self.mailbox, self.lane, number as u32)
    }

    fn is_old(&self, time: SystemTime) -> bool {
        let age = self.time.duration_since(time);
        age.is_ok_and(|age| age > self.max_age)
    }
}

impl Lane {
    pub(super) fn new(rules: LaneRules, rate: Option<f64>) -> Self {
        let counters = LaneCounters::new(Arc::clone(&rules.target), rules.door.is_none());
        Self {
            cursor_name: rules.cursor(),
            next: rules.start,
            counters: Arc::new(counters),
            window: VecDeque::new(),
            first: 0,
            ready_from: 0,
            ahead_bytes: 0,
            flying: 0,
            flying_bytes: 0,
            held: 0,
            halted: false,
            paused_until: None,
            failures: 0,
            bucket: rate.map(|rate| Bucket {
                rate,
                level: 0.0,
                filled: None,
            }),
            rules,
        }
    }

    /// True where more may be read for it.
    pub(super) fn has_room(&self) -> bool {
        self.window.len() < SPOOL_WINDOW_RECORDS_MAX && self.ahead_bytes < SPOOL_AHEAD_BYTES_MAX
    }

    /// True where all that was read is settled.
    pub(super) fn is_empty(&self) -> bool {
        self.window.is_empty()
    }

    pub(super) fn flies(&self) -> bool {
        self.flying > 0
    }

    /// The sequence of the first record that is not settled: where it goes on after a restart.
    pub(super) fn cursor(&self) -> u64 {
        self.window.front().map_or(self.next, |place| place.sequence)
    }

    pub(super) fn is_for(&self, record: &entry::StoredRecord) -> bool {
        *record.target == *self.rules.target && *record.room == *self.rules.room
    }

    /// Takes a record of the log in. `fate`: what became of it if its courier had it.
    pub(super) fn take(
        &mut self,
        sequence: u64,
        time: SystemTime,
        origin: &Arc<Origin>,
        record: entry::StoredRecord,
        fate: Option<Fate>,
        turn: &mut Turn<'_>,
    ) {
        if fate == Some(Fate::Delivered) {
            count(&self.counters.delivered);
            return;
        }
        let decoded = stored::decode(&record.stored, self.rules.fields);
        let (rendered, wrong) = match decoded {
            Ok(rendered) => (rendered, None),
            Err(error) => (Record::default(), Some(error.to_string())),
        };
        self.ahead_bytes += record.stored.len();
        let held = fate == Some(Fate::Held);
        self.held += usize::from(held);
        let weight = rendered.bytes() + RECORD_OVERHEAD_BYTES;
        self.window.push_back(Place {
            sequence,
            time,
            origin: Arc::clone(origin),
            state: if held { State::Held } else { State::Ready },
            weight: u32::try_from(weight).unwrap_or(u32::MAX),
            record: Some((rendered, record)),
        });
        // A record that the file's target cannot read is not the target's to refuse; without a
        // target nobody can say so yet.
        if let Some(wrong) = wrong.filter(|_| self.rules.door.is_some()) {
            let reason = Reason::new(ReasonKind::Invalid, wrong);
            self.lose(self.window.len() - 1, Ended::Refused, reason, turn);
        }
    }

    /// Looks again at those whose couriers had them.
    pub(super) fn look_at_held(&mut self, held: &Held) {
        if self.held == 0 {
            return;
        }
        for offset in 0..self.window.len() {
            let Some(place) = self.window.get(offset).filter(|p| p.state == State::Held) else {
                continue;
            };
            match place.key().and_then(|key| held.look(key)) {
                Some(Fate::Held) => {}
                Some(Fate::Delivered) => {
                    count(&self.counters.delivered);
                    self.settle(offset);
                }
                None => {
                    self.held -= 1;
                    self.set(offset, State::Ready);
                    self.ready_from = self.ready_from.min(offset);
                }
            }
        }
        self.pop();
    }

    /// Ends what is older than the spool keeps it.
    pub(super) fn expire(&mut self, turn: &mut Turn<'_>) {
        for offset in 0..self.window.len() {
            let old = |place: &&Place| place.state == State::Ready && turn.is_old(place.time);
            if self.window.get(offset).filter(old).is_some() {
                let reason = Reason::new(ReasonKind::GiveUp, "older than the spool's `max_age`");
                self.lose(offset, Ended::Expired, reason, turn);
            }
        }
        self.pop();
    }

    /// Hands over what may be handed over now. Gives the time to be asked again at.
    pub(super) fn hand_over(&mut self, door: &impl Door, turn: &mut Turn<'_>) -> Option<Instant> {
        if self.halted {
            if self.flying > 0 {
                return None;
            }
            self.halted = false;
            let doubled = SPOOL_PAUSE_MIN.saturating_mul(1 << self.failures.min(10));
            self.paused_until = Some(turn.now + doubled.min(SPOOL_PAUSE_MAX));
        }
        if let Some(until) = self.paused_until.filter(|until| turn.now < *until) {
            return Some(until);
        }
        self.paused_until = None;
        self.next_ready()?;
        let most = match door.opening() {
            Opening::Open => usize::MAX,
            // One at a time, while it is not known that the target is back.
            Opening::Probe => 1,
            Opening::Shut => return Some(turn.now + SPOOL_LOOK),
        };
        let mut batch = Vec::new();
        let wake = self.fill(&mut batch, most, door, turn);
        if !batch.is_empty() {
            for (id, outcome) in door.hand_over(batch) {
                self.outcome(Ledger::beside_places(id).1, outcome, door, turn);
            }
        }
        self.pop();
        wake
    }

    fn fill(
        &mut self,
        batch: &mut Vec<Queued>,
        most: usize,
        door: &impl Door,
        turn: &mut Turn<'_>,
    ) -> Option<Instant> {
        while batch.len() < most {
            let offset = self.next_ready()?;
            let place = self.window.get(offset)?;
            let (weight, (record, _)) = (u64::from(place.weight), place.record.as_ref()?);
            let encoded = match door.weigh(record) {
                Ok(encoded) => encoded,
                Err(outcome) => {
                    let reason = outcome.reason().cloned();
                    let reason = reason.unwrap_or(ReasonKind::Invalid.into());
                    self.lose(offset, Ended::Refused, reason, turn);
                    continue;
                }
            };
            // Live traffic keeps at least half of the queue; what flies wakes the drain.
            if self.flying > 0 && self.flying_bytes + weight > door.limit() / 2 {
                return None;
            }
            if let Some(Err(at)) = self.bucket.as_mut().map(|bucket| bucket.take(turn.now)) {
                return Some(at);
            }
            if !door.reserve(weight) {
                return Some(turn.now + SPOOL_FULL_LOOK);
            }
            let id = turn.id(self.first + offset as u64);
            batch.push(Queued::new(id, record.clone(), encoded));
            self.set(offset, State::Flying);
            self.flying += 1;
            self.flying_bytes += weight;
        }
        Some(turn.now + SPOOL_LOOK)
    }

    /// Takes the outcome of a record that was handed over.
    pub(super) fn outcome(
        &mut self,
        number: u32,
        outcome: Outcome,
        door: &impl Door,
        turn: &mut Turn<'_>,
    ) {
        let Some(offset) = self.offset_of(number) else {
            return;
        };
        let Some(place) = self.window.get(offset).filter(|p| p.state == State::Flying) else {
            debug_assert!(false, "a record has exactly one outcome");
            return;
        };
        let weight = u64::from(place.weight);
        self.flying -= 1;
        self.flying_bytes -= weight;
        door.release(weight);
        door.count(&outcome);
        match outcome {
            Outcome::Delivered(_) => {
                self.failures = 0;
                count(&self.counters.delivered);
                self.settle(offset);
            }
            // That the condition does not hold is an answer, which nobody waits for any more.
            Outcome::Refused(reason) if reason.kind() == ReasonKind::ConditionFalse => {
                self.failures = 0;
                count(&self.counters.conflicts);
                self.settle(offset);
            }
            Outcome::Refused(reason) => {
                self.failures = 0;
                self.lose(offset, Ended::Refused, reason, turn);
            }
            Outcome::GaveUp { .. } => {
                count(&self.counters.again);
                self.set(offset, State::Ready);
                self.ready_from = self.ready_from.min(offset);
                if !self.halted {
                    self.halted = true;
                    self.failures = self.failures.saturating_add(1);
                }
            }
        }
        self.pop();
    }

    /// A record that was lost is at the dead letter, or is to go there again.
    pub(super) fn lettered(&mut self, number: u32, confirmed: bool, turn: &mut Turn<'_>) {
        let Some(offset) = self.offset_of(number) else {
            return;
        };
        let Some(place) = self.window.get(offset).filter(|p| p.state == State::Lettered) else {
            return;
        };
        if confirmed {
            self.settle(offset);
        } else {
            // The target is asked once more: it says again what it thinks of the record.
            let _ = place;
            self.set(offset, State::Ready);
            self.ready_from = self.ready_from.min(offset);
            self.paused_until = Some(turn.now + SPOOL_PAUSE_MAX);
        }
        self.pop();
    }

    /// A record leaves the spool without having been delivered.
    fn lose(&mut self, offset: usize, ended: Ended, reason: Reason, turn: &mut Turn<'_>) {
        let id = turn.id(self.first + offset as u64);
        let Some(place) = self.window.get_mut(offset) else {
            return;
        };
        count(match ended {
            Ended::Refused => &self.counters.refused,
            Ended::Expired => &self.counters.expired,
        });
        if let Some((_, stored)) = &place.record {
            turn.lost.push(LostRecord {
                id,
                target: Arc::clone(&self.rules.target),
                ended,
                reason,
                time: place.time,
                request: place.origin.id,
                route: place.origin.route.clone(),
                stored: stored.clone(),
            });
        }
        if self.rules.letters {
            self.set(offset, State::Lettered);
        } else {
            self.settle(offset);
        }
    }

    fn settle(&mut self, offset: usize) {
        if let Some(place) = self.window.get_mut(offset) {
            self.held -= usize::from(place.state == State::Held);
            if let Some((_, stored)) = place.record.take() {
                self.ahead_bytes = self.ahead_bytes.saturating_sub(stored.stored.len());
            }
            place.state = State::Settled;
        }
    }

    fn set(&mut self, offset: usize, state: State) {
        if let Some(place) = self.window.get_mut(offset) {
            place.state = state;
        }
    }

    fn next_ready(&mut self) -> Option<usize> {
        while let Some(place) = self.window.get(self.ready_from) {
            if place.state == State::Ready {
                return Some(self.ready_from);
            }
            self.ready_from += 1;
        }
        None
    }

    /// The offset of the place of this number, of which an id holds the low bits.
    fn offset_of(&self, number: u32) -> Option<usize> {
        const LOW_BITS: u64 = (1 << 28) - 1;
        let offset = u64::from(number).wrapping_sub(self.first) & LOW_BITS;
        usize::try_from(offset).ok().filter(|at| *at < self.window.len())
    }

    /// Lets go of what is settled at the front.
    fn pop(&mut self) {
        while self.window.front().is_some_and(|place| place.state == State::Settled) {
            self.window.pop_front();
            self.first += 1;
            self.ready_from = self.ready_from.saturating_sub(1);
        }
    }
}

impl Place {
    fn key(&self) -> Option<RecordKey> {
        let (_, stored) = self.record.as_ref()?;
        Some((self.origin.id, stored.number))
    }
}
