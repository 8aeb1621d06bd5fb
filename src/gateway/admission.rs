//! `route` and `admit` with the expressions that they need: everything that can be said of a
//! request before its body is read.

use std::net::IpAddr;
use std::time::SystemTime;

use smallvec::SmallVec;

use crate::admit::{Admission, Held, Permit, Under};
use crate::error::Refusal;
use crate::http::Head;
use crate::map::{AuthView, EventView, RequestView};
use crate::route::{Match, Routes};
use crate::settings::Route;

/// A request whose head is there.
#[derive(Clone, Copy, Debug)]
pub struct Approach<'r> {
    /// Its head.
    pub head: &'r Head<'r>,
    /// The length of its body, where it is stated.
    pub length: Option<u64>,
    /// The client's address.
    pub source_ip: IpAddr,
    /// The time that its expressions read; now where it is `None`.
    pub time: Option<SystemTime>,
}

/// A request that may not go on.
#[derive(Debug)]
pub struct TurnedAway {
    /// The place of its route, where one was found.
    pub route: Option<usize>,
    /// Why.
    pub refusal: Refusal,
}

/// Finds the route of a request and judges its head: who sends, the body's length and coding,
/// `allow`, and last the `limits`, so that nothing is taken from them for what is refused anyway.
///
/// # Errors
/// Why the request may not go on.
pub fn admit(
    admission: &Admission,
    routes: &Routes,
    approach: &Approach<'_>,
) -> Result<Permit, TurnedAway> {
    let found = match routes.find(approach.head) {
        Ok(found) => found,
        Err(refusal) => {
            let route = None;
            return Err(TurnedAway { route, refusal });
        }
    };
    let route = Some(found.route.index);
    judge(admission, found, approach).map_err(|refusal| TurnedAway { route, refusal })
}

fn judge(
    admission: &Admission,
    found: Match<'_>,
    approach: &Approach<'_>,
) -> Result<Permit, Refusal> {
    let (head, length) = (approach.head, approach.length);
    let mut permit = Permit::judge(admission, found, head, length, approach.source_ip)?;
    let held = judge_expressions(admission, &permit, approach)?;
    permit.hold(held);
    Ok(permit)
}

/// `allow`, as far as it reads the head alone, and the limits.
fn judge_expressions(
    admission: &Admission,
    permit: &Permit,
    approach: &Approach<'_>,
) -> Result<Option<Box<Held>>, Refusal> {
    let head = approach.head;
    let client = permit
        .client()
        .and_then(|place| admission.clients.get(place));
    let of_client = client.map_or(&[][..], |client| &client.limits);
    let route = permit.route();
    if route.conditions == 0 && route.limits.is_empty() && of_client.is_empty() {
        return Ok(None);
    }
    let path = permit.path_values(head)?;
    let request = RequestView {
        head: *head,
        path: &path,
        // Not given yet: expressions of the head cannot name it.
        id: 0,
        time: approach.time.unwrap_or_else(SystemTime::now),
        source_ip: approach.source_ip,
        auth: auth_view(admission, permit),
    };
    let view = EventView::of_head(&request);
    route
        .plan
        .allowed(route.conditions, true, &view)
        .map_err(|refusal| *refusal)?;
    let Some(limiter) = &admission.limiter else {
        return Ok(None);
    };
    let mut under: SmallVec<[Under<'_>; 4]> = SmallVec::new();
    for limit in &route.limits {
        let value = match limit.per {
            Some(place) => route.plan.text(place, &view).map_err(|refusal| *refusal)?,
            None => bytestring::ByteString::new(),
        };
        under.push(Under {
            limit,
            key: limiter.key(limit, &value),
            of_client: false,
        });
    }
    under.extend(of_client.iter().map(|limit| Under {
        limit,
        key: limiter.key(limit, ""),
        of_client: true,
    }));
    limiter.admit(&under, approach.length, |place| route.plan.shown(place))
}

/// Takes from a request's limits what could be known only with its body.
///
/// # Errors
/// As [`crate::admit::Held::take`].
pub(super) fn take(permit: &Permit, events: usize, bytes: usize) -> Result<(), Refusal> {
    let Some(held) = permit.held() else {
        return Ok(());
    };
    let route: &Route = permit.route();
    held.take(events as u64, bytes as u64, |place| route.plan.shown(place))
}

/// Who sends, as expressions see it.
pub(super) fn auth_view<'r>(admission: &'r Admission, permit: &Permit) -> Option<AuthView<'r>> {
    let client = admission.clients.get(permit.client()?)?;
    Some(AuthView {
        name: &client.name,
        labels: &client.labels,
    })
}
