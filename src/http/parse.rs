//! Finds and judges a request's head: a pure function over bytes.
//!
//! httparse cuts the head; on top of it stands the strict profile, because each leniency that two
//! servers in a chain understand differently is a way to smuggle a request past one of them:
//! lines end with CRLF only, two empty lines at most stand before a request, no folded fields, and
//! what `fields.rs` says of each field that frames the body.
//!
//! A head that comes in pieces is not parsed again from its start for each piece: line ends are
//! looked for in the new bytes only, and httparse looks at an unfinished head while it is small and
//! then once for each new line, so that garbage is refused at once and not at the deadline.

use std::mem::MaybeUninit;

use crate::error::{Code, Refusal};
use crate::limits::{HEADER_BLOCK_BYTES_MAX, HEADER_FIELDS_MAX, REQUEST_LINE_BYTES_MAX};

use super::fields;
use super::head::{HeadIndex, Span, Version};

/// An unfinished head up to this size is looked into whenever more of it comes, so that its verdict
/// does not depend on how it was cut; a larger one with each new line only, so that one that comes
/// byte by byte costs no more than it sends.
const GLANCE_BYTES_MAX: usize = 2048;
/// Bytes of empty lines that may stand before a request: clients send one or two by mistake.
const EMPTY_LINES_BYTES_MAX: usize = 4;

// A block starts at most that far into the buffer, and places are 16 bits wide.
const _: () = assert!(HEADER_BLOCK_BYTES_MAX + EMPTY_LINES_BYTES_MAX <= u16::MAX as usize);

/// What the bytes so far hold.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed {
    /// Not a whole head yet; nothing wrong so far.
    Incomplete,
    /// A whole head; its parts are in the index.
    Head(RequestHead),
    /// Not a request that this server takes. The connection cannot go on: where the next request
    /// starts is not known.
    Refused(Refusal),
}

/// What the connection must know of a head to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestHead {
    /// Bytes of the head, leading empty lines and the empty line at its end included.
    pub bytes: usize,
    /// How the body is framed.
    pub framing: Framing,
    /// Whether the client wants the connection to stay.
    pub keep_alive: bool,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub expects_continue: bool,
}

/// How a body is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// This many bytes; 0 without a body.
    Length(u64),
    /// In chunks.
    Chunked,
}

/// How far a head was looked at. One lives in each connection; `default()` before each request.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeadScan {
    /// Bytes looked at. `line_start <= seen`.
    seen: usize,
    /// Where the line that is being read starts.
    line_start: usize,
    /// Where the head starts: 0, or behind empty lines.
    start: usize,
    /// Whole lines of the head so far.
    lines: usize,
}

/// What a scan of new bytes found.
enum Scanned {
    /// The head ends before this place.
    End(usize),
    /// It goes on; true when there is a new reason to look into it.
    More(bool),
}

/// Looks for a head at the start of `bytes`, which are those of the last call with more behind.
pub fn parse(bytes: &[u8], scan: &mut HeadScan, index: &mut HeadIndex) -> Parsed {
    let parsed = match scan.advance(bytes) {
        Ok(Scanned::End(end)) => read(bytes, scan.start, end, index),
        Ok(Scanned::More(true)) => glance(bytes, scan),
        Ok(Scanned::More(false)) => return Parsed::Incomplete,
        Err(refusal) => Err(refusal),
    };
    match parsed {
        Ok(Some(head)) => Parsed::Head(head),
        Ok(None) => Parsed::Incomplete,
        Err(refusal) => Parsed::Refused(refusal),
    }
}

