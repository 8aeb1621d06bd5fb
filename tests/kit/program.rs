//! The real program, run to its end.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A command of the program, without what a test's surroundings would tell it.
pub(crate) fn sluicegate() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
    for (name, _) in std::env::vars() {
        if name.starts_with("SLUICEGATE_") || name == "RUST_LOG" {
            command.env_remove(name);
        }
    }
    // Emulators take any credentials; without any the clients refuse to sign.
    command
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(Stdio::null());
    command
}

/// Runs the program in this folder with these arguments and waits for its end, at most so long.
pub(crate) fn run(folder: &Path, arguments: &[&str], within: Duration) -> Output {
    let mut child = sluicegate()
        .args(arguments)
        .current_dir(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = child.id();
    let end = Instant::now() + within;
    // Both pipes are drained while it runs: a full pipe would stop it.
    let waiting = thread::spawn({
        let (out, err) = (child.stdout.take(), child.stderr.take());
        move || {
            let reading = thread::spawn(move || all_of(out));
            (reading.join(), all_of(err))
        }
    });
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > end {
            child.kill().unwrap();
            panic!(
                "`sluicegate {}` ({pid}) did not end within {within:?}",
                arguments.join(" ")
            );
        }
        thread::sleep(Duration::from_millis(20));
    }
    let (stdout, stderr) = waiting.join().unwrap();
    Output {
        status: child.wait().unwrap(),
        stdout: stdout.unwrap(),
        stderr,
    }
}

fn all_of(pipe: Option<impl std::io::Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut bytes).unwrap();
    }
    bytes
}
