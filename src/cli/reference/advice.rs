//! What the pages of errors say beyond a code's own sentence: whose fault it is, whether to send
//! again, and what to do.

use crate::error::Code;

/// What a page says of its code.
#[derive(Clone, Copy, Debug)]
pub(super) struct Advice {
    /// Whose fault it is.
    pub(super) fault: &'static str,
    /// Whether sending the same again makes sense.
    pub(super) again: &'static str,
    /// What to do, for whoever reads the page.
    pub(super) todo: &'static str,
}

const CLIENT: &str = "the client's";
const TARGET: &str = "the target's";
const GATEWAY: &str = "the gateway's";
const NO: &str = "no";
const LATER: &str = "yes, after `Retry-After`";

/// The advice for a code: its own, else what its status says.
pub(super) fn of(code: Code) -> Advice {
    let own = TABLE.iter().find(|(word, ..)| *word == code.as_str());
    match own {
        Some((_, fault, again, todo)) => Advice { fault, again, todo },
        None => by_status(code.status()),
    }
}

/// True if the code has an advice of its own.
#[cfg(test)]
pub(super) fn is_known(code: Code) -> bool {
    TABLE.iter().any(|(word, ..)| *word == code.as_str())
}

/// The codes that have one, as the table has them.
#[cfg(test)]
pub(super) fn words() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|(word, ..)| *word)
}

fn by_status(status: u16) -> Advice {
    let (fault, again, todo) = match status {
        429 => (CLIENT, LATER, "Send less, or ask for a higher limit."),
        400..=499 => (
            CLIENT,
            NO,
            "Mend the request: `detail` says what was wrong with it.",
        ),
        503 => (
            TARGET,
            LATER,
            "Send again. Where it lasts, look at the target's state on `/status`.",
        ),
        _ => (
            GATEWAY,
            NO,
            "Look into the gateway's log at the time of the answer, by its `id`.",
        ),
    };
    Advice { fault, again, todo }
}

