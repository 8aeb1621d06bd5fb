//! Bytes to requests and answers to bytes: HTTP/1.1 in its strict profile.
//!
//! The way of a request in here: where a load balancer says first who connects, `preface.rs` takes
//! that off the connection; `connection.rs` reads into the connection's buffer; `parse.rs`
//! finds the head (`fields.rs` judges what frames the body); the gateway admits it
//! ([`Service::admit`]); `body.rs` gathers the body, `chunked.rs` decoding it in place; the gateway
//! takes head and body as slices of that buffer and gives a [`Ticket`]; answers are written in
//! order, all that are ready with one write.
//!
//! **The strict profile.** Lines end with CRLF only; two empty lines at most stand before a
//! request. Exactly one Host in HTTP/1.1, and not an empty one. Transfer-Encoding is the single word
//! `chunked`, never with Content-Length or in HTTP/1.0; Content-Length is 1–19 digits, once. Names
//! are tokens, values hold no control character, fields are not folded, the target is visible
//! ASCII. Content-Type stands once; HEAD, OPTIONS and TRACE have no body. A chunk size has at most
//! 16 hexadecimal digits; extensions and trailers are bounded, checked and dropped, and no trailer
//! is a field that says how to read the request. Expect other than `100-continue` is 417, and `100 Continue` comes only after the
//! gateway admitted the head. Whatever breaks a rule is answered and the connection closed: where
//! the next request starts is not known.
//!
//! **Bounds.** A connection holds one buffer (4 KiB while idle, 16 KiB while requests are
//! pipelined, up to what the route allows while a body comes), at most
//! `limits::PIPELINED_REQUESTS_MAX` unanswered requests, and one output buffer. While answers are
//! awaited nothing is read, so a client that does not take its answers stops being heard. All bodies
//! that are still coming share `limits::BODY_BYTES_PER_CORE_MAX`; past it 503.

mod body;
mod chunked;
mod connection;
mod date;
mod edge;
mod fields;
mod head;
mod parse;
mod preface;
mod prefer;
mod requests;
mod response;
mod service;
mod watch;

pub use chunked::{ChunkFault, ChunkedDecoder, Cursor};
pub use connection::serve;
pub use edge::Edge;
pub use head::{Head, HeadIndex, Span, Version};
pub use parse::{Framing, HeadScan, Parsed, RequestHead, parse};
pub use preface::{Preface, ProxyVersion};
pub use prefer::{Applied, Handling, Preferences, Returned};
pub use response::{ResponseWriter, is_field_name, is_field_value};
pub use service::{Admitted, Service, Ticket};
pub use watch::{Deadlines, Watch};

/// Renews the text of the `Date` field on this core, if its second has passed.
pub fn refresh_date() {
    date::refresh();
}
