//! Content codings: which one a body has, and which a route takes (RFC 9110, 8.4).

use crate::error::{Code, Refusal};
use crate::http::Head;

/// A coding that bodies may come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// `gzip`, also by its old name `x-gzip`.
    Gzip,
    /// `deflate`: the zlib format, as the RFC has it. A bare stream has no checksum and is refused.
    Deflate,
    /// `zstd`
    Zstd,
    /// `br`
    Brotli,
}

impl Coding {
    /// All of them, the most usual first.
    pub const ALL: [Self; 4] = [Self::Gzip, Self::Deflate, Self::Zstd, Self::Brotli];

    /// Its name in header fields and in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Zstd => "zstd",
            Self::Brotli => "br",
        }
    }

    fn named(name: &[u8]) -> Option<Self> {
        if name.eq_ignore_ascii_case(b"x-gzip") {
            return Some(Self::Gzip);
        }
        let is_it = |coding: &Self| name.eq_ignore_ascii_case(coding.name().as_bytes());
        Self::ALL.into_iter().find(is_it)
    }
}

/// The codings that a route takes beside none at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encodings(u8);

impl Encodings {
    /// All that there are.
    pub const ALL: Self = Self(0b1111);

    /// These.
    #[must_use]
    pub fn of(codings: &[Coding]) -> Self {
        Self(codings.iter().fold(0, |set, coding| set | bit(*coding)))
    }

    /// Whether a coding is among them.
    #[must_use]
    pub fn has(self, coding: Coding) -> bool {
        self.0 & bit(coding) != 0
    }

    /// Their names.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let ours = Coding::ALL
            .into_iter()
            .filter(move |coding| self.has(*coding));
        ours.map(Coding::name)
    }
}

fn bit(coding: Coding) -> u8 {
    1 << coding as u8
}

/// The coding that a body has, if it has one that the route takes.
///
/// # Errors
/// `EncodingUnsupported` for any other, and for more than one, with `Accept-Encoding` in the answer.
pub(super) fn coding_of(head: &Head<'_>, taken: Encodings) -> Result<Option<Coding>, Refusal> {
    if head.field("content-encoding").is_none() {
        return Ok(None);
    }
    let fields = head.fields();
    let fields = fields.filter(|(name, _)| name.eq_ignore_ascii_case("content-encoding"));
    let mut named = fields
        .flat_map(|(_, value)| value.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case(b"identity"));
    let Some(first) = named.next() else {
        return Ok(None);
    };
    if named.next().is_some() {
        return Err(refusal("the body has one coding over another", taken));
    }
    match Coding::named(first).filter(|coding| taken.has(*coding)) {
        Some(coding) => Ok(Some(coding)),
        None => Err(refusal("this Content-Encoding is not accepted", taken)),
    }
}

fn refusal(what: &str, taken: Encodings) -> Refusal {
    let mut names: Vec<&str> = taken.names().collect();
    let remedy = if names.is_empty() {
        names.push("identity");
        "this route takes bodies as they are: send it uncompressed".to_owned()
    } else {
        format!("this route takes one of {}, or none", names.join(", "))
    };
    Refusal::new(Code::EncodingUnsupported, format!("{what}; {remedy}"))
        .with_field("Accept-Encoding", names.join(", "))
}
