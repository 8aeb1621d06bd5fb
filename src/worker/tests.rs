//! Stories of a worker over real sockets follow with the next landing.
