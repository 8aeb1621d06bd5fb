//! The flags of curl that a request to try may be written with.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::{ArgMatches, Args};

use crate::limits::REQUEST_BYTES_MAX;

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// A request as curl would be told to send it.
#[derive(Debug, Default, Args)]
pub(super) struct Curl {
    /// The method; POST where there is a body, else GET.
    #[arg(short = 'X', long = "request", value_name = "METHOD")]
    pub(super) method: Option<String>,
    /// A header field; may stand several times.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = header)]
    pub(super) headers: Vec<(String, String)>,
    /// The body: text as it stands, `@file` for a file, `-` for stdin. Sets no Content-Type.
    #[arg(long, value_name = "BODY", allow_hyphen_values = true)]
    pub(super) body: Option<String>,
    /// A form as curl sends it, with its Content-Type; `@file` for a file without its newlines.
    #[arg(
        short = 'd',
        long = "data",
        visible_alias = "data-ascii",
        value_name = "DATA",
        allow_hyphen_values = true
    )]
    pub(super) data: Vec<String>,
    /// As --data, and `@` means nothing.
    #[arg(long, value_name = "DATA", allow_hyphen_values = true)]
    pub(super) data_raw: Vec<String>,
    /// As --data, and a file keeps its newlines.
    #[arg(long, value_name = "DATA", allow_hyphen_values = true)]
    pub(super) data_binary: Vec<String>,
    /// As --data, with the value behind `name=` percent-encoded.
    #[arg(long, value_name = "DATA", allow_hyphen_values = true)]
    pub(super) data_urlencode: Vec<String>,
    /// A body of JSON, with its Content-Type and Accept; `@file` for a file.
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    pub(super) json: Vec<String>,
    /// Put the data into the query, and send a GET.
    #[arg(short = 'G', long)]
    pub(super) get: bool,
    /// Send a HEAD.
    #[arg(short = 'I', long)]
    pub(super) head: bool,
    /// Add to the query; `name=value` is percent-encoded.
    #[arg(long, value_name = "DATA")]
    pub(super) url_query: Vec<String>,
    /// A user and password for `Authorization: Basic`.
    #[arg(short = 'u', long = "user", value_name = "USER:PASSWORD")]
    pub(super) user: Option<String>,
    /// The User-Agent field.
    #[arg(short = 'A', long, value_name = "NAME")]
    pub(super) user_agent: Option<String>,
    /// The Referer field.
    #[arg(short = 'e', long, value_name = "URL")]
    pub(super) referer: Option<String>,
    /// The Cookie field.
    #[arg(short = 'b', long, value_name = "DATA")]
    pub(super) cookie: Option<String>,
    /// Taken and without effect, so that a line for curl can be pasted: -i, whose header fields are
    /// always shown, -s, -S, -v, -k, -L, -f, --compressed, --http1.1.
    #[arg(short = 'i', long)]
    pub(super) include: bool,
    #[arg(short = 's', long, hide = true)]
    silent: bool,
    #[arg(short = 'S', long, hide = true)]
    show_error: bool,
    #[arg(short = 'v', long, hide = true)]
    verbose: bool,
    #[arg(short = 'k', long, hide = true)]
    insecure: bool,
    #[arg(short = 'L', long, hide = true)]
    location: bool,
    #[arg(short = 'f', long, hide = true)]
    fail: bool,
    #[arg(long, hide = true)]
    compressed: bool,
    #[arg(long = "http1.1", hide = true)]
    http1: bool,
}

/// What is wrong with how a request is written.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The arguments.
    Written(String),
    /// A file that they name.
    Unread(String),
}