/// The word of a code, whose fault it is, whether to send again, and what to do.
const TABLE: &[(&str, &str, &str, &str)] = &[
    (
        "request_malformed",
        CLIENT,
        NO,
        "Use an HTTP library instead of writing requests by hand. Where a proxy stands between, look \
         at what it makes of the request: the gateway takes no form that two readers could read \
         differently.",
    ),
    (
        "request_timeout",
        "the client's or the network's",
        "yes",
        "Send the request at once, in smaller bodies where the line is slow.",
    ),
    (
        "uri_too_long",
        CLIENT,
        NO,
        "Move what stands in the query into the body.",
    ),
    (
        "headers_too_large",
        CLIENT,
        NO,
        "Send fewer and smaller header fields. Cookies are the usual cause: the gateway reads none.",
    ),
    (
        "expectation_failed",
        CLIENT,
        NO,
        "Leave `Expect` out, or write `Expect: 100-continue`.",
    ),
    (
        "transfer_coding_unknown",
        CLIENT,
        NO,
        "Send the body with `Content-Length` or `Transfer-Encoding: chunked`; compress it with \
         `Content-Encoding`.",
    ),
    (
        "version_unsupported",
        CLIENT,
        NO,
        "Speak HTTP/1.1. For HTTP/2 and TLS put a load balancer in front.",
    ),
    (
        "route_not_found",
        CLIENT,
        NO,
        "Compare the path with the routes that the gateway prints at its start; \
         `sluicegate try FILE 'POST /path'` shows which route takes a request.",
    ),
    (
        "method_not_allowed",
        CLIENT,
        NO,
        "Use a method that `Allow` lists.",
    ),
    (
        "cloudevent_invalid",
        CLIENT,
        NO,
        "Send `specversion`, `id`, `source` and `type`, as members of the JSON or as `ce-…` header \
         fields; a CloudEvents SDK does. A plain event is sent with `application/json` and no \
         `ce-…` field.",
    ),
    (
        "form_invalid",
        CLIENT,
        NO,
        "Encode names and values as UTF-8 and percent-encode them, as `URLSearchParams` does.",
    ),
    (
        "origin_refused",
        "the page's, or the file's",
        NO,
        "Add the page's origin to the route's `cors.origins`, exactly as the detail shows it.",
    ),
    (
        "length_required",
        CLIENT,
        NO,
        "Send `Content-Length`, or the body in chunks.",
    ),
    (
        "request_too_large",
        CLIENT,
        NO,
        "Send fewer events in one body, or raise the route's `accept.request_bytes` (64 MiB at most).",
    ),
    (
        "event_too_large",
        CLIENT,
        NO,
        "Send a smaller event, or raise the route's `accept.event_bytes` as far as its targets take \
         such records.",
    ),
    (
        "too_many_events",
        CLIENT,
        NO,
        "Send the events in several bodies, or raise the route's `accept.events`.",
    ),
    (
        "record_too_large",
        CLIENT,
        NO,
        "Send a smaller event, map less of it, or raise the target's `limits` where the service takes \
         more.",
    ),
    (
        "format_unsupported",
        CLIENT,
        NO,
        "Say what the body is with `Content-Type`, or add its form to the route's `accept.formats`.",
    ),
    (
        "body_empty",
        CLIENT,
        NO,
        "Send at least one event. An empty array holds none.",
    ),
    (
        "json_invalid",
        CLIENT,
        NO,
        "Make the body with a JSON library: `detail` names the byte at which it stops being JSON.",
    ),
    (
        "duplicate_field",
        CLIENT,
        NO,
        "Send each name once in an object.",
    ),
    (
        "field_missing",
        CLIENT,
        NO,
        "Send the field that `detail` names. If events may lack it, read it with `.?` in the mapping: \
         `${event.?name}` leaves it out, `.orValue(…)` gives a default.",
    ),
    (
        "mapping_failed",
        CLIENT,
        NO,
        "Send a value of the kind that the mapping needs; `detail` names the field and the binding. \
         `sluicegate try` shows what the mapping makes of an event.",
    ),
    (
        "no_target",
        "the client's, or the mapping's",
        NO,
        "Send an event that a `when` of the route holds for. If such events are to be taken and go \
         nowhere, write `unmatched: accept`.",
    ),
    (
        "record_refused",
        "the client's, or the mapping's",
        NO,
        "Look at `events[].targets[].detail`: it holds what the target said. Nothing of this event was \
         stored there.",
    ),
    (
        "conflict",
        CLIENT,
        NO,
        "The item is there already, or is not in the state that the write asks for. If a repeated \
         event is as good as the first, write `on_false: accept` in the binding.",
    ),
    (
        "idempotency_too_large",
        CLIENT,
        NO,
        "Look at the targets for what is missing, and send that under new keys, in smaller batches. \
         The answer to the first request said what became of each event.",
    ),
    (
        "queue_full",
        "the target's, which is slower than what comes in",
        LATER,
        "Let clients wait as `Retry-After` says. Where it lasts, give the target more capacity, or \
         raise its `queue_bytes` for bursts.",
    ),
    (
        "log_full",
        "the log's, or its disk's",
        LATER,
        "Make room: raise the target's `max_bytes`, let the oldest go (`max_age`, or `when_full: \
         drop_oldest`), or free space on its disk. The log takes records again by itself.",
    ),
    (
        "target_down",
        TARGET,
        LATER,
        "Let clients send again. `/status` on the admin port says since when and why the target is \
         down; what must not depend on it may be `need: best_effort`.",
    ),
    (
        "target_blocked",
        "the operator's: access, credentials, or a missing table, stream or topic",
        "yes, once it was mended",
        "Read the reason on `/status` and mend it; `sluicegate check --connect FILE` asks each target \
         and says what is missing. The gateway tries again by itself.",
    ),
    (
        "overloaded",
        "the gateway's load",
        LATER,
        "Let clients wait as `Retry-After` says. Where it lasts, add gateways or cores.",
    ),
    (
        "stopping",
        "nobody's: the gateway is being stopped",
        "yes, at once: another gateway answers",
        "Nothing but send again, on a new connection. New connections are refused from the stop on, \
         and `/health/ready` on the admin port says 503: let a load balancer try the next gateway.",
    ),
    (
        "not_stored",
        TARGET,
        LATER,
        "Send again: nothing of the event is anywhere. The reason stands in `events[].targets[]`.",
    ),
    (
        "partly_stored",
        TARGET,
        "yes; it may repeat what is in",
        "Send again if the targets take a repeated event, else send those that `events[].targets[]` \
         does not list as delivered.",
    ),
    (
        "unconfirmed",
        TARGET,
        "yes, where a repeated event does no harm",
        "The event may be stored already. Make repeats harmless (a DynamoDB key from the event's own \
         id, a consumer that knows ids), and raise `reply.within` if the target is merely slow.",
    ),
    (
        "internal",
        GATEWAY,
        "yes, once",
        "Report it with the `id` of the answer and the lines of the log around it.",
    ),
    (
        "unauthorized",
        CLIENT,
        "yes, with a key",
        "Send the key in the header field that the route asks for, as `WWW-Authenticate` or the detail \
         says. `sluicegate key new` makes a key and the entry under `clients` that knows it.",
    ),
    (
        "not_allowed",
        CLIENT,
        NO,
        "Use the key of a client that may use this route, from an origin that it names; or change the \
         route's `allow` so that it holds for this caller.",
    ),
    (
        "rate_limited",
        CLIENT,
        LATER,
        "Send less: `RateLimit` says what is left and when there is more. Where the limit is too low, \
         raise `limits` in the route or client.",
    ),
    (
        "encoding_unsupported",
        CLIENT,
        "yes, in another encoding",
        "Compress the body with one of `Accept-Encoding`, or not at all; or add the encoding to the \
         route's `accept.encodings`.",
    ),
    (
        "encoding_invalid",
        CLIENT,
        NO,
        "Compress the body anew, once and as a whole, and send all of it.",
    ),
    (
        "schema_failed",
        CLIENT,
        NO,
        "Send an event that fits: `errors` names each place as a JSON pointer, with what is expected \
         there.",
    ),
    (
        "idempotency_running",
        "nobody's: the first one is under way",
        LATER,
        "Send the same again, under the same key: the answer is then that of the first. Of two events \
         with one key in a batch the second gets this: send each key once in a body.",
    ),
    (
        "idempotency_mismatch",
        CLIENT,
        NO,
        "Give a new event a new key, and send a repeated one exactly as the first time.",
    ),
    (
        "idempotency_unavailable",
        "that of the keys' store: its disk or its table, or too many requests under way at once",
        LATER,
        "Let clients send again. Where it lasts, `idempotency.last_error` on `/status` says what the \
         store answered; without an error the keys under way need more `max_keys` or `max_bytes`.",
    ),
    (
        "spool_full",
        "the spool's, which is too small for how long targets are away, or its disk's",
        LATER,
        "`log.full` in the gateway's log says how full it is. Make room: free space on its disk, raise \
         `spool.max_bytes`, or mend the targets for which events wait: `sluicegate spool ls DIR` \
         shows how far each is behind, `/status` why. Events are taken again by themselves as soon \
         as there is room. A body that is larger than `max_bytes` never finds any: send its events \
         in several.",
    ),
    (
        "spool_unavailable",
        "the spool's disk's, or nobody's: the gateway is being stopped",
        LATER,
        "Let clients send again. Where it lasts, `spool.poisoned` in the gateway's log says what the \
         disk answered: mend the disk or its file system. The gateway tries again by itself.",
    ),
];
