//! The runtime under the yardstick, the load and the null sink: monoio with the ring flags that the
//! gateway itself asks for, so that the comparison is between servers and not between rings.

use std::future::Future;
use std::io;

use monoio::{IoUringDriver, LegacyDriver, RuntimeBuilder};

/// Entries of the ring; fewer cost extra system calls at a few hundred connections.
const ENTRIES: u32 = 4096;

/// Runs a future to its end, without timers: their bookkeeping would be paid on every loop.
pub(crate) fn block_on<F: Future>(future: F) -> io::Result<F::Output> {
    if let Ok(mut runtime) = ring().build() {
        return Ok(runtime.block_on(future));
    }
    Ok(RuntimeBuilder::<LegacyDriver>::new()
        .build()?
        .block_on(future))
}

/// Runs a future that sleeps.
pub(crate) fn block_on_with_timers<F: Future>(future: F) -> io::Result<F::Output> {
    if let Ok(mut runtime) = ring().enable_timer().build() {
        return Ok(runtime.block_on(future));
    }
    Ok(RuntimeBuilder::<LegacyDriver>::new()
        .enable_timer()
        .build()?
        .block_on(future))
}

fn ring() -> RuntimeBuilder<IoUringDriver> {
    let mut flags = io_uring::IoUring::builder();
    flags.setup_coop_taskrun().setup_single_issuer();
    RuntimeBuilder::new()
        .uring_builder(flags)
        .with_entries(ENTRIES)
}
