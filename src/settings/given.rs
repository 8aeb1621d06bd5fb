//! What a target does in a test instead of confirming.

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_contract::{Outcome, Reason, ReasonKind, Receipt};

/// What a target does in a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GivenOutcome {
    /// It confirms, as it does where nothing is given.
    Delivered,
    /// It refuses the record for good.
    Refused,
    /// The condition of the write does not hold.
    Conflict,
    /// It cannot be reached or is failing, until the gateway gives up.
    Unavailable,
    /// It asks to slow down, until the gateway gives up.
    Throttled,
    /// It takes nothing: access is denied.
    Blocked,
    /// Its queue in the gateway is full; of `spool`, that it has no room left.
    Full,
    /// Its answer is lost: the record may be stored.
    Lost,
}

impl GivenOutcome {
    /// The outcome that the record gets.
    #[must_use]
    pub fn outcome(self) -> Outcome {
        let said = |kind| Reason::new(kind, "as the test says");
        let gave_up = |certain, kind| Outcome::GaveUp {
            certain,
            reason: said(kind),
        };
        match self {
            Self::Delivered => Outcome::Delivered(Receipt::Nothing),
            Self::Refused => Outcome::Refused(said(ReasonKind::Invalid)),
            Self::Conflict => Outcome::Refused(said(ReasonKind::ConditionFalse)),
            Self::Unavailable => gave_up(true, ReasonKind::Unavailable),
            Self::Throttled => gave_up(true, ReasonKind::Throttled),
            Self::Blocked => gave_up(true, ReasonKind::AccessDenied),
            Self::Full => gave_up(true, ReasonKind::QueueFull),
            Self::Lost => gave_up(false, ReasonKind::AnswerLost),
        }
    }
}
