//! Writes responses into the connection's output buffer.

use super::date;

/// What a response says about the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Persistence {
    /// Nothing: HTTP/1.1 keeps it.
    Kept,
    /// `Connection: keep-alive`, which an HTTP/1.0 client that asked for it waits for.
    KeptAsAsked,
    /// `Connection: close`.
    Closed,
}

/// Writes one response at the end of a connection's output buffer.
#[derive(Debug)]
pub struct ResponseWriter<'c> {
    out: &'c mut Vec<u8>,
    persistence: Persistence,
    head_only: bool,
    more: &'c [u8],
}

impl<'c> ResponseWriter<'c> {
    /// A writer for the next response of a connection. `keep_alive` false adds
    /// `Connection: close`; `head_only` leaves the body out, as the answer to HEAD must.
    pub fn new(out: &'c mut Vec<u8>, keep_alive: bool, head_only: bool) -> Self {
        let persistence = if keep_alive {
            Persistence::Kept
        } else {
            Persistence::Closed
        };
        Self::of(out, persistence, head_only)
    }

    pub(super) fn of(out: &'c mut Vec<u8>, persistence: Persistence, head_only: bool) -> Self {
        Self {
            out,
            persistence,
            head_only,
            more: b"",
        }
    }

    /// Further header fields, each ended by CRLF, which the answer carries whatever it says.
    #[must_use]
    pub fn with(mut self, more: &'c [u8]) -> Self {
        self.more = more;
        self
    }

    /// Writes a whole response. Date, Content-Length, and Connection where it is needed, are added.
    ///
    /// `fields` are written as they are. A route may shape values from what a client sent, and
    /// whoever does so judges them first; here is the last look: a field whose name or value could
    /// end its line is left out, so that nothing can begin another field or response.
    pub fn write(self, status: u16, fields: &[(&str, &[u8])], body: &[u8]) {
        let mut number = itoa::Buffer::new();
        let out = self.out;
        out.reserve(160 + body.len());
        out.extend_from_slice(b"HTTP/1.1 ");
        out.extend_from_slice(number.format(status).as_bytes());
        out.push(b' ');
        out.extend_from_slice(reason_phrase(status).as_bytes());
        out.extend_from_slice(b"\r\nDate: ");
        out.extend_from_slice(&date::text());
        out.extend_from_slice(b"\r\n");
        for (name, value) in fields {
            if !is_field_name(name) || !is_field_value(value) {
                continue;
            }
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(self.more);
        // RFC 9110, 8.6: a 204 has no body and must not say how long it is.
        if status != 204 {
            out.extend_from_slice(b"Content-Length: ");
            out.extend_from_slice(number.format(body.len()).as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(match self.persistence {
            Persistence::Kept => b"\r\n".as_slice(),
            Persistence::KeptAsAsked => b"Connection: keep-alive\r\n\r\n",
            Persistence::Closed => b"Connection: close\r\n\r\n",
        });
        if !self.head_only && status != 204 {
            out.extend_from_slice(body);
        }
    }
}

/// True for what may be a field's name: a token.
#[must_use]
pub fn is_field_name(name: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(token)
}

/// True for what may be a field's value: no control character but the tab.
#[must_use]
pub fn is_field_value(value: &[u8]) -> bool {
    value
        .iter()
        .all(|byte| (*byte >= b' ' && *byte != 0x7f) || *byte == b'\t')
}

/// The reason phrase of a status that the gateway sends.
#[must_use]
pub(super) const fn reason_phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        207 => "Multi-Status",
        303 => "See Other",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        507 => "Insufficient Storage",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(persistence: Persistence, head_only: bool, status: u16, body: &[u8]) -> String {
        let mut out = Vec::new();
        ResponseWriter::of(&mut out, persistence, head_only).write(
            status,
            &[("Content-Type", b"text/plain")],
            body,
        );
        let text = String::from_utf8(out).unwrap();
        let (before, rest) = text.split_once("Date: ").unwrap();
        format!("{before}{}", rest.split_once("\r\n").unwrap().1)
    }

    #[test]
    fn a_response_says_how_long_it_is_and_whether_the_connection_stays() {
        assert_eq!(
            written(Persistence::Kept, false, 202, b"abc"),
            "HTTP/1.1 202 Accepted\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nabc"
        );
        assert_eq!(
            written(Persistence::Closed, true, 404, b"abc"),
            "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\
             Connection: close\r\n\r\n"
        );
        assert_eq!(
            written(Persistence::KeptAsAsked, false, 204, b"abc"),
            "HTTP/1.1 204 No Content\r\nContent-Type: text/plain\r\n\
             Connection: keep-alive\r\n\r\n"
        );
    }

    #[test]
    fn no_field_can_begin_another_line() {
        let mut out = Vec::new();
        let fields: &[(&str, &[u8])] = &[
            ("X-Good", b"a\tb \xc3\xa9"),
            ("X-Bad", b"a\r\nSet-Cookie: b"),
            ("X-Bad", b"a\nb"),
            ("X-Bad", b"a\rb"),
            ("X-Bad", b"a\0b"),
            ("X-Bad: a\r\nX-Worse", b"b"),
            ("", b"b"),
        ];
        ResponseWriter::of(&mut out, Persistence::Kept, false).write(200, fields, b"");
        let text = String::from_utf8(out).unwrap();
        let names: Vec<_> = text
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["Date", "X-Good", "Content-Length"], "{text}");
        assert_eq!(text.matches("\r\n\r\n").count(), 1);
    }

    #[test]
    fn every_status_of_the_gateway_has_a_reason_phrase() {
        for code in crate::error::Code::ALL {
            assert_ne!(reason_phrase(code.status()), "", "{code:?}");
        }
    }
}
