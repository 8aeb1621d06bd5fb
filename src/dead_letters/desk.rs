//! What is decided about dead letters: which is sent when, and what became of each. Time is handed
//! in; nothing here waits.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use slab::Slab;
use sluicegate_contract::{Outcome, Reason, ReasonKind, Record, RecordId, Room};

use super::Letter;
use crate::dispatch::{Queued, Target};
use crate::limits::{LETTER_LOOK, LETTER_PAUSE, LETTER_WAIT_MAX, RECORD_OVERHEAD_BYTES};
use crate::observe::log::{self, Sampled};

/// What became of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetterEnd {
    /// Its target confirmed it.
    Kept,
    /// Not now: its target is full or cannot be reached, or the gateway stops. Later it may be.
    NotNow,
    /// Its target refused it for good, and will do so again.
    Never,
}

/// Who is told once it is known what became of a letter: exactly once, whatever happens. Where the
/// letter is dropped on its way, since a thread panicked, it is told that it is not kept now.
pub struct Done(Option<Box<dyn FnOnce(LetterEnd) + Send>>);

impl Done {
    /// Tells this.
    #[must_use]
    pub fn new(tell: impl FnOnce(LetterEnd) + Send + 'static) -> Self {
        Self(Some(Box::new(tell)))
    }

    fn tell(mut self, end: LetterEnd) {
        if let Some(tell) = self.0.take() {
            tell(end);
        }
    }
}

impl Drop for Done {
    fn drop(&mut self) {
        if let Some(tell) = self.0.take() {
            tell(LetterEnd::NotNow);
        }
    }
}

/// A letter on its way.
pub struct Posted {
    /// The place of the target that is to take it.
    pub place: u16,
    /// The place of the target that its record was for, where there still is one.
    pub from: Option<u16>,
    /// The letter.
    pub letter: Letter,
    /// Told what became of it.
    pub done: Option<Done>,
}

/// The letters that are not known to be kept or lost yet.
pub struct Desk {
    targets: Arc<[Target]>,
    /// The number of the mailbox to which their outcomes go.
    owner: u8,
    waiting: BTreeMap<u16, VecDeque<Waiting>>,
    sent: Slab<Sent>,
    /// Bytes of letters that ended since they were asked for.
    ended_bytes: u64,
    /// The gateway stops: nothing waits for what is full to have room again.
    hurried: bool,
    said_kept: Sampled,
    said_lost: Sampled,
}

struct Waiting {
    posted: Posted,
    since: Instant,
    /// It is not sent before: its target had no room for it.
    after: Option<Instant>,
    record: Record,
    /// Bytes in a call.
    encoded: usize,
    /// Bytes in the queue of its target.
    weight: u64,
}

struct Sent {
    posted: Posted,
    since: Instant,
    weight: u64,
}

impl Desk {
    /// An empty desk for letters to these targets, whose outcomes go to the mailbox of this number.
    #[must_use]
    pub fn new(targets: Arc<[Target]>, owner: u8) -> Self {
        Self {
            targets,
            owner,
            waiting: BTreeMap::new(),
            sent: Slab::new(),
            ended_bytes: 0,
            hurried: false,
            said_kept: Sampled::new(),
            said_lost: Sampled::new(),
        }
    }

    /// Takes a letter.
    pub fn take(&mut self, now: Instant, posted: Posted) {
        self.wait(posted, now, None);
    }

    /// Puts a letter before those that wait for its target.
    fn wait(&mut self, posted: Posted, since: Instant, after: Option<Instant>) {
        let target = self.targets.get(usize::from(posted.place));
        let envelope = target.and_then(|target| Some((target, target.envelope.as_ref()?)));
        let Some((target, envelope)) = envelope else {
            return self.lose(posted, "there is no target for it", LetterEnd::Never);
        };
        let record = envelope.record(&posted.letter);
        match target.room.weigh(&record) {
            Err(reason) => self.lose(posted, &reason.to_string(), LetterEnd::Never),
            Ok(encoded) => {
                let weight = (record.bytes() + RECORD_OVERHEAD_BYTES) as u64;
                let list = self.waiting.entry(posted.place).or_default();
                let again = after.is_some();
                let waiting = Waiting {
                    posted,
                    since,
                    after,
                    record,
                    encoded,
                    weight,
                };
                if again {
                    list.push_front(waiting);
                } else {
                    list.push_back(waiting);
                }
            }
        }
    }

    /// The gateway stops: what finds a full target is lost at once.
    pub fn hurry(&mut self) {
        self.hurried = true;
    }

    /// Sends what its target has room for, and gives up what waited too long. Says when to ask
    /// again at the latest.
    pub fn send(&mut self, now: Instant) -> Option<Instant> {
        let places: Vec<u16> = self.waiting.keys().copied().collect();
        for place in places {
            self.send_to(now, place);
        }
        self.waiting.retain(|_, list| !list.is_empty());
        (!self.waiting.is_empty()).then(|| now + LETTER_LOOK)
    }

    fn send_to(&mut self, now: Instant, place: u16) {
        let targets = Arc::clone(&self.targets);
        let Some(target) = targets.get(usize::from(place)) else {
            return;
        };
        let mut parcel = Vec::new();
        while let Some(first) = self.waiting.get_mut(&place).and_then(VecDeque::pop_front) {
            let rests = !self.hurried && first.after.is_some_and(|after| now < after);
            if rests || target.gate.pass().is_err() || !target.gauge.reserve(first.weight) {
                self.put_back(now, place, first);
                break;
            }
            let Waiting {
                posted,
                since,
                record,
                encoded,
                weight,
                ..
            } = first;
            let slot = self.sent.insert(Sent {
                posted,
                since,
                weight,
            });
            let id = id_of(self.owner, slot);
            match &target.room {
                Room::Batching(_) => parcel.push(Queued::new(id, record, encoded)),
                Room::Producing(room) => {
                    let known = room.produce(&record, id).unwrap_or_else(|reason| {
                        let certain = true;
                        Some(Outcome::GaveUp { certain, reason })
                    });
                    if let Some(outcome) = known {
                        self.outcome(now, id, &outcome);
                    }
                }
            }
        }
        if let Some(inbox) = target.inbox.as_ref().filter(|_| !parcel.is_empty()) {
            inbox.records(parcel);
        }
    }

