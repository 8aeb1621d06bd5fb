//! Origins of pages as a file names them, compared with what a browser says.

use std::fmt;

/// An origin, or a pattern with one `*` in it. Browsers write origins in one form only (lower
/// case, no path, no default port), so that comparing bytes is exact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginPattern {
    before: Box<str>,
    star: Star,
    after: Box<str>,
}

/// What the `*` of a pattern stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Star {
    /// There is none: `before` is the whole origin.
    Nothing,
    /// One name of the host: `https://*.example.org`.
    Name,
    /// Any port, the scheme's own included: `http://localhost:*`.
    Port,
}

/// What is wrong with a written origin, and what to write.
pub type OriginFault = (String, String);

impl OriginPattern {
    /// Reads an origin as a file has it; `'*'` is not one of these.
    ///
    /// # Errors
    /// What is wrong with it and the remedy.
    pub fn parse(text: &str) -> Result<Self, OriginFault> {
        let Some((scheme, authority)) = text.split_once("://") else {
            return Err(without_scheme(text));
        };
        let letter = |byte: u8| byte.is_ascii_lowercase() || b"0123456789+-.".contains(&byte);
        let lower = text.to_ascii_lowercase();
        if lower != text {
            return Err(fault(text, "is not written as browsers send it", &lower));
        }
        if !scheme.bytes().all(letter) || !scheme.starts_with(|c: char| c.is_ascii_lowercase()) {
            return Err(fault(text, "has no scheme", "https://shop.example.org"));
        }
        if let Some(end) = authority.find(['/', '?', '#']) {
            let host = authority.get(..end).unwrap_or_default();
            let only = format!("{scheme}://{host}");
            return Err(fault(text, "has a path, which an origin has not", &only));
        }
        if let Some((_, host)) = authority.rsplit_once('@') {
            let only = format!("{scheme}://{host}");
            return Err(fault(text, "has a user, which an origin has not", &only));
        }
        let (host, port) = host_and_port(authority);
        if matches!(
            (scheme, port),
            ("https", Some("443")) | ("http", Some("80"))
        ) {
            let only = format!("{scheme}://{host}");
            let why = "has the scheme's own port, which browsers leave out";
            return Err(fault(text, why, &only));
        }
        let star = star_of(text, host, port)?;
        let (before, after) = match star {
            Star::Nothing => (text, ""),
            Star::Port => (text.strip_suffix(":*").unwrap_or(text), ""),
            Star::Name => text.split_once('*').unwrap_or((text, "")),
        };
        let (before, after) = (before.into(), after.into());
        Ok(Self {
            before,
            star,
            after,
        })
    }

    /// Whether a browser's origin is this one.
    #[must_use]
    pub fn matches(&self, origin: &[u8]) -> bool {
        let Some(rest) = origin.strip_prefix(self.before.as_bytes()) else {
            return false;
        };
        match self.star {
            Star::Nothing => rest.is_empty(),
            Star::Port => match rest {
                [] => true,
                [b':', port @ ..] => is_port(port),
                _ => false,
            },
            Star::Name => {
                let name = rest.strip_suffix(self.after.as_bytes());
                name.is_some_and(|name| !name.is_empty() && name.iter().all(|b| is_name_byte(*b)))
            }
        }
    }
}

impl fmt::Display for OriginPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let star = match self.star {
            Star::Nothing => "",
            Star::Name => "*",
            Star::Port => ":*",
        };
        write!(f, "{}{star}{}", self.before, self.after)
    }
}

fn host_and_port(authority: &str) -> (&str, Option<&str>) {
    let after_address = authority.find(']').map_or(0, |at| at + 1);
    let colon = authority
        .get(after_address..)
        .and_then(|rest| rest.find(':'));
    match colon.map(|at| at + after_address) {
        Some(at) => (
            authority.get(..at).unwrap_or_default(),
            authority.get(at + 1..),
        ),
        None => (authority, None),
    }
}

/// Judges host and port, and says where the `*` is.
fn star_of(text: &str, host: &str, port: Option<&str>) -> Result<Star, OriginFault> {
    let stars = text.bytes().filter(|byte| *byte == b'*').count();
    if stars > 1 {
        let why = "has more than one `*`: it stands for one name, or for the port";
        return Err(fault(text, why, "https://*.example.org"));
    }
    let star = match (port, host.split_once('.')) {
        (Some("*"), _) => Star::Port,
        (Some(port), _) if !is_port(port.as_bytes()) => {
            return Err(fault(
                text,
                "has a port that is none",
                "http://localhost:3000",
            ));
        }
        (_, Some(("*", rest))) => {
            if !rest.contains('.') && rest != "localhost" {
                let why = "would be every site of a whole domain";
                return Err(fault(text, why, &format!("https://*.example.{rest}")));
            }
            Star::Name
        }
        _ if host == "*" => {
            let why = "has `*` as its whole host: for any origin write `'*'` alone";
            return Err(fault(text, why, "https://*.example.org"));
        }
        _ if host.contains('*') => {
            let names = host.split('.').collect::<Vec<_>>();
            if !names.contains(&"*") {
                let why = "has a `*` that is a part of a name: it stands for a whole one";
                return Err(fault(text, why, "https://*.example.org"));
            }
            Star::Name
        }
        _ => Star::Nothing,
    };
    let address = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let is_host = match address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host
            .split('.')
            .all(|name| name == "*" || !name.is_empty() && name.bytes().all(is_name_byte)),
    };
    if !is_host {
        let why = "has a host that is none (international names are written `xn--…`)";
        return Err(fault(text, why, "https://shop.example.org"));
    }
    Ok(star)
}

