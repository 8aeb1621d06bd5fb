//! Sluicegate turns HTTP requests into records in DynamoDB, Kinesis, SNS and Kafka: declared in
//! one file, delivered in batches, acknowledged truthfully.
//!
//! `src/README.md` is the map of this crate; `gateway.rs` shows one request's whole way.

pub mod admin;
pub mod admit;
pub mod cli;
pub mod courier;
pub mod dead_letters;
pub mod dispatch;
pub mod error;
pub mod gateway;
pub mod http;
pub mod idempotency;
pub mod limits;
pub mod map;
pub mod observe;
pub mod replay;
pub mod reply;
pub mod rooms;
pub mod route;
pub mod runtime;
pub mod serve;
pub mod settings;
pub mod settle;
pub mod split;
pub mod spool;
pub mod worker;
