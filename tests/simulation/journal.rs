//! What happened in a run, line by line: two runs of a seed write the same.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::Duration;

/// Lines that are shown of a run that failed.
const LINES_SHOWN: usize = 60;

/// The journal of a run.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    last: VecDeque<String>,
    hash: u64,
    lines: u64,
    aloud: bool,
}

impl Journal {
    pub(crate) fn new(aloud: bool) -> Self {
        Self {
            aloud,
            ..Self::default()
        }
    }

    pub(crate) fn note(&mut self, at: Duration, what: std::fmt::Arguments<'_>) {
        let mut line = String::with_capacity(80);
        let _ = write!(line, "{:>10.3} ms  {what}", at.as_secs_f64() * 1e3);
        for byte in line.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self.lines += 1;
        if self.aloud {
            println!("{line}");
        }
        if self.last.len() == LINES_SHOWN {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }

    /// How many lines, and a number that another journal does not have.
    pub(crate) fn summary(&self) -> (u64, u64) {
        (self.lines, self.hash)
    }

    /// The last lines.
    pub(crate) fn tail(&self) -> String {
        let lines: Vec<&str> = self.last.iter().map(String::as_str).collect();
        lines.join("\n")
    }
}
