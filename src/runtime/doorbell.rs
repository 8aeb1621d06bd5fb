//! Wakes a core from another thread: many rings between two waits cost one system call.
//!
//! The bell is a pair of sockets, since a receive on one is the only wait that works alike on both
//! drivers without `unsafe`. A wake of an idle thread costs far more (about 85 µs of CPU in all)
//! than the write that causes it, so what matters is that it happens seldom, which the armed flag
//! sees to.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use monoio::io::AsyncReadRent;

use super::armed::Armed;
use super::start::on_a_core;

/// Bytes taken from the bell at once: more than one only after a ring that came between disarming
/// and the next wait.
const RINGS_READ: usize = 16;

/// The side that rings, from any thread.
#[derive(Clone, Debug)]
pub struct Ringer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    armed: Armed,
    socket: UnixStream,
}

/// The side that waits, on its core.
///
/// The order of steps makes a lost wake impossible: arm, look into the queue once more
/// (`may_wait`), and only then wait. Whoever puts something into the queue rings after it.
///
/// ```text
/// loop {
///     take all from the queue
///     if bell.may_wait(|| the queue is empty) { bell.wait().await?; }
/// }
/// ```
#[derive(Debug)]
pub struct Doorbell {
    shared: Arc<Shared>,
    socket: monoio::net::UnixStream,
    buffer: Vec<u8>,
}

/// Makes a bell for the core that calls this.
///
/// # Errors
/// When called outside a core's runtime, or when the process has no descriptors left.
pub fn doorbell() -> io::Result<(Ringer, Doorbell)> {
    if !on_a_core() {
        return Err(io::Error::other(
            "a doorbell belongs to a core: make it inside the core's runtime",
        ));
    }
    let (near, far) = UnixStream::pair()?;
    // The ringing side never blocks; the waiting side is non-blocking for the epoll driver only,
    // since io_uring would return at once from a receive on a non-blocking socket.
    far.set_nonblocking(true)?;
    near.set_nonblocking(monoio::utils::is_legacy())?;
    let shared = Arc::new(Shared {
        armed: Armed::new(),
        socket: far,
    });
    let bell = Doorbell {
        shared: Arc::clone(&shared),
        socket: monoio::net::UnixStream::from_std(near)?,
        buffer: Vec::with_capacity(RINGS_READ),
    };
    Ok((Ringer { shared }, bell))
}

impl Ringer {
    /// Wakes the core if it armed the bell and nobody rang since; else this is one load.
    pub fn ring(&self) {
        if self.shared.armed.ring() {
            // A full socket means that wakes are waiting already, and a closed one that the core
            // has gone: in both cases there is nothing to do.
            let _ = (&self.shared.socket).write(&[1]);
        }
    }
}

impl Doorbell {
    /// Whether the core may wait now: not where something is in its queue. From here on the next
    /// ring wakes; what came before is seen by this look into the queue.
    #[must_use]
    pub fn may_wait(&self, is_empty: impl FnOnce() -> bool) -> bool {
        self.shared.armed.may_wait(is_empty)
    }

    /// Another ringer of this bell.
    #[must_use]
    pub fn ringer(&self) -> Ringer {
        Ringer {
            shared: Arc::clone(&self.shared),
        }
    }

    /// Returns after a ring since the last `may_wait`. It may also return without one: look into the
    /// queue and wait again.
    ///
    /// # Errors
    /// When the socket of the bell fails, which ends the bell.
    pub async fn wait(&mut self) -> io::Result<()> {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        buffer.reserve(RINGS_READ);
        let (result, buffer) = self.socket.read(buffer).await;
        self.buffer = buffer;
        match result {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error),
        }
    }
}