    /// What finds no room waits in its place, unless it has done so for long.
    fn put_back(&mut self, now: Instant, place: u16, waiting: Waiting) {
        if now.saturating_duration_since(waiting.since) < LETTER_WAIT_MAX {
            self.waiting.entry(place).or_default().push_front(waiting);
            return;
        }
        let list = self.waiting.remove(&place).unwrap_or_default();
        let passed = |it: &Waiting| now.saturating_duration_since(it.since) >= LETTER_WAIT_MAX;
        let (old, young): (Vec<_>, Vec<_>) = list.into_iter().partition(passed);
        self.waiting.insert(place, young.into());
        for old in std::iter::once(waiting).chain(old) {
            self.lose(
                old.posted,
                "its target took nothing for too long",
                LetterEnd::NotNow,
            );
        }
    }

    /// Takes what became of a letter's record.
    pub fn outcome(&mut self, now: Instant, id: RecordId, outcome: &Outcome) {
        let Some(sent) = self.sent.try_remove(slot_of(id)) else {
            return;
        };
        let Sent {
            posted,
            since,
            weight,
        } = sent;
        if let Some(target) = self.targets.get(usize::from(posted.place)) {
            target.gauge.release(weight);
        }
        let waits = !self.hurried && now.saturating_duration_since(since) < LETTER_WAIT_MAX;
        match outcome.reason() {
            None => self.keep(posted),
            // Whose batcher is a client library, or the disk, says at once that it is full.
            Some(reason) if waits && is_full(reason) => {
                self.wait(posted, since, Some(now + LETTER_PAUSE));
            }
            Some(reason) => {
                let end = match outcome {
                    Outcome::Refused(_) => LetterEnd::Never,
                    _ => LetterEnd::NotNow,
                };
                self.lose(posted, &reason.to_string(), end);
            }
        }
    }

    /// Gives up all that is left.
    pub fn give_up(&mut self, why: &str) {
        for (_, list) in std::mem::take(&mut self.waiting) {
            for waiting in list {
                self.lose(waiting.posted, why, LetterEnd::NotNow);
            }
        }
        for sent in std::mem::take(&mut self.sent) {
            self.lose(sent.1.posted, why, LetterEnd::NotNow);
        }
    }

    /// True where no letter is on its way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.sent.is_empty()
    }

    /// Bytes of the letters that ended since this was asked last.
    pub fn take_ended_bytes(&mut self) -> u64 {
        std::mem::take(&mut self.ended_bytes)
    }

    fn keep(&mut self, posted: Posted) {
        let Posted {
            place,
            from,
            letter,
            done,
        } = posted;
        self.ended_bytes += letter.bytes() as u64;
        if let Some(target) = from.and_then(|from| self.targets.get(usize::from(from))) {
            target.counters.dead_letter(kind_of(&letter));
        }
        if let Some(left_out) = self.said_kept.admit() {
            let to = self.targets.get(usize::from(place));
            let to = to.map_or("", |target| &*target.name);
            log::dead_letter_kept(&letter.target, to, &letter.reason, left_out);
        }
        if let Some(done) = done {
            done.tell(LetterEnd::Kept);
        }
    }

    fn lose(&mut self, posted: Posted, why: &str, end: LetterEnd) {
        self.ended_bytes += posted.letter.bytes() as u64;
        lose(&self.targets, &self.said_lost, posted, why, end);
    }
}

/// Ends a letter that nobody will keep. Who waits to be told has its record still, and says itself
/// what becomes of that; else it is counted and logged as lost.
pub(super) fn lose(targets: &[Target], said: &Sampled, posted: Posted, why: &str, end: LetterEnd) {
    let Posted {
        place,
        from,
        letter,
        done,
    } = posted;
    let to = targets.get(usize::from(place));
    let to = to.map_or("", |target| &*target.name);
    let left_out = said.admit();
    if let Some(done) = done {
        if let Some(left_out) = left_out {
            log::dead_letter_unkept(&letter.target, to, &letter.request_id(), why, left_out);
        }
        return done.tell(end);
    }
    if let Some(target) = from.and_then(|from| targets.get(usize::from(from))) {
        target.counters.dead_letter_lost();
    }
    if let Some(left_out) = left_out {
        log::dead_letter_lost(&letter.target, to, &letter.request_id(), why, left_out);
    }
}

/// True where a target has no room now, and may have some later.
fn is_full(reason: &Reason) -> bool {
    matches!(reason.kind(), ReasonKind::QueueFull | ReasonKind::LogFull)
}

fn kind_of(letter: &Letter) -> ReasonKind {
    let known = ReasonKind::ALL.iter().copied();
    let mut named = known.filter(|kind| *kind.code() == *letter.reason);
    named.next().unwrap_or(ReasonKind::GiveUp)
}

/// Bits of a letter's place.
const PLACE_BITS: u32 = 56;

fn id_of(owner: u8, slot: usize) -> RecordId {
    RecordId(u64::from(owner) << PLACE_BITS | slot as u64)
}

fn slot_of(id: RecordId) -> usize {
    (id.0 & ((1 << PLACE_BITS) - 1)) as usize
}

#[cfg(test)]
#[path = "desk_tests.rs"]
mod tests;
