//! A worker and its connections over real sockets, on both drivers, with a small gateway behind.

mod drains;
mod echo;
mod prefaces;
mod slow;
mod stories;
