//! A TCP proxy that spoils connections: latency, slicing, reset, black hole.
