//! The admin port: health, metrics, status and settings, for operators and their tools.
//!
//! It runs on a thread of its own with a small tokio runtime, so that a slow scraper costs the
//! cores nothing but the snapshots. It only reads: there is no request here that changes
//! anything. Browsers are kept out by the check of `Host`: a page of another site that rebinds
//! its name to this address gets no answer.

mod host;
mod listener;
mod pages;
mod status;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::observe::Sources;
use listener::{BoundedListener, Bounds};

/// Threads that wait for the cores' snapshots.
const BLOCKING_THREADS_MAX: usize = 2;
/// Time that answers under way get when the port is closed.
const STOP_MAX: Duration = Duration::from_secs(1);

/// The open admin port. Dropping it closes the port, as [`AdminHandle::stop`] does.
#[derive(Debug)]
pub struct AdminHandle {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Opens the admin port and answers on it until the handle is stopped.
///
/// # Errors
/// The port cannot be bound, for one because something else listens there; the message names the
/// address.
pub fn start(address: SocketAddr, sources: Arc<dyn Sources>) -> io::Result<AdminHandle> {
    let named = |why: io::Error| {
        let text = format!("the admin port {address} cannot be opened: {why}");
        io::Error::new(why.kind(), text)
    };
    let socket = TcpListener::bind(address).map_err(named)?;
    let bound = socket.local_addr().map_err(named)?;
    socket.set_nonblocking(true).map_err(named)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .build()
        .map_err(named)?;
    let listener = {
        let _inside = runtime.enter();
        tokio::net::TcpListener::from_std(socket).map_err(named)?
    };
    let (stop, stopped) = oneshot::channel();
    let thread = std::thread::Builder::new()
        .name("admin".to_owned())
        .spawn(move || {
            runtime.block_on(serve(listener, sources, stopped));
            runtime.shutdown_timeout(STOP_MAX);
        })
        .map_err(named)?;
    Ok(AdminHandle {
        address: bound,
        stop: Some(stop),
        thread: Some(thread),
    })
}

async fn serve(
    listener: tokio::net::TcpListener,
    sources: Arc<dyn Sources>,
    stopped: oneshot::Receiver<()>,
) {
    let listener = BoundedListener::new(listener, Bounds::default());
    let (closing, mut closed) = oneshot::channel::<()>();
    let server = axum::serve(listener, pages::router(sources)).with_graceful_shutdown(async {
        // An error means that the handle is gone, which stops the port as well.
        let _ = stopped.await;
        drop(closing);
    });
    tokio::select! {
        _ = server.into_future() => {}
        () = async {
            let _ = (&mut closed).await;
            tokio::time::sleep(STOP_MAX).await;
        } => {}
    }
}

impl AdminHandle {
    /// Where the port is, as bound.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes the port. Answers under way get a second to be finished.
    pub fn stop(mut self) {
        self.close();
    }

    fn close(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic on the admin thread was printed when it happened, and ends only that thread.
            let _ = thread.join();
        }
    }
}

impl Drop for AdminHandle {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests;
