//! One core's life: start the runtime, listen, serve, drain.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crate::http::{Deadlines, Edge, Preface, Service, refresh_date, serve};
use crate::limits::{ACCEPT_PAUSE, CONNECTIONS_PER_CORE_MAX, DRAIN_MAX};
use crate::runtime::{
    Doorbell, Driver, Listener, LocalEvent, Ringer, Runtime, bind, doorbell, ensure_free,
    refresh_clock, sleep, spawn,
};

/// From the stop until the listener closes. What the kernel has queued for this core by then is
/// still accepted and served; a listener that closes resets what is in its queue.
const STOP_GRACE: Duration = Duration::from_millis(50);
/// How often a core that drains looks whether it is done.
const DRAIN_TICK: Duration = Duration::from_millis(10);
/// The time that connections have to end once they are cut.
const CUT_GRACE: Duration = Duration::from_millis(200);

/// What one core runs on.
#[derive(Clone, Debug)]
pub struct WorkerSettings {
    /// The core's number, from 0. Its thread is called `core-N`.
    pub core: usize,
    /// Where it listens. Port 0 lets the kernel choose, which makes sense for core 0; the others
    /// take the address that core 0 then reports.
    pub address: SocketAddr,
    /// How it talks to the kernel.
    pub driver: Driver,
    /// How long the waits of its connections may last.
    pub deadlines: Deadlines,
    /// Connections at once; more wait in the kernel's queue.
    pub connections_max: usize,
    /// What each connection must begin with, before its first request.
    pub preface: Option<Preface>,
    /// Time that a stop takes at most; what is not answered by then is cut.
    pub drain_max: Duration,
}

impl WorkerSettings {
    /// The settings of a core with the bounds of `limits.rs`.
    #[must_use]
    pub fn new(core: usize, address: SocketAddr, driver: Driver) -> Self {
        Self {
            core,
            address,
            driver,
            deadlines: Deadlines::default(),
            connections_max: CONNECTIONS_PER_CORE_MAX,
            preface: None,
            drain_max: DRAIN_MAX,
        }
    }
}

/// What the gateway of a core learns of its core when it is built there.
#[derive(Clone, Debug)]
pub struct CoreContext {
    /// The core's number, from 0.
    pub core: usize,
    /// Where it listens, with the port that the kernel chose.
    pub address: SocketAddr,
    /// How it talks to the kernel, for people.
    pub driver_name: &'static str,
}

/// A core that runs.
#[derive(Debug)]
pub struct WorkerHandle {
    /// Where it listens, with the port that the kernel chose.
    pub address: SocketAddr,
    /// How it talks to the kernel, for people.
    pub driver_name: &'static str,
    /// Stops it.
    pub stop: Stopper,
    thread: JoinHandle<Drained>,
}

/// Stops a core, from any thread.
#[derive(Clone, Debug)]
pub struct Stopper {
    stopping: Arc<AtomicBool>,
    ringer: Ringer,
}

/// How a core ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were cut because they did not end in time.
    pub cut: usize,
    /// Whether the gateway had nothing in flight at the end.
    pub idle: bool,
}

impl Stopper {
    /// No more connections are accepted; those that are open get the answers they wait for. Returns
    /// at once; [`WorkerHandle::join`] waits.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.ringer.ring();
    }
}

impl WorkerHandle {
    /// Waits until the core has ended, which it does after [`Stopper::stop`].
    ///
    /// # Errors
    /// When the core's thread panicked.
    pub fn join(self) -> io::Result<Drained> {
        self.thread
            .join()
            .map_err(|_| io::Error::other("the thread of a core panicked"))
    }
}

/// Starts a core. `build` makes the gateway on the core's own thread, inside its runtime, so it may
/// spawn tasks and make doorbells there.
///
/// # Errors
/// When the address cannot be bound (it names the address, the cause and what to do), the driver is
/// not to be had, or the thread cannot be started.
pub fn start<S, B>(settings: WorkerSettings, build: B) -> io::Result<WorkerHandle>
where
    S: Service,
    B: FnOnce(&CoreContext) -> io::Result<S> + Send + 'static,
{
    if settings.core == 0 {
        ensure_free(settings.address)?;
    }
    let listener = bind(settings.address)?;
    let address = listener.local_addr()?;
    let (sender, receiver) = sync_channel(1);
    let thread = Builder::new()
        .name(format!("core-{}", settings.core))
        .spawn(move || run(&settings, listener, address, build, &sender))?;
    let started = receiver
        .recv()
        .unwrap_or_else(|_| Err(io::Error::other("the thread of a core ended as it started")));
    let (driver_name, stop) = started?;
    Ok(WorkerHandle {
        address,
        driver_name,
        stop,
        thread,
    })
}

