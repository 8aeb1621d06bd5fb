//! The Kinesis room: records go to a stream by PutRecords, and exactly the failed entries of a
//! call are tried again.

mod judge;
mod probe;
mod request;
mod room;
mod settings;

pub use probe::probe;
pub use request::FIELDS;
pub use room::open;
pub use settings::Settings;
