//! The cores of a running gateway: each is made on its own thread.

use std::io;
use std::rc::Rc;
use std::sync::Arc;

use super::ServeOptions;
use crate::admit::Admission;
use crate::dead_letters::Letters;
use crate::dispatch::Target;
use crate::gateway::{Core, CoreParts};
use crate::http::Preface;
use crate::idempotency::Store;
use crate::observe::{CoreCounters, Shape};
use crate::route::Routes;
use crate::runtime;
use crate::settings::{Server, Settings};
use crate::settle::Mailboxes;
use crate::spool::Spool;
use crate::worker::{self, CoreContext, WorkerHandle, WorkerSettings};

/// Where cores send records, and where outcomes come to them.
#[derive(Clone)]
pub(super) struct Delivery {
    pub(super) targets: Arc<[Target]>,
    pub(super) mailboxes: Mailboxes,
    pub(super) keys: Option<Arc<Store>>,
    pub(super) letters: Option<Letters>,
    pub(super) spool: Option<Arc<Spool>>,
}

pub(super) fn start_workers(
    settings: &Settings,
    delivery: &Delivery,
    options: &ServeOptions,
) -> io::Result<Vec<WorkerHandle>> {
    let shape = Shape {
        routes: settings
            .routes
            .iter()
            .map(|route| {
                route
                    .bindings
                    .iter()
                    .map(|binding| binding.target)
                    .collect()
            })
            .collect(),
        targets: delivery.targets.len(),
    };
    let admission = Arc::new(Admission::new(settings));
    let mut workers: Vec<WorkerHandle> = Vec::new();
    for number in 0..delivery.mailboxes.all().len() {
        let address = workers
            .first()
            .map_or(settings.server.http, |first| first.address);
        let (routes, shape) = (settings.routes.clone(), shape.clone());
        let delivery = delivery.clone();
        let server = settings.server.clone();
        let admission = Arc::clone(&admission);
        let mut worker_settings = WorkerSettings::new(number, address, options.driver);
        worker_settings.deadlines = options.deadlines;
        worker_settings.preface = server.proxy_protocol.map(|version| Preface {
            version,
            believed_from: Arc::clone(&server.trusted_proxies),
        });
        let build = move |context: &CoreContext| {
            build_core(context, (&routes, &shape), server, admission, delivery)
        };
        let worker = worker::start(worker_settings, build);
        match worker {
            Ok(worker) => workers.push(worker),
            Err(error) => {
                for worker in workers {
                    worker.stop.stop();
                    // What could not start is the error to tell of.
                    let _ = worker.join();
                }
                return Err(error);
            }
        }
    }
    Ok(workers)
}

/// Makes a core of the gateway on its own thread.
fn build_core(
    context: &CoreContext,
    (routes, shape): (&[Arc<crate::settings::Route>], &Shape),
    server: Server,
    admission: Arc<Admission>,
    delivery: Delivery,
) -> io::Result<Rc<Core>> {
    let number = context.core;
    let mailbox = delivery
        .mailboxes
        .of(number)
        .map(Arc::clone)
        .unwrap_or_default();
    let (ringer, bell) = runtime::doorbell()?;
    mailbox.attach(ringer);
    // The settings were checked with this very table.
    let routes = Routes::new(routes).map_err(|(_, message)| io::Error::other(message))?;
    let counters = CoreCounters::new(number, shape);
    Ok(Core::start(
        CoreParts {
            number,
            routes,
            server,
            admission,
            targets: delivery.targets,
            counters,
            mailbox,
            letters: delivery.letters,
            keys: delivery.keys,
            spool: delivery.spool,
        },
        bell,
    ))
}
