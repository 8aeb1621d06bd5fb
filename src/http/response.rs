//! Writes responses into the connection's output buffer.

/// Writes one response at the end of a connection's output buffer.
#[derive(Debug)]
pub struct ResponseWriter<'c> {
    out: &'c mut Vec<u8>,
    keep_alive: bool,
    head_only: bool,
}

impl<'c> ResponseWriter<'c> {
    /// A writer for the next response of a connection. `keep_alive` false adds
    /// `Connection: close`; `head_only` leaves the body out, as the answer to HEAD must.
    pub fn new(out: &'c mut Vec<u8>, keep_alive: bool, head_only: bool) -> Self {
        Self {
            out,
            keep_alive,
            head_only,
        }
    }

    /// Writes a whole response. `fields` are written as they are: names and values come from this
    /// program, never from a client. Content-Length, and Connection where it is needed, are added.
    pub fn write(self, status: u16, fields: &[(&str, &[u8])], body: &[u8]) {
        let mut number = itoa::Buffer::new();
        self.out.extend_from_slice(b"HTTP/1.1 ");
        self.out.extend_from_slice(number.format(status).as_bytes());
        self.out.push(b' ');
        self.out.extend_from_slice(reason_phrase(status).as_bytes());
        self.out.extend_from_slice(b"\r\n");
        for (name, value) in fields {
            self.out.extend_from_slice(name.as_bytes());
            self.out.extend_from_slice(b": ");
            self.out.extend_from_slice(value);
            self.out.extend_from_slice(b"\r\n");
        }
        self.out.extend_from_slice(b"Content-Length: ");
        self.out
            .extend_from_slice(number.format(body.len()).as_bytes());
        self.out.extend_from_slice(b"\r\n");
        if !self.keep_alive {
            self.out.extend_from_slice(b"Connection: close\r\n");
        }
        self.out.extend_from_slice(b"\r\n");
        if !self.head_only {
            self.out.extend_from_slice(body);
        }
    }
}

/// The reason phrase of a status that the gateway sends.
#[must_use]
pub(super) const fn reason_phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        202 => "Accepted",
        204 => "No Content",
        207 => "Multi-Status",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        411 => "Length Required",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        417 => "Expectation Failed",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
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
