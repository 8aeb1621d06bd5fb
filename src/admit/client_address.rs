//! Whose request it is, when proxies stand before the gateway: the only reader of `Forwarded`
//! (RFC 7239) and `X-Forwarded-For`.
//!
//! Each proxy adds at the right the address that it saw. From the right, everything up to the
//! first address that is no trusted proxy's was written by a proxy that is; what stands left of it
//! the client may have made up. So the walk starts with the connection's own address and goes on
//! only while each step is in `server.trusted_proxies`.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use smallvec::SmallVec;

use crate::http::Head;

/// Names of hops as they stand in a field, from left to right; none where one is not well-formed.
type Hops<'h> = Option<SmallVec<[&'h str; 8]>>;

/// The address of a client that cannot be told: 0.0.0.0, which no machine has.
pub const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The address of the client that sent a request over a connection from `peer`.
///
/// - A peer that is not in `trusted` is the client itself, whatever its fields say.
/// - Of several addresses, the rightmost that is not trusted; where all are, the leftmost.
/// - What is not an address (a typing error, `unknown`, an obfuscated name) on the way there:
///   [`NOBODY`], since nothing is known for sure. It is not the peer: any client can write nonsense,
///   and would pass for a machine of the inner network.
/// - Both fields, and they name different clients: [`NOBODY`]. A proxy that writes one of them hands
///   the other on as a client sent it, and which is which cannot be told.
///
/// An IPv4 address in IPv6 clothes (`::ffff:192.0.2.1`) is the IPv4 address. The work is bounded by
/// the size of a head; without trusted proxies there is none.
#[must_use]
pub fn client_address(head: &Head<'_>, peer: IpAddr, trusted: &[IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    if trusted.is_empty() || !is_among(trusted, peer) {
        return peer;
    }
    let told = |name: &str, hops: for<'h> fn(&mut Vec<Hops<'h>>, &'h str)| {
        let mut lines = Vec::new();
        for (_, value) in head
            .fields()
            .filter(|(field, _)| field.eq_ignore_ascii_case(name))
        {
            match std::str::from_utf8(value) {
                Ok(text) => hops(&mut lines, text),
                Err(_) => lines.push(None),
            }
        }
        (!lines.is_empty()).then(|| walk(&lines, trusted).unwrap_or(NOBODY))
    };
    let standard = told("forwarded", |lines, text| lines.push(forwarded(text)));
    let customary = told("x-forwarded-for", |lines, text| {
        lines.push(Some(text.split(',').map(str::trim).collect()));
    });
    match (standard, customary) {
        (None, None) => peer,
        (Some(client), None) | (None, Some(client)) => client,
        (Some(one), Some(other)) if one == other => one,
        (Some(_), Some(_)) => NOBODY,
    }
}

