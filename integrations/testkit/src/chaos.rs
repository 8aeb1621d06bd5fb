//! A TCP proxy that spoils connections between a client and a backend: latency, slicing, resets
//! and a black hole (a peer that is gone without a word, which the kernel's own tools cannot make
//! here). One thread for each direction of a connection: it serves a handful of them in a test.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Both directions are looked at so often when nothing flows.
const TICK: Duration = Duration::from_millis(20);
const PIECE_BYTES: usize = 16 * 1024;

/// What the proxy does to what passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weather {
    /// Nothing.
    #[default]
    Fair,
    /// Each piece waits so long, in each direction.
    Latency(Duration),
    /// Pieces are cut into slices of so many bytes, each sent on its own.
    Slices(usize),
    /// Connections are reset, those that are open and those that come.
    Reset,
    /// Connections are taken and stay open, and nothing passes any more in either direction.
    BlackHole,
}

/// A running proxy. It stops when it is dropped.
pub struct ChaosProxy {
    address: SocketAddr,
    sky: Arc<Mutex<Sky>>,
}

#[derive(Default)]
struct Sky {
    weather: Weather,
    stopped: bool,
}

impl ChaosProxy {
    /// Starts a proxy to this address on a free port of the loopback.
    ///
    /// # Panics
    /// Where no port can be bound.
    #[must_use]
    pub fn to(backend: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let sky = Arc::new(Mutex::new(Sky::default()));
        let above = Arc::clone(&sky);
        thread::spawn(move || {
            for client in listener.incoming() {
                if above.lock().unwrap().stopped {
                    return;
                }
                if let (Ok(client), Ok(backend)) = (client, TcpStream::connect(backend)) {
                    join(&client, &backend, &above);
                }
            }
        });
        Self { address, sky }
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the weather, for open connections too.
    ///
    /// # Panics
    /// Never, unless a thread of the proxy did.
    pub fn set(&self, weather: Weather) {
        self.sky.lock().unwrap().weather = weather;
    }
}

impl Drop for ChaosProxy {
    fn drop(&mut self) {
        self.sky.lock().unwrap().stopped = true;
        // Wakes the listener so that it sees the flag.
        drop(TcpStream::connect(self.address));
    }
}

/// Starts both directions of a connection.
fn join(client: &TcpStream, backend: &TcpStream, sky: &Arc<Mutex<Sky>>) {
    for (from, to) in [(client, backend), (backend, client)] {
        let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else {
            return;
        };
        let sky = Arc::clone(sky);
        thread::spawn(move || carry(from, to, &sky));
    }
}

/// Carries one direction until either end closes.
fn carry(mut from: TcpStream, mut to: TcpStream, sky: &Mutex<Sky>) {
    let _ = to.set_nodelay(true);
    let _ = from.set_read_timeout(Some(TICK));
    let mut piece = [0; PIECE_BYTES];
    loop {
        let weather = {
            let sky = sky.lock().unwrap();
            if sky.stopped {
                Weather::Reset
            } else {
                sky.weather
            }
        };
        match weather {
            Weather::Reset => {
                // Closing with a linger of zero sends a reset.
                for end in [&from, &to] {
                    let _ = socket2::SockRef::from(end).set_linger(Some(Duration::ZERO));
                }
                // The other direction sees its end closed and goes too.
                let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
                return;
            }
            Weather::BlackHole => {
                thread::sleep(TICK);
                continue;
            }
            Weather::Fair | Weather::Latency(_) | Weather::Slices(_) => {}
        }
        let count = match from.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if would_block(&error) => continue,
            Err(_) => break,
        };
        if pass(&mut to, &piece[..count], weather).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

fn pass(to: &mut TcpStream, piece: &[u8], weather: Weather) -> std::io::Result<()> {
    let slice = match weather {
        Weather::Latency(time) => {
            thread::sleep(time);
            piece.len()
        }
        Weather::Slices(bytes) => bytes.max(1),
        _ => piece.len(),
    };
    piece.chunks(slice).try_for_each(|part| to.write_all(part))
}

fn would_block(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that sends back what it gets, behind a proxy, and a client of it.
    fn echo() -> (ChaosProxy, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let proxy = ChaosProxy::to(listener.local_addr().unwrap());
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let mut reader = stream.try_clone().unwrap();
                thread::spawn(move || std::io::copy(&mut reader, &mut { stream }));
            }
        });
        let client = TcpStream::connect(proxy.address()).unwrap();
        client
            .set_read_timeout(Some(Duration::from_millis(500)))
            .unwrap();
        (proxy, client)
    }

    fn said_back(client: &mut TcpStream) -> std::io::Result<[u8; 4]> {
        client.write_all(b"ping")?;
        let mut answer = [0; 4];
        client.read_exact(&mut answer)?;
        Ok(answer)
    }

    #[test]
    fn bytes_pass_whole_in_fair_weather_in_slices_and_with_latency() {
        let (proxy, mut client) = echo();
        let late = Duration::from_millis(50);
        for weather in [Weather::Fair, Weather::Slices(1), Weather::Latency(late)] {
            proxy.set(weather);
            // The weather of a piece that is being waited for is that of its arrival's tick.
            thread::sleep(TICK * 3);
            let start = std::time::Instant::now();
            assert_eq!(&said_back(&mut client).unwrap(), b"ping", "{weather:?}");
            assert!(weather != Weather::Latency(late) || start.elapsed() >= late * 2);
        }
    }

    #[test]
    fn a_reset_and_a_black_hole_let_nothing_pass() {
        for weather in [Weather::Reset, Weather::BlackHole] {
            let (proxy, mut client) = echo();
            said_back(&mut client).unwrap();
            proxy.set(weather);
            thread::sleep(TICK * 3);
            assert!(said_back(&mut client).is_err(), "{weather:?}");
        }
    }
}
