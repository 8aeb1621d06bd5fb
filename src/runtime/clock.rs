//! A clock that costs nothing to read: each core refreshes it a few times a second.

use std::cell::Cell;
use std::time::Instant;

thread_local! {
    static NOW: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// The time of the last [`refresh_clock`] on this thread; on a thread that never refreshed, now.
///
/// The sweeper of each core refreshes it at each of its ticks (200 ms), and whoever needs it
/// finer refreshes it himself.
#[must_use]
pub fn coarse_now() -> Instant {
    NOW.get().unwrap_or_else(Instant::now)
}

/// Reads the real clock, keeps it for [`coarse_now`] on this thread, and returns it.
pub fn refresh_clock() -> Instant {
    let now = Instant::now();
    NOW.set(Some(now));
    now
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coarse_clock_stands_still_between_refreshes() {
        let first = refresh_clock();
        assert_eq!(coarse_now(), first);
        std::thread::sleep(std::time::Duration::from_millis(2));
        assert_eq!(coarse_now(), first);
        assert!(refresh_clock() > first);
    }
}
