//! One target's part of the drain: its records between the first that is not settled and the last
//! that was read.

mod flight;
mod place;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bytestring::ByteString;
use sluicegate_contract::{Field, Reason, ReasonKind, Record, RecordId, stored};

use self::place::{Bucket, Place, State, Unfit};
pub(super) use self::place::{Origin, Turn};
use super::reading::count;
use super::{Fate, Held, LaneCounters, entry};
use crate::limits::{RECORD_OVERHEAD_BYTES, SPOOL_AHEAD_BYTES_MAX, SPOOL_WINDOW_RECORDS_MAX};

/// Why a record left the spool without having been delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The target refused it for good, or it is none for that target.
    Refused,
    /// It was older than the spool keeps them.
    Expired,
    /// It may be at its target, which would do it twice if it were sent again.
    Uncertain,
}

/// A record that leaves the spool without having been delivered.
#[derive(Clone, Debug)]
pub struct LostRecord {
    /// Its id in the drain: where the lane has a dead letter, the drain waits for
    /// [`super::Drain::lettered`] with it before the cursor moves.
    pub id: RecordId,
    /// The name of its target.
    pub target: Arc<str>,
    /// The kind of its target.
    pub room: Arc<str>,
    /// The place of its target, where the file has it.
    pub door: Option<usize>,
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
    /// Where the log was told that its cursor stands.
    pub(super) moved_to: u64,
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
    /// The dead letter did not take what had expired: it is not asked before.
    letters_until: Option<Instant>,
    /// How often in a row records were given up.
    failures: u32,
    bucket: Option<Bucket>,
}

impl Lane {
    pub(super) fn new(rules: LaneRules, rate: Option<f64>) -> Self {
        let counters = LaneCounters::new(rules.cursor(), rules.door.is_none());
        Self {
            cursor_name: rules.cursor(),
            next: rules.start,
            moved_to: rules.start,
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
            letters_until: None,
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
        self.window
            .front()
            .map_or(self.next, |place| place.sequence)
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
    ) {
        let rendered = match fate {
            Some(Fate::Delivered) => {
                count(&self.counters.delivered);
                return;
            }
            Some(Fate::Uncertain) => Err(Unfit::uncertain()),
            _ => stored::decode(&record.stored, self.rules.fields).map_err(|wrong| Unfit {
                ended: Ended::Refused,
                reason: Reason::new(ReasonKind::Invalid, wrong.to_string()),
            }),
        };
        self.ahead_bytes += record.stored.len();
        let held = fate == Some(Fate::Held);
        self.held += usize::from(held);
        let weight = rendered.as_ref().map_or(0, Record::bytes) + RECORD_OVERHEAD_BYTES;
        self.window.push_back(Place {
            sequence,
            time,
            origin: Arc::clone(origin),
            state: if held { State::Held } else { State::Ready },
            weight: u32::try_from(weight).unwrap_or(u32::MAX),
            record: Some((rendered, record)),
            lettered: None,
        });
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
                fate => {
                    self.held -= 1;
                    if fate == Some(Fate::Uncertain) {
                        self.never_again(offset, Unfit::uncertain());
                    }
                    self.ready(offset);
                }
            }
        }
        self.pop();
    }

    /// Ends what is older than the spool keeps it.
    pub(super) fn expire(&mut self, turn: &mut Turn<'_>) {
        if self.letters_until.is_some_and(|until| turn.now < until) {
            return;
        }
        self.letters_until = None;
        for offset in 0..self.window.len() {
            let Some(place) = self.window.get(offset) else {
                break;
            };
            match place.state {
                State::Ready | State::Unlettered(_) if turn.is_old(place.time) => {
                    let reason =
                        Reason::new(ReasonKind::Expired, "older than the spool's `max_age`");
                    self.lose(offset, Ended::Expired, reason, turn);
                }
                State::Unlettered(_) => self.ready(offset),
                _ => {}
            }
        }
        self.pop();
    }

    /// A record leaves the spool without having been delivered.
    fn lose(&mut self, offset: usize, ended: Ended, reason: Reason, turn: &mut Turn<'_>) {
        let id = turn.id(self.first + offset as u64);
        let Some(place) = self.window.get_mut(offset) else {
            return;
        };
        if let Some((_, stored)) = &place.record {
            turn.lost.push(LostRecord {
                id,
                target: Arc::clone(&self.rules.target),
                room: Arc::clone(&self.rules.room),
                door: self.rules.door,
                ended,
                reason,
                time: place.time,
                request: place.origin.id,
                route: place.origin.route.clone(),
                stored: stored.clone(),
            });
        }
        if self.rules.letters {
            place.lettered.get_or_insert(turn.now);
            self.set(offset, State::Lettered(ended));
        } else {
            self.leave(offset, ended);
        }
    }

    /// A record has left the spool without having been delivered.
    fn leave(&mut self, offset: usize, ended: Ended) {
        count(match ended {
            Ended::Refused => &self.counters.refused,
            Ended::Expired => &self.counters.expired,
            Ended::Uncertain => &self.counters.uncertain,
        });
        self.settle(offset);
    }

    /// A record is not handed over any more, for this reason, whatever comes.
    fn never_again(&mut self, offset: usize, unfit: Unfit) {
        let place = self.window.get_mut(offset);
        if let Some((rendered, _)) = place.and_then(|place| place.record.as_mut()) {
            *rendered = Err(unfit);
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

    /// A record is to be handed over, in its turn.
    fn ready(&mut self, offset: usize) {
        self.set(offset, State::Ready);
        self.ready_from = self.ready_from.min(offset);
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
        usize::try_from(offset)
            .ok()
            .filter(|at| *at < self.window.len())
    }

    /// Lets go of what is settled at the front.
    fn pop(&mut self) {
        while self
            .window
            .front()
            .is_some_and(|place| place.state == State::Settled)
        {
            self.window.pop_front();
            self.first += 1;
            self.ready_from = self.ready_from.saturating_sub(1);
        }
    }
}
