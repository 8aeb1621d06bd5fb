//! The gateway's edge with nothing behind it: what `src/http` and `src/worker` cost beside the bare
//! server, so that a difference of the whole can be told from one of the edge.

use std::net::SocketAddr;
use std::task::{Context, Poll};

use bytes::Bytes;
use sluicegate::error::Refusal;
use sluicegate::http::{Admitted, Head, ResponseWriter, Service, Ticket};
use sluicegate::runtime::Driver;
use sluicegate::worker::{WorkerSettings, start};

use crate::Failure;

const BODY_BYTES_MAX: u64 = 5 << 20;
const ANSWER: &[u8] =
    b"{\"id\":\"019ab3f0-0000-7000-8000-000000000000\",\"accepted\":1,\"ack\":\"none\"}\n";

/// Serves until the process is killed.
pub(crate) fn serve(address: SocketAddr, cores: usize, driver: &str) -> Result<(), Failure> {
    let driver: Driver = driver.parse()?;
    let workers = (0..cores)
        .map(|core| start(WorkerSettings::new(core, address, driver), |_| Ok(Nothing)))
        .collect::<Result<Vec<_>, _>>()?;
    for worker in workers {
        worker.join()?;
    }
    Ok(())
}

/// Admits and accepts everything, and answers at once.
struct Nothing;

struct Answer(u16);

impl Service for Nothing {
    type Permit = ();
    type Ticket = Answer;

    fn admit(
        &self,
        _: &Head<'_>,
        _: SocketAddr,
        _: Option<u64>,
    ) -> Result<Admitted<()>, Self::Ticket> {
        Ok(Admitted {
            permit: (),
            body_bytes_max: BODY_BYTES_MAX,
        })
    }

    fn accept(&self, (): (), _: &Head<'_>, _: SocketAddr, _: Bytes) -> Self::Ticket {
        Answer(200)
    }

    fn refuse(&self, refusal: Refusal) -> Self::Ticket {
        Answer(refusal.code.status())
    }
}

impl Ticket for Answer {
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn write(self, writer: ResponseWriter<'_>) {
        let fields: [(&str, &[u8]); 2] = [
            ("Content-Type", b"application/json"),
            ("Sluicegate-Outcome", b"all"),
        ];
        writer.write(self.0, &fields, ANSWER);
    }
}
