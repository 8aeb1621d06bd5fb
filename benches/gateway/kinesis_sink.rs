//! The null sink: speaks just enough of Kinesis for PutRecords, answers each call after a fixed
//! pause, keeps nothing but counts, and checks that every event came once and whole.
//!
//! A sink without a pause would make batches of two, and an emulator carries a thousand calls a
//! second: neither tells anything about the gateway.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use memchr::memmem;
use monoio::buf::IoBufMut;
use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
use monoio::net::{ListenerOpts, TcpListener, TcpStream};
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::event::{self, EVENT_BYTES};

/// How long a call takes: about what PutRecords takes within a region.
const PAUSE: Duration = Duration::from_millis(5);
const CALL_BYTES_MAX: usize = 16 << 20;
const FIELDS_MAX: usize = 64;
/// Sequence numbers of one connection at most: bounds the memory of the marks.
const SEQUENCES_MAX: u32 = 1 << 24;
/// Characters of an event's data as Kinesis takes it.
const DATA_CHARACTERS: usize = EVENT_BYTES.div_ceil(3) * 4;
/// Enough of them to hold the id, and whole groups of four.
const ID_CHARACTERS: usize = 40;

/// What arrived since the last report.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Counts {
    /// Calls of PutRecords.
    pub(crate) calls: u64,
    /// Records in them.
    pub(crate) records: u64,
    /// Records whose id came for the first time.
    pub(crate) distinct: u64,
    /// Records that were no event of the load, or were not whole.
    pub(crate) wrong: u64,
}

#[derive(Default)]
struct Sink {
    counts: Counts,
    /// A bit for each sequence number that came, by run and connection.
    seen: BTreeMap<(u32, u16), Vec<u64>>,
}

/// Serves until the process is killed.
pub(crate) fn serve(address: SocketAddr) -> Result<(), Failure> {
    crate::ring::block_on_with_timers(async move {
        let listener = TcpListener::bind_with_config(address, &ListenerOpts::new())?;
        let sink = Rc::new(RefCell::new(Sink::default()));
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let sink = Rc::clone(&sink);
            monoio::spawn(async move {
                let _ = connection(stream, sink).await;
            });
        }
    })?
}

async fn connection(mut stream: TcpStream, sink: Rc<RefCell<Sink>>) -> Result<(), Failure> {
    let mut input: Vec<u8> = Vec::with_capacity(1 << 16);
    loop {
        let Some((head, length)) = framing(&input)? else {
            let held = input.len();
            if held == input.capacity() {
                input.reserve(held);
            }
            let (read, slice) = stream.read(input.slice_mut(held..)).await;
            input = slice.into_inner();
            if read? == 0 {
                return Ok(());
            }
            continue;
        };
        let (top, body) = input.split_at(head);
        let asked = top.starts_with(b"GET ");
        let (pause, answer) = sink.borrow_mut().answer(top, &body[..length]);
        if pause {
            monoio::time::sleep(PAUSE).await;
        }
        let (written, _) = stream.write_all(envelope(&answer)).await;
        written?;
        if asked {
            return Ok(());
        }
        input.drain(..head + length);
    }
}

/// The lengths of head and body of the request at the start of `bytes`, once it is whole.
fn framing(bytes: &[u8]) -> Result<Option<(usize, usize)>, Failure> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut request = httparse::Request::new(&mut fields);
    let httparse::Status::Complete(head) = request.parse(bytes)? else {
        return Ok(None);
    };
    let length = match request
        .headers
        .iter()
        .find(|field| field.name.eq_ignore_ascii_case("content-length"))
    {
        Some(field) => std::str::from_utf8(field.value)?.parse::<usize>()?,
        None => 0,
    };
    if length > CALL_BYTES_MAX {
        return Err("a call is too long".into());
    }
    Ok((bytes.len() >= head + length).then_some((head, length)))
}

fn envelope(answer: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\n\
         x-amzn-RequestId: 00000000-0000-4000-8000-000000000000\r\n\
         Content-Length: {}\r\n\r\n{answer}",
        answer.len()
    )
    .into_bytes()
}

impl Sink {
    /// What to answer, and whether only after the pause.
    fn answer(&mut self, head: &[u8], body: &[u8]) -> (bool, String) {
        if head.starts_with(b"GET /report ") {
            self.seen.clear();
            let counts = std::mem::take(&mut self.counts);
            return (false, serde_json::to_string(&counts).unwrap_or_default());
        }
        if memmem::find(head, b".PutRecords\r\n").is_some() {
            return (true, self.put_records(body));
        }
        // What a client asks about a stream before it writes.
        let shown = r#"{"StreamDescriptionSummary":{"StreamName":"bench","StreamARN":"arn:aws:kinesis:eu-west-1:000000000000:stream/bench","StreamStatus":"ACTIVE","RetentionPeriodHours":24,"StreamCreationTimestamp":1.7e9,"EnhancedMonitoring":[],"OpenShardCount":4}}"#;
        (true, shown.to_owned())
    }

    fn put_records(&mut self, body: &[u8]) -> String {
        let before = self.counts.records;
        let mut rest = body;
        while let Some(found) = memmem::find(rest, b"\"Data\":\"") {
            rest = rest.get(found + 8..).unwrap_or_default();
            let end = memchr::memchr(b'"', rest).unwrap_or(rest.len());
            let (data, after) = rest.split_at(end);
            rest = after;
            self.counts.records += 1;
            match self.first_sight(data) {
                Some(true) => self.counts.distinct += 1,
                Some(false) => {}
                None => self.counts.wrong += 1,
            }
        }
        self.counts.calls += 1;
        let records = self.counts.records - before;
        let mut answer = String::with_capacity(64 + 110 * usize::try_from(records).unwrap_or(0));
        answer.push_str("{\"FailedRecordCount\":0,\"Records\":[");
        for number in 0..records {
            let comma = if number == 0 { "" } else { "," };
            let _ = write!(
                answer,
                "{comma}{{\"SequenceNumber\":\"4965{:052}\",\"ShardId\":\"shardId-00000000000{}\"}}",
                before + number,
                number % 4,
            );
        }
        answer.push_str("]}");
        answer
    }

    /// Whether an event comes for the first time; `None` if it is not an event of the load.
    fn first_sight(&mut self, data: &[u8]) -> Option<bool> {
        if data.len() != DATA_CHARACTERS {
            return None;
        }
        let mut start = [0; ID_CHARACTERS];
        let read = BASE64_STANDARD
            .decode_slice(data.get(..ID_CHARACTERS)?, &mut start)
            .ok()?;
        let id = event::read(start.get(..read)?).filter(|id| id.sequence < SEQUENCES_MAX)?;
        let words = self.seen.entry((id.run, id.connection)).or_default();
        let (word, bit) = ((id.sequence / 64) as usize, 1_u64 << (id.sequence % 64));
        if word >= words.len() {
            words.resize(word + 1, 0);
        }
        let word = words.get_mut(word)?;
        let first = *word & bit == 0;
        *word |= bit;
        Some(first)
    }
}
