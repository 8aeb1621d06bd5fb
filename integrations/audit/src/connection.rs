//! One kept-alive connection to a gateway: one request at a time, and nothing is ever sent twice.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::answer::outcome_of;
use crate::history::Outcome;

/// Of an answer's body no more is read.
const BODY_BYTES_MAX: usize = 64 << 10;
const CONNECT_TIME_MAX: Duration = Duration::from_secs(2);

/// Where a gateway takes events, and what each request says beside its body.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) authority: String,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answered {
    pub(crate) outcome: Outcome,
    /// The answer's status; 0 where there was none.
    pub(crate) status: u16,
}

const LOST: Answered = Answered {
    outcome: Outcome::Unknown,
    status: 0,
};

/// A connection, or the wish for one.
#[derive(Debug)]
pub(crate) struct Connection {
    open: Option<SendRequest<Full<Bytes>>>,
    answer_within: Duration,
}

impl Connection {
    pub(crate) fn new(answer_within: Duration) -> Self {
        Self {
            open: None,
            answer_within,
        }
    }

    /// Connects, unless it is. Nothing of any event is sent yet: whoever fails here may try again.
    pub(crate) async fn connect(&mut self, address: &Address) -> Result<(), String> {
        if let Some(open) = &mut self.open {
            if open.ready().await.is_ok() {
                return Ok(());
            }
            self.open = None;
        }
        let stream = TcpStream::connect(&address.authority);
        let stream = tokio::time::timeout(CONNECT_TIME_MAX, stream).await;
        let stream = stream
            .map_err(|_| format!("{} does not answer", address.authority))?
            .map_err(|error| format!("{}: {error}", address.authority))?;
        // A port on which nobody listens may be the very one that the kernel gave us to come from:
        // then TCP connects us to ourselves, and whoever wants to listen there cannot.
        if stream.local_addr().ok() == stream.peer_addr().ok() {
            return Err(format!("nobody listens on {}", address.authority));
        }
        // Without it each small event would wait for the one before to be acknowledged by TCP.
        let _ = stream.set_nodelay(true);
        let (open, connection) = handshake(TokioIo::new(stream))
            .await
            .map_err(|error| error.to_string())?;
        tokio::task::spawn_local(async move {
            // How it ends shows at the request that it ends.
            let _ = connection.await;
        });
        self.open = Some(open);
        Ok(())
    }

    /// Sends one event over the open connection. What breaks from here on leaves it in doubt,
    /// since some of it may have been sent.
    pub(crate) async fn send(&mut self, address: &Address, event: Vec<u8>) -> Answered {
        let Some(open) = &mut self.open else {
            return LOST;
        };
        let Ok(request) = request(address, event) else {
            return LOST;
        };
        let exchange = async {
            let answer = open.send_request(request).await.ok()?;
            let status = answer.status().as_u16();
            let said = answer.headers().get("sluicegate-outcome");
            let said = said
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned);
            let body = read(answer.into_body()).await?;
            Some(Answered {
                outcome: outcome_of(status, said.as_deref(), &body),
                status,
            })
        };
        let answered = tokio::time::timeout(self.answer_within, exchange).await;
        match answered {
            Ok(Some(answered)) => answered,
            Ok(None) | Err(_) => {
                self.open = None;
                LOST
            }
        }
    }
}

/// A request as it is sent.
pub(crate) fn request(
    address: &Address,
    event: Vec<u8>,
) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
    let typed = address
        .headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let mut request = Request::builder()
        .method(address.method.as_str())
        .uri(address.target.as_str())
        .header("Host", &address.authority);
    for (name, value) in &address.headers {
        request = request.header(name, value);
    }
    if !typed {
        request = request.header("Content-Type", "application/json");
    }
    request.body(Full::new(Bytes::from(event)))
}

/// A body to its end; `None` where it breaks off or is too long.
async fn read(mut body: hyper::body::Incoming) -> Option<BytesMut> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.ok()?.into_data() {
            whole.extend_from_slice(&data);
        }
        if whole.len() > BODY_BYTES_MAX {
            return None;
        }
    }
    Some(whole)
}
