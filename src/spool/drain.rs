//! What is read of the log, handed over, tried again and settled: a plain state machine. Time, log,
//! targets and outcomes are handed in.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use sluicegate_appendlog::Stored;
use sluicegate_contract::{Outcome, RecordId};

use super::lane::{Lane, Origin, Turn};
use super::{Door, Fate, Held, LaneCounters, LaneRules, LostRecord, entry};
use crate::dead_letters::LetterEnd;
use crate::limits::{SPOOL_EXPIRY_LOOK, SPOOL_PAUSE_MAX, SPOOL_READ_ENTRIES};
use crate::settle::Ledger;

/// The log as the drain sees it.
pub trait Backlog {
    /// The first record from a sequence on that is committed, or where the reader stands at the
    /// end.
    ///
    /// # Errors
    /// The log cannot be read there now.
    fn read(&mut self, from: u64) -> io::Result<Read>;
    /// Everything below `next` is settled for this cursor.
    fn advance(&mut self, cursor: &str, next: u64);
    /// Nobody reads at this cursor any more.
    fn remove(&mut self, cursor: &str);
}

/// What was read.
#[derive(Clone, Debug)]
pub enum Read {
    /// A committed record.
    Record(Stored),
    /// There is none yet; the next one has this sequence at least.
    End(u64),
}

/// What a drain is made of.
#[derive(Debug)]
pub struct DrainRules {
    /// The number of its mailbox, which stands in the ids of its records.
    pub mailbox: u8,
    /// The first sequence of this process: older records are held by no courier.
    pub born: u64,
    /// Records a second that each target gets; no limit where it is `None`.
    pub rate: Option<f64>,
    /// How long records wait.
    pub max_age: Duration,
    /// Its lanes.
    pub lanes: Vec<LaneRules>,
    /// What couriers still have.
    pub held: Arc<Held>,
}

/// See the module.
#[derive(Debug)]
pub struct Drain {
    mailbox: u8,
    born: u64,
    max_age: Duration,
    held: Arc<Held>,
    lanes: Vec<Option<Lane>>,
    stopping: bool,
    lost: Vec<LostRecord>,
    expiry_at: Option<Instant>,
    /// The log could not be read, or holds what only a later version can read.
    unread_until: Option<Instant>,
}

impl Drain {
    /// A drain that has read nothing yet.
    #[must_use]
    pub fn new(rules: DrainRules) -> Self {
        let lane = |lane| Some(Lane::new(lane, rules.rate));
        Self {
            mailbox: rules.mailbox,
            born: rules.born,
            max_age: rules.max_age,
            held: rules.held,
            lanes: rules.lanes.into_iter().map(lane).collect(),
            stopping: false,
            lost: Vec::new(),
            expiry_at: None,
            unread_until: None,
        }
    }

    /// What is counted of each lane.
    #[must_use]
    pub fn counters(&self) -> Vec<Arc<LaneCounters>> {
        let lanes = self.lanes.iter().flatten();
        lanes.map(|lane| Arc::clone(&lane.counters)).collect()
    }

    /// Hands nothing over any more; outcomes are still taken.
    pub fn stop(&mut self) {
        self.stopping = true;
    }

