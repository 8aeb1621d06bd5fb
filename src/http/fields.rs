//! Judges the fields that decide where a request ends and whether the connection stays.

use crate::error::{Code, Refusal};

use super::parse::{Framing, RequestHead, malformed};

/// Digits of a Content-Length: 19 always fit 64 bits.
const LENGTH_DIGITS_MAX: usize = 19;

/// What the fields said so far.
#[derive(Default)]
struct Seen {
    hosts: usize,
    content_types: usize,
    length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    expects_continue: bool,
}

/// Judges all fields of a head of `bytes` bytes.
pub(super) fn judge(
    request: &httparse::Request<'_, '_>,
    bytes: usize,
) -> Result<RequestHead, Refusal> {
    let mut seen = Seen::default();
    for field in request.headers.iter() {
        // The length of a name decides most of them without a comparison.
        let name = field.name;
        match name.len() {
            4 if name.eq_ignore_ascii_case("host") => seen.host(field.value)?,
            6 if name.eq_ignore_ascii_case("expect") => seen.expect(field.value)?,
            10 if name.eq_ignore_ascii_case("connection") => seen.connection(field.value),
            12 if name.eq_ignore_ascii_case("content-type") => seen.content_type()?,
            14 if name.eq_ignore_ascii_case("content-length") => seen.length(field.value)?,
            17 if name.eq_ignore_ascii_case("transfer-encoding") => {
                seen.transfer_encoding(field.value)?;
            }
            _ => {}
        }
    }
    let head = seen.conclude(request.version == Some(0), bytes)?;
    let has_body = head.framing != Framing::Length(0);
    if has_body && matches!(request.method, Some("HEAD" | "OPTIONS" | "TRACE")) {
        // RFC 9110, 9.3.2: who stands before this server may not expect one, and take it for the
        // next request.
        return Err(malformed(
            "a HEAD, OPTIONS or TRACE request has no body here",
        ));
    }
    Ok(head)
}

impl Seen {
    fn host(&mut self, value: &[u8]) -> Result<(), Refusal> {
        self.hosts += 1;
        if self.hosts > 1 {
            return Err(malformed("more than one Host field"));
        }
        if !is_host(value) {
            return Err(malformed(
                "Host is not a host name or address with an optional port",
            ));
        }
        Ok(())
    }

    /// Two readers of a body with two types may read two different bodies.
    fn content_type(&mut self) -> Result<(), Refusal> {
        self.content_types += 1;
        if self.content_types > 1 {
            return Err(malformed("more than one Content-Type field"));
        }
        Ok(())
    }

    fn expect(&mut self, value: &[u8]) -> Result<(), Refusal> {
        if !value.eq_ignore_ascii_case(b"100-continue") {
            return Err(Refusal::new(
                Code::ExpectationFailed,
                "`Expect` holds something other than `100-continue`",
            ));
        }
        self.expects_continue = true;
        Ok(())
    }

    fn connection(&mut self, value: &[u8]) {
        for token in value.split(|byte| *byte == b',') {
            let token = token.trim_ascii();
            self.close |= token.eq_ignore_ascii_case(b"close");
            self.keep_alive |= token.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    fn length(&mut self, value: &[u8]) -> Result<(), Refusal> {
        if self.length.is_some() {
            return Err(malformed("more than one Content-Length field"));
        }
        let digits =
            (1..=LENGTH_DIGITS_MAX).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
        if !digits {
            return Err(malformed(
                "Content-Length is not one number of 1 to 19 digits",
            ));
        }
        let number = value.iter().fold(0, |number: u64, digit| {
            number * 10 + u64::from(digit - b'0')
        });
        self.length = Some(number);
        Ok(())
    }

    fn transfer_encoding(&mut self, value: &[u8]) -> Result<(), Refusal> {
        if self.chunked {
            return Err(malformed("more than one Transfer-Encoding field"));
        }
        if !value.eq_ignore_ascii_case(b"chunked") {
            return Err(Refusal::new(
                Code::TransferCodingUnknown,
                "`Transfer-Encoding` holds something other than the single word `chunked`",
            ));
        }
        self.chunked = true;
        Ok(())
    }

    fn conclude(self, http10: bool, bytes: usize) -> Result<RequestHead, Refusal> {
        if self.hosts == 0 && !http10 {
            return Err(malformed("an HTTP/1.1 request needs a Host field"));
        }
        if self.chunked && http10 {
            return Err(malformed("HTTP/1.0 has no Transfer-Encoding"));
        }
        if self.chunked && self.length.is_some() {
            return Err(malformed("both Content-Length and Transfer-Encoding"));
        }
        let framing = if self.chunked {
            Framing::Chunked
        } else {
            Framing::Length(self.length.unwrap_or(0))
        };
        Ok(RequestHead {
            bytes,
            framing,
            keep_alive: !self.close && (!http10 || self.keep_alive),
            // RFC 9110, 10.1.1: of an HTTP/1.0 client it is ignored.
            expects_continue: self.expects_continue && !http10,
        })
    }
}

/// Whether this is `uri-host [ ":" port ]`: a registered name, an IPv4 address or a bracketed IPv6
/// address. No user information, no white space. An empty value, which RFC 9112 allows for URIs
/// without a host, is none: an http URI has one.
pub(super) fn is_host(value: &[u8]) -> bool {
    let (name_is_valid, port) = if let Some(rest) = value.strip_prefix(b"[") {
        let Some(end) = memchr::memchr(b']', rest) else {
            return false;
        };
        let (address, port) = rest.split_at(end);
        let valid = std::str::from_utf8(address)
            .is_ok_and(|text| text.parse::<std::net::Ipv6Addr>().is_ok());
        (valid, port.get(1..).unwrap_or_default())
    } else {
        let end = memchr::memchr(b':', value).unwrap_or(value.len());
        let (name, port) = value.split_at(end);
        let valid = !name.is_empty() && name.iter().all(|byte| is_name_byte(*byte));
        (valid, port)
    };
    let port_is_valid = match port.strip_prefix(b":") {
        Some(digits) => digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit),
        None => port.is_empty(),
    };
    name_is_valid && port_is_valid
}

/// unreserved, percent sign and sub-delims of RFC 3986.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte)
}

/// Whether this is a character of a token (RFC 9110, 5.6.2).
pub(super) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
