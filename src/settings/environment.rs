//! What `${env.…}` and `${secret.…}` read: handed in, so that loading is a plain function.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The secrets directory where `SLUICEGATE_SECRETS_DIR` names none.
const SECRETS_DIRECTORY: &str = "/run/secrets";
/// The variable that names the secrets directory.
const SECRETS_VARIABLE: &str = "SLUICEGATE_SECRETS_DIR";
/// Bytes of one secret.
const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// The environment variables and the secrets directory that a file may read from.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    secrets: Option<PathBuf>,
}

impl Environment {
    /// That of this process. Variables that are not UTF-8 are left out.
    #[must_use]
    pub fn of_process() -> Self {
        let variables: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let directory = variables
            .get(SECRETS_VARIABLE)
            .map_or(SECRETS_DIRECTORY, String::as_str);
        Self {
            secrets: Some(PathBuf::from(directory)),
            variables,
        }
    }

    /// These variables and no secrets directory, so that secrets are looked for among them.
    pub fn fixed<'t>(variables: impl IntoIterator<Item = (&'t str, &'t str)>) -> Self {
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Self {
            variables,
            secrets: None,
        }
    }

    /// The same with another secrets directory.
    #[must_use]
    pub fn with_secrets(mut self, directory: &Path) -> Self {
        self.secrets = Some(directory.to_owned());
        self
    }

    /// A variable, or a sentence about why it is not there and what to do.
    pub(super) fn variable(&self, name: &str) -> Result<&str, String> {
        self.variables
            .get(name)
            .map(String::as_str)
            .ok_or_else(|| format!("set it before the start, for example with `export {name}=…`"))
    }

    /// A secret: the file of that name in the secrets directory, else the variable; without the
    /// newline at its end.
    pub(super) fn secret(&self, name: &str) -> Result<String, String> {
        if let Some(directory) = &self.secrets {
            let path = directory.join(name);
            match read_secret(&path) {
                Ok(Some(secret)) => return Ok(secret),
                Ok(None) => {}
                Err(problem) => return Err(format!("`{}` {problem}", path.display())),
            }
        }
        if let Some(value) = self.variables.get(name) {
            return Ok(value.clone());
        }
        let directory = self
            .secrets
            .as_deref()
            .unwrap_or(Path::new(SECRETS_DIRECTORY));
        let path = directory.join(name);
        Err(format!(
            "put it into the file `{}`, or into the environment variable `{name}`",
            path.display()
        ))
    }
}

/// A secret's file; `None` if there is none.
fn read_secret(path: &Path) -> Result<Option<String>, String> {
    match std::fs::metadata(path) {
        Ok(data) if data.len() > SECRET_BYTES_MAX => {
            return Err(format!("is larger than {SECRET_BYTES_MAX} bytes"));
        }
        Ok(data) if data.is_dir() => return Err("is a directory: name a file in it".to_owned()),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("cannot be read: {error}")),
    }
    let mut text =
        std::fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
    let kept = text.trim_end_matches(['\n', '\r']).len();
    text.truncate(kept);
    Ok(Some(text))
}
