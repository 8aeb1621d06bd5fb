//! What the outcomes of a request mean: which of its events are stored, and so its status.

use sluicegate_contract::{Outcome, Reason, ReasonKind};

use super::{Entry, Spooling, Way};
use crate::error::Code;
use crate::settings::{After, Need, Otherwise};

/// How much of something is stored: at the targets that the route requires, or in the spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// All of it.
    All,
    /// A part of it.
    Some,
    /// Surely nothing.
    None,
    /// Not known.
    Unknown,
}

impl Stored {
    /// The word in `Sluicegate-Outcome`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Some => "some",
            Self::None => "none",
            Self::Unknown => "unknown",
        }
    }
}

/// What became of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventVerdict {
    /// `None`: as the route promises.
    pub code: Option<Code>,
    /// How much of it is stored.
    pub stored: Stored,
    /// The reason behind a code, with the place of the record that it is about.
    pub reason: Option<(usize, Reason)>,
    /// True where it is on disk and not confirmed by all that its route requires.
    pub spooled: bool,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The status.
    pub status: u16,
    /// The worst event's code; `None` for a success.
    pub code: Option<Code>,
    /// The place of the worst event.
    pub worst: usize,
    /// How much of it is stored.
    pub stored: Stored,
    /// Events that were accepted as the route promises.
    pub accepted: usize,
    /// True where some of these are on disk and not confirmed by all that the route requires.
    pub spooled: bool,
}

impl EventVerdict {
    const GOOD: Self = Self {
        code: None,
        stored: Stored::All,
        reason: None,
        spooled: false,
    };

    fn bad(code: Code, stored: Stored, reason: Option<(usize, Reason)>) -> Self {
        Self {
            code: Some(code),
            stored,
            reason,
            spooled: false,
        }
    }

    /// Judges one event of a request, as things stand.
    #[must_use]
    pub fn judge(entry: &Entry, event: usize) -> Self {
        if let Some(refusal) = entry.refusal_of(event) {
            return Self::bad(refusal.code, Stored::None, None);
        }
        let after = entry.route.reply.after;
        if after == After::None && entry.spooling == Spooling::Not {
            return Self {
                stored: Stored::Unknown,
                ..Self::GOOD
            };
        }
        let tally = Tally::of(entry, event);
        if tally.failures == 0 && tally.open == 0 {
            let spooled = tally.spooled > 0;
            return Self {
                spooled,
                ..Self::GOOD
            };
        }
        if after == After::Any && tally.delivered > 0 {
            return Self {
                stored: Stored::Some,
                ..Self::GOOD
            };
        }
        tally.verdict()
    }

    /// Ranks verdicts: the worst of a batch's gives its status.
    fn rank(&self) -> u8 {
        match self.code {
            None => 0,
            Some(Code::Unconfirmed) => 4,
            Some(Code::PartlyStored) => 3,
            Some(code) if code.status() >= 500 => 2,
            Some(_) => 1,
        }
    }
}

/// The required records of one event, counted by what became of them.
#[derive(Default)]
struct Tally {
    delivered: usize,
    spooled: usize,
    open: usize,
    /// Why the spool did not take what only it was to take.
    unspooled: Option<Code>,
    uncertain: Option<(usize, Reason)>,
    /// Some of the uncertain ones must not be sent again.
    never_again: bool,
    refused: Option<(usize, Reason)>,
    conflicts: usize,
    not_stored: Option<(usize, Reason)>,
    failures: usize,
}

impl Tally {
    fn of(entry: &Entry, event: usize) -> Self {
        let mut tally = Self::default();
        let (start, records) = entry.records_of(event);
        for (place, record) in records.iter().enumerate() {
            match (record.way, entry.spooling) {
                (Way::Spooled | Way::Spilled, Spooling::Stored) => {
                    tally.spooled += 1;
                    continue;
                }
                (Way::Spooled, Spooling::Failed(code)) => {
                    tally.unspooled = Some(code);
                    tally.failures += 1;
                    continue;
                }
                _ => {}
            }
            if record.way != Way::Spooled && entry.needs(record.binding) == Need::BestEffort {
                continue;
            }
            match &record.outcome {
                None => tally.open += 1,
                Some(Outcome::Delivered(_)) => tally.delivered += 1,
                Some(outcome) => {
                    tally.never_again |= record.must_not_go_again();
                    tally.fail(start + place, outcome);
                }
            }
        }
        tally
    }

    fn fail(&mut self, place: usize, outcome: &Outcome) {
        self.failures += 1;
        match outcome {
            Outcome::Delivered(_) => {}
            Outcome::Refused(reason) => {
                self.conflicts += usize::from(reason.kind() == ReasonKind::ConditionFalse);
                self.refused.get_or_insert((place, reason.clone()));
            }
            Outcome::GaveUp {
                certain: false,
                reason,
            } => {
                self.uncertain.get_or_insert((place, reason.clone()));
            }
            Outcome::GaveUp {
                certain: true,
                reason,
            } => {
                self.not_stored.get_or_insert((place, reason.clone()));
            }
        }
    }

