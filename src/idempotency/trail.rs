//! Which records of the log are still wanted: a plain list of marks, oldest first.

use std::collections::VecDeque;

use super::Milliseconds;

/// A mark stands for records of at least so many bytes, so that the list stays short.
const MARK_BYTES_MIN: u64 = 64 * 1024;

/// Marks along the log. Bytes are those that records take on the disk.
#[derive(Debug)]
pub(super) struct Trail {
    marks: VecDeque<Mark>,
    bytes: u64,
    bytes_max: u64,
    segment_bytes: u64,
}

#[derive(Debug)]
struct Mark {
    /// One past the last sequence that it stands for.
    next: u64,
    /// When the last of them is forgotten.
    until: Milliseconds,
    bytes: u64,
}

impl Trail {
    /// An empty one, of a log that may hold records of so many bytes, in segments of so many.
    pub(super) fn new(bytes_max: u64, segment_bytes: u64) -> Self {
        Self {
            marks: VecDeque::new(),
            bytes: 0,
            bytes_max,
            segment_bytes,
        }
    }

    /// Notes records up to `next`, which are wanted until then.
    pub(super) fn note(&mut self, next: u64, until: Milliseconds, bytes: u64) {
        self.bytes += bytes;
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
        let bytes_max = self.bytes_max;
        self.let_go(|first, bytes| first.until <= now || bytes > bytes_max)
    }

    /// The same where the log is full, whose segments have so many bytes: the oldest go until a
    /// segment can, for only whole ones do. What would free none stays.
    pub(super) fn crowded(&mut self, held_bytes: u64) -> Option<u64> {
        // One segment is written to, and of the oldest a part may be passed already.
        let two = 2 * self.segment_bytes;
        let bytes_max = held_bytes.saturating_sub(two).max(two);
        self.let_go(|_, bytes| bytes > bytes_max)
    }

    fn let_go(&mut self, goes: impl Fn(&Mark, u64) -> bool) -> Option<u64> {
        let mut next = None;
        while let Some(first) = self.marks.front() {
            if !goes(first, self.bytes) {
                break;
            }
            next = Some(first.next);
            self.bytes -= first.bytes;
            self.marks.pop_front();
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEGMENT: u64 = 2 * MARK_BYTES_MIN;

    #[test]
    fn records_are_wanted_until_their_time_has_passed() {
        let mut trail = Trail::new(u64::MAX, SEGMENT);
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
        let mut trail = Trail::new(2 * MARK_BYTES_MIN, SEGMENT);
        for mark in 1..=3 {
            trail.note(10 * mark, 100, MARK_BYTES_MIN);
        }
        assert_eq!(trail.passed(0), Some(10));
        assert_eq!(trail.passed(0), None);
    }

    #[test]
    fn of_a_full_log_as_many_go_as_free_a_segment_and_no_more() {
        let mut trail = Trail::new(u64::MAX, SEGMENT);
        for mark in 1..=10 {
            trail.note(10 * mark, 100, MARK_BYTES_MIN);
        }
        let held = 10 * MARK_BYTES_MIN + SEGMENT / 2;
        assert_eq!(trail.crowded(held), Some(30), "half a segment was free");
        assert_eq!(trail.crowded(held), None, "it is not gone yet");
        assert_eq!(trail.crowded(held - SEGMENT), Some(50));
        assert_eq!(trail.crowded(0), Some(60), "the last two segments stay");
        assert_eq!(trail.crowded(0), None);
    }
}
