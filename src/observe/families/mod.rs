//! The registry of metrics: each family's name, meaning and labels beside the code that fills it.
//! The reference page is printed from it.

mod keys;
mod process;
mod routes;
mod spool;
mod targets;

use std::fmt::Write;

use super::prometheus::Samples;
use super::scrape::Scrape;

/// What every name starts with.
pub const PREFIX: &str = "sluicegate_";

const NANOSECONDS_IN_A_SECOND: f64 = 1e9;

/// A family of metrics.
pub struct Family {
    /// Its name, without [`PREFIX`].
    pub name: &'static str,
    /// What kind of numbers it holds.
    pub kind: Kind,
    /// One sentence or two, for people.
    pub help: &'static str,
    /// The names of its labels. Their values are names of the settings and words of closed sets.
    pub labels: &'static [&'static str],
    pub(in crate::observe) fill: fn(&Scrape, &mut Samples<'_>),
}

/// Kinds of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, from zero at the start of the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts values by buckets, with their sum.
    Histogram,
}

impl Kind {
    /// The word in a `# TYPE` line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// All families, in the order of the scrape.
pub fn families() -> impl Iterator<Item = &'static Family> {
    [
        routes::FAMILIES,
        targets::FAMILIES,
        spool::FAMILIES,
        keys::FAMILIES,
        process::FAMILIES,
    ]
    .into_iter()
    .flatten()
}

/// The reference of all metrics, as a Markdown table.
#[must_use]
pub fn reference() -> String {
    let mut text = "| metric | type | labels | meaning |\n|---|---|---|---|\n".to_owned();
    for family in families() {
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            text,
            "| `{PREFIX}{}` | {} | {} | {} |",
            family.name,
            family.kind.as_str(),
            family.labels.join(", "),
            family.help.replace('|', "\\|"),
        );
    }
    text
}
