//! A history as lines of JSON: what `--save` writes, and what a client may log itself.
//!
//! ```text
//! {"audit":1,"run":"a1b2c3d4e5f6","keys":64,"filler":100,"template":"{…}"}
//! {"id":"a1b2c3d4e5f6-0","outcome":"ok","sent":17,"answered":1903}
//! ```
//! The first line stands only where the events are of this program's making. A client's own log
//! has other lines only: `id`, `outcome` (`ok`, `failed`: refused and surely not stored, or
//! `unknown`), and, as far as order and payloads are to be judged, `key`, `sent` and `answered`
//! (whole numbers of one clock, in any unit) and `payload` (the event's text).

use std::borrow::Cow;
use std::io::{BufRead, Read, Write};

use serde::{Deserialize, Serialize};

use crate::event::{Events, Template};
use crate::history::{Entry, History, Outcome};

/// Bytes of a line: a payload, escaped.
const LINE_BYTES_MAX: u64 = 16 << 20;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    audit: u32,
    run: String,
    keys: u64,
    filler: usize,
    template: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'l> {
    #[serde(borrow)]
    id: Cow<'l, str>,
    outcome: Word,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    key: Option<Cow<'l, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sent: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answered: Option<u64>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    payload: Option<Cow<'l, str>>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Ok,
    Failed,
    Unknown,
}

/// Writes a history of our own making.
///
/// # Errors
/// The writer's own, or that the history is a client's.
pub fn write(history: &History, mut to: impl Write) -> std::io::Result<()> {
    let events = history.events().ok_or_else(|| {
        std::io::Error::other("a client's own log is there already: nothing is saved")
    })?;
    let head = Head {
        audit: 1,
        run: events.run().to_owned(),
        keys: events.keys(),
        filler: events.filler_bytes(),
        template: events.template().text().to_owned(),
    };
    serde_json::to_writer(&mut to, &head)?;
    writeln!(to)?;
    for (number, entry) in history.entries() {
        let outcome = match entry.outcome {
            Outcome::Unsent => continue,
            Outcome::Ok => Word::Ok,
            Outcome::Failed => Word::Failed,
            Outcome::Unknown => Word::Unknown,
        };
        let line = Line {
            id: Cow::Owned(history.id(number)),
            outcome,
            key: None,
            sent: Some(entry.sent),
            answered: Some(entry.answered).filter(|answered| *answered != u64::MAX),
            payload: None,
        };
        serde_json::to_writer(&mut to, &line)?;
        writeln!(to)?;
    }
    to.flush()
}

/// Reads a history, line by line.
///
/// # Errors
/// What is wrong with which line, in words for its writer.
pub fn read(mut from: impl BufRead) -> Result<History, String> {
    let mut history = None;
    let mut line = Vec::new();
    for place in 1_u64.. {
        let at = |said: String| format!("line {place}: {said}");
        line.clear();
        let count = from
            .by_ref()
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut line)
            .map_err(|error| at(error.to_string()))?;
        if count == 0 {
            break;
        }
        if count as u64 == LINE_BYTES_MAX {
            return Err(at(format!("is longer than {LINE_BYTES_MAX} bytes")));
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let Some(history) = &mut history else {
            history = Some(begin(&line).map_err(at)?);
            continue;
        };
        add(history, &line).map_err(at)?;
    }
    history.ok_or_else(|| "it is empty: one line of JSON an event".to_owned())
}

/// The history that a first line begins.
fn begin(line: &[u8]) -> Result<History, String> {
    let Ok(head) = serde_json::from_slice::<Head>(line) else {
        let mut history = History::of_a_client();
        add(&mut history, line)?;
        return Ok(history);
    };
    if head.audit != 1 {
        return Err(format!("version {} is not known: 1 is", head.audit));
    }
    let template = Template::parse(&head.template).map_err(|said| format!("`template` {said}"))?;
    if head.run.is_empty() || head.run.len() > 64 || head.keys == 0 {
        return Err("`run` has 1 to 64 characters, and `keys` is at least 1".to_owned());
    }
    let events = Events::of_run(head.run, template, head.keys, head.filler);
    Ok(History::of(events))
}