/// A request that was put together.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) method: String,
    /// Path and query.
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Curl {
    /// The request of these words ('POST /orders', `curl`, a URL) and flags. `matches` knows in
    /// which order the flags stand.
    pub(super) fn request(
        &self,
        words: &[String],
        matches: Option<&ArgMatches>,
    ) -> Result<Asked, Trouble> {
        let written = line(words).map_err(Trouble::Written)?;
        let (data, kind) = self.data(matches)?;
        let mut query = written.query.clone();
        let mut add = |part: &str| {
            if !query.is_empty() && !part.is_empty() {
                query.push('&');
            }
            query.push_str(part);
        };
        for part in &self.url_query {
            add(&encoded(part));
        }
        let mut body = data.unwrap_or_default();
        let has_body = kind.is_some() && !self.get;
        if self.get {
            add(&String::from_utf8_lossy(&body));
            body.clear();
        }
        let headers = self.fields(kind.filter(|_| has_body), written.host.as_deref());
        let usual = if self.head {
            "HEAD"
        } else if has_body {
            "POST"
        } else {
            "GET"
        };
        let method = self.method.clone().or(written.method);
        let mark = if query.is_empty() { "" } else { "?" };
        Ok(Asked {
            method: method.unwrap_or_else(|| usual.to_owned()),
            target: format!("{}{mark}{query}", written.path),
            headers,
            body,
        })
    }

    /// Header fields: those that are given, then those that the flags bring with them.
    fn fields(&self, kind: Option<&str>, host: Option<&str>) -> Vec<(String, String)> {
        let mut headers = self.headers.clone();
        let mut default = |name: &str, value: Option<&str>| {
            let Some(value) = value.filter(|value| !value.is_empty()) else {
                return;
            };
            if !headers
                .iter()
                .any(|(known, _)| known.eq_ignore_ascii_case(name))
            {
                headers.push((name.to_owned(), value.to_owned()));
            }
        };
        default("Content-Type", kind);
        default("Accept", kind.filter(|kind| *kind == JSON));
        let user = self.user.as_ref();
        let user = user.map(|user| format!("Basic {}", STANDARD.encode(user)));
        default("Authorization", user.as_deref());
        default("User-Agent", self.user_agent.as_deref());
        default("Referer", self.referer.as_deref());
        default("Cookie", self.cookie.as_deref());
        default("Host", host);
        headers
    }

    /// The body, and the Content-Type that goes with how it is written; empty where none does.
    fn data(
        &self,
        matches: Option<&ArgMatches>,
    ) -> Result<(Option<Vec<u8>>, Option<&'static str>), Trouble> {
        if let Some(body) = &self.body {
            return Ok((Some(content(body, true)?), Some("")));
        }
        if !self.json.is_empty() {
            let mut all = Vec::new();
            for part in &self.json {
                all.extend(content(part, false)?);
            }
            return Ok((Some(all), Some(JSON)));
        }
        // Data of all kinds stands in the body in the order of the line, with `&` between.
        let mut parts: Vec<(usize, Vec<u8>)> = Vec::new();
        for (id, texts) in [
            ("data", &self.data),
            ("data_raw", &self.data_raw),
            ("data_binary", &self.data_binary),
            ("data_urlencode", &self.data_urlencode),
        ] {
            let places = matches.and_then(|matches| matches.indices_of(id));
            let places: Vec<usize> = places.map(Iterator::collect).unwrap_or_default();
            for (nth, text) in texts.iter().enumerate() {
                let mut bytes = match id {
                    "data_raw" => text.as_bytes().to_vec(),
                    "data_urlencode" => encoded(text).into_bytes(),
                    _ => content(text, false)?,
                };
                if id == "data" && text.starts_with('@') {
                    bytes.retain(|byte| !matches!(byte, b'\r' | b'\n'));
                }
                parts.push((places.get(nth).copied().unwrap_or(usize::MAX), bytes));
            }
        }
        if parts.is_empty() {
            return Ok((None, None));
        }
        parts.sort_by_key(|(place, _)| *place);
        let parts: Vec<Vec<u8>> = parts.into_iter().map(|(_, bytes)| bytes).collect();
        Ok((Some(parts.join(&b'&')), Some(FORM)))
    }
}

/// Method, path and host as they are written.
#[derive(Debug, Default)]
struct Line {
    method: Option<String>,
    path: String,
    query: String,
    host: Option<String>,
}

/// Reads 'POST /orders', `/orders`, a URL, or any of them behind `curl`.
fn line(words: &[String]) -> Result<Line, String> {
    let all = words.join(" ");
    let mut words: Vec<&str> = all.split_whitespace().collect();
    let wrong = || {
        format!("`{all}` is not a request: write for example 'POST /orders', or a URL as for curl")
    };
    if words.first() == Some(&"curl") {
        words.remove(0);
    }
    let (method, address) = match words.as_slice() {
        [address] => (None, *address),
        [method, address] => (Some((*method).to_owned()), *address),
        _ => return Err(wrong()),
    };
    let (host, target) = match address.split_once("://") {
        Some(("http" | "https", rest)) => {
            let end = rest.find(['/', '?']).unwrap_or(rest.len());
            let (host, target) = rest.split_at(end);
            (Some(host.to_owned()), target)
        }
        Some(_) => return Err(wrong()),
        None => (None, address),
    };
    let target = target.split('#').next().unwrap_or_default();
    let target = if target.starts_with('/') || host.is_none() {
        target.to_owned()
    } else {
        format!("/{target}")
    };
    if !target.starts_with('/') || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(wrong());
    }
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    Ok(Line {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        host,
    })
}

/// A text, or what the file behind `@` holds; where `-` alone is stdin, what comes there.
fn content(text: &str, dash_is_stdin: bool) -> Result<Vec<u8>, Trouble> {
    let most = REQUEST_BYTES_MAX as u64 + 1;
    let mut bytes = Vec::new();
    let stdin = |bytes: &mut Vec<u8>| std::io::stdin().lock().take(most).read_to_end(bytes);
    let read = match text.strip_prefix('@') {
        Some("-") => stdin(&mut bytes),
        Some(path) => {
            std::fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes))
        }
        None if text == "-" && dash_is_stdin => stdin(&mut bytes),
        None => return Ok(text.as_bytes().to_vec()),
    };
    match read {
        Ok(_) => Ok(bytes),
        Err(error) => {
            let path = text.trim_start_matches('@');
            let message = format!("the body's file `{path}` cannot be read: {error}");
            Err(Trouble::Unread(message))
        }
    }
}

/// `name=value` with the value percent-encoded; without a name the whole.
fn encoded(text: &str) -> String {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, value),
        None => ("", text),
    };
    let mut out = String::new();
    if !name.is_empty() {
        out.push_str(name);
        out.push('=');
    }
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once(':')
        .or_else(|| Some((text.strip_suffix(';')?, "")))
        .ok_or_else(|| "write 'Name: value'".to_owned())?;
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let (name, value) = (name.trim(), value.trim());
    if name.is_empty() || !name.bytes().all(token) {
        return Err(format!("`{name}` is not a header's name"));
    }
    if value.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return Err("a header's value has no control characters".to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests;
