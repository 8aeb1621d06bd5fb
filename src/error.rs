//! The closed set of refusals. `reply` alone turns one into a status and a body; the table of all
//! codes in the documentation is generated from [`Code::ALL`].

use std::borrow::Cow;
use std::time::Duration;

macro_rules! codes {
    ($($name:ident = $code:literal, $status:literal, $doc:literal;)+) => {
        /// The stable word in the `code` member of a problem document.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $(#[doc = $doc] $name,)+ }

        impl Code {
            /// All codes, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The word itself.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// The HTTP status that goes with it.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)+ }
            }

            /// What it means, whose fault it is and what to do: one or two sentences.
            #[must_use]
            pub const fn doc(self) -> &'static str {
                match self { $(Self::$name => $doc,)+ }
            }
        }
    };
}

codes! {
    RequestMalformed = "request_malformed", 400, "The request is not well-formed HTTP/1.1. The connection is closed.";
    RequestTimeout = "request_timeout", 408, "The request did not arrive in time. Nothing of it was stored.";
    UriTooLong = "uri_too_long", 414, "The request line is longer than the gateway takes.";
    HeadersTooLarge = "headers_too_large", 431, "The header block has too many fields or bytes.";
    ExpectationFailed = "expectation_failed", 417, "`Expect` holds something other than `100-continue`.";
    TransferCodingUnknown = "transfer_coding_unknown", 501, "`Transfer-Encoding` holds something other than `chunked`.";
    VersionUnsupported = "version_unsupported", 505, "The request is not HTTP/1.0 or HTTP/1.1.";
    Unauthorized = "unauthorized", 401, "The route asks for an API key, and the request has none that is known. Nothing of it was read.";
    NotAllowed = "not_allowed", 403, "The API key is not for this route or origin, or the route's `allow` does not hold; the detail says which.";
    RateLimited = "rate_limited", 429, "More came than a limit of the route or client allows; `RateLimit-Policy` and `RateLimit` tell it. Nothing was stored; send again after `Retry-After`.";
    RouteNotFound = "route_not_found", 404, "No route has this path.";
    MethodNotAllowed = "method_not_allowed", 405, "The path exists, this method on it does not; `Allow` lists those that do.";
    OriginRefused = "origin_refused", 403, "A page of this origin may not send here: the route's `cors.origins` does not name it.";
    LengthRequired = "length_required", 411, "The request has no body length.";
    RequestTooLarge = "request_too_large", 413, "The body is larger than the route's `accept.request_bytes`.";
    EventTooLarge = "event_too_large", 413, "An event is larger than the route's `accept.event_bytes`.";
    TooManyEvents = "too_many_events", 413, "The body holds more events than the route's `accept.events`.";
    RecordTooLarge = "record_too_large", 413, "An event's record can never fit the target's limit, which the detail names.";
    FormatUnsupported = "format_unsupported", 415, "The route does not accept this Content-Type or form of body.";
    EncodingUnsupported = "encoding_unsupported", 415, "The route does not accept this Content-Encoding; `Accept-Encoding` lists those that it does.";
    EncodingInvalid = "encoding_invalid", 400, "The body is not what its Content-Encoding says: it is cut short, damaged, or goes on behind its end.";
    BodyEmpty = "body_empty", 400, "The body holds no event.";
    JsonInvalid = "json_invalid", 400, "The body is not valid JSON; the detail names the place.";
    CloudEventInvalid = "cloudevent_invalid", 400, "The request says that it carries a CloudEvent, and it is none by version 1.0; the detail names the event and the attribute.";
    FormInvalid = "form_invalid", 400, "The form or query is not percent-encoded UTF-8, or has too many fields.";
    DuplicateField = "duplicate_field", 400, "A name occurs twice in an object that the mapping reads: what is read must be what the consumer reads.";
    FieldMissing = "field_missing", 400, "The mapping needs a field that the event does not have; the detail names it.";
    MappingFailed = "mapping_failed", 422, "A value of the event is not what the mapping can use; the detail names both.";
    SchemaFailed = "schema_failed", 422, "The event does not fit the route's `schema`; `errors` lists each place with what is expected there.";
    NoTarget = "no_target", 422, "No required target's `when` is true for this event.";
    RecordRefused = "record_refused", 422, "A target refused the record for good; nothing of it was stored there.";
    Conflict = "conflict", 409, "The condition of a write did not hold.";
    IdempotencyKeyInvalid = "idempotency_key_invalid", 400, "`Idempotency-Key`, or what the route's `idempotency` gives for an event, is not a key: it is missing, malformed or too long.";
    IdempotencyRunning = "idempotency_running", 409, "The request or event that came first under this idempotency key is still under way. Nothing was sent; send again after `Retry-After`.";
    IdempotencyMismatch = "idempotency_mismatch", 422, "The idempotency key belongs to another payload that came before. Nothing was sent: a new event needs a new key.";
    IdempotencyTooLarge = "idempotency_too_large", 409, "The idempotency key's request was sent before, with so many records that what became of each could not be kept. Nothing was sent now, nor will be under this key.";
    IdempotencyUnavailable = "idempotency_unavailable", 503, "Idempotency keys cannot be looked up or stored just now. Nothing was stored; send again after `Retry-After`.";
    QueueFull = "queue_full", 503, "A required target's queue is full. Nothing was stored; send again after `Retry-After`.";
    LogFull = "log_full", 507, "A required target is a log that has no room left. Nothing was stored; send again after `Retry-After`.";
    TargetDown = "target_down", 503, "A required target cannot be reached or is failing. Nothing was stored; send again after `Retry-After`.";
    TargetBlocked = "target_blocked", 503, "A required target can take nothing until somebody mends it (access, credentials, a missing table). Nothing was stored.";
    SpoolFull = "spool_full", 507, "The spool has no room for the events, by its `max_bytes` or on its disk. Nothing was stored; send again after `Retry-After`.";
    SpoolUnavailable = "spool_unavailable", 503, "The spool cannot be written: its disk fails, or the gateway stops. Nothing was stored; send again after `Retry-After`.";
    Overloaded = "overloaded", 503, "The gateway holds as many requests as it may. Nothing was stored; send again after `Retry-After`.";
    Stopping = "stopping", 503, "The gateway is stopping. Nothing was stored; send again.";
    NotStored = "not_stored", 503, "The gateway gave up: the event is surely not stored anywhere. Send again after `Retry-After`.";
    PartlyStored = "partly_stored", 502, "Some of it was stored, some was certainly not. Sending again may repeat what is in.";
    Unconfirmed = "unconfirmed", 504, "Not confirmed in time: it may still arrive.";
    Internal = "internal", 500, "A fault of the gateway.";
}

