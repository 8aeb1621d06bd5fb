//! What the sandbox shows: people's first look at the product. No line is wider than 100 columns.

use std::io::IsTerminal;
use std::time::{Duration, SystemTime};

use serde_json::Value as Json;
use time::OffsetDateTime;

use super::keys::LentKeys;
use crate::cli::ending::say;
use crate::rooms::{Landed, Place};
use crate::serve::Running;
use crate::settings::{RouteTest, Settings};

/// Columns of a line.
pub(super) const COLUMNS: usize = 100;
/// Columns of a target's name, at most.
const NAME_COLUMNS: usize = 16;
/// Columns of a record's key.
const KEY_COLUMNS: usize = 12;

/// How lines look on this output.
#[derive(Clone, Debug)]
pub(super) struct Look {
    colour: bool,
    /// The name of each place, by the targets that write there, with its service.
    names: Vec<(String, &'static str)>,
    /// Columns of the longest name.
    name_columns: usize,
}

impl Look {
    pub(super) fn of(settings: &Settings, places: &[Place]) -> Self {
        let name = |place: &Place| {
            let names = place
                .targets
                .iter()
                .filter_map(|target| settings.targets.get(*target));
            let names: Vec<_> = names.map(|target| &*target.name).collect();
            (names.join("+"), place.service)
        };
        let names: Vec<_> = places.iter().map(name).collect();
        let longest = names
            .iter()
            .map(|(name, _)| name.chars().count())
            .max()
            .unwrap_or(0);
        let terminal = std::io::stdout().is_terminal();
        Self {
            colour: terminal && std::env::var_os("NO_COLOR").is_none(),
            names,
            name_columns: longest.clamp(6, NAME_COLUMNS),
        }
    }

    /// The first line.
    pub(super) fn title(&self, file: &str, what: &str) {
        let title = self.bold("Sluicegate sandbox");
        let file = cut(file, NAME_COLUMNS * 3);
        say(&format!("\n{title} serves {file} and {what}.\n\n"));
    }

    /// The routes, a request to copy, and the head of the list of records.
    pub(super) fn welcome(
        &self,
        settings: &Settings,
        running: &Running,
        keys: &LentKeys,
        places: &[Place],
    ) {
        let mut text = String::from("Routes\n");
        for route in &settings.routes {
            text += &format!("  {:<6} {}\n", route.method, route.path);
            for binding in &route.bindings {
                let service = self.service_of(binding.target, places);
                let line = format!("         to {:<NAME_COLUMNS$} {service}", &*binding.name);
                text += &self.dim(&cut(line.trim_end(), COLUMNS));
                text.push('\n');
            }
        }
        for note in places.iter().filter_map(|place| place.note.as_deref()) {
            text += &format!("\nNote: {note}.\n");
        }
        text += "\nTry it\n";
        text += &curl(settings, keys, &format!("http://{}", running.http));
        text += &format!("\n\nMetrics and status: http://{}/status\n", running.admin);
        text += "\nRecords, read back as they land (Ctrl-C ends)\n";
        let head = self.columns(["TIME", "TARGET", "KEY", "BYTES", "TOOK", "RECORD"]);
        say(&format!("{text}{}\n", self.dim(&head)));
    }

    /// A record that landed.
    pub(super) fn landed(&self, landed: &Landed, took: Duration) {
        let clock = clock(landed.time);
        let name = self
            .names
            .get(landed.place)
            .map_or("", |(name, _)| name.as_str());
        let bytes = format!("{} B", landed.bytes);
        let key = landed.key.as_deref().unwrap_or("-");
        let (took, record) = (duration(took), preview(&landed.content));
        let line = self.columns([&clock, name, key, &bytes, &took, &record]);
        say(&format!("{line}\n"));
    }

    /// The oldest records of a service go.
    pub(super) fn full(&self, place: usize) {
        let service = self.names.get(place).map_or("", |(_, service)| service);
        let said = format!("{service} holds as much as the sandbox keeps: its oldest records go.");
        say(&format!("{}\n", self.dim(&said)));
    }

    /// One line of the list of records: time, target, key, bytes, time taken, record.
    fn columns(&self, [time, target, key, bytes, took, record]: [&str; 6]) -> String {
        let names = self.name_columns;
        let (target, key) = (cut(target, names), cut(key, KEY_COLUMNS));
        let line = format!(
            "  {time:<12} {target:<names$} {key:<KEY_COLUMNS$} {bytes:>7} {took:>8}  {record}"
        );
        cut(&line, COLUMNS)
    }

