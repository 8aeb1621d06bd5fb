//! A page per error code: what it means, whose fault it is, and an answer that has it. The answers
//! are made by the gateway's own steps wherever a rehearsal can bring them about.

use std::collections::BTreeMap;

use serde_json::Value;

use super::advice::{self, Advice};
use crate::cli::schema;
use crate::cli::test_run::fixed_moment;
use crate::error::{Code, Refusal};
use crate::gateway::{Given, RehearsalRequest, rehearse};
use crate::http::ResponseWriter;
use crate::reply;
use crate::settings::{Environment, GivenOutcome, Settings, load_text};

/// What is asked of the gateway to get an answer of each code.
const FILE: &str = include_str!("errors.yaml");

/// All pages: their names and texts, the index first.
pub(super) fn pages() -> Vec<(String, String)> {
    let answers = answers();
    let index = format!("# Errors\n\n{}", schema::codes());
    let mut pages = vec![("README.md".to_owned(), linked(&index))];
    for code in Code::ALL {
        let name = format!("{}.md", code.as_str());
        let answer = answers.get(code.as_str());
        pages.push((name, page(*code, answer)));
    }
    pages
}

/// The table of codes with a link from each to its page.
fn linked(index: &str) -> String {
    let mut text = index.to_owned();
    for code in Code::ALL {
        let word = code.as_str();
        let cell = format!("| `{word}` | {} |", code.status());
        let link = format!("| [`{word}`]({word}.md) | {} |", code.status());
        text = text.replace(&cell, &link);
    }
    text
}

fn page(code: Code, answer: Option<&String>) -> String {
    let Advice { fault, again, todo } = advice::of(code);
    let written = refusal(code);
    let answer = answer.unwrap_or(&written);
    format!(
        "# {name}\n\n{doc}\n\n\
         | status | whose fault | send again? |\n|---|---|---|\n| {status} | {fault} | {again} |\n\n\
         ## What to do\n\n{todo}\n\n\
         ## An answer\n\n```http\n{answer}\n```\n",
        name = code.as_str(),
        doc = code.doc(),
        status = code.status(),
    )
}

/// One request of `errors.yaml`, as a user of `curl` would write it.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    request: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
    /// How often the body stands behind itself, for those that are too large.
    times: Option<usize>,
    #[serde(default)]
    given: BTreeMap<String, GivenOutcome>,
}

/// Answers by their code.
fn answers() -> BTreeMap<String, String> {
    #[derive(Debug, serde::Deserialize)]
    struct Whole {
        #[serde(rename = "x-requests")]
        requests: Vec<Asked>,
    }
    let settings = load_text("errors.yaml", FILE, &Environment::default());
    let whole = serde_saphyr::from_str::<Whole>(FILE);
    let (Ok(settings), Ok(whole)) = (settings, whole) else {
        return BTreeMap::new();
    };
    let mut answers = BTreeMap::new();
    for asked in &whole.requests {
        if let Some((code, answer)) = answer(&settings, asked) {
            answers.entry(code).or_insert(answer);
        }
    }
    answers
}

fn answer(settings: &Settings, asked: &Asked) -> Option<(String, String)> {
    let (method, target) = asked.request.split_once(' ')?;
    let (time, id) = fixed_moment();
    let request = RehearsalRequest {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: asked.headers.clone().into_iter().collect(),
        client: None,
        source_ip: None,
        body: asked.body.repeat(asked.times.unwrap_or(1)).into_bytes(),
        time,
        id,
    };
    let given: Given = asked
        .given
        .iter()
        .map(|(name, given)| (name.clone(), given.outcome()))
        .collect();
    let rehearsal = rehearse(settings, &request, &given);
    let body: Value = serde_json::from_slice(&rehearsal.body).ok()?;
    let code = body.get("code")?.as_str()?.to_owned();
    let mut head = format!("HTTP/1.1 {}\n", rehearsal.status);
    for (name, value) in rehearsal
        .fields
        .iter()
        .filter(|(name, _)| name != "Content-Length")
    {
        head.push_str(&format!("{name}: {value}\n"));
    }
    let body = serde_json::to_string_pretty(&body).ok()?;
    let body = body.replace("as the test says", "what the target said");
    Some((code, format!("{head}\n{body}")))
}

/// The answer to a request that was refused with this code.
fn refusal(code: Code) -> String {
    let mut out = Vec::new();
    let refusal = Refusal::new(code, code.doc());
    let writer = ResponseWriter::new(&mut out, true, false);
    let (_, id) = fixed_moment();
    reply::write_refusal(&refusal, id, None, writer, &mut reply::Scratch::default());
    let text = String::from_utf8_lossy(&out).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let head: String = head
        .split("\r\n")
        .filter(|line| !line.starts_with("Date: ") && !line.starts_with("Content-Length: "))
        .map(|line| format!("{line}\n"))
        .collect();
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let body = serde_json::to_string_pretty(&body).unwrap_or_default();
    format!("{head}\n{body}")
}