/// A request or event that is answered with an error, before or instead of delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which error.
    pub code: Code,
    /// What was wrong and where, in one sentence for people. Names fields, never payloads.
    pub detail: Cow<'static, str>,
    /// The place of the event in its batch, where one event is at fault.
    pub event: Option<u32>,
    /// The pause to ask for, where sending again makes sense.
    pub retry_after: Option<Duration>,
    /// Header fields that go with this answer alone: `Allow` of a 405, `Accept-Encoding` of a 415.
    pub fields: Vec<(&'static str, Cow<'static, str>)>,
    /// What exactly was wrong with the event, place by place, where a judge tells it so.
    pub errors: Vec<Fault>,
}

/// One thing that is wrong with an event, for programs: an entry of `errors` in the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where: a JSON Pointer (RFC 6901) into the event; empty for the event itself.
    pub pointer: Box<str>,
    /// The rule that was broken: a keyword of JSON Schema.
    pub keyword: Box<str>,
    /// What is expected there, without the value that was found.
    pub detail: Box<str>,
}

impl Refusal {
    /// A refusal with this detail.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            detail: detail.into(),
            event: None,
            retry_after: None,
            fields: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// The same, answered with this header field.
    #[must_use]
    pub fn with_field(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// The same, for the event at this place.
    #[must_use]
    pub fn of_event(mut self, event: usize) -> Self {
        self.event = u32::try_from(event).ok();
        self
    }
}
