//! Refused requests whose route shapes refusals: what its expressions read is kept until the
//! answer is written.

use std::net::IpAddr;
use std::time::SystemTime;

use super::Arrival;
use crate::admit::path_values;
use crate::http::Head;
use crate::map::{Kept, Plan, RequestView};
use crate::route::{CoreRoute, Routes};

/// How a route shapes the refusal of one request.
pub(super) struct RefusalShape {
    route: CoreRoute,
    kept: Kept,
}

impl RefusalShape {
    /// Of a request that was not let in. `None` where no route has its path and method, or its
    /// route shapes no refusals.
    pub(super) fn of_head(
        routes: &Routes,
        head: &Head<'_>,
        id: u128,
        time: SystemTime,
        source_ip: IpAddr,
    ) -> Option<Self> {
        let found = routes.find(head).ok()?;
        let route = found.route.clone();
        let path = path_values(&route, &found.parameters, head).ok()?;
        let request = RequestView {
            head: *head,
            path: &path,
            id,
            time,
            source_ip,
            auth: None,
        };
        let kept = route.plan.keep_refused(&request)?;
        drop(path);
        Some(Self { route, kept })
    }

    /// Of a request that was let in. `kept` is what was kept of its event, where it came so far.
    pub(super) fn of_arrival(arrival: &Arrival<'_>, kept: Option<Kept>) -> Option<Self> {
        let route = arrival.permit.route();
        let kept = kept.or_else(|| {
            let path = arrival.permit.path_values(arrival.head).ok()?;
            let request = RequestView {
                head: *arrival.head,
                path: &path,
                id: arrival.id,
                time: arrival.time,
                source_ip: arrival.permit.source_ip(),
                auth: arrival.auth,
            };
            route.plan.keep_refused(&request)
        })?;
        let route = route.clone();
        Some(Self { route, kept })
    }

    /// The place of the route.
    pub(super) fn route(&self) -> usize {
        self.route.index
    }

    /// What the answer is written with.
    pub(super) fn parts(&self) -> (&Plan, &Kept) {
        (&self.route.plan, &self.kept)
    }
}
