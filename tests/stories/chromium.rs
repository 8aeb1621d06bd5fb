//! A real browser: a page of another origin sends events, and reads what it was answered.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::kit::{Fault, Stub, eventually, gateway, kafka, stub_target};

/// The browser gets so long for the whole page.
const BROWSER_WITHIN: Duration = Duration::from_secs(60);

/// What the page does: each line of its text is one result.
const PAGE: &str = r#"<!doctype html><title>sender</title><pre id="out"></pre><script>
const at = 'GATEWAY';
const lines = [];
const show = (name, text) => { lines.push(name + ': ' + text); };
const event = id => JSON.stringify({ id });
const json = { 'Content-Type': 'application/json', 'X-Own': 'yes' };
const send = async (name, path, more) => {
  try {
    const answer = await fetch(at + path, { method: 'POST', ...more });
    const read = field => answer.headers.get(field);
    show(name, [answer.status, read('Sluicegate-Outcome'), read('Retry-After') !== null].join(' '));
  } catch (error) { show(name, error.name); }
};
(async () => {
  await send('keepalive', '/events', { keepalive: true, headers: json, body: event('kept') });
  await send('text', '/events', { body: event('text') });
  show('beacon', navigator.sendBeacon(at + '/events', event('beacon')));
  await send('invalid', '/events', { headers: json, body: '{' });
  await send('closed', '/closed', { headers: json, body: event('refused') });
  await send('simple', '/closed', { body: event('refused too') });
  await send('down', '/down', { headers: json, body: event('down') });
  document.getElementById('out').textContent = lines.join('\n') + '\ndone';
})();
</script>"#;

/// Serves the page at an address of its own until the test ends.
fn serve(page: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let _ = stream.read(&mut [0; 8192]);
            let head =
                "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close";
            let _ = write!(
                stream,
                "{head}\r\nContent-Length: {}\r\n\r\n{page}",
                page.len()
            );
        }
    });
    address
}

/// The text of the page's `out` once it says that it is done; `None` where there is no browser.
fn rendered(story: &str, url: &str) -> Option<String> {
    let named = std::env::var("CHROMIUM").ok();
    let names =
        named
            .iter()
            .map(String::as_str)
            .chain(["chromium", "chromium-browser", "google-chrome"]);
    let is_there = |name: &&str| {
        let mut asked = Command::new(name);
        asked
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        asked.status().is_ok_and(|status| status.success())
    };
    let Some(browser) = names.into_iter().find(is_there) else {
        sluicegate_testkit::skip(story, "there is no Chromium (set CHROMIUM to one)");
        return None;
    };
    let profile = tempfile::tempdir().unwrap();
    let mut child = Command::new(browser)
        .args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
        ])
        .args([
            "--no-first-run",
            "--disable-background-networking",
            "--virtual-time-budget=20000",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(["--dump-dom", url])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut pipe = child.stdout.take().unwrap();
    let reading = thread::spawn(move || {
        let mut page = String::new();
        pipe.read_to_string(&mut page).map(|_| page)
    });
    let end = Instant::now() + BROWSER_WITHIN;
    while !reading.is_finished() && Instant::now() < end {
        thread::sleep(Duration::from_millis(50));
    }
    let is_finished = reading.is_finished();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        is_finished,
        "the browser did not end within {BROWSER_WITHIN:?}"
    );
    let page = reading.join().unwrap().unwrap();
    let text = page
        .split_once("id=\"out\">")
        .and_then(|(_, rest)| rest.split_once("</pre>"));
    Some(text.map_or(page.clone(), |(text, _)| text.to_owned()))
}

#[test]
fn a_page_of_another_origin_sends_and_reads_its_answers() {
    let story = "a_page_of_another_origin_sends";
    let Some(kafka) = kafka(story) else { return };
    let (topic, down) = (kafka.topic(1), Stub::start());
    down.always(Fault::Throttled);
    let record = "target: topic, record: { value: '${event}' }";
    let slow = "target: down, record: { partition_key: '${event.id}', data: '${event}' }";
    let cors = "cors: { origins: [ 'http://127.0.0.1:*' ] }\naccept: { text_plain: true }";
    let closed = "cors: { origins: [ 'https://shop.example.org' ] }\naccept: { text_plain: true }";
    let gateway = gateway()
        .target("topic", &topic.target())
        .target("down", &(stub_target(&down, "kinesis") + ", give_up: 1s"))
        .fan_out("POST /events", &[record], cors)
        .fan_out("POST /closed", &[record], closed)
        .fan_out("POST /down", &[slow], cors)
        .start();
    let page = serve(PAGE.replace("GATEWAY", &format!("http://{}", gateway.http)));
    let Some(text) = rendered(story, &format!("http://{page}/")) else {
        return;
    };
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines,
        [
            "keepalive: 200 all false",
            "text: 200 all false",
            "beacon: true",
            "invalid: 400 none false",
            "closed: TypeError",
            "simple: TypeError",
            "down: 503 none true",
            "done",
        ]
    );
    let sent = [r#"{"id":"beacon"}"#, r#"{"id":"kept"}"#, r#"{"id":"text"}"#];
    eventually("the beacon arrived", || topic.read().len() >= sent.len());
    let mut found = topic.read();
    found.sort();
    assert_eq!(found, sent);
    gateway.stop();
}
