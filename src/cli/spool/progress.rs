//! How far a replay came, and how fast it may go.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::ending::complain;

/// Between two lines that say how far it came, where no bar is drawn.
const SAID_EACH: Duration = Duration::from_secs(5);

/// A rate, kept by waiting.
pub(super) struct Pace {
    each: Duration,
    due: Instant,
}

impl Pace {
    pub(super) fn new(rate: u64) -> Self {
        Self {
            each: Duration::from_secs(1).div_f64(rate.max(1) as f64),
            due: Instant::now(),
        }
    }

    /// How long to wait for the next record; `None`: it is its turn.
    pub(super) fn wait(&mut self) -> Option<Duration> {
        let now = Instant::now();
        if now < self.due {
            return Some(self.due - now);
        }
        // What was missed for long is not made up for at once.
        self.due = self
            .due
            .max(now.checked_sub(Duration::from_millis(100)).unwrap_or(now));
        self.due += self.each;
        None
    }
}

/// A bar on a terminal, and lines elsewhere.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    total: u64,
    said: Instant,
}

impl Progress {
    pub(super) fn new(total: u64) -> Self {
        let draws = std::io::stderr().is_terminal();
        let style = ProgressStyle::with_template("{bar:40} {pos} of {len} ({per_sec}, {eta} left)");
        let bar = draws.then(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            match style {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        });
        Self {
            bar,
            total,
            said: Instant::now(),
        }
    }

    pub(super) fn at(&mut self, sent: u64, ended: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(ended);
        } else if self.said.elapsed() >= SAID_EACH {
            self.said = Instant::now();
            complain(&format!("{sent} of {} sent, {ended} done\n", self.total));
        }
    }

    pub(super) fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| complain(&format!("{text}\n"))),
            None => complain(&format!("{text}\n")),
        }
    }

    pub(super) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_kept_and_what_was_missed_is_not_made_up_for() {
        let mut pace = Pace::new(10);
        assert_eq!(pace.wait(), None);
        let wait = pace.wait().unwrap();
        assert!(
            wait <= Duration::from_millis(100) && wait > Duration::from_millis(50),
            "{wait:?}"
        );
        pace.due = Instant::now() - Duration::from_secs(60);
        let at_once = (0..100).take_while(|_| pace.wait().is_none()).count();
        assert!((1..=3).contains(&at_once), "{at_once}");
    }
}
