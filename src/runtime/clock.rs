//! The time: a clock that costs nothing to read, since each core refreshes it a few times a second,
//! and the exact one, which a simulation sets.

use std::cell::Cell;
use std::time::{Instant, SystemTime};

thread_local! {
    static NOW: Cell<Option<Instant>> = const { Cell::new(None) };
    static SET: Cell<Option<(Instant, SystemTime)>> = const { Cell::new(None) };
}

/// The time now, or the one that this thread's simulation has set.
#[must_use]
pub fn now() -> Instant {
    SET.get().map_or_else(Instant::now, |(now, _)| now)
}

/// The time of day now, or the one that this thread's simulation has set.
#[must_use]
pub fn system_now() -> SystemTime {
    SET.get().map_or_else(SystemTime::now, |(_, now)| now)
}

/// Sets the time of this thread, where it stands until it is set again. For simulations: what runs
/// on this thread then sees no other time.
pub fn set_time(now: Instant, system_now: SystemTime) {
    SET.set(Some((now, system_now)));
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
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_time_that_is_set_stands_still_on_this_thread_alone() {
        let there = (now() + Duration::from_secs(3600), SystemTime::UNIX_EPOCH);
        set_time(there.0, there.1);
        assert_eq!((now(), system_now()), there);
        let elsewhere = std::thread::spawn(now).join().unwrap();
        assert!(elsewhere < there.0);
    }

    #[test]
    fn the_coarse_clock_stands_still_between_refreshes() {
        let first = refresh_clock();
        assert_eq!(coarse_now(), first);
        std::thread::sleep(Duration::from_millis(2));
        assert_eq!(coarse_now(), first);
        assert!(refresh_clock() > first);
    }
}
