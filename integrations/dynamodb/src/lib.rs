//! dynamodb room.
