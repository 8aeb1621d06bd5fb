//! The DynamoDB room: plain puts and deletes go 25 to a BatchWriteItem; updates, and whatever has
//! a condition or gives something back, each as a call of its own.
//!
//! JSON becomes attribute values by its types; numbers are sent as they were written. The table's
//! key comes from the file, or is asked of the table at the first call.

mod condition;
mod item;
mod json;
mod judge;
mod key;
mod keys;
mod maker;
mod mapping;
mod number;
mod path;
mod probe;
mod request;
mod returned;
mod room;
mod same;
mod settings;
mod single;
mod update;

pub use keys::open_keys;
pub use probe::probe;
pub use request::FIELDS;
pub use room::open;
pub use settings::{KeyAttributes, KeyType, Settings};
