//! kinesis room.
