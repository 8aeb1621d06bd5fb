//! Sockets of a core: listeners, connections, and the handles that end a pending operation.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use monoio::buf::{IoBuf, IoBufMut};
use monoio::io::{AsyncReadRent, AsyncWriteRent};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// Connections that the kernel holds for a listener until they are accepted.
const BACKLOG: i32 = 4096;

/// A process that was killed leaves its listeners for moments: until the kernel has taken its ring
/// apart. Who starts in its place waits so long for the port.
const PREDECESSOR_TIME_MAX: Duration = Duration::from_secs(1);
const PREDECESSOR_PAUSE: Duration = Duration::from_millis(20);

/// Binds and listens with `SO_REUSEPORT`, so that each core has a queue of its own on the same
/// address, and with `TCP_NODELAY`, which accepted sockets inherit. Works on any thread.
///
/// # Errors
/// What the kernel says, with the address.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = || -> io::Result<TcpListener> {
        let socket = open(address)?;
        socket.set_reuse_port(true)?;
        socket.set_tcp_nodelay(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    };
    listener().map_err(|error| cannot_listen(address, &error))
}

/// Says whether nobody listens on `address`. `SO_REUSEPORT` lets two gateways of one user share a
/// port without a word, each with half of the connections: the first core asks this before it
/// binds. Waits a second at most for one that was killed just now.
///
/// # Errors
/// What the kernel says, with the address.
pub fn ensure_free(address: SocketAddr) -> io::Result<()> {
    if address.port() == 0 {
        return Ok(());
    }
    let began = Instant::now();
    loop {
        let probe = || open(address)?.bind(&address.into());
        match probe() {
            Err(error)
                if error.kind() == io::ErrorKind::AddrInUse
                    && began.elapsed() < PREDECESSOR_TIME_MAX =>
            {
                std::thread::sleep(PREDECESSOR_PAUSE);
            }
            ended => return ended.map_err(|error| cannot_listen(address, &error)),
        }
    }
}

fn open(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // Sockets of the last run that are still closing must not hold the address.
    socket.set_reuse_address(true)?;
    Ok(socket)
}

fn cannot_listen(address: SocketAddr, error: &io::Error) -> io::Error {
    let remedy = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "; another process listens there: stop it or choose another port"
        }
        io::ErrorKind::PermissionDenied => {
            "; ports below 1024 need a privilege: choose another one"
        }
        io::ErrorKind::AddrNotAvailable => "; this machine has no such address",
        _ => "",
    };
    io::Error::new(
        error.kind(),
        format!("cannot listen on {address}: {error}{remedy}"),
    )
}

/// A listener on its core.
#[derive(Debug)]
pub struct Listener {
    inner: monoio::net::TcpListener,
}

impl Listener {
    /// Takes a bound listener over for this core.
    ///
    /// # Errors
    /// When the driver cannot register it.
    pub fn on_core(listener: TcpListener) -> io::Result<Self> {
        // epoll needs a non-blocking socket; io_uring would answer an accept on one at once.
        listener.set_nonblocking(monoio::utils::is_legacy())?;
        let inner = monoio::net::TcpListener::from_std(listener)?;
        Ok(Self { inner })
    }

    /// The next connection. Must not be dropped before it returns.
    ///
    /// # Errors
    /// What the kernel says; `InvalidInput` after [`Line::hang_up`] on the stop handle.
    pub async fn accept(&self) -> io::Result<(Stream, SocketAddr)> {
        let (stream, peer) = self.inner.accept().await?;
        Ok((Stream { inner: stream }, peer))
    }

    /// A handle whose `hang_up` makes the pending accept return. A connection to oneself would not
    /// do: with `SO_REUSEPORT` the kernel may hand it to another core.
    #[must_use]
    pub fn stop_handle(&self) -> Line {
        Line {
            descriptor: self.inner.as_raw_fd(),
        }
    }
}

/// A connection on its core.
#[derive(Debug)]
pub struct Stream {
    inner: monoio::net::TcpStream,
}

impl Stream {
    /// Receives into the spare capacity of `buffer`, behind what it holds, and returns both.
    /// 0 bytes: the other side has ended, or the line was hung up, or there was no capacity.
    pub async fn read(&mut self, buffer: BytesMut) -> (io::Result<usize>, BytesMut) {
        let filled = buffer.len();
        let (result, slice) = self.inner.read(buffer.slice_mut(filled..)).await;
        (result, slice.into_inner())
    }

    /// Sends some of `bytes` from `start` on and returns how many, with the buffer.
    pub async fn write(&mut self, bytes: Vec<u8>, start: usize) -> (io::Result<usize>, Vec<u8>) {
        let start = start.min(bytes.len());
        let (result, slice) = self.inner.write(bytes.slice(start..)).await;
        (result, slice.into_inner())
    }

    /// The handle through which another task of this core ends pending operations.
    #[must_use]
    pub fn line(&self) -> Line {
        Line {
            descriptor: self.inner.as_raw_fd(),
        }
    }
}

/// Ends pending operations of a socket by shutting it down.
///
/// Whoever holds a line drops it before the socket: on a descriptor that was closed and given
/// away again it would hang up somebody else.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    descriptor: RawFd,
}

impl Line {
    /// Ends pending and later reads (and accepts); what has arrived can still be read.
    pub fn hang_up(self) {
        self.shut(std::net::Shutdown::Read);
    }

    /// Says to the other side that nothing more comes.
    pub fn end_writing(self) {
        self.shut(std::net::Shutdown::Write);
    }

    /// Ends everything.
    pub fn cut(self) {
        self.shut(std::net::Shutdown::Both);
    }

    #[allow(
        unsafe_code,
        reason = "the runtime's sockets lend no borrowed descriptor"
    )]
    fn shut(self, how: std::net::Shutdown) {
        // SAFETY: the descriptor is open, since a line is dropped before its socket (see above);
        // the borrow ends within this call.
        let descriptor = unsafe { BorrowedFd::borrow_raw(self.descriptor) };
        // A socket whose other side has gone is shut down already.
        let _ = SockRef::from(&descriptor).shutdown(how);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_of_a_predecessor_that_is_still_dying_is_waited_for() {
        let held = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = held.local_addr().unwrap();
        let dying = std::thread::spawn(move || {
            std::thread::sleep(PREDECESSOR_PAUSE * 5);
            drop(held);
        });
        ensure_free(address).unwrap();
        dying.join().unwrap();
        let held = TcpListener::bind(address).unwrap();
        let error = ensure_free(address).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        drop(held);
    }
}
