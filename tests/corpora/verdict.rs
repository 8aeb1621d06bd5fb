//! What came of a case, and what is to be thought of it.

use std::net::SocketAddr;
use std::time::Duration;

use crate::cases::{Case, Class};
use crate::talk::{Answer, Talk};

/// Methods that a route may have, each with its space.
const KNOWN_METHODS: [&[u8]; 7] = [
    b"GET ",
    b"HEAD ",
    b"POST ",
    b"PUT ",
    b"PATCH ",
    b"DELETE ",
    b"OPTIONS ",
];

/// What came of a case.
pub(crate) struct Said {
    /// The answer to each thing that was sent; `None` where the connection ended without one.
    pub(crate) answers: Vec<Option<Answer>>,
    /// Answers that nothing asked for.
    pub(crate) more: Vec<Answer>,
}

impl Said {
    pub(crate) fn first(&self) -> Option<&Answer> {
        self.answers.first().and_then(Option::as_ref)
    }

    /// A refusal or an end, and no success anywhere. The answer to a HEAD has no code: its status
    /// and its `close` say the same.
    pub(crate) fn is_refused(&self) -> bool {
        let mut all = self.answers.iter().flatten().chain(&self.more);
        let is_refusal = |first: &Answer| {
            first.closes() && (first.is_refused() || (first.status == 400 && first.body.is_empty()))
        };
        all.all(|answer| answer.status >= 300) && self.first().is_none_or(is_refusal)
    }

    pub(crate) fn shown(&self) -> String {
        let answer = |answer: &Option<Answer>| answer.as_ref().map_or("-".into(), Answer::short);
        let answers: Vec<String> = self.answers.iter().map(answer).collect();
        let more: Vec<String> = self.more.iter().map(Answer::short).collect();
        format!("{} | {}", answers.join(", "), more.join(", "))
    }
}

/// Sends each part when the answer to the one before has come. With `cut`, the first part comes in
/// two pieces.
pub(crate) fn converse(address: SocketAddr, sends: &[Vec<u8>], cut: Option<usize>) -> Said {
    let mut talk = Talk::to(address);
    let mut answers = Vec::new();
    for part in sends {
        if talk.closed {
            break;
        }
        talk.head_only = part.starts_with(b"HEAD ");
        match cut.filter(|_| answers.is_empty()) {
            Some(cut) => {
                talk.send(&part[..cut]);
                std::thread::sleep(Duration::from_millis(15));
                talk.send(&part[cut..]);
            }
            None => talk.send(part),
        }
        let answer = talk.answer();
        let ends = answer.as_ref().is_none_or(Answer::closes);
        answers.push(answer);
        if ends {
            break;
        }
    }
    talk.head_only = false;
    let more = if talk.closed { Vec::new() } else { talk.rest() };
    Said { answers, more }
}

/// What is wrong with what was said to a case, if something is.
pub(crate) fn judge(case: &Case, said: &Said) -> Option<&'static str> {
    let first = said.first();
    // Of a method that no server has to know, 405 is the refusal.
    let method = |known: &&[u8]| case.sends[0].starts_with(known);
    let is_unknown = !KNOWN_METHODS.iter().any(method);
    let is_refused =
        said.is_refused() || (is_unknown && first.is_some_and(|first| first.status == 405));
    match case.class {
        Class::Reject | Class::PreferReject if is_refused => None,
        Class::Reject => Some("must be refused"),
        Class::PreferReject if profile_takes(&case.sends[0]).is_some() => None,
        Class::PreferReject => Some("should be refused"),
        Class::Accept | Class::PreferAccept => match first {
            Some(first) if !first.is_refused() => None,
            Some(first) if !case.complete && first.status == 408 => None,
            // A limit or a coding that the server does not have, as the INDEX counts them.
            Some(first) if matches!(first.status, 413 | 414 | 431 | 501 | 505) => None,
            _ => Some("must be taken"),
        },
        Class::Incomplete => match first {
            Some(first) if first.status < 300 => Some("must wait for the rest"),
            _ => None,
        },
        Class::Free => None,
    }
}

/// Why the profile takes a request that it might refuse, if it does: each of these has a case in the
/// same corpus that must be taken, or is a feature of the gateway.
pub(crate) fn profile_takes(raw: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(raw).to_lowercase();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let line = head.lines().next().unwrap_or_default();
    let field = |name: &str| {
        let mut lines = head.lines().skip(1);
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
    };
    let length = field("content-length").unwrap_or_default();
    let bare = length.strip_prefix(' ').unwrap_or(length);
    let reasons = [
        (text.starts_with("\r\n"), "an empty line before a request"),
        (
            line.ends_with("http/1.0") && field("host").is_none(),
            "HTTP/1.0 without Host",
        ),
        (
            line.contains(" http://"),
            "an absolute target decides, whatever Host says",
        ),
        (bare.trim() != bare, "blanks around a Content-Length"),
        (
            bare.starts_with('0') && bare.len() > 1,
            "zeros before a Content-Length",
        ),
        (
            field("transfer_encoding").is_some(),
            "a name that is like another is another",
        ),
        (
            field("expect").is_some(),
            "Expect: 100-continue is a feature",
        ),
        (
            body.contains("\r\ncontent-type:"),
            "a Content-Type behind the body is dropped",
        ),
    ];
    let reason = reasons.iter().find(|(holds, _)| *holds);
    reason.map(|(_, reason)| *reason)
}

/// Whether something that was sent got the answer to something else.
pub(crate) fn is_desynchronised(address: SocketAddr, case: &Case, said: &Said) -> bool {
    let (Some(last), true) = (case.sends.last(), case.sends.len() > 1) else {
        // Of one piece, more than one request may be in it; the parser's test counts them.
        return false;
    };
    if said.answers.len() < case.sends.len() {
        return !said.more.is_empty();
    }
    let Some(Some(answer)) = said.answers.last() else {
        return !said.more.is_empty();
    };
    let alone = converse(address, std::slice::from_ref(last), None);
    let own = alone.first().map(Answer::short);
    // A byte too much before a request is part of its method, which no route has.
    let is_refused = case.class == Class::Free && answer.status == 405;
    (own != Some(answer.short()) && !is_refused) || !said.more.is_empty()
}
