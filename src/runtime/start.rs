//! Builds the runtime of a core: io_uring with the flags that pay, else epoll.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::io;
use std::str::FromStr;
use std::time::Duration;

use monoio::time::TimeDriver;
use monoio::{FusionRuntime, IoUringDriver, LegacyDriver, RuntimeBuilder};

/// Entries of a ring, and events that one epoll call returns. Fewer make the submission queue
/// overflow in a tick that answers thousands of connections.
const ENTRIES: u32 = 4096;

thread_local! {
    static ON_A_CORE: Cell<bool> = const { Cell::new(false) };
}

/// How a core talks to the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Driver {
    /// io_uring where the kernel allows it, else epoll.
    #[default]
    Auto,
    /// io_uring or nothing.
    Uring,
    /// epoll.
    Epoll,
}

impl FromStr for Driver {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "uring" => Ok(Self::Uring),
            "epoll" => Ok(Self::Epoll),
            _ => Err(format!(
                "`{text}` is not a driver: use auto, uring or epoll"
            )),
        }
    }
}

impl fmt::Display for Driver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Auto => "auto",
            Self::Uring => "uring",
            Self::Epoll => "epoll",
        })
    }
}

/// A core's runtime, to be built and used on the core's own thread.
#[allow(
    missing_debug_implementations,
    reason = "the library's runtime has no Debug"
)]
pub struct Runtime {
    inner: FusionRuntime<TimeDriver<IoUringDriver>, TimeDriver<LegacyDriver>>,
    driver_name: &'static str,
}

impl Runtime {
    /// Builds the runtime that `driver` asks for. With `Auto` and `Uring` the flags are tried from
    /// the best set down, because containers and older kernels know fewer.
    ///
    /// # Errors
    /// When `Uring` is asked for and the kernel refuses it, or when epoll cannot be opened.
    pub fn build(driver: Driver) -> io::Result<Self> {
        if driver == Driver::Epoll {
            return Self::build_epoll();
        }
        match (Self::build_uring(), driver) {
            (Ok(runtime), _) => Ok(runtime),
            (Err(error), Driver::Uring) => Err(io::Error::new(
                error.kind(),
                format!(
                    "io_uring is not to be had here ({error}): \
                     use `--driver auto` or `--driver epoll`"
                ),
            )),
            (Err(_), _) => Self::build_epoll(),
        }
    }

    /// What was chosen, for people: `io_uring (COOP_TASKRUN, SINGLE_ISSUER)`, …, `epoll`.
    #[must_use]
    pub fn driver_name(&self) -> &'static str {
        self.driver_name
    }

    /// Runs the core until `future` is done.
    pub fn run<F: Future>(&mut self, future: F) -> F::Output {
        ON_A_CORE.set(true);
        let output = self.inner.block_on(future);
        ON_A_CORE.set(false);
        output
    }

    fn build_uring() -> io::Result<Self> {
        if !monoio::utils::detect_uring() {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "the kernel has no io_uring, forbids it, or lacks operations that are needed",
            ));
        }
        let mut refusal = io::Error::from(io::ErrorKind::Unsupported);
        for (driver_name, flags) in ring_flags() {
            let built = RuntimeBuilder::<IoUringDriver>::new()
                .uring_builder(flags)
                .with_entries(ENTRIES)
                .enable_timer()
                .build();
            match built {
                Ok(runtime) => {
                    return Ok(Self {
                        inner: FusionRuntime::Uring(runtime),
                        driver_name,
                    });
                }
                Err(error) => refusal = error,
            }
        }
        Err(refusal)
    }

    fn build_epoll() -> io::Result<Self> {
        let runtime = RuntimeBuilder::<LegacyDriver>::new()
            .with_entries(ENTRIES)
            .enable_timer()
            .build()?;
        Ok(Self {
            inner: FusionRuntime::Legacy(runtime),
            driver_name: "epoll",
        })
    }
}

/// The sets of flags from the best down. Without `COOP_TASKRUN` the kernel interrupts the core for
/// each completion (1.4 to 1.6 × the CPU per request); `SINGLE_ISSUER` spares locking.
fn ring_flags() -> [(&'static str, io_uring::Builder); 3] {
    let mut best = io_uring::IoUring::builder();
    best.setup_coop_taskrun().setup_single_issuer();
    let mut cooperative = io_uring::IoUring::builder();
    cooperative.setup_coop_taskrun();
    [
        ("io_uring (COOP_TASKRUN, SINGLE_ISSUER)", best),
        ("io_uring (COOP_TASKRUN)", cooperative),
        ("io_uring", io_uring::IoUring::builder()),
    ]
}

/// Whether the calling thread is inside [`Runtime::run`].
pub(super) fn on_a_core() -> bool {
    ON_A_CORE.get()
}

/// Starts a task on this core. It runs until it is done or the core ends.
///
/// # Panics
/// Outside [`Runtime::run`], which is a mistake of this program.
pub fn spawn<F: Future<Output = ()> + 'static>(future: F) {
    // The handle is not kept: a dropped handle lets the task run on.
    drop(monoio::spawn(future));
}

/// Waits at least this long.
///
/// # Panics
/// Outside [`Runtime::run`], which is a mistake of this program.
pub async fn sleep(duration: Duration) {
    monoio::time::sleep(duration).await;
}
