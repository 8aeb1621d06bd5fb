//! Why something was not delivered: a closed set, so that one place can turn it into a status.

use std::fmt;
use std::sync::Arc;

/// A kind of reason with what the target or the room said about it, for people.
///
/// The detail is one line, holds no secret and no payload.
#[derive(Clone)]
pub struct Reason {
    kind: ReasonKind,
    detail: Option<Arc<str>>,
    attempts: u32,
}

impl Reason {
    /// A reason with what was said about it.
    pub fn new(kind: ReasonKind, detail: impl Into<Arc<str>>) -> Self {
        Self {
            kind,
            detail: Some(detail.into()),
            attempts: 0,
        }
    }

    /// The same reason of a record that was sent so often.
    #[must_use]
    pub fn after_attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// How often the record was sent before it ended for this reason. 0 where that is not known
    /// (librdkafka does not tell) or it never left.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Which of the closed set.
    #[must_use]
    pub fn kind(&self) -> ReasonKind {
        self.kind
    }

    /// What was said, if anything.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }
}

impl From<ReasonKind> for Reason {
    fn from(kind: ReasonKind) -> Self {
        Self {
            kind,
            detail: None,
            attempts: 0,
        }
    }
}

/// Two records that ended for one reason did so, however often each was sent.
impl PartialEq for Reason {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind && self.detail == other.detail
    }
}

impl Eq for Reason {}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.detail {
            Some(detail) => write!(f, "{}: {detail}", self.kind.code()),
            None => f.write_str(self.kind.code()),
        }
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reason({self})")
    }
}

macro_rules! reason_kinds {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal,)+) => {
        /// Every reason for which a record may end undelivered.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ReasonKind { $($(#[doc = $doc])+ $name,)+ }

        impl ReasonKind {
            /// All of them, in the order of this file.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The stable word for it in results, metrics and logs.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// One sentence about it.
            #[must_use]
            pub const fn doc(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii(),)+ }
            }
        }
    };
}

reason_kinds! {
    /// The target asked to slow down.
    Throttled = "throttled",
    /// The target answered that it is failing (a 5xx), or none of its nodes can be reached.
    Unavailable = "target_unavailable",
    /// No connection to the target could be made.
    ConnectionFailed = "connection_failed",
    /// The call was sent and its answer did not come.
    AnswerLost = "answer_lost",
    /// The target answered something that could not be understood.
    AnswerUnreadable = "answer_unreadable",
    /// The credentials are known and may not do this.
    AccessDenied = "access_denied",
    /// The credentials are missing, wrong or expired.
    AuthenticationFailed = "authentication_failed",
    /// The table, stream or topic does not exist.
    TargetMissing = "target_missing",
    /// The target exists and is not what the file says (a wrong key schema, for one).
    TargetMismatch = "target_mismatch",
    /// The record is larger than the target ever takes.
    TooLarge = "record_too_large",
    /// The target refused the record as invalid.
    Invalid = "record_invalid",
    /// The condition of a conditional write did not hold.
    ConditionFalse = "condition_false",
    /// The log has no room left: its own `max_bytes`, or the disk.
    LogFull = "log_full",
    /// The target's queue in the gateway is full.
    QueueFull = "queue_full",
    /// The time to give up (`give_up`) passed.
    GiveUp = "give_up",
    /// It waited in the spool for longer than `max_age`.
    Expired = "expired",
    /// The gateway is stopping.
    Stopping = "stopping",
}
