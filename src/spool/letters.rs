//! What becomes of records that leave the spool undelivered: a log line, and a dead letter where the
//! route or the target has one.

use std::sync::Arc;
use std::thread::Thread;
use std::time::{Instant, SystemTime};

use crossbeam::queue::SegQueue;
use sluicegate_contract::RecordId;

use super::{Drain, Ended, LostRecord};
use crate::dead_letters::{Done, Letter, LetterEnd, Letters};
use crate::observe::log::Sampled;

/// What became of the letter about a record.
struct Answer {
    id: RecordId,
    end: LetterEnd,
    from: Option<u16>,
    request: u128,
}

/// Posts letters, and keeps what was said of them until the drain looks.
pub(super) struct LostRecords {
    letters: Option<Letters>,
    said: Sampled,
    answers: Arc<SegQueue<Answer>>,
    /// The drain's.
    thread: Thread,
}

impl LostRecords {
    /// Letters of the drain on this thread.
    pub(super) fn new(letters: Option<Letters>, thread: Thread) -> Self {
        Self {
            letters,
            said: Sampled::new(),
            answers: Arc::default(),
            thread,
        }
    }

    /// Tells the drain which letters are kept, and which are not.
    pub(super) fn open(&self, drain: &mut Drain, now: (Instant, SystemTime)) {
        while let Some(answer) = self.answers.pop() {
            let gone = drain.lettered(answer.id, answer.end, now);
            if let Some(letters) = self.letters.as_ref().filter(|_| gone) {
                let why = "neither its target nor its dead letter took it";
                letters.lost(answer.from, answer.request, why);
            }
        }
    }

    /// Writes a letter about each record that was lost since the last call. The drain keeps what
    /// has a letter until that is kept.
    pub(super) fn post(&self, drain: &mut Drain, now: (Instant, SystemTime)) {
        for lost in drain.take_lost() {
            say(&lost, &self.said);
            let Some(letters) = &self.letters else {
                continue;
            };
            let from = lost.door.and_then(|door| u16::try_from(door).ok());
            let to = letters.destination(&lost.route, from.unwrap_or(u16::MAX));
            let Some(to) = to else {
                drain.lettered(lost.id, LetterEnd::Kept, now);
                continue;
            };
            let (id, request) = (lost.id, lost.request);
            let answers = Arc::clone(&self.answers);
            let thread = self.thread.clone();
            let done = Done::new(move |end| {
                answers.push(Answer {
                    id,
                    end,
                    from,
                    request,
                });
                thread.unpark();
            });
            letters.post(to, from, letter(lost, now.1), Some(done));
        }
    }
}

fn letter(lost: LostRecord, time: SystemTime) -> Letter {
    let letter = Letter {
        time,
        request: lost.request,
        route: Arc::from(&*lost.route),
        target: lost.target,
        kind: lost.room,
        binding: Arc::from(&*lost.stored.binding),
        event: lost.stored.event,
        number: lost.stored.number,
        reason: Arc::from(""),
        detail: None,
        attempts: 0,
        record: lost.stored.stored,
    };
    letter.because(&lost.reason)
}

/// Says what was lost: at times only, where it is much. Counters have it all.
fn say(lost: &LostRecord, said: &Sampled) {
    let Some(left_out) = said.admit() else { return };
    let request = uuid::Uuid::from_u128(lost.request).hyphenated().to_string();
    let (target, reason) = (&*lost.target, lost.reason.kind().code());
    let route = &*lost.route;
    match lost.ended {
        Ended::Refused => {
            tracing::warn!(target: "sluicegate", target, reason, route, request, left_out, "spool.refused");
        }
        Ended::Uncertain => {
            tracing::warn!(target: "sluicegate", target, reason, route, request, left_out, "spool.uncertain");
        }
        Ended::Expired => {
            tracing::warn!(target: "sluicegate", target, route, request, left_out, "spool.expired");
        }
    }
}
