//! Log lines: their form, their levels, and that nothing can forge or flood them.

use std::io;
use std::sync::{Arc, Mutex};

use super::*;

/// The lines that are logged while `run` runs, on this thread.
pub(crate) fn logged(format: Format, run: impl FnOnce()) -> Vec<String> {
    logged_at(LEVELS_DEFAULT, format, run)
}

fn logged_at(levels: &str, format: Format, run: impl FnOnce()) -> Vec<String> {
    let written = Written::default();
    let subscriber = subscriber(format, EnvFilter::new(levels), written.clone());
    tracing::subscriber::with_default(subscriber, run);
    let bytes = written.0.lock().unwrap().clone();
    String::from_utf8(bytes)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Written {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

fn start_line() {
    gateway_started(&Started {
        driver: "uring",
        cores: 2,
        http: "0.0.0.0:8080".parse().unwrap(),
        admin: "127.0.0.1:9090".parse().unwrap(),
        memory_ceiling_bytes: 1 << 28,
    });
}

#[test]
fn a_text_line_is_time_level_event_and_fields() {
    let lines = logged(Format::Text, start_line);
    assert_eq!(lines.len(), 1);
    let (_, rest) = lines[0].split_once("INFO ").unwrap();
    let start = "gateway.started driver=\"uring\" cores=2 http=0.0.0.0:8080 admin=127.0.0.1:9090 \
                 memory_ceiling_bytes=268435456 version=";
    assert!(rest.starts_with(start), "{rest}");
}

#[test]
fn a_json_line_is_one_object_with_the_event_as_its_message() {
    let lines = logged(Format::Json, || {
        start_line();
        drain_finished(Duration::from_millis(1234), 0);
    });
    let lines: Vec<serde_json::Value> = lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["message"], "gateway.started");
    assert_eq!(lines[0]["memory_ceiling_bytes"], 1 << 28);
    assert_eq!(lines[0]["level"], "INFO");
    assert_eq!(lines[1]["message"], "drain.finished");
    assert_eq!(lines[1]["took_seconds"], 1.234);
}

#[test]
fn libraries_speak_from_warn_on_whatever_is_asked_for() {
    for (levels, expected) in [
        ("info", vec!["library warns", "we inform"]),
        ("debug", vec!["library warns", "we inform", "we debug"]),
        (
            "trace,aws=trace",
            vec!["library warns", "we inform", "we debug"],
        ),
        ("error", vec![]),
    ] {
        let lines = logged_at(levels, Format::Text, || {
            tracing::info!(target: "aws_smithy_runtime", "library informs");
            tracing::trace!(target: "aws_smithy_runtime", "body: secret");
            tracing::warn!(target: "aws_smithy_runtime", "library warns");
            tracing::info!(target: "sluicegate::serve", "we inform");
            tracing::debug!(target: "sluicegate_kafka", "we debug");
        });
        assert_eq!(lines.len(), expected.len(), "{levels}: {lines:?}");
        for (line, expected) in lines.iter().zip(expected) {
            assert!(line.ends_with(expected), "{levels}: {line}");
        }
    }
}

#[test]
fn what_a_target_says_cannot_forge_a_line_nor_fill_the_log() {
    let hostile = format!(
        "no\n2026-01-01 INFO gateway.started\r\u{1b}[31m{}",
        "x".repeat(100_000)
    );
    let line = one_line(&hostile);
    assert!(!line.contains(|c: char| c.is_control()));
    assert_eq!(line.chars().count(), TEXT_CHARACTERS_MAX + 1);
    assert_eq!(one_line("as it is"), "as it is");
    let lines = logged(Format::Text, || target_down("t", "down", &line));
    assert_eq!(lines.len(), 1);
}

#[test]
fn what_repeats_is_said_first_and_then_every_ten_seconds_with_a_count() {
    let sampled = Sampled::new();
    let at = |seconds| sampled.admit_at(Duration::from_secs(seconds));
    assert_eq!(at(3), Some(0));
    assert_eq!((at(3), at(4), at(12)), (None, None, None));
    assert_eq!(at(13), Some(3));
    assert_eq!(at(14), None);
    assert_eq!(at(100), Some(1));
}
