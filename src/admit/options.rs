//! OPTIONS that are answered before anything else is asked: a browser's preflight.

use super::cors::{CorsRule, origin_of, refused};
use crate::error::Refusal;
use crate::http::Head;
use crate::route::Routes;

/// An answer that is ready before the body is read, and has none itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    /// The place of the route that it is about.
    pub route: usize,
    /// The status.
    pub status: u16,
    /// Header fields, each ended by CRLF.
    pub fields: Box<[u8]>,
}

/// The answer to an OPTIONS that is a question about a route; none where the request is an
/// ordinary one.
#[must_use]
pub fn answer_options(routes: &Routes, head: &Head<'_>) -> Option<Result<Ready, Refusal>> {
    if head.method() != "OPTIONS" {
        return None;
    }
    preflight(routes, head)
}

/// A browser asks whether its page may send this method to this path.
fn preflight(routes: &Routes, head: &Head<'_>) -> Option<Result<Ready, Refusal>> {
    let asked = head.field("access-control-request-method")?;
    let origin = origin_of(head)?;
    let mut methods = String::new();
    let mut speaks: Option<((bool, bool), &CorsRule, usize)> = None;
    for route in routes.at(head.path()) {
        let Some(rule) = &route.cors else { continue };
        let allows = rule.allows(origin);
        if allows {
            let separator = if methods.is_empty() { "" } else { ", " };
            methods.push_str(separator);
            methods.push_str(&route.method);
        }
        let is_asked = route.method.as_bytes() == asked;
        // The route that is asked about speaks; else any that would be let in.
        let rank = (is_asked, allows);
        if speaks.as_ref().is_none_or(|(best, ..)| rank > *best) {
            speaks = Some((rank, rule, route.index));
        }
    }
    let ((_, allows), rule, route) = speaks?;
    Some(if allows {
        Ok(Ready {
            route,
            status: 204,
            fields: rule.preflight(head, &methods),
        })
    } else {
        Err(refused(origin))
    })
}
