//! A route's `schema` as it is written (a file, or the schema itself) to the compiled one.
//!
//! Nothing is fetched: a schema may refer to files in its own folder, and to nothing else.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::{Retrieve, Uri};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Sources;
use crate::admit::percent_decoded;
use crate::admit::schema::{Schema, SchemaFault, duplicate_in, place_of};
use crate::limits::{SCHEMA_BYTES_MAX, SCHEMA_FILES_MAX};
use crate::map::{Issue, Position};

/// The schemas of a set of files: each file is compiled once, however many routes name it.
#[derive(Debug, Default)]
pub(super) struct Schemas {
    known: Vec<(Key, Option<Arc<Schema>>)>,
    /// Of all files that were read, so that the settings' hash changes when they do.
    digest: Option<Sha256>,
}

/// What tells one schema from another: its file, or where it is written.
#[derive(Debug, PartialEq)]
enum Key {
    File(PathBuf),
    Inline(Position, Value),
}

impl Schemas {
    /// The schema that is written at this place; `None` where it is `true`, which takes every
    /// event, or cannot be used: why is in `issues`.
    pub(super) fn compiled(
        &mut self,
        written: &Value,
        at: Position,
        sources: &Sources,
        issues: &mut Vec<Issue>,
    ) -> Option<Arc<Schema>> {
        let folder = sources.file(at).map(|file| file.directory.clone());
        let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or_else(|| PathBuf::from("."));
        let key = match written {
            Value::Bool(true) => return None,
            Value::Bool(false) => {
                issues.push(Issue {
                    at,
                    message: "`schema: false` refuses every event".to_owned(),
                    help: Some("say `schema: true` where all events fit".to_owned()),
                });
                return None;
            }
            Value::String(name) => Key::File(folder.join(name)),
            other => Key::Inline(at, other.clone()),
        };
        if let Some((_, known)) = self.known.iter().find(|(known, _)| *known == key) {
            return known.clone();
        }
        let found = match (&key, written) {
            (Key::File(path), Value::String(name)) => self.of_file(path, name),
            _ => self.of_value(written, &folder.join("inline"), "", None),
        };
        let schema = match found {
            Ok(schema) => Some(Arc::new(schema)),
            Err(faults) => {
                issues.extend(faults.into_iter().map(|(message, help)| Issue {
                    at,
                    message,
                    help: Some(help),
                }));
                None
            }
        };
        self.known.push((key, schema.clone()));
        schema
    }

    /// The hash of the settings with that of the schemas' files in it.
    pub(super) fn mixed_into(self, hash: String) -> String {
        let Some(mut digest) = self.digest else {
            return hash;
        };
        digest.update(hash.as_bytes());
        let mut mixed = format!("{:x}", digest.finalize());
        mixed.truncate(hash.len());
        mixed
    }

    fn of_file(&mut self, path: &Path, name: &str) -> Result<Schema, Vec<(String, String)>> {
        let text = read(path, SCHEMA_BYTES_MAX).map_err(|what| {
            let help = "the path starts at the file that names it";
            vec![(format!("the schema `{name}` {what}"), help.to_owned())]
        })?;
        self.digest.get_or_insert_default().update(text.as_bytes());
        if let Some(at) = duplicate_in(&text) {
            let message = format!(
                "{}: a name occurs twice in one object",
                place(name, &text, at)
            );
            return Err(vec![(message, "take one of them out".to_owned())]);
        }
        let value: Value = serde_json::from_str(&text).map_err(|error| {
            let message = format!("the schema `{name}` is not JSON: {error}");
            vec![(
                message,
                "mend it: a schema's file is one JSON value".to_owned(),
            )]
        })?;
        self.of_value(&value, path, name, Some(&text))
    }

    fn of_value(
        &mut self,
        value: &Value,
        path: &Path,
        name: &str,
        text: Option<&str>,
    ) -> Result<Schema, Vec<(String, String)>> {
        let folder = Arc::new(Folder::around(path, value));
        let base = folder.uri_of(path);
        let compiled = Schema::compile(value, &base, Reader(Arc::clone(&folder)));
        let read = folder.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.files > 0 {
            let digest = self.digest.get_or_insert_default();
            digest.update(read.digest.clone().finalize());
        }
        compiled.map_err(|faults| {
            let said = |fault: SchemaFault| (said(&fault, name, text), fault.help);
            faults.into_iter().map(said).collect()
        })
    }
}

