//! Reserves room for all of a request's records, then hands all of them over or none.

mod closing;
mod gate;
mod inbox;
mod manifest;
mod outbox;
mod target;

/// The atomics of this room's protocols. The models build the same files upon loom's.
mod atomics {
    pub(super) use std::sync::atomic::{AtomicBool, Ordering};
}

pub use closing::Told;
pub use gate::{Gate, Shut};
pub use inbox::{Inbox, Parcel};
pub use manifest::{Item, Manifest};
pub use outbox::{Outboxes, Queued};
pub use target::{Gauge, LogLook, Target};

use sluicegate_contract::{Outcome, Reason, ReasonKind, RecordId, Room};

use crate::error::{Code, Refusal};

/// Reserves bytes at every required target of a request, or at none.
///
/// A best-effort record whose target has no room is dropped from the manifest: it costs itself
/// only.
///
/// # Errors
/// `QueueFull`, `TargetDown`, `TargetBlocked`: nothing was reserved, and nothing was stored.
pub fn reserve(targets: &[Target], manifest: &mut Manifest) -> Result<(), Shed> {
    for place in 0..manifest.required.len() {
        let (target, bytes) = manifest.required[place];
        let Some(target) = targets.get(usize::from(target)) else {
            continue;
        };
        let refused = match target.gate.pass() {
            Ok(()) => (!target.gauge.reserve(bytes)).then(|| full(target)),
            Err(shut) => {
                let detail = format!("target `{}`: {}", target.name, shut.reason);
                let mut refusal = Refusal::new(shut.code, detail);
                refusal.retry_after = Some(shut.retry_after);
                Some(refusal)
            }
        };
        if let Some(refusal) = refused {
            for (earlier, bytes) in &manifest.required[..place] {
                if let Some(earlier) = targets.get(usize::from(*earlier)) {
                    earlier.gauge.release(*bytes);
                }
            }
            return Err(Shed {
                target: manifest.required[place].0,
                refusal,
            });
        }
    }
    manifest.keep_best_effort(|target, bytes| {
        let Some(target) = targets.get(usize::from(target)) else {
            return Err(ReasonKind::TargetMissing);
        };
        match target.gate.pass() {
            Err(_) => Err(ReasonKind::Unavailable),
            Ok(()) if !target.gauge.reserve(bytes) => Err(ReasonKind::QueueFull),
            Ok(()) => Ok(()),
        }
    });
    Ok(())
}

/// A request that found no room at a required target.
#[derive(Debug)]
pub struct Shed {
    /// The place of that target.
    pub target: u16,
    /// The answer.
    pub refusal: Refusal,
}

fn full(target: &Target) -> Refusal {
    let detail = format!(
        "the queue of target `{}` is full ({} of {} bytes)",
        target.name,
        target.gauge.used(),
        target.gauge.limit()
    );
    let mut refusal = Refusal::new(Code::QueueFull, detail);
    refusal.retry_after = Some(std::time::Duration::from_secs(1));
    refusal
}

/// Hands one reserved record to its target. `Some` is an outcome that is known at once.
pub fn hand_over(
    target: &Target,
    place: u16,
    item: Item,
    id: RecordId,
    outboxes: &mut Outboxes,
) -> Option<Outcome> {
    match &target.room {
        Room::Batching(_) => {
            outboxes.put(place, Queued::new(id, item.record, item.encoded));
            None
        }
        Room::Producing(room) => room.produce(&item.record, id).unwrap_or_else(|reason| {
            // The reservation was granted, so a full queue here is the client library's own.
            let certain = true;
            Some(match reason.kind() {
                ReasonKind::TooLarge | ReasonKind::Invalid => Outcome::Refused(reason),
                _ => Outcome::GaveUp { certain, reason },
            })
        }),
    }
}

/// Why a record never gets into a queue that is smaller than it.
#[must_use]
pub fn larger_than_queue(bytes: u64, limit: u64) -> Reason {
    let detail = format!(
        "the record takes {bytes} bytes in the target's queue, which holds {limit}: see its `queue_bytes`"
    );
    Reason::new(ReasonKind::TooLarge, detail)
}

/// What a record is refused with at the edge, where its target can never take it.
#[must_use]
pub fn never_fits(target: &Target, reason: &Reason) -> Refusal {
    let code = match reason.kind() {
        ReasonKind::TooLarge => Code::RecordTooLarge,
        _ => Code::MappingFailed,
    };
    let detail = reason.detail().unwrap_or(reason.kind().doc());
    Refusal::new(code, format!("target `{}`: {detail}", target.name))
}
