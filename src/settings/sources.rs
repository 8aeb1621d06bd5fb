//! The files of a set and the places in them.

use std::path::PathBuf;
use std::sync::Arc;

use crate::map::Position;

/// Bytes from which on a secret is hidden in excerpts.
const SECRET_BYTES_MIN: usize = 8;

/// One file of a set.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Its name as it was given, for messages.
    pub name: String,
    /// Where its relative paths start.
    pub directory: PathBuf,
    /// Its text; empty where it could not be read.
    pub text: Arc<str>,
}

/// The files of a set. A [`Position::file`] is an index into them.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
}

impl Sources {
    /// Adds a file and returns its index.
    pub fn add(&mut self, file: SourceFile) -> usize {
        self.files.push(file);
        self.files.len() - 1
    }

    /// All files.
    #[must_use]
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// Hides what excerpts must not show: stars in its place, so that positions stay. What is short
    /// could be any word of the files, and stays.
    pub(super) fn hide(&mut self, hidden: &[String]) {
        let long = || {
            hidden
                .iter()
                .filter(|secret| secret.len() >= SECRET_BYTES_MIN)
        };
        for file in &mut self.files {
            for secret in long() {
                if file.text.contains(secret.as_str()) {
                    let stars = "*".repeat(secret.len());
                    file.text = Arc::from(file.text.replace(secret.as_str(), &stars));
                }
            }
        }
    }

    /// The file of a position.
    #[must_use]
    pub fn file(&self, at: Position) -> Option<&SourceFile> {
        self.files.get(at.file)
    }

    /// Line and column of a position, both counted from 1, the column in characters.
    #[must_use]
    pub fn line_column(&self, at: Position) -> (usize, usize) {
        let text = self.file(at).map_or("", |file| &file.text);
        let before = text.as_bytes().get(..at.start).unwrap_or(text.as_bytes());
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let start = before
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |newline| newline + 1);
        let characters = String::from_utf8_lossy(before.get(start..).unwrap_or_default());
        (line, characters.chars().count() + 1)
    }

    /// A position as people write it: `orders.yaml:12:5`.
    #[must_use]
    pub fn place(&self, at: Position) -> String {
        let (line, column) = self.line_column(at);
        let name = self.file(at).map_or("", |file| &file.name);
        format!("{name}:{line}:{column}")
    }
}
