//! Bytes to requests and answers to bytes: HTTP/1.1 in its strict profile.

mod head;
mod response;

pub use head::{Head, HeadIndex, Span, Version};
pub use response::ResponseWriter;