fn add(history: &mut History, line: &[u8]) -> Result<(), String> {
    let line: Line<'_> = serde_json::from_slice(line).map_err(|error| {
        format!(
            "{error}; write {{\"id\":…,\"outcome\":\"ok\"|\"failed\"|\"unknown\"}}, and as they \
             are known \"key\", \"sent\", \"answered\", \"payload\""
        )
    })?;
    if line.id.is_empty() {
        return Err("`id` is empty".to_owned());
    }
    let outcome = match line.outcome {
        Word::Ok => Outcome::Ok,
        Word::Failed => Outcome::Failed,
        Word::Unknown => Outcome::Unknown,
    };
    // Without its times an event is before and after nothing.
    let entry = Entry {
        sent: line.sent.unwrap_or(0),
        answered: line.answered.unwrap_or(u64::MAX),
        key: 0,
        outcome,
    };
    if entry.answered < entry.sent {
        return Err(format!("`{}` was answered before it was sent", line.id));
    }
    if history.events().is_some() {
        return history.restore(&line.id, entry);
    }
    let payload = line.payload.as_deref().map(str::as_bytes);
    history.add(&line.id, line.key.as_deref(), payload, entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> History {
        let template = Template::parse(Template::DEFAULT).unwrap();
        let mut history = History::of(Events::new(template, 4, 20));
        for (number, outcome) in [
            (0, Outcome::Ok),
            (1, Outcome::Failed),
            (3, Outcome::Unknown),
        ] {
            history.sent(number, 10 * number);
            history.answered(number, 10 * number + 5, outcome);
        }
        history.sent(4, 100);
        history
    }

    #[test]
    fn what_was_saved_is_read_back() {
        let history = run();
        let mut file = Vec::new();
        write(&history, &mut file).unwrap();
        let back = read(file.as_slice()).unwrap();
        assert!(history.entries().eq(back.entries()));
        assert_eq!(
            (back.tally(), back.clock()),
            (history.tally(), history.clock())
        );
        let (one, other) = (history.events().unwrap(), back.events().unwrap());
        assert_eq!(one.payload(3), other.payload(3));
        assert_eq!(back.entry(2).outcome, Outcome::Unsent);
    }

    #[test]
    fn a_clients_own_log_needs_ids_and_outcomes_only() {
        let text = concat!(
            "{\"id\":\"o-1\",\"outcome\":\"ok\"}\n\n",
            "{\"id\":\"o-2\",\"outcome\":\"unknown\",\"key\":\"u1\",\"sent\":1,\"answered\":2,",
            "\"payload\":\"{\\\"id\\\":\\\"o-2\\\"}\"}\n",
        );
        let history = read(text.as_bytes()).unwrap();
        assert_eq!(history.end(), 2);
        let number = history.number_of("o-2").unwrap();
        assert_eq!(history.id(number), "o-2");
        assert_eq!(history.is_payload(number, b"{\"id\":\"o-2\"}"), Some(true));
        assert_eq!(history.is_payload(number, b"{}"), Some(false));
        assert_eq!(history.is_payload(0, b"{}"), None);
        assert_eq!(history.number_of("o-3"), None);
        assert!(write(&history, Vec::new()).is_err());
    }

    #[test]
    fn a_wrong_line_is_named() {
        let good = "{\"id\":\"a\",\"outcome\":\"ok\"}\n";
        let mut saved = Vec::new();
        write(&run(), &mut saved).unwrap();
        let saved = String::from_utf8(saved).unwrap();
        let again = format!("{saved}{}\n", saved.lines().nth(1).unwrap());
        for (text, said) in [
            (String::new(), "it is empty"),
            (format!("{good}{good}"), "line 2: `a` stands twice"),
            (
                format!("{good}{{\"id\":\"b\"}}"),
                "line 2: missing field `outcome`",
            ),
            (
                format!("{good}{{\"id\":\"b\",\"outcome\":\"good\"}}"),
                "line 2: unknown variant",
            ),
            (format!("{good}x"), "line 2: expected value"),
            (
                "{\"id\":\"a\",\"outcome\":\"ok\",\"when\":1}".to_owned(),
                "unknown field `when`",
            ),
            (
                "{\"id\":\"\",\"outcome\":\"ok\"}".to_owned(),
                "line 1: `id` is empty",
            ),
            (
                "{\"id\":\"a\",\"outcome\":\"ok\",\"sent\":2,\"answered\":1}".to_owned(),
                "answered before it was sent",
            ),
            (format!("{saved}{good}"), "`a` is not an id of this run"),
            (again, "stands twice"),
            (saved.replace("\"audit\":1", "\"audit\":2"), "version 2"),
        ] {
            let error = read(text.as_bytes()).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
