//! Loads the files that a command names.

use std::path::PathBuf;

use super::Ending;
use crate::settings::{Environment, Settings, load};

/// Settings of these files in this process's environment.
pub(super) fn settings_of(files: &[PathBuf]) -> Result<Settings, Ending> {
    load(files, &Environment::of_process()).map_err(Ending::from)
}