    fn service_of(&self, target: usize, places: &[Place]) -> String {
        let place = places.iter().find(|place| place.targets.contains(&target));
        place.map_or_else(String::new, |place| {
            // The name of a topic is the end of its ARN.
            let name = place.name.rsplit(':').next().unwrap_or(&place.name);
            format!("{} {name}", place.service)
        })
    }

    pub(super) fn bold(&self, text: &str) -> String {
        self.paint("1", text)
    }

    pub(super) fn dim(&self, text: &str) -> String {
        self.paint("2", text)
    }

    pub(super) fn good(&self, text: &str) -> String {
        self.paint("32", text)
    }

    pub(super) fn bad(&self, text: &str) -> String {
        self.paint("31", text)
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// The text in at most so many columns, without control characters.
pub(super) fn cut(text: &str, columns: usize) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    if text.chars().count() <= columns {
        return text.chars().map(clean).collect();
    }
    let kept = text.chars().take(columns.saturating_sub(1)).map(clean);
    kept.chain(['…']).collect()
}

/// What a record holds, its payload alone where it has one.
fn preview(content: &Json) -> String {
    let payload = ["put", "data", "message", "value"]
        .iter()
        .find_map(|name| content.get(name));
    match payload.unwrap_or(content) {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A time that people can read: `870 µs`, `4.1 ms`, `1.2 s`.
pub(super) fn duration(took: Duration) -> String {
    match took.as_micros() {
        micros @ 0..1000 => format!("{micros} µs"),
        micros @ 1000..1_000_000 => format!("{:.1} ms", micros as f64 / 1e3),
        micros => format!("{:.1} s", micros as f64 / 1e6),
    }
}

fn clock(time: SystemTime) -> String {
    let time = OffsetDateTime::from(time);
    let (hour, minute, second, milli) = time.to_hms_milli();
    format!("{hour:02}:{minute:02}:{second:02}.{milli:03}")
}

/// A curl line that works: the first test's request, or an empty object to the first route.
fn curl(settings: &Settings, keys: &LentKeys, base: &str) -> String {
    let test = settings
        .tests
        .iter()
        .find(|test| test.given.as_object().is_none_or(|g| g.is_empty()));
    let (method, target, headers, body) = match (test, settings.routes.first()) {
        (
            Some(
                test @ RouteTest {
                    method,
                    target,
                    body,
                    ..
                },
            ),
            _,
        ) => {
            let body = String::from_utf8_lossy(body).into_owned();
            (method.as_str(), target.clone(), keys.headers(test), body)
        }
        (None, Some(route)) => {
            let path = route.path.replace(['{', '}', '*'], "");
            (&*route.method, path, Vec::new(), "{}".to_owned())
        }
        (None, None) => return String::new(),
    };
    let mut parts = vec![format!("curl -i {}", quoted(&format!("{base}{target}")))];
    if method != "POST" {
        parts.push(format!("-X {method}"));
    }
    let json = |name: &str| name.eq_ignore_ascii_case("content-type");
    for (name, value) in &headers {
        parts.push(format!("-H {}", quoted(&format!("{name}: {value}"))));
    }
    if !headers.iter().any(|(name, _)| json(name)) {
        parts.push("-H 'content-type: application/json'".to_owned());
    }
    if !body.is_empty() {
        parts.push(format!("-d {}", quoted(&body)));
    }
    let one = format!("  {}", parts.join(" "));
    if one.chars().count() <= COLUMNS {
        return one;
    }
    format!("  {}", parts.join(" \\\n    "))
}

/// The text as one word of a shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/:._-".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_width_and_payloads_cannot_play_with_the_terminal() {
        let look = Look {
            colour: false,
            names: Vec::new(),
            name_columns: 6,
        };
        let long = "x".repeat(200);
        let line = look.columns([
            "12:00:00.000",
            "long-target",
            "k\u{1b}[2J",
            "1 B",
            "1 ms",
            &long,
        ]);
        assert_eq!(line.chars().count(), COLUMNS);
        assert!(!line.chars().any(char::is_control), "{line:?}");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted("http://127.0.0.1:8080/a"), "http://127.0.0.1:8080/a");
        assert_eq!(duration(Duration::from_micros(4100)), "4.1 ms");
    }
}
