//! Which records of the log are still wanted: a plain list of marks, oldest first.

use std::collections::VecDeque;

use super::Milliseconds;

/// A mark stands for records of at least so many bytes, so that the list stays short.
const MARK_BYTES_MIN: usize = 64 * 1024;

/// Marks along the log.
#[derive(Debug)]
pub(super) struct Trail {
    marks: VecDeque<Mark>,
    bytes: u64,
    bytes_max: u64,
}

#[derive(Debug)]
struct Mark {
    /// One past the last sequence that it stands for.
    next: u64,
    /// When the last of them is forgotten.
    until: Milliseconds,
    bytes: usize,
}

impl Trail {
    /// An empty one, of a log that may hold records of so many bytes.
    pub(super) fn new(bytes_max: u64) -> Self {
        Self {
            marks: VecDeque::new(),
            bytes: 0,
            bytes_max,
        }
    }

    /// Notes records up to `next`, which are wanted until then.
    pub(super) fn note(&mut self, next: u64, until: Milliseconds, bytes: usize) {
        self.bytes += bytes as u64;
        match self.marks.back_mut() {
            Some(last) if last.bytes < MARK_BYTES_MIN => {
                last.next = last.next.max(next);
                last.until = last.until.max(until);
                last.bytes += bytes;
            }
            _ => self.marks.push_back(Mark { next, until, bytes }),
        }
    }

    /// The first record that is wanted, where that is another than the last time: those whose time
    /// has passed are not, nor the oldest beyond what the log may hold.
    pub(super) fn passed(&mut self, now: Milliseconds) -> Option<u64> {
        let mut next = None;
        while let Some(first) = self.marks.front() {
            if first.until > now && self.bytes <= self.bytes_max {
                break;
            }
            next = Some(first.next);
            self.bytes -= first.bytes as u64;
            self.marks.pop_front();
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_wanted_until_their_time_has_passed() {
        let mut trail = Trail::new(u64::MAX);
        trail.note(10, 100, MARK_BYTES_MIN);
        trail.note(20, 200, MARK_BYTES_MIN / 2);
        trail.note(30, 300, MARK_BYTES_MIN);
        assert_eq!(trail.passed(99), None);
        assert_eq!(trail.passed(100), Some(10));
        assert_eq!(trail.passed(200), None, "20 and 30 share a mark");
        assert_eq!(trail.passed(300), Some(30));
        assert_eq!(trail.passed(1000), None);
        assert_eq!(trail.bytes, 0);
    }

    #[test]
    fn beyond_what_the_log_may_hold_the_oldest_go() {
        let mut trail = Trail::new(2 * MARK_BYTES_MIN as u64);
        for mark in 1..=3 {
            trail.note(10 * mark, 100, MARK_BYTES_MIN);
        }
        assert_eq!(trail.passed(0), Some(10));
        assert_eq!(trail.passed(0), None);
    }
}
