//! Events whose payload is a function of their number, and the check that a target holds exactly
//! those that were sent.

use std::collections::BTreeMap;
use std::ops::Range;

use sluicegate_testkit::marker;

/// The JSON of event `n`. It holds what careless code spoils: a number with more digits than a
/// double has, a trailing zero, an escape, a letter of two bytes, spaces.
pub(crate) fn event(n: u64) -> String {
    format!(
        r#"{{"id":"{}", "user":"u{}","n":{n},"total":{n}.50,"big":12345678901234567890{n},"text":"a\tb é \"quoted\""}}"#,
        marker(n),
        n % 16,
    )
}

/// These events as an NDJSON body.
pub(crate) fn ndjson(numbers: Range<u64>) -> String {
    numbers.map(|n| event(n) + "\n").collect()
}

/// Asserts that exactly these events were found: none lost, none twice, none that was not sent,
/// each byte for byte as it was sent.
pub(crate) fn exactly_once(what: &str, found: &[String], sent: Range<u64>) {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for payload in found {
        *times.entry(payload.as_str()).or_default() += 1;
    }
    let mut lost = Vec::new();
    for n in sent.clone() {
        if times.remove(event(n).as_str()).is_none() {
            lost.push(n);
        }
    }
    let few: Vec<_> = lost.iter().take(5).collect();
    assert!(
        lost.is_empty(),
        "{what}: {} lost or changed, such as {few:?}",
        lost.len()
    );
    let strangers: Vec<_> = times.keys().take(3).collect();
    assert!(
        times.is_empty(),
        "{what} holds what was not sent: {strangers:?}"
    );
    let count = sent.end - sent.start;
    assert_eq!(found.len() as u64, count, "{what} holds some twice");
}
