//! Stories: the real program, told from outside. They need the backends that `tests/run` starts;
//! without them those that need one skip, loudly.

#![allow(clippy::unwrap_used)] // A test program: a failed unwrap is a failed story.

mod kit;

mod stories {
    mod admission;
    mod audit_command;
    mod audits;
    mod bodies;
    mod browsers;
    mod check;
    mod chromium;
    mod command_line;
    mod crashes;
    mod dead_letters;
    mod delivery;
    mod faults;
    mod fields;
    mod formats;
    mod full_disk;
    mod hostile;
    mod idempotency;
    mod log_target;
    mod operations;
    mod overload;
    mod proxies;
    mod replay;
    mod replicas;
    mod replies;
    mod retries;
    mod spool_commands;
    mod spool_ends;
    mod spooled;
    mod statuses;
    mod truth;
    mod volume;
    mod wrong_files;
}
