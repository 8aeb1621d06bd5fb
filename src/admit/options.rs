//! OPTIONS that are answered before anything else is asked: a browser's preflight, and the question
//! of a sender of CloudEvents whether it may deliver here.

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
    preflight(routes, head).or_else(|| webhook(routes, head).map(Ok))
}

/// A sender of CloudEvents asks whether it may deliver to this path ("HTTP 1.1 Web Hooks for Event
/// Delivery"). Whoever asks may, at any rate: who is let in is judged with each delivery.
fn webhook(routes: &Routes, head: &Head<'_>) -> Option<Ready> {
    let origin = head.field("webhook-request-origin")?;
    let mut takers = routes
        .at(head.path())
        .iter()
        .filter(|route| route.accept.formats.cloudevents);
    let route = takers.next()?;
    let mut fields = Vec::with_capacity(160);
    let mut put = |name: &str, value: &[u8]| {
        fields.extend_from_slice(name.as_bytes());
        fields.extend_from_slice(b": ");
        fields.extend_from_slice(value);
        fields.extend_from_slice(b"\r\n");
    };
    let methods = takers.fold(route.method.to_string(), |known, route| {
        format!("{known}, {}", route.method)
    });
    put("Allow", methods.as_bytes());
    // What is said back is what was asked, if it can be the name of a host.
    let is_host = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(byte);
    let named = !origin.is_empty() && origin.iter().all(is_host);
    put("WebHook-Allowed-Origin", if named { origin } else { b"*" });
    put("WebHook-Allowed-Rate", b"*");
    Some(Ready {
        route: route.index,
        status: 200,
        fields: fields.into_boxed_slice(),
    })
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
