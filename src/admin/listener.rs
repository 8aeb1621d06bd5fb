//! A listener that holds so many connections at most, and drops those on which nothing moves:
//! who opens the port's connections and says nothing must not shut out the health checks.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

/// After an accept that failed because of us (no descriptors left), the pause before the next.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Bounds of the port's connections.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Connections at once; more wait in the kernel's accept queue.
    pub(super) connections_max: usize,
    /// A connection on which nothing moves for so long is dropped.
    pub(super) idle_max: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections_max: 64,
            // Longer than the usual pause between two scrapes, so that these keep theirs.
            idle_max: Duration::from_secs(75),
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct BoundedListener {
    listener: TcpListener,
    free: Arc<Semaphore>,
    idle_max: Duration,
}

impl BoundedListener {
    pub(super) fn new(listener: TcpListener, bounds: Bounds) -> Self {
        Self {
            listener,
            free: Arc::new(Semaphore::new(bounds.connections_max)),
            idle_max: bounds.idle_max,
        }
    }
}

impl Listener for BoundedListener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            let Ok(permit) = Arc::clone(&self.free).acquire_owned().await else {
                // The semaphore is never closed; a port that takes nothing is the safe reading.
                std::future::pending::<()>().await;
                continue;
            };
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    // Answers are single writes; a failure costs at most some milliseconds.
                    let _ = stream.set_nodelay(true);
                    return (Connection::new(stream, self.idle_max, permit), peer);
                }
                Err(_) => sleep(ACCEPT_PAUSE).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that ends when nothing moves on it.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    idle_max: Duration,
    ends: Pin<Box<Sleep>>,
    _permit: OwnedSemaphorePermit,
}

impl Connection {
    fn new(stream: TcpStream, idle_max: Duration, permit: OwnedSemaphorePermit) -> Self {
        Self {
            stream,
            idle_max,
            ends: Box::pin(sleep(idle_max)),
            _permit: permit,
        }
    }

    /// Puts the end off if something moved, and ends the connection if nothing did in time.
    fn watch<T>(
        &mut self,
        context: &mut Context<'_>,
        moved: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if moved.is_ready() {
            self.ends.as_mut().reset(Instant::now() + self.idle_max);
            return moved;
        }
        self.ends
            .as_mut()
            .poll(context)
            .map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let moved = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.watch(context, moved)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let moved = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, moved)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use tokio::sync::oneshot;

    use super::*;

    /// A port with two connections at most that says `hello`, until the sender is dropped.
    fn start(idle_max: Duration) -> (oneshot::Sender<()>, SocketAddr) {
        let (stop, stopped) = oneshot::channel();
        let (send, receive) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
                send.send(listener.local_addr().unwrap()).unwrap();
                let bounds = Bounds {
                    connections_max: 2,
                    idle_max,
                };
                let router = axum::Router::new().fallback(|| async { "hello" });
                let server = axum::serve(BoundedListener::new(listener, bounds), router);
                tokio::select! {
                    _ = server.into_future() => {}
                    _ = stopped => {}
                }
            });
        });
        (stop, receive.recv().unwrap())
    }

    fn ask(address: SocketAddr) -> String {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn silent_connections_make_room_after_a_while() {
        let (stop, address) = start(Duration::from_millis(300));
        let silent: Vec<_> = (0..2)
            .map(|_| std::net::TcpStream::connect(address).unwrap())
            .collect();
        let asked = std::time::Instant::now();
        assert!(ask(address).ends_with("hello"));
        assert!(
            asked.elapsed() >= Duration::from_millis(150),
            "both were taken"
        );
        drop(silent);
        drop(stop);
    }
}
