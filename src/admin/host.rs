//! Which `Host` a request may name: an IP address or a name of this machine's own loopback.
//!
//! A browser sends the name of the page's site. If that site lets its name point to this address
//! (DNS rebinding), the name gives it away.

use std::net::{IpAddr, Ipv6Addr};

/// True if a request for this authority (`Host`, or that of an absolute request target) may be
/// answered.
pub(super) fn is_local(authority: &str) -> bool {
    let Some(host) = without_port(authority) else {
        return false;
    };
    if let Some(inner) = host.strip_prefix('[') {
        let address = inner.strip_suffix(']');
        return address.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_ipv4())
}

/// The host of `host`, `host:port`, `[v6]` or `[v6]:port`; `None` where the port is none.
fn without_port(authority: &str) -> Option<&str> {
    let after_brackets = authority.rfind(']').map_or(0, |place| place + 1);
    let Some(colon) = authority.get(after_brackets..)?.find(':') else {
        return Some(authority);
    };
    let (host, port) = authority.split_at_checked(after_brackets + colon)?;
    let digits = port.get(1..)?;
    digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_and_local_names_are_answered() {
        for authority in [
            "127.0.0.1",
            "127.0.0.1:9090",
            "10.2.3.4:80",
            "[::1]",
            "[::1]:9090",
            "localhost",
            "LocalHost:9090",
            "localhost.",
            "gateway.localhost:1",
            "localhost:",
        ] {
            assert!(is_local(authority), "{authority}");
        }
        for authority in [
            "",
            "evil.example",
            "evil.example:9090",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "evillocalhost",
            "127.1",
            "0x7f000001",
            "user@127.0.0.1",
            "127.0.0.1@evil.example",
            "127.0.0.1:80@evil.example",
            "[::1]evil.example",
            "[::1",
            "::1",
            "[127.0.0.1]",
            "[evil.example]",
            "127.0.0.1:9090:1",
            "127.0.0.1 ",
            "]",
            "é]:",
        ] {
            assert!(!is_local(authority), "{authority}");
        }
    }
}
