//! The suite for rooms of the second door, on librdkafka's mock cluster.
