//! The store of idempotency keys of a gateway that starts.

use std::io;
use std::sync::Arc;

use crate::idempotency::{SharedOptions, Store};
use crate::limits::IDEMPOTENCY_LEASE_DEFAULT;
use crate::rooms::{self, RoomContext};
use crate::settings::{KeyStore, Settings};
use crate::settle::Mailboxes;

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
