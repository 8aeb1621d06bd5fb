//! A request's head, as places in the connection's buffer.

/// A place in a buffer: from `start` to before `end`. Heads are at most 16 KiB, so 16 bits do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: u16,
    /// One past the last byte.
    pub end: u16,
}

impl Span {
    /// The bytes at this place; none when it lies outside of them.
    #[must_use]
    pub fn of(self, bytes: &[u8]) -> &[u8] {
        bytes
            .get(usize::from(self.start)..usize::from(self.end))
            .unwrap_or_default()
    }

    /// The place of `part` in `whole`, which it must be cut from; else a place outside.
    pub(super) fn within(whole: &[u8], part: &[u8]) -> Self {
        let start = (part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
        let end = start.wrapping_add(part.len());
        match (u16::try_from(start), u16::try_from(end)) {
            (Ok(start), Ok(end)) => Self { start, end },
            _ => Self::default(),
        }
    }

    /// The first byte of this place.
    pub(super) fn first(self) -> Self {
        Self {
            end: self.end.min(self.start.saturating_add(1)),
            ..self
        }
    }
}

/// The minor version of HTTP/1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    #[default]
    Http11,
}

/// Where the parts of a head stand. One lives in each connection and is filled again for each
/// request, so that parsing allocates nothing.
#[derive(Clone, Debug, Default)]
pub struct HeadIndex {
    /// The method.
    pub method: Span,
    /// The path: from `/` to before `?`.
    pub path: Span,
    /// The query without its `?`.
    pub query: Option<Span>,
    /// The version.
    pub version: Version,
    /// Names and values, in their order. Values have no leading or trailing white space.
    pub fields: Vec<(Span, Span)>,
}

/// A request's head: the index together with the bytes that it points into.
///
/// Everything in it was checked by the parser: the method and field names are tokens, the path and
/// query are visible ASCII, values have no control characters.
#[derive(Clone, Copy, Debug)]
pub struct Head<'b> {
    bytes: &'b [u8],
    index: &'b HeadIndex,
}

impl<'b> Head<'b> {
    /// A head whose `index` was made from these very `bytes`.
    #[must_use]
    pub fn new(bytes: &'b [u8], index: &'b HeadIndex) -> Self {
        Self { bytes, index }
    }

    /// The method, as sent.
    #[must_use]
    pub fn method(&self) -> &'b str {
        self.text(self.index.method)
    }

    /// The path, percent-encoding kept.
    #[must_use]
    pub fn path(&self) -> &'b str {
        self.text(self.index.path)
    }

    /// The query without its `?`, percent-encoding kept.
    #[must_use]
    pub fn query(&self) -> Option<&'b str> {
        self.index.query.map(|span| self.text(span))
    }

    /// The version.
    #[must_use]
    pub fn version(&self) -> Version {
        self.index.version
    }

    /// The first value of a field; `name` in any case.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'b [u8]> {
        self.fields()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// All fields in their order.
    pub fn fields(&self) -> impl Iterator<Item = (&'b str, &'b [u8])> {
        let (bytes, index) = (self.bytes, self.index);
        index
            .fields
            .iter()
            .map(move |(name, value)| (ascii(name.of(bytes)), value.of(bytes)))
    }

    fn text(&self, span: Span) -> &'b str {
        ascii(span.of(self.bytes))
    }
}

/// The parser lets only ASCII through here, so the fallback is never taken; it spares an `unwrap`.
fn ascii(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or("")
}