type Started = io::Result<(&'static str, Stopper)>;

/// The core's thread.
fn run<S: Service>(
    settings: &WorkerSettings,
    listener: TcpListener,
    address: SocketAddr,
    build: impl FnOnce(&CoreContext) -> io::Result<S>,
    started: &SyncSender<Started>,
) -> Drained {
    let nothing = Drained { cut: 0, idle: true };
    // Whoever started this has gone when the channel is closed; then there is nobody to tell.
    let mut runtime = match Runtime::build(settings.driver) {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = started.send(Err(error));
            return nothing;
        }
    };
    let driver_name = runtime.driver_name();
    runtime.run(async {
        let core = match Core::open(listener) {
            Ok(core) => core,
            Err(error) => {
                let _ = started.send(Err(error));
                return nothing;
            }
        };
        let context = CoreContext {
            core: settings.core,
            address,
            driver_name,
        };
        let service = match build(&context) {
            Ok(service) => service,
            Err(error) => {
                let _ = started.send(Err(error));
                return nothing;
            }
        };
        let _ = started.send(Ok((driver_name, core.stopper())));
        core.live(service, settings).await
    })
}

/// What a core needs before it can serve.
struct Core {
    listener: Listener,
    stopping: Arc<AtomicBool>,
    bell: Doorbell,
}

impl Core {
    fn open(listener: TcpListener) -> io::Result<Self> {
        let (_, bell) = doorbell()?;
        Ok(Self {
            listener: Listener::on_core(listener)?,
            stopping: Arc::new(AtomicBool::new(false)),
            bell,
        })
    }

    fn stopper(&self) -> Stopper {
        Stopper {
            stopping: Arc::clone(&self.stopping),
            ringer: self.bell.ringer(),
        }
    }

    /// Serves until it is told to stop, then drains.
    async fn live<S: Service>(mut self, service: S, settings: &WorkerSettings) -> Drained {
        let edge = Edge::new(service, settings.deadlines).expecting(settings.preface.clone());
        let edge = Rc::new(edge);
        let ended = LocalEvent::new();
        let door = Rc::new(Door {
            listener: self.listener,
            ended: ended.clone(),
        });
        let closed = Rc::new(std::cell::Cell::new(false));
        spawn(sweep(Rc::clone(&edge), Rc::clone(&closed)));
        spawn(accept(
            Rc::clone(&edge),
            Rc::clone(&door),
            settings.connections_max,
        ));
        let goes_on = || !self.stopping.load(Ordering::Acquire);
        while self.bell.may_wait(goes_on) && self.bell.wait().await.is_ok() {}
        edge.stop();
        sleep(STOP_GRACE).await;
        door.listener.stop_handle().hang_up();
        edge.closed().raise();
        ended.wait().await;
        drop(door);
        let drained = drain(&edge, settings.drain_max).await;
        closed.set(true);
        drained
    }
}

/// The listener, shared between the accepting task and the one that stops it.
struct Door {
    listener: Listener,
    /// Raised when nothing is accepted any more.
    ended: LocalEvent,
}

/// Accepts connections until the listener is hung up.
async fn accept<S: Service>(edge: Rc<Edge<S>>, door: Rc<Door>, connections_max: usize) {
    let mut is_pausing = false;
    loop {
        while edge.open() >= connections_max && !edge.is_stopping() {
            edge.closed().wait().await;
        }
        match door.listener.accept().await {
            Ok((stream, peer)) => {
                is_pausing = false;
                spawn(serve(Rc::clone(&edge), stream, peer));
            }
            Err(_) if edge.is_stopping() => break,
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                // Most often there are no descriptors left. The queue waits in the kernel; trying
                // at once again would only burn the core.
                if !is_pausing {
                    tracing::warn!(%error, "accept.paused");
                }
                is_pausing = true;
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    door.ended.raise();
}

/// Errors of an accept that say something about the connection and nothing about the listener.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
            | io::ErrorKind::WouldBlock
    )
}

/// Keeps the deadlines of all connections, the coarse clock and the date.
async fn sweep<S: Service>(edge: Rc<Edge<S>>, closed: Rc<std::cell::Cell<bool>>) {
    while !closed.get() {
        refresh_clock();
        refresh_date();
        edge.watch().sweep();
        sleep(edge.watch().deadlines().tick).await;
    }
}

/// Waits until all connections have ended and nothing is in flight, within the bound.
async fn drain<S: Service>(edge: &Edge<S>, drain_max: Duration) -> Drained {
    let deadline = refresh_clock() + drain_max;
    while edge.open() > 0 || !edge.service().is_idle() {
        if refresh_clock() >= deadline {
            let cut = edge.open();
            edge.abandon();
            sleep(CUT_GRACE).await;
            return Drained {
                cut,
                idle: edge.service().is_idle(),
            };
        }
        // Connections that were accepted at the last moment and say nothing.
        edge.watch().end_idle();
        sleep(DRAIN_TICK).await;
    }
    Drained { cut: 0, idle: true }
}

#[cfg(test)]
mod tests;
