//! The closed sets of words by which events, records and refused load are counted.

use sluicegate_contract::{Outcome, ReasonKind};

/// How an event ended. Each event that came in ends in exactly one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventOutcome {
    /// Confirmed by all that its route requires.
    Delivered,
    /// Answered 202: it was in memory; how its records ended is counted with the records.
    Accepted,
    /// Answered 202: it is in the spool, on disk.
    Spooled,
    /// Refused for good, by the gateway or by a target.
    Refused,
    /// The condition of a write did not hold.
    Conflict,
    /// Surely not stored anywhere.
    NotStored,
    /// Stored at some of the required targets, surely not at others.
    PartlyStored,
    /// Not confirmed in time: it may be stored.
    Uncertain,
    /// Answered as before under its idempotency key; nothing was sent.
    Repeated,
}

impl EventOutcome {
    /// How many there are.
    pub const COUNT: usize = 9;

    /// All of them, in the order of their declaration.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Delivered,
        Self::Accepted,
        Self::Spooled,
        Self::Refused,
        Self::Conflict,
        Self::NotStored,
        Self::PartlyStored,
        Self::Uncertain,
        Self::Repeated,
    ];

    /// The word in the label `outcome`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Repeated => "repeated",
            Self::Delivered => "delivered",
            Self::Accepted => "accepted",
            Self::Spooled => "spooled",
            Self::Refused => "refused",
            Self::Conflict => "conflict",
            Self::NotStored => "not_stored",
            Self::PartlyStored => "partly_stored",
            Self::Uncertain => "uncertain",
        }
    }
}

/// How a record ended at its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordOutcome {
    /// Confirmed by the target.
    Delivered,
    /// Refused by the target for good.
    Refused,
    /// The condition of the write did not hold.
    Conflict,
    /// Given up, surely not stored.
    NotStored,
    /// Given up, may be stored.
    Uncertain,
}

impl RecordOutcome {
    /// How many there are.
    pub const COUNT: usize = 5;

    /// All of them, in the order of their declaration.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Delivered,
        Self::Refused,
        Self::Conflict,
        Self::NotStored,
        Self::Uncertain,
    ];

    /// The word in the label `outcome`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Refused => "refused",
            Self::Conflict => "conflict",
            Self::NotStored => "not_stored",
            Self::Uncertain => "uncertain",
        }
    }
}

impl From<&Outcome> for RecordOutcome {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Delivered(_) => Self::Delivered,
            Outcome::Refused(reason) if reason.kind() == ReasonKind::ConditionFalse => {
                Self::Conflict
            }
            Outcome::Refused(_) => Self::Refused,
            Outcome::GaveUp { certain: true, .. } => Self::NotStored,
            Outcome::GaveUp { certain: false, .. } => Self::Uncertain,
        }
    }
}

/// Why load was turned away before anything of it was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShedReason {
    /// The target's queue is full.
    QueueFull,
    /// The target cannot be reached or is failing.
    TargetDown,
    /// The target can take nothing until somebody mends it.
    TargetBlocked,
    /// The spool has no room.
    SpoolFull,
    /// The spool cannot be written.
    SpoolUnavailable,
    /// The core holds as many requests as it may.
    Overloaded,
    /// The gateway is stopping.
    Stopping,
}

impl ShedReason {
    /// How many there are.
    pub const COUNT: usize = 7;

    /// All of them, in the order of their declaration.
    pub const ALL: [Self; Self::COUNT] = [
        Self::QueueFull,
        Self::TargetDown,
        Self::TargetBlocked,
        Self::SpoolFull,
        Self::SpoolUnavailable,
        Self::Overloaded,
        Self::Stopping,
    ];

    /// The word in the label `reason`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::TargetDown => "target_down",
            Self::TargetBlocked => "target_blocked",
            Self::SpoolFull => "spool_full",
            Self::SpoolUnavailable => "spool_unavailable",
            Self::Overloaded => "overloaded",
            Self::Stopping => "stopping",
        }
    }
}

#[cfg(test)]
mod tests {
    use sluicegate_contract::Receipt;

    use super::*;

    #[test]
    fn the_lists_stand_in_the_order_by_which_counters_are_indexed() {
        for (place, outcome) in EventOutcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, place);
        }
        for (place, outcome) in RecordOutcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, place);
        }
        for (place, reason) in ShedReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
        }
    }

    #[test]
    fn what_the_courier_says_of_a_record_is_counted_under_one_word() {
        let gave_up = |certain| Outcome::GaveUp {
            certain,
            reason: ReasonKind::GiveUp.into(),
        };
        for (outcome, word) in [
            (Outcome::Delivered(Receipt::Nothing), "delivered"),
            (Outcome::Delivered(Receipt::AlreadyThere), "delivered"),
            (Outcome::Refused(ReasonKind::Invalid.into()), "refused"),
            (
                Outcome::Refused(ReasonKind::ConditionFalse.into()),
                "conflict",
            ),
            (gave_up(true), "not_stored"),
            (gave_up(false), "uncertain"),
        ] {
            assert_eq!(RecordOutcome::from(&outcome).as_str(), word, "{outcome:?}");
        }
    }
}