    /// True where no record that was handed over waits for its outcome.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        !self.lanes.iter().flatten().any(Lane::flies)
    }

    /// Records that leave the spool undelivered, since the last call.
    pub fn take_lost(&mut self) -> Vec<LostRecord> {
        std::mem::take(&mut self.lost)
    }

    /// Takes the outcome of a record that was handed over.
    pub fn outcome(
        &mut self,
        id: RecordId,
        outcome: Outcome,
        doors: &[impl Door],
        now: (Instant, SystemTime),
    ) {
        let (place, number) = Ledger::beside_places(id);
        let turn = &mut turn(self.mailbox, self.max_age, place, now, &mut self.lost);
        let lane = self.lanes.get_mut(place as usize).and_then(Option::as_mut);
        let door = |lane: &Lane| doors.get(lane.rules.door?);
        if let Some(lane) = lane
            && let Some(door) = door(lane)
        {
            lane.outcome(number, outcome, door, turn);
        }
    }

    /// What the dead letter said of a record that was lost. True where it has left the spool, and
    /// nobody has it.
    pub fn lettered(&mut self, id: RecordId, end: LetterEnd, now: (Instant, SystemTime)) -> bool {
        let (place, number) = Ledger::beside_places(id);
        let turn = &mut turn(self.mailbox, self.max_age, place, now, &mut self.lost);
        let lane = self.lanes.get_mut(place as usize).and_then(Option::as_mut);
        lane.is_some_and(|lane| lane.lettered(number, end, turn))
    }

    /// Reads what there is room for, hands over what may be handed over, and moves the cursors.
    /// Gives the time to be asked again at, if nothing happens before.
    pub fn step(
        &mut self,
        now: (Instant, SystemTime),
        backlog: &mut impl Backlog,
        doors: &[impl Door],
    ) -> Option<Instant> {
        if self.held.take_changed() {
            for lane in self.lanes.iter_mut().flatten() {
                lane.look_at_held(&self.held);
            }
        }
        let mut wake = self.read(now, backlog);
        let expires = self.expiry_at.is_none_or(|at| at <= now.0);
        for place in 0..self.lanes.len() {
            let Some(Some(lane)) = self.lanes.get_mut(place) else {
                continue;
            };
            let number = u32::try_from(place).unwrap_or(u32::MAX);
            let turn = &mut turn(self.mailbox, self.max_age, number, now, &mut self.lost);
            // What a stop leaves is ended after the next start, when a dead letter can be had.
            if expires && !self.stopping {
                lane.expire(turn);
            }
            let door = lane.rules.door.and_then(|door| doors.get(door));
            if let Some(door) = door.filter(|_| !self.stopping) {
                wake = earlier(wake, lane.hand_over(door, turn));
            }
        }
        if expires {
            self.expiry_at = Some(now.0 + SPOOL_EXPIRY_LOOK);
        }
        self.move_cursors(backlog);
        earlier(wake, self.expiry_at)
    }

    /// Reads for all lanes that have room. Lanes that stand at the same sequence share what is
    /// read: one that was behind and caught up goes on with the others.
    fn read(&mut self, now: (Instant, SystemTime), backlog: &mut impl Backlog) -> Option<Instant> {
        if let Some(until) = self.unread_until.filter(|until| now.0 < *until) {
            return Some(until);
        }
        self.unread_until = None;
        let mut groups: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for (place, lane) in self.lanes.iter().enumerate() {
            if let Some(lane) = lane.as_ref().filter(|lane| lane.has_room()) {
                groups.entry(lane.next).or_default().push(place);
            }
        }
        let mut wake = None;
        for (from, mut group) in groups {
            let mut next = from;
            for _ in 0..SPOOL_READ_ENTRIES {
                match backlog.read(next) {
                    Ok(Read::Record(stored)) => {
                        next = stored.sequence + 1;
                        if let Err(why) = self.take(&stored, &group) {
                            tracing::error!(
                                target: "sluicegate",
                                sequence = stored.sequence,
                                why,
                                "spool.unreadable"
                            );
                            self.unread_until = Some(now.0 + SPOOL_PAUSE_MAX);
                            return self.unread_until;
                        }
                    }
                    Ok(Read::End(end)) => {
                        self.pass(&group, end);
                        group.clear();
                    }
                    Err(error) => {
                        tracing::warn!(target: "sluicegate", %error, "spool.unread");
                        self.unread_until = Some(now.0 + SPOOL_PAUSE_MAX);
                        return self.unread_until;
                    }
                }
                group.retain(|place| {
                    let lane = self.lanes.get(*place).and_then(Option::as_ref);
                    lane.is_some_and(Lane::has_room)
                });
                if group.is_empty() {
                    break;
                }
            }
            if !group.is_empty() {
                wake = Some(now.0);
            }
        }
        wake
    }

    /// Gives an entry to the lanes of a group.
    ///
    /// # Errors
    /// It cannot be read by this version, and must not be passed over.
    fn take(&mut self, stored: &Stored, group: &[usize]) -> Result<(), String> {
        if stored.kind == entry::ENTRY_KIND {
            let request = entry::decode(&stored.payload)?;
            let origin = Arc::new(Origin {
                id: request.id,
                route: request.route,
            });
            for record in request.records {
                for place in group {
                    let Some(Some(lane)) = self.lanes.get_mut(*place) else {
                        continue;
                    };
                    if !lane.is_for(&record) {
                        continue;
                    }
                    let fate = fate(&self.held, stored.sequence >= self.born, origin.id, &record);
                    lane.take(stored.sequence, stored.time, &origin, record, fate);
                    break;
                }
            }
        }
        self.pass(group, stored.sequence + 1);
        Ok(())
    }

    fn pass(&mut self, group: &[usize], next: u64) {
        for place in group {
            if let Some(Some(lane)) = self.lanes.get_mut(*place) {
                lane.next = lane.next.max(next);
            }
        }
    }

    fn move_cursors(&mut self, backlog: &mut impl Backlog) {
        for place in &mut self.lanes {
            let Some(lane) = place else { continue };
            let cursor = lane.cursor();
            // Nothing of before this process is left, and no route stores anything for it now.
            if !lane.rules.lasting && lane.is_empty() && cursor >= self.born {
                tracing::info!(target: "sluicegate", target = &*lane.rules.target, "spool.emptied");
                backlog.remove(&lane.cursor_name);
                *place = None;
                continue;
            }
            if cursor > lane.moved_to {
                lane.moved_to = cursor;
                backlog.advance(&lane.cursor_name, cursor);
            }
        }
    }
}

/// What became of a record whose courier had it when it was stored.
fn fate(held: &Held, ours: bool, request: u128, record: &entry::StoredRecord) -> Option<Fate> {
    let had = record.held && ours;
    had.then(|| held.look((request, record.number))).flatten()
}

fn turn<'t>(
    mailbox: u8,
    max_age: Duration,
    lane: u32,
    (now, time): (Instant, SystemTime),
    lost: &'t mut Vec<LostRecord>,
) -> Turn<'t> {
    Turn {
        now,
        time,
        max_age,
        mailbox,
        lane,
        lost,
    }
}

fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    [one, other].into_iter().flatten().min()
}
