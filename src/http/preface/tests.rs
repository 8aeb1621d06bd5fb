//! Which bytes are a header, in whatever pieces they come.

use super::*;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// A header of version 2.
fn version_2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[0x20 | command, family], &length, rest].concat()
}

const FOUR: &[u8] = &[192, 0, 2, 7, 10, 0, 0, 1, 0x10, 0x92, 0, 80];

fn client(text: &str) -> Option<SocketAddr> {
    Some(text.parse().unwrap())
}

/// Headers that are well-formed, and the client that they name.
fn headers() -> Vec<(Vec<u8>, Option<SocketAddr>)> {
    let mut six = [0_u8; 36];
    six[..16].copy_from_slice(
        &"2001:db8::7"
            .parse::<std::net::Ipv6Addr>()
            .unwrap()
            .octets(),
    );
    six[33] = 9;
    let with_tlv = [FOUR, &[0xEA, 0, 3, b'a', b'b', b'c']].concat();
    vec![
        (
            b"PROXY TCP4 192.0.2.7 10.0.0.1 4242 80\r\n".to_vec(),
            client("192.0.2.7:4242"),
        ),
        (
            b"PROXY TCP6 2001:db8::7 ::1 9 80\r\n".to_vec(),
            client("[2001:db8::7]:9"),
        ),
        (b"PROXY UNKNOWN\r\n".to_vec(), None),
        (b"PROXY UNKNOWN ffff:f 1 2 3\r\n".to_vec(), None),
        (version_2(1, 0x11, FOUR), client("192.0.2.7:4242")),
        (version_2(1, 0x11, &with_tlv), client("192.0.2.7:4242")),
        (version_2(1, 0x21, &six), client("[2001:db8::7]:9")),
        (version_2(0, 0x00, b""), None),
        (version_2(0, 0x11, FOUR), None),
        (version_2(1, 0x12, FOUR), None),
        (version_2(1, 0x31, &[7; 216]), None),
        (version_2(1, 0x00, &[7; 100]), None),
    ]
}

#[test]
fn a_header_is_found_whatever_pieces_it_comes_in_and_whatever_follows() {
    for (bytes, named) in headers() {
        let version = if bytes.starts_with(b"P") {
            ProxyVersion::V1
        } else {
            ProxyVersion::V2
        };
        let other = if version == ProxyVersion::V1 {
            ProxyVersion::V2
        } else {
            ProxyVersion::V1
        };
        for end in 0..bytes.len() {
            assert_eq!(
                find(&bytes[..end], version),
                Found::Incomplete,
                "{bytes:?} {end}"
            );
        }
        let followed = [&bytes[..], b"GET / HTTP/1.1\r\n"].concat();
        for version in [version, ProxyVersion::Any] {
            for all in [&bytes, &followed] {
                assert_eq!(
                    find(all, version),
                    Found::Header(bytes.len(), named),
                    "{bytes:?}"
                );
            }
        }
        assert_eq!(find(&bytes, other), Found::Nothing, "{bytes:?}");
    }
}

#[test]
fn what_is_no_header_is_told_from_one_that_is_still_coming() {
    let long = format!("PROXY UNKNOWN {}\r\n", "a".repeat(LINE_BYTES_MAX));
    let mut table: Vec<Vec<u8>> = [
        "GET / HTTP/1.1\r\n",
        "POST / HTTP/1.1\r\n",
        "PROXy TCP4",
        "PROXY\r\n",
        "PROXY TCP4\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 4242\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 4242 80 \r\n",
        "PROXY TCP4 192.0.2.777 10.0.0.1 4242 80\r\n",
        "PROXY TCP4 2001:db8::7 ::1 9 80\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 65536 80\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 042 80\r\n",
        "PROXY UDP4 192.0.2.7 10.0.0.1 42 80\r\n",
        "PROXY TCP4  192.0.2.7 10.0.0.1 42 80\r\n",
        "\r\n\r\nGET",
        "\x16\x03\x01",
        &long,
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec();
    table.push(version_2(2, 0x11, FOUR));
    table.push(version_2(1, 0x41, FOUR));
    table.push(version_2(1, 0x13, FOUR));
    table.push(version_2(1, 0x11, &FOUR[..11]));
    table.push([SIGNATURE, &[0x11, 0x11, 0, 12], FOUR].concat());
    table.push([SIGNATURE, &[0x21, 0x11, 0xFF, 0xFF], FOUR].concat());
    for bytes in table {
        let shown = String::from_utf8_lossy(&bytes);
        assert_eq!(find(&bytes, ProxyVersion::Any), Found::Nothing, "{shown}");
    }
}

#[test]
fn a_header_is_believed_from_those_who_are_trusted() {
    let preface = |networks: &[&str]| Preface {
        version: ProxyVersion::Any,
        believed_from: networks.iter().map(|net| net.parse().unwrap()).collect(),
    };
    let peer = |text: &str| text.parse::<IpAddr>().unwrap();
    assert!(preface(&[]).believes(peer("192.0.2.1")));
    assert!(preface(&["10.0.0.0/8"]).believes(peer("10.1.2.3")));
    assert!(preface(&["10.0.0.0/8"]).believes(peer("::ffff:10.1.2.3")));
    assert!(!preface(&["10.0.0.0/8"]).believes(peer("192.0.2.1")));
}