/// `schemas/event.json:3:12: at `/properties/id`: …`, or without the file for one written inline.
fn said(fault: &SchemaFault, name: &str, text: Option<&str>) -> String {
    let SchemaFault {
        pointer, message, ..
    } = fault;
    let inside = match pointer.as_str() {
        "" => "the schema".to_owned(),
        pointer => format!("the schema at `{pointer}`"),
    };
    match text {
        None => format!("{inside}: {message}"),
        Some(text) => {
            let at = place_of(text, pointer).unwrap_or(0);
            format!("{}: {inside}: {message}", place(name, text, at))
        }
    }
}

/// A place in a file as people write it: name, line and column, both from 1.
fn place(name: &str, text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before.get(start..).unwrap_or_default().chars().count() + 1;
    format!("{name}:{line}:{column}")
}

/// A file's text, or what is wrong with it.
fn read(path: &Path, bytes_max: usize) -> Result<String, String> {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => "is not there".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    let file = std::fs::File::open(path).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err("is not a file".to_owned());
    }
    let mut text = String::new();
    let mut file = file.take(bytes_max as u64 + 1);
    file.read_to_string(&mut text).map_err(failed)?;
    if text.len() > bytes_max {
        return Err(format!(
            "is larger than {bytes_max} bytes, which all files of a schema may have together"
        ));
    }
    Ok(text)
}

/// The folder of a schema, from which its references are read.
#[derive(Debug)]
struct Folder {
    /// Its real path.
    real: PathBuf,
    /// Its URI, with a slash at the end.
    uri: String,
    /// The same by the schema's own `$id`: what lies beside the schema there, lies beside it here.
    named: Option<String>,
    read: Mutex<Read>,
}

/// What was read from a folder so far.
#[derive(Debug, Default)]
struct Read {
    files: usize,
    bytes: usize,
    digest: Sha256,
}

impl Folder {
    fn around(path: &Path, schema: &Value) -> Self {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let real = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let id = schema.get("$id").or_else(|| schema.get("id"));
        let id = id.and_then(Value::as_str).filter(|id| id.contains("://"));
        let named = id.and_then(|id| id.rfind('/').and_then(|end| id.get(..=end)));
        let mut uri = "file://".to_owned();
        encode(&real.to_string_lossy(), &mut uri);
        uri.push('/');
        Self {
            uri,
            named: named.map(str::to_owned),
            real,
            read: Mutex::default(),
        }
    }

    /// The URI of a file in this folder.
    fn uri_of(&self, path: &Path) -> String {
        let mut uri = self.uri.clone();
        let name = path.file_name().unwrap_or_default();
        encode(&name.to_string_lossy(), &mut uri);
        uri
    }

    fn retrieve(&self, uri: &str) -> Result<Value, String> {
        let within = |start: &String| uri.strip_prefix(start.as_str());
        let relative = within(&self.uri).or_else(|| self.named.as_ref().and_then(within));
        let Some(relative) = relative else {
            return Err(match uri.strip_prefix("file://") {
                Some(_) => "a `$ref` leads out of the schema's folder".to_owned(),
                None => format!("a `$ref` needs `{uri}`, and nothing is fetched from the network"),
            });
        };
        let relative = relative.split(['?', '#']).next().unwrap_or_default();
        let name = percent_decoded(relative.as_bytes()).unwrap_or_default();
        let path = self.real.join(&*name);
        let real = path
            .canonicalize()
            .map_err(|_| format!("a `$ref` names the file `{name}`, which is not there"))?;
        if !real.starts_with(&self.real) {
            return Err("a `$ref` leads out of the schema's folder".to_owned());
        }
        let mut taken = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.files >= SCHEMA_FILES_MAX {
            return Err(format!(
                "the schema refers to more than {SCHEMA_FILES_MAX} files"
            ));
        }
        let left = SCHEMA_BYTES_MAX.saturating_sub(taken.bytes);
        let text =
            read(&real, left).map_err(|what| format!("the file `{name}` of a `$ref` {what}"))?;
        taken.files += 1;
        taken.bytes += text.len();
        taken.digest.update(text.as_bytes());
        if let Some(at) = duplicate_in(&text) {
            return Err(format!(
                "{}: a name occurs twice in one object",
                place(&name, &text, at)
            ));
        }
        serde_json::from_str(&text)
            .map_err(|error| format!("the file `{name}` of a `$ref` is not JSON: {error}"))
    }
}

/// Reads what a schema refers to.
struct Reader(Arc<Folder>);

impl Retrieve for Reader {
    fn retrieve(
        &self,
        uri: &Uri<String>,
    ) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        self.0.retrieve(uri.as_str()).map_err(Into::into)
    }
}

/// Percent-encodes a path for a URI.
fn encode(path: &str, uri: &mut String) {
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'.' | b'_' | b'~') {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
}
