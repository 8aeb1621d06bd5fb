//! A scripted stub of Kinesis, DynamoDB and SNS: it stores what it is sent and misbehaves on
//! order. No emulator answers with `FailedRecordCount`, `UnprocessedItems` or `Failed[]`, loses an
//! answer or throttles; this does nothing else. What it stored is the checker's truth.
//!
//! ```
//! use sluicegate_testkit::stub::{Fault, Stub};
//!
//! let stub = Stub::start();
//! stub.next(Fault::Throttled); // the next write is throttled, later ones are stored
//! let endpoint = stub.endpoint(); // hand this to the client as its endpoint URL
//! # let _ = endpoint;
//! assert_eq!(stub.calls().len(), 0);
//! ```
//!
//! It speaks HTTP/1.1 on a socket of the loopback: PutRecords, BatchWriteItem, PutItem,
//! UpdateItem, DeleteItem, DescribeTable, PublishBatch. Signatures are not checked. It enforces the services' own limits.

mod dynamodb;
mod expression;
mod fault;
mod kinesis;
mod server;
mod sns;
mod store;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

pub use fault::Fault;
pub use store::{Call, Entry, Store, Stored};

use store::State;

/// A running stub. It stops when it is dropped.
pub struct Stub {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Stub {
    /// Starts a stub on a free port.
    ///
    /// # Panics
    /// Where no port can be bound.
    #[must_use]
    pub fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let address = server::start(Arc::clone(&state));
        Self { address, state }
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Spoils the next write that no earlier `next` spoils. Calls that only ask (DescribeTable)
    /// are never spoilt by this.
    pub fn next(&self, fault: Fault) {
        self.state().script.push_back(fault);
    }

    /// Spoils every write for which `next` has nothing, until it is said otherwise.
    pub fn always(&self, fault: Fault) {
        self.state().always = fault;
    }

    /// Refuses, as invalid, every call that holds the record with this marker: whole calls of
    /// Kinesis and DynamoDB, the entry alone (`SenderFault` true) of SNS.
    pub fn poison(&self, marker: u64) {
        self.state().poison.push(marker);
    }

    /// Says what the key of a table is: names of its partition and sort key, `pk` of type S where
    /// a table was not declared.
    pub fn declare_table(&self, table: &str, keys: &[&str]) {
        let keys = keys.iter().map(|&key| key.to_owned()).collect();
        self.state().tables.insert(table.to_owned(), keys);
    }

    /// What has been stored so far, in order.
    #[must_use]
    pub fn store(&self) -> Store {
        Store::new(self.state().stored.clone())
    }

    /// The writes that arrived so far, in order, stored or not.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// Stops listening: from when this returns, connections to the address are refused and those
    /// that are open are closed at their next request.
    pub fn close(&self) {
        self.state().stopped = true;
        // Wakes the listener so that it sees the flag and goes away.
        while std::net::TcpStream::connect(self.address).is_ok() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.close();
    }
}
