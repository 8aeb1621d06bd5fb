//! The DynamoDB room: unconditional puts go 25 to a BatchWriteItem, conditional ones each as a
//! PutItem of its own.
//!
//! JSON becomes attribute values by its types; numbers are sent as they were written. The table's
//! key comes from the file, or is asked of the table at the first call.

mod condition;
mod item;
mod json;
mod judge;
mod key;
mod number;
mod request;
mod room;
mod settings;

pub use request::FIELDS;
pub use room::open;
pub use settings::{KeyAttributes, KeyType, Settings};
