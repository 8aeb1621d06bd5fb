//! A gateway that runs: the real program with a file of its own, on free ports.

use std::fmt::Write as _;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::{Answer, Client, PATIENCE, sluicegate};

/// A stop takes at most this long in a story.
const STOP_WITHIN: Duration = Duration::from_secs(35);

/// A gateway to be.
pub(crate) struct Opening {
    top: String,
    server: String,
    targets: String,
    routes: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

/// Begins the file of a gateway.
pub(crate) fn gateway() -> Opening {
    Opening {
        top: String::new(),
        server: String::new(),
        targets: String::new(),
        routes: String::new(),
        arguments: Vec::new(),
        environment: Vec::new(),
    }
}

impl Opening {
    /// The YAML of a whole key of the file, its lines' ends included.
    pub(crate) fn top(mut self, text: &str) -> Self {
        self.top.push_str(text);
        self
    }

    /// The YAML of a key of `server`.
    pub(crate) fn server(mut self, key: &str) -> Self {
        writeln!(self.server, "  {key}").unwrap();
        self
    }

    /// A target: its name, and the YAML of its room with what else stands beside it.
    pub(crate) fn target(mut self, name: &str, room: &str) -> Self {
        writeln!(self.targets, "  {name}: {{ {room} }}").unwrap();
        self
    }

    /// A route that sends each event to one target.
    pub(crate) fn route(self, route: &str, target: &str, record: &str) -> Self {
        self.fan_out(route, &[&format!("target: {target}, record: {record}")], "")
    }

    /// A route with several bindings; `more` are further keys of the route, one a line.
    pub(crate) fn fan_out(mut self, route: &str, bindings: &[&str], more: &str) -> Self {
        writeln!(self.routes, "  - route: {route}\n    to:").unwrap();
        for binding in bindings {
            writeln!(self.routes, "      - {{ {binding} }}").unwrap();
        }
        for line in more.lines() {
            writeln!(self.routes, "    {}", line.trim_start()).unwrap();
        }
        self
    }

    /// An argument of the command line.
    pub(crate) fn with(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// A variable of the environment.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts it and waits until it listens.
    pub(crate) fn start(self) -> Gateway {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "sluicegate: 1\n{}server:\n{}targets:\n{}defaults: {{ auth: none }}\nroutes:\n{}",
            self.top, self.server, self.targets, self.routes
        );
        std::fs::write(folder.path().join("gateway.yaml"), text).unwrap();
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let words = Words {
            arguments: self.arguments,
            environment: self.environment,
        };
        let mut gateway = Gateway {
            child: words.launch(folder.path(), nowhere, nowhere),
            words,
            folder,
            http: nowhere,
            admin: nowhere,
            started: Value::Null,
        };
        gateway.wait_for_its_start();
        gateway
    }
}

/// What a gateway is started with beside its file.
struct Words {
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Words {
    fn launch(&self, folder: &Path, http: SocketAddr, admin: SocketAddr) -> Child {
        sluicegate()
            .arg("serve")
            .arg(folder.join("gateway.yaml"))
            .args(["--http", &http.to_string(), "--admin", &admin.to_string()])
            .args(["--log-format", "json", "--cores", "2"])
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::null())
            .stderr(File::create(folder.join("log")).unwrap())
            .spawn()
            .unwrap()
    }
}

/// A gateway that runs. It is killed when it is dropped.
pub(crate) struct Gateway {
    child: Child,
    words: Words,
    folder: TempDir,
    /// The data port.
    pub(crate) http: SocketAddr,
    /// The admin port.
    pub(crate) admin: SocketAddr,
    /// The line `gateway.started` of its log.
    pub(crate) started: Value,
}

impl Gateway {
    fn wait_for_its_start(&mut self) {
        self.started = Value::Null;
        let end = Instant::now() + PATIENCE;
        while self.started.is_null() {
            let ended = self.child.try_wait().unwrap();
            let file = || std::fs::read_to_string(self.file()).unwrap();
            assert!(
                ended.is_none(),
                "ended with {ended:?}:\n{}\n{}",
                self.log(),
                file()
            );
            assert!(
                Instant::now() < end,
                "did not start:\n{}\n{}",
                self.log(),
                file()
            );
            std::thread::sleep(Duration::from_millis(10));
            self.started = self.logged("gateway.started").unwrap_or_default();
        }
        let address = |name: &str| self.started[name].as_str().unwrap().parse().unwrap();
        (self.http, self.admin) = (address("http"), address("admin"));
    }

    /// Its file.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("gateway.yaml")
    }

    /// Ends it with SIGKILL, where it stands, and starts it again on the same ports. Its log is
    /// the new one's from then on.
    pub(crate) fn kill_and_start_again(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.child = self.words.launch(self.folder.path(), self.http, self.admin);
        self.wait_for_its_start();
    }

    /// A new connection to the data port.
    pub(crate) fn client(&self) -> Client {
        Client::to(self.http)
    }

    /// Posts one JSON event over a connection of its own.
    pub(crate) fn post(&self, target: &str, body: &str) -> Answer {
        self.client().post(target, body)
    }

    /// A page of the admin port.
    pub(crate) fn page(&self, target: &str) -> Answer {
        Client::to(self.admin).get(target)
    }

    /// What `/status` says of a target.
    pub(crate) fn status_of(&self, target: &str) -> Value {
        let status = self.page("/status").is(200).json();
        let targets = status["targets"].as_array().cloned().unwrap_or_default();
        targets
            .into_iter()
            .find(|entry| entry["name"] == target)
            .unwrap_or_default()
    }

    /// The sum of all series of a metric whose labels hold all of these texts.
    pub(crate) fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let page = self.page("/metrics").is(200).text();
        page.lines()
            .filter_map(|line| line.strip_prefix(name)?.rsplit_once(' '))
            .filter(|(series, _)| series.is_empty() || series.starts_with('{'))
            .filter(|(series, _)| labels.iter().all(|label| series.contains(label)))
            .map(|(_, value)| value.parse::<f64>().unwrap())
            .sum()
    }

    /// What lies beside its file.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Everything that it logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The last log line of this event, once it is there.
    pub(crate) fn logged(&self, event: &str) -> Option<Value> {
        let log = self.log();
        let lines = log
            .lines()
            .rev()
            .filter_map(|line| serde_json::from_str(line).ok());
        lines
            .into_iter()
            .find(|line: &Value| line["message"] == event)
    }

    /// Sends a signal to it.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = std::process::Command::new("kill")
            .args([name, &pid])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Kills it with SIGKILL, as if the process had died.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Stops it with SIGTERM; it must end well.
    pub(crate) fn stop(self) {
        self.signal("-TERM");
        self.ends_well();
    }

    /// Waits for its end, which must be with exit code 0 after a log line that says so.
    pub(crate) fn ends_well(mut self) {
        let end = Instant::now() + STOP_WITHIN;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < end, "did not stop:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        };
        let log = self.log();
        assert_eq!(status.code(), Some(0), "{log}");
        assert!(self.logged("drain.finished").is_some(), "{log}");
        assert!(!log.contains("panicked"), "{log}");
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            println!("the gateway's log:\n{}", self.log());
        }
    }
}
