//! Kinesis: ferrokinesis behind its own router, which validates as the service does (its actions
//! alone do not), in memory.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use axum::Router;
use axum::body::Body;
use ferrokinesis::create_router;
use ferrokinesis::store::{Store, StoreOptions};
use http_body_util::BodyExt;
use tower::ServiceExt;

use crate::front::{ACCOUNT, Answer, REGION};

/// Bytes of all records of all streams, where writers begin to be refused as throttled. The oldest
/// records go long before.
const RETAINED_BYTES_MAX: u64 = 256 << 20;
/// Open shards of all streams together.
const SHARDS_MAX: u32 = 10_000;

/// Streams in memory.
pub(crate) struct Streams {
    router: Router,
    store: Store,
    puts: AtomicU64,
    last_put: AtomicI64,
}

impl Streams {
    pub(crate) fn new() -> Self {
        let store = Store::new(StoreOptions {
            create_stream_ms: 0,
            delete_stream_ms: 0,
            update_stream_ms: 0,
            shard_limit: SHARDS_MAX,
            max_retained_bytes: Some(RETAINED_BYTES_MAX),
            aws_account_id: ACCOUNT.to_owned(),
            aws_region: REGION.to_owned(),
            ..StoreOptions::default()
        });
        Self {
            router: create_router(store.clone()),
            store,
            puts: AtomicU64::new(0),
            last_put: AtomicI64::new(0),
        }
    }

    /// When records were put last, in milliseconds since 1970.
    pub(crate) fn last_put(&self) -> i64 {
        self.last_put.load(Ordering::Relaxed)
    }

    /// Changes with every call that put records: a reader need not ask where nothing came.
    pub(crate) fn puts(&self) -> u64 {
        self.puts.load(Ordering::Acquire)
    }

    pub(crate) async fn answer(&self, request: HttpRequest, body: Vec<u8>) -> Answer {
        let puts = request
            .headers()
            .get("x-amz-target")
            .is_some_and(|t| t.contains(".PutRecord"));
        if puts {
            let now = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            let now = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
            self.last_put.store(now, Ordering::Relaxed);
        }
        let mut inner = http::Request::builder().method("POST").uri("/");
        for (name, value) in request.headers() {
            inner = inner.header(name, value);
        }
        let Ok(inner) = inner.body(Body::from(body)) else {
            return failed("the request's head cannot be read");
        };
        let Ok(answer) = self.router.clone().oneshot(inner).await;
        if puts {
            self.puts.fetch_add(1, Ordering::Release);
        }
        let status = answer.status().as_u16();
        match answer.into_body().collect().await {
            Ok(body) => Answer {
                status,
                content_type: "application/x-amz-json-1.1",
                body: body.to_bytes().to_vec(),
            },
            Err(error) => failed(&error.to_string()),
        }
    }

    /// Lets the oldest records of a stream go: `keep` are left.
    pub(crate) async fn let_oldest_go(&self, stream: &str, keep: usize) {
        let records = self.store.get_record_store(stream).await;
        let many = records.len().saturating_sub(keep);
        let mut ages: Vec<_> = records
            .into_iter()
            .map(|(key, record)| (record.approximate_arrival_timestamp, key))
            .collect();
        ages.sort_by(|one, other| one.0.total_cmp(&other.0));
        let oldest: Vec<_> = ages.into_iter().take(many).map(|(_, key)| key).collect();
        self.store.delete_record_keys(stream, &oldest).await;
    }
}

fn failed(said: &str) -> Answer {
    let body = serde_json::json!({ "__type": "InternalFailureException", "message": said });
    Answer {
        status: 500,
        content_type: "application/x-amz-json-1.1",
        body: body.to_string().into_bytes(),
    }
}
