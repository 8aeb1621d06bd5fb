//! The SNS room: messages go ten to a PublishBatch, and exactly the failed entries are tried
//! again.

mod attributes;
mod judge;
mod mapping;
mod probe;
mod request;
mod room;
mod settings;

pub use probe::probe;
pub use request::FIELDS;
pub use room::open;
pub use settings::Settings;