/// Whether an address is in one of the networks.
#[must_use]
pub fn is_among(networks: &[IpNet], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

/// From the right to the first address that is not trusted; none where something else than an
/// address stands on the way.
fn walk(lines: &[Hops<'_>], trusted: &[IpNet]) -> Option<IpAddr> {
    let mut leftmost = None;
    for line in lines.iter().rev() {
        for hop in line.as_ref()?.iter().rev() {
            let address = address(hop)?.to_canonical();
            if !is_among(trusted, address) {
                return Some(address);
            }
            leftmost = Some(address);
        }
    }
    leftmost
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`.
fn address(text: &str) -> Option<IpAddr> {
    if let Some(bracketed) = text.strip_prefix('[') {
        let (address, port) = bracketed.split_once(']')?;
        let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return address.parse().ok().map(IpAddr::V6).filter(|_| is_port);
    }
    match text.split_once(':') {
        Some((address, port)) if !port.contains(':') => {
            let address = address.parse().ok().map(IpAddr::V4);
            address.filter(|_| is_port(port))
        }
        _ => text.parse().ok(),
    }
}

fn is_port(text: &str) -> bool {
    (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The `for` of each element of a `Forwarded` field: `for=192.0.2.1;proto=https, for="[::1]:80"`.
/// An element without one hides its client, which is said with an empty name.
fn forwarded(text: &str) -> Hops<'_> {
    let mut hops = SmallVec::new();
    let mut rest = text;
    let mut hop = "";
    loop {
        rest = rest.trim_start();
        let end = rest.find([',', ';', '=']).unwrap_or(rest.len());
        let (name, tail) = rest.split_at(end);
        let name = name.trim_end();
        rest = tail;
        if let Some(tail) = rest.strip_prefix('=') {
            let (value, tail) = value(tail)?;
            if name.eq_ignore_ascii_case("for") {
                // A parameter stands once in an element.
                if !hop.is_empty() {
                    return None;
                }
                hop = value;
            }
            rest = tail.trim_start();
        } else if !name.is_empty() {
            return None;
        }
        match rest.chars().next() {
            Some(';') => {}
            Some(',') | None => {
                hops.push(hop);
                hop = "";
            }
            Some(_) => return None,
        }
        if rest.is_empty() {
            return Some(hops);
        }
        rest = rest.get(1..).unwrap_or_default();
    }
}

/// A value at the start of `text`, a token or in quotes, and what follows it. An address needs no
/// escapes, so a backslash makes a value worthless.
fn value(text: &str) -> Option<(&str, &str)> {
    match text.strip_prefix('"') {
        Some(quoted) => {
            let (inner, tail) = quoted.split_once('"')?;
            (!inner.contains('\\')).then_some((inner, tail))
        }
        None => {
            let end = text.find([',', ';', ' ', '\t']).unwrap_or(text.len());
            Some(text.split_at(end))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{HeadIndex, HeadScan, Parsed, parse};

    const PROXY: &str = "10.0.0.1";

    /// The client of a request with these fields, behind proxies in 10.0.0.0/8 and 2001:db8:1::/48.
    fn client(peer: &str, fields: &[&str]) -> String {
        let lines: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
        let bytes = format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
        let mut index = HeadIndex::default();
        let parsed = parse(bytes.as_bytes(), &mut HeadScan::default(), &mut index);
        assert!(matches!(parsed, Parsed::Head(_)), "{fields:?} {parsed:?}");
        let head = Head::new(bytes.as_bytes(), &index);
        let trusted = ["10.0.0.0/8", "2001:db8:1::/48"].map(|net| net.parse().unwrap());
        client_address(&head, peer.parse().unwrap(), &trusted).to_string()
    }

    #[test]
    fn the_rightmost_address_that_is_no_proxy_of_ours_is_the_client() {
        for (fields, expected) in [
            (&[][..], PROXY),
            (&["X-Forwarded-For: 192.0.2.7"], "192.0.2.7"),
            (
                &["X-Forwarded-For: 1.1.1.1, 192.0.2.7, 10.1.2.3"],
                "192.0.2.7",
            ),
            (&["X-Forwarded-For: nonsense, 192.0.2.7"], "192.0.2.7"),
            (&["X-Forwarded-For: 10.9.9.9 , 10.1.2.3"], "10.9.9.9"),
            (&["X-Forwarded-For: 192.0.2.7:4711"], "192.0.2.7"),
            (&["X-Forwarded-For: 2001:db8::7"], "2001:db8::7"),
            (&["X-Forwarded-For: [2001:db8::7]:80"], "2001:db8::7"),
            (&["X-Forwarded-For: ::ffff:192.0.2.7"], "192.0.2.7"),
            (
                &["X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 192.0.2.7"],
                "192.0.2.7",
            ),
            (
                &["X-Forwarded-For: 192.0.2.7", "X-Forwarded-For: 10.1.1.1"],
                "192.0.2.7",
            ),
            (&["Forwarded: for=192.0.2.7"], "192.0.2.7"),
            (
                &["Forwarded: For=\"[2001:db8::7]:4711\";proto=https"],
                "2001:db8::7",
            ),
            (
                &["Forwarded: by=10.0.0.1; for=192.0.2.7 ; host=a, for=10.3.3.3"],
                "192.0.2.7",
            ),
            (
                &["Forwarded: host=\"a,for=6.6.6.6\";for=192.0.2.7"],
                "192.0.2.7",
            ),
            (
                &["Forwarded: for=1.1.1.1", "Forwarded: for=192.0.2.7"],
                "192.0.2.7",
            ),
            (
                &["Forwarded: for=\"[2001:db8:1::9]\", for=10.1.1.1"],
                "2001:db8:1::9",
            ),
            (
                &["Forwarded: for=192.0.2.7", "X-Forwarded-For: 192.0.2.7"],
                "192.0.2.7",
            ),
        ] {
            assert_eq!(client(PROXY, fields), expected, "{fields:?}");
        }
    }

    #[test]
    fn where_nothing_is_known_for_sure_it_is_nobody() {
        for fields in [
            &["X-Forwarded-For: "][..],
            &["X-Forwarded-For: 192.0.2.7, nonsense"],
            &["X-Forwarded-For: 192.0.2.7,"],
            &["X-Forwarded-For: unknown"],
            &["X-Forwarded-For: 192.0.2.7:port"],
            &["X-Forwarded-For: 192.0.2.7:123456"],
            &["X-Forwarded-For: [192.0.2.7]"],
            &["X-Forwarded-For: 192.0.2.777"],
            &["X-Forwarded-For: 192.0.2.7, 10.0.0.2", "X-Forwarded-For: x"],
            &["Forwarded: "],
            &["Forwarded: for"],
            &["Forwarded: for="],
            &["Forwarded: for=unknown"],
            &["Forwarded: for=_hidden"],
            &["Forwarded: proto=https"],
            &["Forwarded: for=192.0.2.7, proto=https"],
            &["Forwarded: for=\"192.0.2.7"],
            &["Forwarded: for=\"192.0.2\\.7\""],
            &["Forwarded: for=192.0.2.7;for=192.0.2.8"],
            &["Forwarded: for=\"x, for=192.0.2.7"],
            &["Forwarded: for=192.0.2.7 x"],
            &["Forwarded: for=1.1.1.1", "X-Forwarded-For: 2.2.2.2"],
            &["Forwarded: for=unknown", "X-Forwarded-For: 2.2.2.2"],
        ] {
            assert_eq!(client(PROXY, fields), "0.0.0.0", "{fields:?}");
        }
    }

    #[test]
    fn who_is_not_trusted_is_himself() {
        let lies = ["X-Forwarded-For: 1.1.1.1", "Forwarded: for=1.1.1.1"];
        assert_eq!(client("192.0.2.9", &lies), "192.0.2.9");
        assert_eq!(client("::ffff:192.0.2.9", &lies), "192.0.2.9");
        assert_eq!(client("::ffff:10.0.0.1", &lies), "1.1.1.1");
    }

    #[test]
    fn a_head_full_of_hops_is_walked_once() {
        let many = vec!["10.0.0.1"; 1500].join(",");
        let field = format!("X-Forwarded-For: 192.0.2.7,{many}");
        assert_eq!(client(PROXY, &[&field]), "192.0.2.7");
        let many = vec!["for=10.0.0.1"; 1000].join(",");
        let field = format!("Forwarded: for=192.0.2.7,{many}");
        assert_eq!(client(PROXY, &[&field]), "192.0.2.7");
    }
}
