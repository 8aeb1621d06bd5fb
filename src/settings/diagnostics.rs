//! What is wrong or doubtful in a set of files, as people and programs read it: all of it at once,
//! each with its place.

use std::fmt;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource};
use serde_json::{Value, json};

use super::Sources;
use crate::map::{Issue, Position};

/// Columns of a rendered message.
const WIDTH: usize = 100;
/// Bytes of a line that is shown whole. Of a longer one miette would print all, or panic.
const LINE_BYTES_MAX: usize = 400;
/// Characters before and behind a place in a longer line.
const AROUND_CHARACTERS: usize = 40;

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The files cannot be run.
    Error,
    /// They can, and may not do what their writer thinks.
    Warning,
}

impl Severity {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One thing that is wrong or doubtful.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How grave it is.
    pub severity: Severity,
    /// A stable word for its kind.
    pub code: &'static str,
    /// What and where.
    pub issue: Issue,
}

/// Everything that is wrong with a set of files, or everything doubtful in it.
#[derive(Clone)]
pub struct Diagnostics {
    sources: Sources,
    findings: Vec<Finding>,
}

impl Diagnostics {
    /// These findings of these files, in the order of the files; `hidden` are texts (secrets) that
    /// neither a message nor an excerpt may show.
    pub(super) fn new(mut sources: Sources, mut findings: Vec<Finding>, hidden: &[String]) -> Self {
        sources.hide(hidden);
        findings.sort_by_key(|finding| (finding.issue.at.file, finding.issue.at.start));
        findings.dedup_by(|one, other| one.issue == other.issue);
        for Finding { issue, .. } in &mut findings {
            for secret in hidden.iter().filter(|secret| !secret.is_empty()) {
                issue.message = issue.message.replace(secret.as_str(), "***");
                issue.help = issue
                    .help
                    .take()
                    .map(|help| help.replace(secret.as_str(), "***"));
            }
        }
        Self { sources, findings }
    }

    /// The findings, in the order of the files.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// All of it with excerpts of the files, in colour or plain.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let mut theme = GraphicalTheme::unicode_nocolor();
        if colour {
            theme = GraphicalTheme::unicode();
        }
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_width(WIDTH)
            .with_links(false);
        let mut out = String::new();
        for finding in &self.findings {
            let located = Located::new(&self.sources, finding);
            if self.has_long_lines(finding.issue.at) {
                out.push_str(&self.cropped(&finding.issue));
            } else if handler.render_report(&mut out, &located).is_err() {
                out.push_str(&self.line(&finding.issue));
            }
            out.push('\n');
        }
        out.push_str(&self.count());
        out
    }

    /// All of it for programs: a list of objects whose members stay as they are.
    #[must_use]
    pub fn json(&self) -> Value {
        let object = |finding: &Finding| {
            let at = finding.issue.at;
            let end = Position {
                start: at.end.max(at.start),
                ..at
            };
            let (line, column) = self.sources.line_column(at);
            let (end_line, end_column) = self.sources.line_column(end);
            json!({
                "severity": finding.severity.as_str(),
                "code": finding.code,
                "file": self.sources.file(at).map(|file| &file.name),
                "line": line,
                "column": column,
                "end": { "line": end_line, "column": end_column },
                "message": finding.issue.message,
                "help": finding.issue.help,
            })
        };
        self.findings.iter().map(object).collect()
    }

    /// How many there are: `2 errors`, `1 warning`.
    fn count(&self) -> String {
        let mut words = Vec::new();
        for severity in [Severity::Error, Severity::Warning] {
            let of = |finding: &&Finding| finding.severity == severity;
            let count = self.findings.iter().filter(of).count();
            let plural = if count == 1 { "" } else { "s" };
            if count > 0 {
                words.push(format!("{count} {}{plural}", severity.as_str()));
            }
        }
        format!("{}\n", words.join(", "))
    }

    /// True if a line that the excerpt would show is too long for it.
    fn has_long_lines(&self, at: Position) -> bool {
        let (line, _) = self.sources.line_column(at);
        let text = self.sources.file(at).map_or("", |file| &file.text);
        let near = text.lines().skip(line.saturating_sub(2)).take(3);
        near.map(str::len).any(|length| length > LINE_BYTES_MAX)
    }

    /// One issue with a few characters around its place.
    fn cropped(&self, issue: &Issue) -> String {
        let text = self.sources.file(issue.at).map_or("", |file| &file.text);
        let start = floor_of(text, issue.at.start);
        let (before, behind) = text.split_at(start);
        let before: Vec<char> = before
            .chars()
            .rev()
            .take_while(|c| *c != '\n')
            .take(AROUND_CHARACTERS)
            .collect();
        let behind = behind.chars().take_while(|c| *c != '\n');
        let excerpt: String = before
            .iter()
            .rev()
            .copied()
            .chain(behind.take(AROUND_CHARACTERS))
            .collect();
        let caret = " ".repeat(before.len());
        let help = issue.help.as_deref().unwrap_or_default();
        format!(
            "  × {}\n   ╭─[{}]\n   │ {excerpt}\n   · {caret}▲\n   ╰────\n  help: {help}\n",
            issue.message,
            self.sources.place(issue.at),
        )
    }

    /// One issue as one line: `orders.yaml:12:5: message; help`.
    fn line(&self, issue: &Issue) -> String {
        let help = issue.help.as_deref().unwrap_or_default();
        let place = self.sources.place(issue.at);
        format!("{place}: {}; {help}", issue.message)
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl fmt::Debug for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostics {}

/// An issue together with the text that it is about, as miette draws it.
#[derive(Debug)]
struct Located {
    /// The code of a warning, which silences it; errors show none.
    code: Option<&'static str>,
    message: String,
    help: Option<String>,
    source: Option<NamedSource<String>>,
    label: Option<LabeledSpan>,
}

impl Located {
    fn new(sources: &Sources, finding: &Finding) -> Self {
        let issue = &finding.issue;
        let file = sources.file(issue.at).filter(|file| !file.text.is_empty());
        let label = file.map(|file| span_of(&file.text, issue.at));
        Self {
            code: (finding.severity == Severity::Warning).then_some(finding.code),
            message: match (file, sources.file(issue.at)) {
                (None, Some(file)) => format!("{}: {}", file.name, issue.message),
                _ => issue.message.clone(),
            },
            help: issue.help.clone(),
            source: file.map(|file| NamedSource::new(&file.name, file.text.to_string())),
            label,
        }
    }
}

/// The span to draw: at most to the end of its first line, so that an excerpt stays short.
fn span_of(text: &str, at: Position) -> LabeledSpan {
    let start = floor_of(text, at.start);
    let rest = text.get(start..).unwrap_or_default();
    let line = rest.find('\n').unwrap_or(rest.len());
    let end = floor_of(text, at.end.clamp(start, start + line));
    LabeledSpan::new(None, start, end.saturating_sub(start))
}

/// The nearest character border at or before this byte.
fn floor_of(text: &str, mut byte: usize) -> usize {
    byte = byte.min(text.len());
    while !text.is_char_boundary(byte) {
        byte -= 1;
    }
    byte
}

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Located {}

impl Diagnostic for Located {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.code
            .map(|code| Box::new(code) as Box<dyn fmt::Display>)
    }

    fn severity(&self) -> Option<miette::Severity> {
        self.code.map(|_| miette::Severity::Warning)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.source
            .as_ref()
            .map(|source| source as &dyn miette::SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = self.label.clone()?;
        Some(Box::new(std::iter::once(label)))
    }
}
