//! The faults that a call can meet.

use std::time::Duration;

/// What becomes of one write. Places are those of the call's entries, from 0; places beyond its
/// end spoil nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// None: everything is stored and confirmed.
    #[default]
    None,
    /// These entries are not stored and are answered as throttled: `FailedRecordCount` with
    /// `ProvisionedThroughputExceededException`, `UnprocessedItems`, or `Failed[]` without sender
    /// fault. The others are stored.
    SomeThrottled(Vec<usize>),
    /// As `SomeThrottled`, with `InternalFailure` as the reason where the service has one.
    SomeFailed(Vec<usize>),
    /// These entries are refused for good, where the service can say so of an entry: `Failed[]`
    /// with sender fault. Elsewhere the whole call is refused as invalid.
    SomeRefused(Vec<usize>),
    /// The whole call is throttled.
    Throttled,
    /// The whole call fails with this status, 500 or 503. Not stored.
    ServerError(u16),
    /// 500, although everything was stored.
    ServerErrorAfter,
    /// The whole call is refused as invalid.
    Invalid,
    /// The caller may not do this.
    AccessDenied,
    /// The caller's token has expired.
    ExpiredToken,
    /// The table, stream or topic does not exist.
    Missing,
    /// The connection is reset before anything is stored.
    ResetBefore,
    /// Everything is stored, then the connection is reset without an answer.
    ResetAfter,
    /// Everything is stored; half of the answer arrives, then the connection closes.
    Truncated,
    /// Everything is stored; a complete HTTP answer arrives whose body is cut in half.
    Garbled,
    /// Nothing is stored; a page of HTML comes with this status, as from a proxy in between.
    Html(u16),
    /// Everything is stored; an answer without an end arrives, at most 4 MiB over 40 s.
    Endless,
    /// Everything is stored; the answer arrives byte by byte, this long in all.
    Slow(Duration),
    /// Everything is stored; the confirmation comes after this long.
    Delay(Duration),
}

impl Fault {
    /// Whether the service stores the entry at this place.
    pub(super) fn stores(&self, place: usize) -> bool {
        match self {
            Self::None
            | Self::ServerErrorAfter
            | Self::ResetAfter
            | Self::Truncated
            | Self::Garbled
            | Self::Endless
            | Self::Slow(_)
            | Self::Delay(_) => true,
            Self::SomeThrottled(places) | Self::SomeFailed(places) | Self::SomeRefused(places) => {
                !places.contains(&place)
            }
            Self::Throttled
            | Self::ServerError(_)
            | Self::Invalid
            | Self::AccessDenied
            | Self::ExpiredToken
            | Self::Missing
            | Self::ResetBefore
            | Self::Html(_) => false,
        }
    }

    /// The service's own name of a fault that refuses the whole call, with its status.
    pub(super) fn refusal(&self, names: &Names) -> Option<Refusal> {
        let (status, code) = match self {
            Self::Throttled => (names.throttled_status, names.throttled),
            Self::ServerError(status) => (*status, names.internal),
            Self::ServerErrorAfter => (500, names.internal),
            Self::Invalid => (400, names.invalid),
            Self::AccessDenied => (names.denied_status, names.denied),
            Self::ExpiredToken => (names.denied_status, names.expired),
            Self::Missing => (names.missing_status, names.missing),
            _ => return None,
        };
        Some(Refusal::new(status, code, "as the script says"))
    }
}

/// What one service calls the faults of a whole call.
pub(super) struct Names {
    pub(super) throttled: &'static str,
    pub(super) throttled_status: u16,
    pub(super) internal: &'static str,
    pub(super) invalid: &'static str,
    pub(super) denied: &'static str,
    pub(super) denied_status: u16,
    pub(super) expired: &'static str,
    pub(super) missing: &'static str,
    pub(super) missing_status: u16,
}

/// A whole call that is answered with an error.
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(status: u16, code: &str, message: &str) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.to_owned(),
        }
    }
}
