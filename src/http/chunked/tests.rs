//! Chunked bodies whole, cut at random, and broken.

use proptest::prelude::*;

use super::*;

/// Decodes the pieces as they come behind a head of three bytes, the way a connection does.
fn decode(pieces: &[&[u8]], data_max: u64) -> Result<Option<(Vec<u8>, usize)>, ChunkFault> {
    let mut decoder = ChunkedDecoder::new(data_max);
    let mut buffer = b"HDR".to_vec();
    let mut cursor = Cursor { write: 3, read: 3 };
    for piece in pieces {
        buffer.extend_from_slice(piece);
        if decoder.advance(&mut buffer, &mut cursor)? {
            assert_eq!(&buffer[..3], b"HDR");
            let rest = buffer.len() - cursor.read;
            return Ok(Some((buffer[3..cursor.write].to_vec(), rest)));
        }
        assert_eq!(cursor.read, buffer.len());
        buffer.truncate(cursor.write);
        cursor.read = cursor.write;
    }
    Ok(None)
}

fn whole(body: &[u8]) -> Result<Option<(Vec<u8>, usize)>, ChunkFault> {
    decode(&[body], 1 << 20)
}

const GOOD: &[(&[u8], &[u8])] = &[
    (b"0\r\n\r\n", b""),
    (b"3\r\nabc\r\n0\r\n\r\n", b"abc"),
    (b"0000000000000003\r\nabc\r\n000\r\n\r\n", b"abc"),
    (
        b"a\r\n0123456789\r\nA\r\n\r\n\r\n\r\n\r\n\r\n\r\n0\r\n\r\n",
        b"0123456789\r\n\r\n\r\n\r\n\r\n",
    ),
    (
        b"1;a\r\nx\r\n1; a=b;c=\"d;\\\"\r\"\r\ny\r\n0;e\r\n\r\n",
        b"",
    ),
    (
        b"1;a\r\nx\r\n1; a = b ;c=\"d; \\\"\"\r\ny\r\n0;e\r\n\r\n",
        b"xy",
    ),
    (b"1\r\nx\r\n0\r\nA: b\r\nC:\td\r\n\r\n", b"x"),
];

#[test]
fn well_formed_bodies_are_decoded() {
    for (body, data) in GOOD {
        // The fifth line holds a bare CR in a quoted value: it must not pass.
        let expected = if data.is_empty() && body.len() > 10 {
            assert!(matches!(whole(body), Err(ChunkFault::Malformed(_))));
            continue;
        } else {
            Ok(Some((data.to_vec(), 0)))
        };
        assert_eq!(whole(body), expected, "{}", body.escape_ascii());
        let behind = [*body, b"GET / HTTP/1.1"].concat();
        assert_eq!(whole(&behind), Ok(Some((data.to_vec(), 14))));
        for cut in 0..body.len() {
            assert_eq!(
                whole(&body[..cut]),
                Ok(None),
                "{} at {cut}",
                body.escape_ascii()
            );
            assert_eq!(decode(&[&body[..cut], &body[cut..]], 1 << 20), expected);
        }
    }
}

#[test]
fn broken_bodies_are_refused() {
    let bodies: &[&[u8]] = &[
        b"\r\n",
        b"g\r\n",
        b"-1\r\n",
        b"0x1\r\n",
        b" 1\r\n",
        b"1 \r\n",
        b"1\n",
        b"1\rx",
        b"00000000000000001\r\n",
        b"1;\r\n",
        b"1;=b\r\n",
        b"1;a=\r\n",
        b"1;a b\r\n",
        b"1;a\n",
        b"1;\x00\r\n",
        b"1\r\nxy\r\n",
        b"1\r\nx\n",
        b"1\r\nx\r\r",
        b"0\r\n\n",
        b"0\r\nA b\r\n\r\n",
        b"0\r\n A: b\r\n\r\n",
        b"0\r\nA: b\n\r\n",
        b"0\r\nA: \x00\r\n\r\n",
        b"0\r\n: b\r\n\r\n",
        b"0\r\nContent-Length: 5\r\n\r\n",
        b"0\r\nA: b\r\ntransfer-ENCODING: chunked\r\n\r\n",
        b"0\r\nhost: a\r\n\r\n",
        b"0\r\nProxy-Authorization: a\r\n\r\n",
    ];
    for body in bodies {
        let outcome = whole(body);
        assert!(
            matches!(outcome, Err(ChunkFault::Malformed(_))),
            "{} {outcome:?}",
            body.escape_ascii()
        );
    }
}

#[test]
fn sizes_extensions_and_trailers_are_bounded() {
    assert_eq!(decode(&[b"3\r\nabc\r\n"], 3), Ok(None));
    assert_eq!(decode(&[b"4\r\n"], 3), Err(ChunkFault::TooLarge));
    assert_eq!(decode(&[b"2\r\nab\r\n2\r\n"], 3), Err(ChunkFault::TooLarge));
    assert_eq!(decode(&[b"ffffffffffffffff\r\n"], u64::MAX), Ok(None));
    let overflow = b"1\r\na\r\nffffffffffffffff\r\n";
    assert_eq!(decode(&[overflow], u64::MAX), Err(ChunkFault::TooLarge));
    let long = format!("1;{}\r\nx\r\n", "a".repeat(CHUNK_EXTENSION_BYTES_MAX));
    assert!(whole(long.as_bytes()).is_err());
    let many = format!("1;{}\r\nx\r\n", "a".repeat(CHUNK_EXTENSION_BYTES_MAX - 2)).repeat(17);
    assert!(whole(many.as_bytes()).is_err());
    let trailers = |bytes: usize| format!("0\r\nA: {}\r\n\r\n", "a".repeat(bytes - 5));
    assert!(whole(trailers(TRAILER_BYTES_MAX).as_bytes()).is_ok());
    assert!(whole(trailers(TRAILER_BYTES_MAX + 1).as_bytes()).is_err());
    // A name that only begins like a forbidden one is another.
    for name in ["Hosts", "Content-Length-2", "Proxy-Authorization-2", "X"] {
        let body = format!("0\r\n{name}: a\r\n\r\n");
        assert!(whole(body.as_bytes()).is_ok(), "{name}");
    }
}

proptest! {
    #[test]
    fn any_body_cut_anywhere_comes_out_as_it_went_in(
        chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..8),
        cuts in proptest::collection::vec(0usize..400, 0..12),
        extension in "(;[a-z]{1,3}(=[a-z]{1,3})?){0,2}",
    ) {
        let mut body = Vec::new();
        for chunk in &chunks {
            body.extend_from_slice(format!("{:x}{extension}\r\n", chunk.len()).as_bytes());
            body.extend_from_slice(chunk);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"0\r\nT: x\r\n\r\n");
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % body.len()).collect();
        cuts.extend([0, body.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &body[pair[0]..pair[1]]).collect();
        prop_assert_eq!(decode(&pieces, 1 << 20), Ok(Some((chunks.concat(), 0))));
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = whole(&bytes);
    }
}
