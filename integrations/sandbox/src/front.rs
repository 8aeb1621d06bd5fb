//! The front of the AWS services: an HTTP client for the SDKs that opens no socket.

use std::fmt;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;

use crate::Trouble;
use crate::dynamodb::Tables;
use crate::kinesis::Streams;
use crate::sqs::Queues;
use crate::topics::Topics;

/// The account to which everything in the sandbox belongs.
pub const ACCOUNT: &str = "000000000000";
/// The region in which everything in the sandbox is made.
pub(crate) const REGION: &str = "us-east-1";

/// The services behind the front.
pub(crate) struct Front {
    pub(crate) tables: Tables,
    pub(crate) streams: Streams,
    pub(crate) queues: Arc<Queues>,
    pub(crate) topics: Topics,
}

/// A service's answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) body: Vec<u8>,
}

impl Front {
    pub(crate) fn new() -> Result<Self, Trouble> {
        let queues = Arc::new(Queues::default());
        Ok(Self {
            tables: Tables::new()?,
            streams: Streams::new(),
            topics: Topics::new(queues.clone()),
            queues,
        })
    }

    async fn answer(&self, request: HttpRequest) -> Answer {
        let target = request
            .headers()
            .get("x-amz-target")
            .unwrap_or_default()
            .to_owned();
        let body = request
            .body()
            .bytes()
            .map(<[u8]>::to_vec)
            .unwrap_or_default();
        match target.split_once('.') {
            Some((service, operation)) if service.starts_with("DynamoDB_") => {
                self.tables.answer(operation, body).await
            }
            Some((service, _)) if service.starts_with("Kinesis_") => {
                self.streams.answer(request, body).await
            }
            Some(("AmazonSQS", operation)) => self.queues.answer(operation, &body),
            _ => self.topics.answer(&body),
        }
    }
}

/// A client for the SDKs whose calls all go to this front.
pub(crate) fn client(front: &Arc<Front>) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(Line(front.clone()));
    http_client_fn(move |_, _| connector.clone())
}

/// The ARN of a queue, from its URL.
pub(crate) fn queue_arn(url: &str) -> String {
    let name = url.rsplit('/').next().unwrap_or(url);
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")
}

struct Line(Arc<Front>);

impl HttpConnector for Line {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let front = self.0.clone();
        HttpConnectorFuture::new(async move {
            let answer = front.answer(request).await;
            let status = StatusCode::try_from(answer.status)
                .map_err(|error| ConnectorError::other(error.into(), None))?;
            let mut response = HttpResponse::new(status, SdkBody::from(answer.body));
            response
                .headers_mut()
                .insert("content-type", answer.content_type);
            response
                .headers_mut()
                .insert("x-amzn-requestid", uuid::Uuid::new_v4().to_string());
            Ok(response)
        })
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sandbox's services")
    }
}
