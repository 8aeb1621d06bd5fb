//! `sluicegate key new`: a key for a client, and the entry that lets it in.

use clap::{Args, Subcommand};
use sha2::{Digest, Sha256};

use super::Ending;
use super::ending::say;

/// Random bytes of a key: nobody guesses 256 bits.
const KEY_BYTES: usize = 32;
/// How a key begins, so that scanners for leaked secrets know it.
const SECRET_PREFIX: &str = "sgk_";
/// How a key begins that anybody may read.
const PUBLISHABLE_PREFIX: &str = "sgp_";

/// Keys of clients, who send to routes with `auth: [api_key]`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  sluicegate key new --name acme-2026 --label tenant=acme")]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    New(NewArguments),
}

/// Make a key, and print it with its entry for the file.
///
/// The key is shown once: the file holds only its SHA-256, from which nobody finds the key again.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  sluicegate key new --name acme-2026 --label tenant=acme\n  \
                  sluicegate key new --name shop --publishable\n  \
                  curl -H \"X-API-Key: $KEY\" -d '{\"id\":\"o1\"}' http://127.0.0.1:8080/orders"
)]
struct NewArguments {
    /// The client's name: `auth.name` in expressions.
    #[arg(long, default_value = "new-client", value_parser = name)]
    name: String,
    /// A label: `auth.labels.KEY` in expressions; may stand several times.
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
    /// A key for pages and apps, where anybody can read it: bound to routes, origins and a rate.
    #[arg(long)]
    publishable: bool,
}

pub(super) fn command(arguments: &Arguments) -> Result<(), Ending> {
    let KeyCommand::New(arguments) = &arguments.command;
    let key = make(arguments.publishable)?;
    say(&shown(&key, arguments));
    Ok(())
}

/// A new key.
///
/// # Errors
/// The system has no randomness to give.
pub(super) fn make(publishable: bool) -> Result<String, Ending> {
    let mut bytes = [0; KEY_BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|error| Ending::Wrong(format!("the system gives no random bytes: {error}")))?;
    let prefix = match publishable {
        true => PUBLISHABLE_PREFIX,
        false => SECRET_PREFIX,
    };
    let text = base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, bytes);
    Ok(format!("{prefix}{text}"))
}

/// The digest of a key, as the gateway looks it up.
pub(super) fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

fn shown(key: &str, arguments: &NewArguments) -> String {
    let kind = match arguments.publishable {
        true => "The key, for a page or an app:",
        false => "The key, shown once; who has it may send:",
    };
    let digest: String = digest(key)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mut entry = format!("  {}:\n    sha256: \"{digest}\"\n", arguments.name);
    if !arguments.labels.is_empty() {
        let labels = arguments.labels.iter();
        let labels = labels.map(|(name, value)| format!("{name}: {}", quoted(value)));
        let labels: Vec<String> = labels.collect();
        entry.push_str(&format!("    labels: {{ {} }}\n", labels.join(", ")));
    }
    if arguments.publishable {
        entry.push_str(
            "    publishable: true\n    routes: [events]                      # names of routes\n    \
             origins: [\"https://example.com\"]     # of the pages that send\n    \
             limits: [ { requests: 100/s } ]\n",
        );
    }
    format!(
        "{kind}\n\n  {key}\n\nIts entry for the file, or for one of its `clients_dir` without the \
         first line:\n\nclients:\n{entry}"
    )
}

/// A text as YAML and JSON have it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn name(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    match !text.is_empty() && text.len() <= 100 && text.bytes().all(plain) {
        true => Ok(text.to_owned()),
        false => Err("letters, digits, `_`, `-` and `.`; 100 at most".to_owned()),
    }
}

fn label(text: &str) -> Result<(String, String), String> {
    let wrong = || "write KEY=VALUE, the key of letters, digits and `_`".to_owned();
    let (name, value) = text.split_once('=').ok_or_else(wrong)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    match !name.is_empty() && name.bytes().all(plain) {
        true => Ok((name.to_owned(), value.to_owned())),
        false => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Environment, load_text};

    fn arguments(publishable: bool) -> NewArguments {
        NewArguments {
            name: "acme".to_owned(),
            labels: vec![
                ("tenant".to_owned(), "it's \"acme\": no".to_owned()),
                ("tier".to_owned(), "on".to_owned()),
            ],
            publishable,
        }
    }

    #[test]
    fn the_entry_that_is_printed_can_be_pasted() {
        for publishable in [false, true] {
            let key = make(publishable).unwrap();
            let said = shown(&key, &arguments(publishable));
            let entry = &said[said.find("clients:\n  ").unwrap()..];
            let file = format!(
                "sluicegate: 1\n{entry}targets: {{ all: {{ discard: {{}} }} }}\nroutes:\n  \
                 - {{ route: POST /a, name: events, auth: [api_key], to: [ {{ target: all }} ] }}\n"
            );
            let settings = load_text("t.yaml", &file, &Environment::fixed([]));
            let settings = settings.unwrap_or_else(|wrong| panic!("{wrong}\n{file}"));
            let client = &settings.clients[0];
            assert_eq!(client.digests, [digest(&key)]);
            assert_eq!(&*client.labels[0].1, "it's \"acme\": no");
            assert_eq!(&*client.labels[1].1, "on");
            assert_eq!(client.publishable, publishable);
            assert!(
                !settings
                    .shown
                    .contains(&said[said.find("sha256: ").unwrap()..][..30])
            );
        }
    }

    #[test]
    fn keys_are_long_known_by_their_beginning_and_never_the_same() {
        let (one, other) = (make(false).unwrap(), make(false).unwrap());
        assert_ne!(one, other);
        assert!(one.starts_with("sgk_") && one.len() == 47, "{one}");
        assert!(make(true).unwrap().starts_with("sgp_"));
        assert!(label("a-b=c").is_err() && label("a").is_err() && name("a b").is_err());
    }
}
