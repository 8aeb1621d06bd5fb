//! `sluicegate check`: everything that can be known of files without running them.

mod connect;
mod explain;

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{ArgMatches, Args};

use super::ListenFlags;
use super::ending::{Ending, colour, complain, say};
use crate::settings::{
    Diagnostics, Environment, Review, ReviewOptions, TimeSpan, WARNINGS, review,
};

/// Checks files: keys, references, expressions, limits. Sends nothing.
///
/// Errors name file, line and column, what was expected and what to do; all are shown at once, and
/// the exit code is 1. Warnings tell what is doubtful and why; they leave the exit code alone.
/// `x-allow: [CODE]` in a part of the file silences a warning there.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  sluicegate check orders.yaml\n  \
                        sluicegate check orders.yaml --rate 20000/s --deny-warnings\n  \
                        sluicegate check orders.yaml --explain\n  \
                        sluicegate check orders.yaml --connect")]
pub(super) struct Arguments {
    /// Sluicegate files; several are a union.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Events per second for which warnings state costs: 1000/s, 60000/m.
    #[arg(long, default_value = "1000/s", value_parser = rate)]
    rate: u64,
    /// A warning that is not wanted; may stand several times.
    #[arg(long, value_name = "CODE", value_parser = codes())]
    allow: Vec<String>,
    /// Exit with 1 where there are warnings, too.
    #[arg(long)]
    deny_warnings: bool,
    /// Print what was found as a JSON list: severity, code, file, line, column, end, message, help.
    #[arg(long)]
    json: bool,
    /// Print every value in force and where it comes from: flag, environment, file or default.
    #[arg(long, conflicts_with = "json")]
    explain: bool,
    /// Ask each target whether it is there, is what the file says and may be written to. Writes
    /// nothing. Exit with 1 where one cannot be used.
    #[arg(long)]
    connect: bool,
    /// How long a target may take to answer `--connect`.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    timeout: Duration,
    #[command(flatten)]
    listen: ListenFlags,
}

pub(super) fn command(arguments: &Arguments, matches: Option<&ArgMatches>) -> Result<(), Ending> {
    let options = ReviewOptions {
        rate: arguments.rate,
        allowed: arguments.allow.clone(),
    };
    let reviewed = review(&arguments.files, &Environment::of_process(), &options);
    let review = match reviewed {
        Ok(review) => review,
        Err(wrong) if arguments.json => {
            say(&format!("{:#}\n", wrong.json()));
            return Err(Ending::Said);
        }
        Err(wrong) => return Err(Ending::from(wrong)),
    };
    let denied = arguments.deny_warnings && !review.warnings.findings().is_empty();
    if arguments.connect {
        return connect::command(arguments, &review).and(if denied {
            Err(Ending::Said)
        } else {
            Ok(())
        });
    }
    if arguments.json {
        say(&format!("{:#}\n", review.warnings.json()));
    } else if arguments.explain {
        say(&explain::text(&review, arguments, matches));
    } else {
        show_warnings(&review.warnings);
        say(&summary(&review));
    }
    if denied { Err(Ending::Said) } else { Ok(()) }
}

fn show_warnings(warnings: &Diagnostics) {
    if !warnings.findings().is_empty() {
        complain(&warnings.render(colour()));
        complain("`x-allow: [CODE]` beside what a warning is about silences it, or --allow CODE\n");
    }
}

fn summary(review: &Review) -> String {
    let count = |number: usize, what: &str| {
        let plural = if number == 1 { "" } else { "s" };
        format!("{number} {what}{plural}")
    };
    format!(
        "good: {}, {}, {}\n",
        count(review.settings.routes.len(), "route"),
        count(review.settings.targets.len(), "target"),
        count(review.settings.tests.len(), "test"),
    )
}

fn codes() -> PossibleValuesParser {
    PossibleValuesParser::new(WARNINGS.iter().map(|(code, _)| *code))
}

/// Events per second of a rate as people write it.
pub(super) fn rate(text: &str) -> Result<u64, String> {
    let wrong = || "write for example 1000/s or 60000/m".to_owned();
    let (number, unit) = text.split_once('/').unwrap_or((text, "s"));
    let number: u64 = number
        .trim()
        .replace(['_', ','], "")
        .parse()
        .map_err(|_| wrong())?;
    let seconds = match unit.trim() {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    let rate = number.div_ceil(seconds);
    if !(1..=1_000_000_000).contains(&rate) {
        return Err("a rate is from 1 to 1000000000 events a second".to_owned());
    }
    Ok(rate)
}

fn time(text: &str) -> Result<Duration, String> {
    let span: TimeSpan = text.parse()?;
    let seconds = span.0.as_secs_f64();
    if !(0.1..=300.0).contains(&seconds) {
        return Err("a time from 100ms to 5m".to_owned());
    }
    Ok(span.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_as_people_write_them() {
        for (text, wanted) in [
            ("1000/s", Some(1000)),
            ("1000", Some(1000)),
            ("60_000/m", Some(1000)),
            ("1/h", Some(1)),
            ("1,000 / s", Some(1000)),
            ("0", None),
            ("-1/s", None),
            ("1000/d", None),
            ("fast", None),
            ("99999999999999999999/s", None),
        ] {
            assert_eq!(rate(text).ok(), wanted, "{text}");
        }
    }
}
