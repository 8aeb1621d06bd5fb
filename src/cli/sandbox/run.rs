//! Serves a file against the embedded backends.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::keys::LentKeys;
use super::show::Look;
use super::{Flags, QUICKSTART, demo};
use crate::cli::Ending;
use crate::cli::files::settings_of;
use crate::observe::log;
use crate::rooms::{Embedded, Landings};
use crate::serve::{self, Running};
use crate::settings::{Environment, Settings, load_text};

/// How long the printer sleeps at most before it looks whether to stop.
const LOOK_PAUSE: Duration = Duration::from_millis(200);

pub(in crate::cli) fn command(file: Option<&PathBuf>, flags: Flags) -> Result<(), Ending> {
    let listen = flags.listen;
    let name = match file {
        Some(file) => file.display().to_string(),
        None => "the built-in quickstart".to_owned(),
    };
    let mut settings = read(file)?;
    // A sandbox is for its own machine; a demo takes any free port, since it is its only client.
    settings.server.http.set_ip([127, 0, 0, 1].into());
    settings.server.admin.set_ip([127, 0, 0, 1].into());
    if flags.demo {
        settings.server.http.set_port(0);
        settings.server.admin.set_port(0);
    }
    listen.over(&mut settings);
    // What people come to see are the records; log lines are there for who asks for them.
    if std::env::var_os("RUST_LOG").is_some() {
        log::start(listen.log_format.into()).map_err(Ending::Fault)?;
    }
    let keys = LentKeys::lend(&mut settings)?;
    let _spool = LentSpool::lend(&mut settings);
    let (embedded, landings) = Embedded::start(&settings).map_err(Ending::Wrong)?;
    let look = Look::of(&settings, embedded.places());
    // The gateway takes its settings with it; what is shown is read from another copy.
    let shown = read(file)?;
    let running = serve::start(settings, &listen.options(), &embedded.context())
        .map_err(|error| Ending::Wrong(error.to_string()))?;
    if flags.demo {
        look.title(&name, "reads back what its tests send");
        let ended = demo::run(&shown, &running, &keys, embedded.places(), &look, landings);
        running.stop();
        return ended;
    }
    look.title(&name, "nothing leaves this process");
    look.welcome(&shown, &running, &keys, embedded.places());
    serve_until_stopped(running, look, landings)
}

/// A directory for the spool that goes when the sandbox ends: what is tried is not kept, and the
/// directory that the file names may be a gateway's.
struct LentSpool(PathBuf);

impl LentSpool {
    fn lend(settings: &mut Settings) -> Option<Self> {
        let spool = settings.spool.as_mut()?;
        let name = format!("sluicegate-spool-{}", uuid::Uuid::new_v4().simple());
        let dir = std::env::temp_dir().join(name);
        spool.dir.clone_from(&dir);
        Some(Self(dir))
    }
}

impl Drop for LentSpool {
    fn drop(&mut self) {
        // What is left in a directory of temporary files is no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn read(file: Option<&PathBuf>) -> Result<Settings, Ending> {
    match file {
        Some(file) => settings_of(std::slice::from_ref(file)),
        None => Ok(load_text(
            "quickstart.yaml",
            QUICKSTART,
            &Environment::of_process(),
        )?),
    }
}

/// Prints what lands until a signal comes.
fn serve_until_stopped(running: Running, look: Look, mut landings: Landings) -> Result<(), Ending> {
    let stop = Arc::new(AtomicBool::new(false));
    let printer = std::thread::Builder::new().name("printer".into()).spawn({
        let stop = stop.clone();
        move || {
            while !stop.load(Ordering::Relaxed) {
                if let Some(landed) = landings.next(LOOK_PAUSE) {
                    look.landed(&landed, landed.took);
                }
                for place in landings.take_full() {
                    look.full(place);
                }
            }
        }
    });
    let printer = printer.map_err(|error| Ending::Wrong(error.to_string()))?;
    serve::wait_for_a_signal().map_err(|error| Ending::Wrong(error.to_string()))?;
    running.stop();
    stop.store(true, Ordering::Relaxed);
    // A printer that panicked has nothing left to say.
    let _ = printer.join();
    Ok(())
}
