//! Heads and what becomes of them.

use super::super::Framing;
use crate::error::Code;

/// Head, framing, whether the connection stays, whether 100 Continue is expected.
pub(super) const TAKEN: &[(&str, Framing, bool, bool)] = &[
    (
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        Framing::Length(0),
        true,
        false,
    ),
    ("GET / HTTP/1.0\r\n\r\n", Framing::Length(0), false, false),
    (
        "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
        Framing::Length(0),
        true,
        false,
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: x, close\r\n\r\n",
        Framing::Length(0),
        false,
        false,
    ),
    (
        "\r\n\r\nGET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
        Framing::Length(0),
        true,
        false,
    ),
    (
        "POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n",
        Framing::Length(12),
        true,
        false,
    ),
    (
        "POST /e HTTP/1.1\r\nhost:a\r\ncontent-length:0012\r\n\r\n",
        Framing::Length(12),
        true,
        false,
    ),
    (
        "POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999999999999\r\n\r\n",
        Framing::Length(9_999_999_999_999_999_999),
        true,
        false,
    ),
    (
        "POST /e HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n",
        Framing::Chunked,
        true,
        false,
    ),
    (
        "POST /e HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n",
        Framing::Length(1),
        true,
        true,
    ),
    (
        "POST /e HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
        Framing::Length(1),
        false,
        false,
    ),
    (
        "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        Framing::Length(0),
        true,
        false,
    ),
    (
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        Framing::Length(0),
        true,
        false,
    ),
    (
        "GET http://a:80/x?y HTTP/1.1\r\nHost: A:80\r\n\r\n",
        Framing::Length(0),
        true,
        false,
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nX: caf\u{e9}\tb \r\n\r\n",
        Framing::Length(0),
        true,
        false,
    ),
];

/// Each line is refused with this code, whole as well as in pieces.
pub(super) const REFUSED: &[(&str, Code)] = &[
    ("GET / HTTP/1.1\nHost: a\r\n\r\n", Code::RequestMalformed),
    ("GET / HTTP/1.1\r\nHost: a\n\r\n", Code::RequestMalformed),
    ("GET / HTTP/1.1\r\nHost: a\r\n\n", Code::RequestMalformed),
    (
        "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        Code::RequestMalformed,
    ),
    (
        "\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        Code::RequestMalformed,
    ),
    ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", Code::RequestMalformed),
    ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", Code::RequestMalformed),
    ("GET /\r\n\r\n", Code::RequestMalformed),
    ("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", Code::RequestMalformed),
    (
        "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
        Code::RequestMalformed,
    ),
    (
        "GET /\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n",
        Code::RequestMalformed,
    ),
    ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", Code::RequestMalformed),
    ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", Code::RequestMalformed),
    (
        "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        Code::RequestMalformed,
    ),
    (
        "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n",
        Code::RequestMalformed,
    ),
    (
        "GET http://u@a/x HTTP/1.1\r\nHost: a\r\n\r\n",
        Code::RequestMalformed,
    ),
    (
        "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
        Code::RequestMalformed,
    ),
    (
        "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        Code::VersionUnsupported,
    ),
    (
        "GET / HTTP/1.2\r\nHost: a\r\n\r\n",
        Code::VersionUnsupported,
    ),
    ("GET / HTTQ/1.1\r\nHost: a\r\n\r\n", Code::RequestMalformed),
    ("GET / HTTP/1.1\r\n\r\n", Code::RequestMalformed),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        Code::RequestMalformed,
    ),
    (
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        Code::RequestMalformed,
    ),
    ("GET / HTTP/1.1\r\nHost:\r\n\r\n", Code::RequestMalformed),
    (
        "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n",
        Code::RequestMalformed,
    ),
    (
        "GET / HTTP/1.1\r\nHost: a:port\r\n\r\n",
        Code::RequestMalformed,
    ),
    (
        "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
        Code::RequestMalformed,
    ),
    ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", Code::RequestMalformed),
    ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", Code::RequestMalformed),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n",
        Code::RequestMalformed,
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
        Code::RequestMalformed,
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
        Code::RequestMalformed,
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\x7fb\r\n\r\n",
        Code::RequestMalformed,
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
        Code::RequestMalformed,
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n",
        Code::ExpectationFailed,
    ),
    // What ends like a version and is none; what never can become a head, without a line's end.
    (
        "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
        Code::RequestMalformed,
    ),
    ("hot diggity dogg", Code::RequestMalformed),
    ("GET / HTTP/1!", Code::RequestMalformed),
    ("GET / HTTP/5.6", Code::VersionUnsupported),
    ("GET / HTTP/1.1\r\nHost: a\r\n X: b", Code::RequestMalformed),
    (
        "GET / HTTP/1.1\r\nHost: a\r\n\rX: b",
        Code::RequestMalformed,
    ),
    (
        "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n",
        Code::RequestMalformed,
    ),
    (
        "OPTIONS / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        Code::RequestMalformed,
    ),
];

/// Each version with these fields behind a Host is refused with this code.
pub(super) const FRAMING_REFUSED: &[(&str, &str, Code)] = &[
    (
        "1.1",
        "Content-Length: 1\r\nContent-Length: 1\r\n",
        Code::RequestMalformed,
    ),
    ("1.1", "Content-Length: 1, 1\r\n", Code::RequestMalformed),
    ("1.1", "Content-Length: +1\r\n", Code::RequestMalformed),
    ("1.1", "Content-Length: -1\r\n", Code::RequestMalformed),
    ("1.1", "Content-Length: 0x1\r\n", Code::RequestMalformed),
    ("1.1", "Content-Length:\r\n", Code::RequestMalformed),
    (
        "1.1",
        "Content-Length: 10000000000000000000\r\n",
        Code::RequestMalformed,
    ),
    (
        "1.1",
        "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
        Code::RequestMalformed,
    ),
    (
        "1.0",
        "Transfer-Encoding: chunked\r\n",
        Code::RequestMalformed,
    ),
    (
        "1.1",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        Code::RequestMalformed,
    ),
    (
        "1.1",
        "Transfer-Encoding: gzip, chunked\r\n",
        Code::TransferCodingUnknown,
    ),
    (
        "1.1",
        "Transfer-Encoding: identity\r\n",
        Code::TransferCodingUnknown,
    ),
    (
        "1.1",
        "Transfer-Encoding: \"chunked\"\r\n",
        Code::TransferCodingUnknown,
    ),
    ("1.1", "Transfer-Encoding:\r\n", Code::TransferCodingUnknown),
    (
        "1.1",
        "Content-Type: a/b\r\nContent-Type: a/b\r\n",
        Code::RequestMalformed,
    ),
];