impl HeadScan {
    /// Looks at the bytes that came since the last call.
    fn advance(&mut self, bytes: &[u8]) -> Result<Scanned, Refusal> {
        let fresh = bytes.get(self.seen..).unwrap_or_default();
        if fresh.is_empty() {
            return Ok(Scanned::More(false));
        }
        let mut look = bytes.len() - self.start <= GLANCE_BYTES_MAX;
        let base = self.seen;
        for found in memchr::memchr_iter(b'\n', fresh) {
            let at = base + found;
            if at == 0 || bytes.get(at - 1) != Some(&b'\r') {
                return Err(malformed("a line ends with LF alone; lines end with CRLF"));
            }
            let line_bytes = (at - 1).saturating_sub(self.line_start);
            self.line_start = at + 1;
            if line_bytes > 0 {
                self.line(line_bytes)?;
                look = true;
            } else if self.lines > 0 {
                self.block_fits(at + 1)?;
                return Ok(Scanned::End(at + 1));
            } else if at + 1 > EMPTY_LINES_BYTES_MAX {
                return Err(malformed("more than two empty lines before a request"));
            } else {
                // RFC 9112, 2.2: what a client sends by mistake after a body is passed over.
                self.start = at + 1;
            }
        }
        self.seen = bytes.len();
        if self.lines == 0 && bytes.len() - self.line_start > REQUEST_LINE_BYTES_MAX + 1 {
            return Err(line_too_long());
        }
        self.block_fits(bytes.len())?;
        Ok(Scanned::More(look))
    }

    /// Counts a line of this many bytes, its CRLF not included.
    fn line(&mut self, line_bytes: usize) -> Result<(), Refusal> {
        if self.lines == 0 && line_bytes > REQUEST_LINE_BYTES_MAX {
            return Err(line_too_long());
        }
        self.lines += 1;
        if self.lines > HEADER_FIELDS_MAX + 1 {
            return Err(too_many_fields());
        }
        Ok(())
    }

    fn block_fits(&self, end: usize) -> Result<(), Refusal> {
        if end - self.start > HEADER_BLOCK_BYTES_MAX {
            return Err(Refusal::new(
                Code::HeadersTooLarge,
                format!("the header block is longer than {HEADER_BLOCK_BYTES_MAX} bytes"),
            ));
        }
        Ok(())
    }
}

type Uninitialised<'b> = [MaybeUninit<httparse::Header<'b>>; HEADER_FIELDS_MAX];

/// Looks into an unfinished head only to refuse what can never become one.
fn glance(bytes: &[u8], scan: &HeadScan) -> Result<Option<RequestHead>, Refusal> {
    let mut fields: Uninitialised<'_> = [const { MaybeUninit::uninit() }; HEADER_FIELDS_MAX];
    let mut request = httparse::Request::new(&mut []);
    let head = bytes.get(scan.start..).unwrap_or_default();
    match request.parse_with_uninit_headers(head, &mut fields) {
        Ok(_) => Ok(None),
        // Which version it is cannot be told from half of it.
        Err(httparse::Error::Version) if scan.lines == 0 && version_may_follow(head) => Ok(None),
        Err(error) => Err(refusal_of(error, head)),
    }
}

/// Reads the whole head in `bytes[start..end]`.
fn read(
    bytes: &[u8],
    start: usize,
    end: usize,
    index: &mut HeadIndex,
) -> Result<Option<RequestHead>, Refusal> {
    let mut uninitialised: Uninitialised<'_> = [const { MaybeUninit::uninit() }; HEADER_FIELDS_MAX];
    let mut request = httparse::Request::new(&mut []);
    let head = bytes.get(start..end).unwrap_or_default();
    match request.parse_with_uninit_headers(head, &mut uninitialised) {
        Ok(httparse::Status::Complete(length)) if length == head.len() => {}
        Ok(_) => return Err(malformed("the head is not well-formed")),
        Err(error) => return Err(refusal_of(error, head)),
    }
    let place = |part: &[u8]| Span::within(bytes, part);
    index.version = match request.version {
        Some(0) => Version::Http10,
        _ => Version::Http11,
    };
    index.method = place(request.method.unwrap_or_default().as_bytes());
    index.fields.clear();
    for field in request.headers.iter() {
        index
            .fields
            .push((place(field.name.as_bytes()), place(field.value)));
    }
    target(bytes, &request, index)?;
    fields::judge(&request, end).map(Some)
}