    /// True where nothing but a confirmation is wanting: sending again could help.
    fn wants_confirmation(&self) -> bool {
        self.open > 0 || self.uncertain.is_some() || self.not_stored.is_some()
    }

    fn verdict(self) -> EventVerdict {
        if let Some(code) = self.unspooled {
            return EventVerdict::bad(code, Stored::None, None);
        }
        if self.open > 0 || self.uncertain.is_some() {
            return EventVerdict::bad(Code::Unconfirmed, Stored::Unknown, self.uncertain);
        }
        let stored = if self.delivered > 0 {
            Stored::Some
        } else {
            Stored::None
        };
        // A condition that does not hold is an answer: sending again would get the same one.
        if self.conflicts == self.failures {
            return EventVerdict::bad(Code::Conflict, stored, self.refused);
        }
        if self.delivered > 0 {
            let reason = self.not_stored.or(self.refused);
            return EventVerdict::bad(Code::PartlyStored, stored, reason);
        }
        if let Some((place, reason)) = self.not_stored {
            let code = match reason.kind() {
                ReasonKind::AccessDenied
                | ReasonKind::AuthenticationFailed
                | ReasonKind::TargetMissing
                | ReasonKind::TargetMismatch => Code::TargetBlocked,
                ReasonKind::QueueFull => Code::QueueFull,
                ReasonKind::LogFull => Code::LogFull,
                _ => Code::NotStored,
            };
            return EventVerdict::bad(code, stored, Some((place, reason)));
        }
        let code = match &self.refused {
            Some((_, reason)) if reason.kind() == ReasonKind::TooLarge => Code::RecordTooLarge,
            _ => Code::RecordRefused,
        };
        EventVerdict::bad(code, stored, self.refused)
    }
}

impl Verdict {
    /// Judges a request, as things stand.
    #[must_use]
    pub fn judge(entry: &Entry) -> Self {
        let events = entry.events.len();
        let mut worst = (0, EventVerdict::GOOD);
        let (mut accepted, mut any_stored, mut any_missing, mut unknown) = (0, false, false, false);
        let mut spooled = false;
        for event in 0..events {
            let verdict = EventVerdict::judge(entry, event);
            accepted += usize::from(verdict.code.is_none());
            spooled |= verdict.spooled;
            any_stored |= matches!(verdict.stored, Stored::All | Stored::Some);
            any_missing |= matches!(verdict.stored, Stored::None | Stored::Some);
            unknown |= verdict.stored == Stored::Unknown;
            if event == 0 || verdict.rank() > worst.1.rank() {
                worst = (event, verdict);
            }
        }
        let stored = match (unknown, any_stored, any_missing) {
            (true, _, _) => Stored::Unknown,
            (false, true, true) => Stored::Some,
            (false, true, false) => Stored::All,
            (false, false, _) => Stored::None,
        };
        let code = worst.1.code.map(|code| batch_code(code, any_stored));
        let mixed = entry.batch && entry.lenient();
        let status = match code {
            None if spooled || matches!(entry.route.reply.after, After::None | After::Spooled) => {
                202
            }
            None => 200,
            Some(_) if mixed && accepted > 0 => 207,
            Some(code) => code.status(),
        };
        Self {
            status,
            code,
            worst: worst.0,
            stored,
            accepted,
            spooled,
        }
    }
}

impl Entry {
    /// True where its route sends what is not confirmed to the spool, and something of it is not,
    /// as things stand.
    #[must_use]
    pub fn spills(&self) -> bool {
        self.may_spill() && (0..self.events.len()).any(|event| self.event_spills(event))
    }

    /// The records that go to the spool for want of a confirmation, as things stand.
    #[must_use]
    pub fn spilling(&self) -> Vec<u32> {
        let mut spilling = Vec::new();
        if !self.may_spill() {
            return spilling;
        }
        for event in (0..self.events.len()).filter(|event| self.event_spills(*event)) {
            let (start, records) = self.records_of(event);
            for (place, record) in (start..).zip(records) {
                let ended = record.outcome.as_ref().is_some_and(|o| o.is_delivered());
                if !ended && record.kept.is_some() && self.needs(record.binding) == Need::Required {
                    spilling.push(u32::try_from(place).unwrap_or(u32::MAX));
                }
            }
        }
        spilling
    }

    fn may_spill(&self) -> bool {
        self.route.reply.otherwise == Otherwise::Spool && self.spooling == Spooling::Not
    }

    /// A refusal is an answer: what a target refused is not sent again by anybody. Nor is what may
    /// be in and would be done twice: its client is told that nobody knows.
    fn event_spills(&self, event: usize) -> bool {
        if self.refusal_of(event).is_some() || self.route.reply.after == After::None {
            return false;
        }
        let tally = Tally::of(self, event);
        let any = self.route.reply.after == After::Any && tally.delivered > 0;
        tally.refused.is_none() && !tally.never_again && !any && tally.wants_confirmation()
    }
}

/// A 503 or 507 says that nothing was stored, which is not true of a batch of which a part was.
fn batch_code(code: Code, any_stored: bool) -> Code {
    if any_stored && matches!(code.status(), 503 | 507) {
        Code::PartlyStored
    } else {
        code
    }
}
