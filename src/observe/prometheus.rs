//! The Prometheus text format (version 0.0.4): how a family and its samples are written.

use std::fmt::{Display, Write};

use super::families::{Family, PREFIX, families};
use super::histogram::{BOUNDS, HistogramSnapshot};
use super::scrape::Scrape;

/// The media type of what [`render`] writes.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All families with their samples, as text.
#[must_use]
pub fn render(scrape: &Scrape) -> String {
    let mut text = String::with_capacity(16 * 1024);
    for family in families() {
        let (name, kind) = (family.name, family.kind.as_str());
        push(
            &mut text,
            format_args!(
                "# HELP {PREFIX}{name} {}\n# TYPE {PREFIX}{name} {kind}\n",
                escaped_help(family.help)
            ),
        );
        let samples = &mut Samples {
            family,
            text: &mut text,
        };
        (family.fill)(scrape, samples);
    }
    text
}

/// Takes the samples of one family.
pub struct Samples<'a> {
    family: &'static Family,
    text: &'a mut String,
}

impl Samples<'_> {
    /// A sample with a value for each of the family's labels, in their order.
    pub(crate) fn add(&mut self, labels: &[&str], value: impl Display) {
        self.line("", labels, None, value);
    }

    /// A histogram whose bounds and sum are divided by `unit` to get to the family's unit.
    pub(crate) fn histogram(
        &mut self,
        labels: &[&str],
        bounds: &[u64; BOUNDS],
        unit: f64,
        histogram: &HistogramSnapshot,
    ) {
        let mut below = 0;
        for (bound, counted) in bounds.iter().zip(&histogram.buckets) {
            below += counted;
            let bound = (*bound as f64 / unit).to_string();
            self.line("_bucket", labels, Some(&bound), below);
        }
        let count = histogram.count();
        self.line("_bucket", labels, Some("+Inf"), count);
        self.line("_sum", labels, None, histogram.sum as f64 / unit);
        self.line("_count", labels, None, count);
    }

    /// A histogram with bounds of its own, in the family's unit: each with how many values fell into
    /// it; the last is for those beyond all bounds.
    pub(crate) fn buckets(&mut self, labels: &[&str], buckets: &[(f64, u64)], sum: f64) {
        let mut below = 0;
        for (bound, counted) in buckets {
            below += counted;
            if bound.is_finite() {
                self.line("_bucket", labels, Some(&bound.to_string()), below);
            }
        }
        self.line("_bucket", labels, Some("+Inf"), below);
        self.line("_sum", labels, None, sum);
        self.line("_count", labels, None, below);
    }

    fn line(&mut self, suffix: &str, labels: &[&str], bound: Option<&str>, value: impl Display) {
        let names = self.family.labels;
        debug_assert_eq!(names.len(), labels.len(), "{}", self.family.name);
        push(
            self.text,
            format_args!("{PREFIX}{}{suffix}", self.family.name),
        );
        let named = names.iter().copied().zip(labels.iter().copied());
        let mut separator = '{';
        for (name, label) in named.chain(bound.map(|bound| ("le", bound))) {
            push(self.text, format_args!("{separator}{name}=\""));
            escape_label(self.text, label);
            self.text.push('"');
            separator = ',';
        }
        if separator == ',' {
            self.text.push('}');
        }
        push(self.text, format_args!(" {value}\n"));
    }
}

fn push(text: &mut String, more: std::fmt::Arguments<'_>) {
    // Writing to a `String` cannot fail.
    let _ = text.write_fmt(more);
}

/// A label's value may hold anything; backslash, quote and line feed are written as escapes.
fn escape_label(text: &mut String, label: &str) {
    for c in label.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            c => text.push(c),
        }
    }
}

fn escaped_help(help: &str) -> String {
    help.replace('\\', "\\\\").replace('\n', "\\n")
}
