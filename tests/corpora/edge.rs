//! The gateway under test: the real one, in this process, with deadlines short enough for a test.

use std::net::SocketAddr;
use std::time::Duration;

use sluicegate::http::Deadlines;
use sluicegate::rooms::RoomContext;
use sluicegate::runtime::Driver;
use sluicegate::serve::{self, Running, ServeOptions};
use sluicegate::settings::{Environment, load_text};

/// Every method that a case sends finds a route, or a path that has others; `/after` answers 200.
pub(crate) const OPEN: &str = "\
server: { http: \"127.0.0.1:0\", admin: \"127.0.0.1:0\", health_path: /after }
targets: { all: { discard: {} } }
clients: { someone: { sha256: \"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\" } }
defaults: { auth: none, accept: { formats: [raw] } }
routes:
  - { route: GET /, to: [ { target: all } ] }
  - { route: POST /, to: [ { target: all } ] }
  - { route: PUT /, to: [ { target: all } ] }
  - { route: POST /keyed, auth: [api_key], to: [ { target: all } ] }
  - { route: \"GET /{*rest}\", to: [ { target: all } ] }
  - { route: \"POST /{*rest}\", to: [ { target: all } ] }
  - { route: \"PUT /{*rest}\", to: [ { target: all } ] }
";

/// A gateway that runs.
pub(crate) struct Edge {
    running: Option<Running>,
    pub(crate) address: SocketAddr,
}

impl Edge {
    /// With this file, its first line left out.
    pub(crate) fn start(driver: Driver, file: &str, deadlines: Deadlines) -> Self {
        let text = format!("sluicegate: 1\n{file}");
        let settings = load_text("corpora.yaml", &text, &Environment::default())
            .unwrap_or_else(|wrong| panic!("{wrong}"));
        let options = ServeOptions {
            cores: Some(2),
            driver,
            deadlines,
        };
        let running = serve::start(settings, &options, &RoomContext::from_environment()).unwrap();
        Self {
            address: running.http,
            running: Some(running),
        }
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop();
        }
    }
}

/// Deadlines that a test can wait for, and that a busy machine keeps.
pub(crate) fn quick() -> Deadlines {
    Deadlines {
        header: Duration::from_millis(600),
        body_idle: Duration::from_millis(600),
        keep_alive: Duration::from_millis(900),
        linger: Duration::from_millis(300),
        tick: Duration::from_millis(20),
        ..Deadlines::default()
    }
}

/// The drivers of this machine.
pub(crate) fn drivers() -> Vec<Driver> {
    match sluicegate::runtime::Runtime::build(Driver::Uring) {
        Ok(_) => vec![Driver::Epoll, Driver::Uring],
        Err(_) => vec![Driver::Epoll],
    }
}
