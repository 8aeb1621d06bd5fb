//! The parts beside the cores: couriers, dead letters and idempotency keys, as the settings say.

use std::io;
use std::sync::Arc;

use sluicegate_contract::{OutcomeSink, Room};

use crate::courier::{Courier, Rules};
use crate::dead_letters::Clerk;
use crate::dispatch::{Inbox, Target};
use crate::idempotency::{SharedOptions, Store};
use crate::limits::IDEMPOTENCY_LEASE_DEFAULT;
use crate::rooms::{self, RoomContext};
use crate::settings::{KeyStore, Settings};
use crate::settle::Mailboxes;

/// A courier for each target that has one.
pub(crate) fn couriers(
    settings: &Settings,
    targets: &[Target],
    outcomes: &Arc<dyn OutcomeSink>,
) -> Vec<Courier> {
    let courier = |(target, written): (&Target, &crate::settings::Target)| {
        let (Room::Batching(room), Some(inbox)) = (&target.room, &target.inbox) else {
            return None;
        };
        let (give_up, linger) = (written.give_up, written.linger);
        Some(Courier {
            inbox: Arc::<Inbox>::clone(inbox),
            room: Arc::clone(room),
            rules: Rules {
                limits: room.limits(),
                give_up,
                linger,
            },
            outcomes: Arc::clone(outcomes),
            gate: Arc::clone(&target.gate),
            counters: Arc::clone(&target.counters),
        })
    };
    targets
        .iter()
        .zip(&settings.targets)
        .filter_map(courier)
        .collect()
}

/// The clerk of dead letters, whose mailbox stands behind that of the spool.
pub(super) fn clerk(
    settings: &Settings,
    targets: &Arc<[Target]>,
    mailboxes: &Mailboxes,
) -> io::Result<Option<Clerk>> {
    let number = mailboxes.all().len() + 1;
    match mailboxes.of(number) {
        Some(mailbox) => Clerk::start(settings, targets, mailbox, number),
        None => Ok(None),
    }
}

/// Opens the store of idempotency keys, where the settings have one.
pub(super) fn open_keys(
    settings: &Settings,
    context: &RoomContext,
    mailboxes: &Mailboxes,
) -> io::Result<Option<Arc<Store>>> {
    let Some(written) = &settings.idempotency else {
        return Ok(None);
    };
    let window = written.window;
    let opened = match &written.store {
        KeyStore::Log(dir) => Store::open_local(dir, window, written.bounds, mailboxes.clone()),
        KeyStore::Table(table) => {
            let (written, connection) = &**table;
            let options = SharedOptions {
                window,
                lease: written
                    .lease
                    .map_or(IDEMPOTENCY_LEASE_DEFAULT, |span| span.0),
            };
            rooms::open_keys(written, connection.as_ref(), context).and_then(|table| {
                let opened = Store::open_shared(table, options, mailboxes.clone());
                opened.map_err(|error| error.to_string())
            })
        }
    };
    let opened = opened.map_err(|error| io::Error::other(format!("idempotency: {error}")))?;
    Ok(Some(Arc::new(opened)))
}