fn without_scheme(text: &str) -> OriginFault {
    if text == "null" {
        let message = "`null` is what every sandboxed page and local file says: it names nobody";
        let help = "leave it out, or write `'*'` for any origin";
        return (message.to_owned(), help.to_owned());
    }
    let host = text.trim_matches('/').to_ascii_lowercase();
    fault(text, "has no scheme", &format!("https://{host}"))
}

fn fault(text: &str, why: &str, example: &str) -> OriginFault {
    let shown: String = text.chars().take(100).collect();
    let message = format!("the origin `{shown}` {why}");
    let help = format!("write scheme and host as browsers do, for example `{example}`");
    (message, help)
}

fn is_port(digits: &[u8]) -> bool {
    (1..=5).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An origin as written, those that it is, and those that it is not.
    type Row = (
        &'static str,
        &'static [&'static str],
        &'static [&'static str],
    );

    const COMPARED: &[Row] = &[
        (
            "https://example.org",
            &["https://example.org"],
            &[
                "https://example.org.evil.com",
                "https://example.org@evil.com",
                "https://example.org:8443",
                "https://example.org/",
                "https://Example.org",
                "http://example.org",
                "https://evil-example.org",
                "https://www.example.org",
                "null",
                "",
            ],
        ),
        (
            "https://*.example.org",
            &["https://a.example.org", "https://shop-2.example.org"],
            &[
                "https://example.org",
                "https://.example.org",
                "https://a.b.example.org",
                "https://evil.com/.example.org",
                "https://evil.com?.example.org",
                "https://evil.com#.example.org",
                "https://evil.com@x.example.org",
                "https://evil.com:1.example.org",
                "https://a.example.org.evil.com",
                "https://a.example.org:8443",
                "http://a.example.org",
                "null",
            ],
        ),
        (
            "https://eu.*.example.org:8443",
            &["https://eu.a.example.org:8443"],
            &["https://eu.a.example.org", "https://us.a.example.org:8443"],
        ),
        (
            "http://localhost:*",
            &["http://localhost", "http://localhost:3000"],
            &[
                "http://localhost:",
                "http://localhost:x",
                "http://localhost:1@evil.com",
                "http://localhost.evil.com",
                "http://localhost:123456",
                "https://localhost:3000",
            ],
        ),
        (
            "http://[::1]:3000",
            &["http://[::1]:3000"],
            &["http://[::1]", "http://[::1]:30000"],
        ),
        (
            "capacitor://localhost",
            &["capacitor://localhost"],
            &["https://localhost"],
        ),
    ];

    #[test]
    fn an_origin_is_compared_whole() {
        for (written, same, others) in COMPARED {
            let pattern = OriginPattern::parse(written).unwrap();
            assert_eq!(pattern.to_string(), *written);
            for origin in *same {
                assert!(pattern.matches(origin.as_bytes()), "{written} {origin}");
            }
            for origin in *others {
                assert!(!pattern.matches(origin.as_bytes()), "{written} {origin}");
            }
        }
    }

    #[test]
    fn what_no_browser_says_is_refused_with_the_remedy() {
        for (written, says, remedy) in [
            ("example.org", "no scheme", "`https://example.org`"),
            ("null", "names nobody", "leave it out"),
            (
                "https://Example.org",
                "as browsers send it",
                "`https://example.org`",
            ),
            (
                "https://example.org/",
                "has a path",
                "`https://example.org`",
            ),
            (
                "https://u:p@example.org",
                "has a user",
                "`https://example.org`",
            ),
            (
                "https://example.org:443",
                "own port",
                "`https://example.org`",
            ),
            ("http://example.org:80", "own port", "`http://example.org`"),
            ("http://example.org:99999999", "a port that is none", ""),
            ("https://*.*.example.org", "more than one", ""),
            ("https://*.org", "a whole domain", "`https://*.example.org`"),
            ("https://*", "`'*'` alone", ""),
            ("https://shop*.example.org", "a part of a name", ""),
            ("https://exämple.org", "xn--", ""),
            ("https://a..org", "a host that is none", ""),
            ("https://", "a host that is none", ""),
            ("https://[::g]", "a host that is none", ""),
            ("://x", "no scheme", ""),
        ] {
            let (message, help) = OriginPattern::parse(written).unwrap_err();
            assert!(message.contains(says), "{written}: {message}");
            assert!(
                help.contains(remedy) && !help.is_empty(),
                "{written}: {help}"
            );
        }
    }
}
