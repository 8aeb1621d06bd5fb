//! What the disk itself takes for an fdatasync, measured beside the gateway and in the same place:
//! a gateway cannot be faster than its disk, and disks differ by more than anything else here.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::Failure;

/// Bytes of one write.
const BLOCK: usize = 4096;
/// Blocks of the file, which is allocated before: so are the segments of the log.
const BLOCKS: u64 = 1024;
/// Between two syncs: seldom enough not to be the disk's main work.
const PAUSE: Duration = Duration::from_millis(10);

/// A probe that runs.
pub(crate) struct Probe {
    thread: JoinHandle<Result<Histogram<u64>, Failure>>,
    over: Arc<AtomicBool>,
}

impl Probe {
    /// Starts to write and sync a file of its own at this path.
    pub(crate) fn start(path: &Path) -> Result<Self, Failure> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .open(path)?;
        let over = Arc::<AtomicBool>::default();
        let seen = Arc::clone(&over);
        let thread = std::thread::spawn(move || probe(&file, &seen));
        Ok(Self { thread, over })
    }

    /// Ends it: p50 and p99 of its syncs in milliseconds.
    pub(crate) fn stop(self) -> Result<(f64, f64), Failure> {
        self.over.store(true, Ordering::Release);
        let took = self
            .thread
            .join()
            .map_err(|_| "the probe of the disk panicked")??;
        let at = |quantile| took.value_at_quantile(quantile) as f64 / 1000.0;
        Ok((at(0.5), at(0.99)))
    }
}

fn probe(file: &File, over: &AtomicBool) -> Result<Histogram<u64>, Failure> {
    let mut took = Histogram::new_with_bounds(1, 120_000_000, 3)?;
    let block = [7; BLOCK];
    for at in 0..BLOCKS {
        file.write_all_at(&block, at * BLOCK as u64)?;
    }
    file.sync_all()?;
    let mut at = 0;
    while !over.load(Ordering::Acquire) {
        file.write_all_at(&block, at % BLOCKS * BLOCK as u64)?;
        let began = Instant::now();
        file.sync_data()?;
        took.saturating_record(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX));
        at += 1;
        std::thread::sleep(PAUSE);
    }
    Ok(took)
}
