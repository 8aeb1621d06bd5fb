//! The flags that `serve` and `sandbox` share. Flags stand over the environment, and that over the
//! file.

use std::net::SocketAddr;

use clap::{Args, ValueEnum};

use crate::limits::CORES_MAX;
use crate::observe::log::Format;
use crate::runtime::Driver;
use crate::serve::ServeOptions;
use crate::settings::Settings;

/// Where to listen, with how many cores, and how to log.
#[derive(Clone, Debug, Args)]
pub struct ListenFlags {
    /// The data port; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", env = "SLUICEGATE_HTTP")]
    pub http: Option<SocketAddr>,
    /// Health, metrics and status; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", env = "SLUICEGATE_ADMIN")]
    pub admin: Option<SocketAddr>,
    /// Threads that take requests; all cores by default.
    #[arg(long, value_name = "N", env = "SLUICEGATE_CORES", value_parser = cores)]
    pub cores: Option<usize>,
    /// How the cores wait for sockets.
    #[arg(
        long,
        value_name = "DRIVER",
        env = "SLUICEGATE_DRIVER",
        default_value = "auto"
    )]
    pub driver: DriverFlag,
    /// How log lines look.
    #[arg(
        long,
        value_name = "FORMAT",
        env = "SLUICEGATE_LOG_FORMAT",
        default_value = "text"
    )]
    pub log_format: LogFormatFlag,
}

impl ListenFlags {
    /// How the gateway is started.
    #[must_use]
    pub fn options(&self) -> ServeOptions {
        let driver = match self.driver {
            DriverFlag::Auto => Driver::Auto,
            DriverFlag::Uring => Driver::Uring,
            DriverFlag::Epoll => Driver::Epoll,
        };
        ServeOptions {
            cores: self.cores,
            driver,
            ..ServeOptions::default()
        }
    }

    /// Puts the addresses over those of the file.
    pub fn over(&self, settings: &mut Settings) {
        let http = self.http.unwrap_or(settings.server.http);
        let admin = self.admin.unwrap_or(settings.server.admin);
        settings.listen_at(http, admin);
    }
}

/// How the cores wait for sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DriverFlag {
    /// io_uring where the kernel has it, else epoll.
    Auto,
    /// io_uring.
    Uring,
    /// epoll.
    Epoll,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormatFlag {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl From<LogFormatFlag> for Format {
    fn from(flag: LogFormatFlag) -> Self {
        match flag {
            LogFormatFlag::Text => Self::Text,
            LogFormatFlag::Json => Self::Json,
        }
    }
}

fn cores(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(cores) if (1..=CORES_MAX).contains(&cores) => Ok(cores),
        _ => Err(format!("a whole number from 1 to {CORES_MAX}")),
    }
}
