//! The processes of a measurement: started on free loopback ports, awaited, read, stopped by id.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Failure;

/// Until a server listens.
const START_MAX: Duration = Duration::from_secs(60);
/// Until a server that was asked to stop has stopped; then it is killed.
const STOP_MAX: Duration = Duration::from_secs(40);
/// Between two looks at a process.
const LOOK: Duration = Duration::from_millis(20);

/// A process that is stopped when this is dropped.
pub(crate) struct Process {
    child: Child,
    name: &'static str,
}

impl Process {
    /// Starts a server; its output goes into a file of the scratch directory.
    pub(crate) fn start(
        name: &'static str,
        command: &mut Command,
        log: &Path,
    ) -> Result<Self, Failure> {
        let output = fs::OpenOptions::new().create(true).append(true).open(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .map_err(|fault| format!("{name} did not start: {fault}"))?;
        Ok(Self { child, name })
    }

    /// Its id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it listens.
    pub(crate) fn listening(&mut self, address: SocketAddr) -> Result<(), Failure> {
        let begun = Instant::now();
        while TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err() {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("{} ended at once: {status}", self.name).into());
            }
            if begun.elapsed() > START_MAX {
                return Err(format!("{} does not listen on {address}", self.name).into());
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Asks it to stop, and waits. A server that drains answers with exit status 0.
    pub(crate) fn stop(mut self) -> Result<bool, Failure> {
        Command::new("kill").arg(self.id().to_string()).status()?;
        let begun = Instant::now();
        while begun.elapsed() < STOP_MAX {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status.success());
            }
            std::thread::sleep(LOOK);
        }
        Err(format!("{} did not stop in {STOP_MAX:?}", self.name).into())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// CPU time of all threads that a process has now, in nanoseconds, the kernel's part included.
pub(crate) fn cpu_nanoseconds(process: u32) -> Result<u64, Failure> {
    let mut sum = 0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        // A thread that ended since the listing takes its time along: servers keep theirs.
        let Ok(line) = fs::read_to_string(thread?.path().join("schedstat")) else {
            continue;
        };
        let running = line.split_ascii_whitespace().next().unwrap_or("0");
        sum += running.parse::<u64>()?;
    }
    Ok(sum)
}

/// A loopback address that was free a moment ago.
pub(crate) fn free_address() -> Result<SocketAddr, Failure> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}

/// The body of a GET, for the small pages of the admin port and of the null sink.
pub(crate) fn get(address: SocketAddr, path: &str) -> Result<String, Failure> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .ok_or_else(|| format!("{path}: no answer"))?;
    if !head.starts_with("HTTP/1.1 200") {
        return Err(format!("{path}: {}", head.lines().next().unwrap_or_default()).into());
    }
    Ok(body.to_owned())
}
