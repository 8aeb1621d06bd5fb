//! A set of files looked at as `sluicegate check` does: beside what is wrong, what is doubtful, and
//! where each value in force comes from.

use std::path::PathBuf;
use std::sync::Arc;

use super::diagnostics::{Finding, Severity};
use super::explain::{self, ValueInForce};
use super::load::{Loaded, load_whole, read_all};
use super::warnings;
use super::{Diagnostics, Environment, Settings, SourceFile, Sources};

/// How files are looked at.
#[derive(Clone, Debug)]
pub struct ReviewOptions {
    /// Events per second for which costs are stated.
    pub rate: u64,
    /// Codes of warnings that are not wanted.
    pub allowed: Vec<String>,
}

/// A set of files that is right.
#[derive(Debug)]
pub struct Review {
    /// What it makes.
    pub settings: Settings,
    /// What is doubtful in it; may hold nothing.
    pub warnings: Diagnostics,
    /// Every value in force, in the order of the settings.
    pub values: Vec<ValueInForce>,
}

/// Looks at a set of files: their union.
///
/// # Errors
/// Everything that is wrong with them, as [`super::load`] says it.
pub fn review(
    files: &[PathBuf],
    environment: &Environment,
    options: &ReviewOptions,
) -> Result<Review, Diagnostics> {
    let (sources, unread) = read_all(files);
    load_whole(sources, unread, environment).map(|loaded| judge(loaded, options))
}

/// Looks at one file whose text is at hand; `name` stands in messages.
///
/// # Errors
/// As [`review`].
pub fn review_text(
    name: &str,
    text: &str,
    environment: &Environment,
    options: &ReviewOptions,
) -> Result<Review, Diagnostics> {
    let mut sources = Sources::default();
    sources.add(SourceFile {
        name: name.to_owned(),
        directory: PathBuf::new(),
        text: Arc::from(text),
    });
    load_whole(sources, Vec::new(), environment).map(|loaded| judge(loaded, options))
}

fn judge(loaded: Loaded, options: &ReviewOptions) -> Review {
    let Loaded {
        settings,
        parts,
        sources,
        secrets,
    } = loaded;
    let warnings = warnings::of(&settings, &parts, options);
    let values = explain::values(&settings, &parts, &sources);
    let findings = warnings
        .into_iter()
        .map(|(code, issue)| Finding {
            severity: Severity::Warning,
            code,
            issue,
        })
        .collect();
    Review {
        settings,
        warnings: Diagnostics::new(sources, findings, &secrets),
        values,
    }
}
