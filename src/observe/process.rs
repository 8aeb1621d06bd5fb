//! What the kernel says of this process: memory, and CPU time of its threads. Read from `/proc`
//! by the admin thread, never on a core.

use std::time::Duration;

/// The kernel's id of the calling thread, where `/proc` tells it.
pub fn this_thread() -> Option<u32> {
    std::fs::read_link("/proc/thread-self")
        .ok()?
        .file_name()?
        .to_str()?
        .parse()
        .ok()
}

/// CPU time that a thread of this process has used. A core that waits in the kernel uses none,
/// whichever driver it runs on.
pub fn thread_cpu(thread: u32) -> Option<Duration> {
    let text = std::fs::read_to_string(format!("/proc/self/task/{thread}/schedstat")).ok()?;
    text.split(' ')
        .next()?
        .parse()
        .ok()
        .map(Duration::from_nanos)
}

/// Bytes of memory that this process holds (its resident set).
pub fn memory_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_thread_that_works_uses_cpu_time_and_one_that_sleeps_does_not() {
        let thread = this_thread().unwrap();
        let before = thread_cpu(thread).unwrap();
        std::thread::sleep(Duration::from_millis(60));
        let slept = thread_cpu(thread).unwrap();
        assert!(
            slept - before < Duration::from_millis(30),
            "{:?}",
            slept - before
        );
        let start = Instant::now();
        let mut spun = 0_u64;
        // Other processes may hold the processor, so this waits for CPU time and not for the clock.
        while thread_cpu(thread).unwrap() - slept < Duration::from_millis(20) {
            spun = std::hint::black_box(spun + 1);
            assert!(start.elapsed() < Duration::from_secs(20));
        }
    }

    #[test]
    fn the_process_holds_some_memory() {
        let bytes = memory_bytes().unwrap();
        assert!((1 << 20..1 << 40).contains(&bytes), "{bytes}");
    }
}