/// Cuts the target into path and query. Origin-form is what clients send; absolute-form is what
/// proxies do; `*` belongs to OPTIONS alone.
fn target(
    bytes: &[u8],
    request: &httparse::Request<'_, '_>,
    index: &mut HeadIndex,
) -> Result<(), Refusal> {
    let target = request.path.unwrap_or_default();
    if !target.bytes().all(|byte| byte.is_ascii_graphic()) || target.contains('#') {
        return Err(malformed(
            "the target holds a byte that is not visible ASCII, or a `#`: percent-encode it",
        ));
    }
    let method = request.method.unwrap_or_default();
    if method == "CONNECT" {
        return Err(malformed(
            "this is a gateway, not a proxy: CONNECT is not for it",
        ));
    }
    let is_local = target.starts_with('/') || (target == "*" && method == "OPTIONS");
    let local = if is_local {
        target
    } else {
        after_authority(target).ok_or_else(|| {
            malformed("the target is neither a path that starts with `/` nor a whole http URL")
        })?
    };
    let (path, query) = match local.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (local, None),
    };
    index.path = match path {
        // `http://host` names the path `/`. The scheme's own slash stands for it, since a place
        // must be one in the buffer.
        "" => Span::within(
            bytes,
            target
                .get(target.find('/').unwrap_or(0)..)
                .unwrap_or_default()
                .as_bytes(),
        )
        .first(),
        _ => Span::within(bytes, path.as_bytes()),
    };
    index.query = query.map(|query| Span::within(bytes, query.as_bytes()));
    Ok(())
}

/// What follows the authority in `http://authority…`, when it is such a URL.
fn after_authority(target: &str) -> Option<&str> {
    let (scheme, rest) = target.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, local) = rest.split_at(end);
    fields::is_host(authority.as_bytes()).then_some(local)
}

fn refusal_of(error: httparse::Error, head: &[u8]) -> Refusal {
    match error {
        httparse::Error::TooManyHeaders => too_many_fields(),
        httparse::Error::Version if names_another_version(head) => Refusal::new(
            Code::VersionUnsupported,
            "this server speaks HTTP/1.1 and HTTP/1.0",
        ),
        httparse::Error::Version => malformed("the request line does not end with `HTTP/1.1`"),
        httparse::Error::Token => malformed("the request line is not `METHOD target HTTP/1.1`"),
        httparse::Error::HeaderName => malformed(
            "a field name holds a byte that is not of a token, or white space stands around it",
        ),
        httparse::Error::HeaderValue => malformed("a field value holds a control character"),
        httparse::Error::NewLine => malformed("a line does not end with CRLF"),
        httparse::Error::Status => malformed("the head is not well-formed"),
    }
}

/// What stands in the place of the version in the request line, as far as it has come.
fn version_of(head: &[u8]) -> &[u8] {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    // What follows the second space: a third one is no part of a request line.
    let mut parts = line.splitn(3, |byte| *byte == b' ');
    parts.nth(2).unwrap_or_default()
}

/// Whether the request line ends with `HTTP/d.d`.
fn names_another_version(head: &[u8]) -> bool {
    let version = version_of(head);
    version.len() == VERSION_SHAPE.len() && has_version_shape(version)
}

/// Whether the request line ends with a part of `HTTP/d.d` that is not all of it.
fn version_may_follow(head: &[u8]) -> bool {
    let version = version_of(head);
    version.len() < VERSION_SHAPE.len() && has_version_shape(version)
}

/// `0` stands for any digit.
const VERSION_SHAPE: &[u8] = b"HTTP/0.0";

fn has_version_shape(version: &[u8]) -> bool {
    version
        .iter()
        .zip(VERSION_SHAPE)
        .all(|(byte, shape)| byte == shape || (*shape == b'0' && byte.is_ascii_digit()))
}

/// A request that is not well-formed.
pub(super) fn malformed(detail: &'static str) -> Refusal {
    Refusal::new(Code::RequestMalformed, detail)
}

fn line_too_long() -> Refusal {
    Refusal::new(
        Code::UriTooLong,
        format!("the request line is longer than {REQUEST_LINE_BYTES_MAX} bytes"),
    )
}

fn too_many_fields() -> Refusal {
    Refusal::new(
        Code::HeadersTooLarge,
        format!("the header block has more than {HEADER_FIELDS_MAX} fields"),
    )
}

#[cfg(test)]
mod tests;
